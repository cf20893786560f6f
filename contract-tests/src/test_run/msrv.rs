//! Every crate compiles with the oldest compiler it promises (`rust-version`), wherever that compiler is installed.

use super::{Counts, Session};
use crate::error::Error;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn oldest(session: &Session) -> Result<Counts, Error> {
    let mut metadata = session.command("cargo");
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata = session.must("msrv-metadata", &mut metadata)?;
    let installed = toolchains(session);
    let mut counts = Counts::default();
    for (version, crates) in promises(&metadata.output) {
        let Some(toolchain) = installed.iter().find(|name| is_of(name, &version)) else {
            counts
                .notes
                .push(format!("Rust {version} is not to be had here: {} not checked", crates.join(", ")));
            continue;
        };
        let held = check(session, toolchain, &version, &crates)?;
        counts.add(&Counts::one(held));
    }
    Ok(counts)
}

/// Compiles the crates with that compiler, in a target folder of its own.
fn check(session: &Session, toolchain: &str, version: &str, crates: &[String]) -> Result<bool, Error> {
    let mut command = session.command("rustup");
    command
        .args(["run", toolchain, "cargo", "check", "--locked", "--all-features"])
        .args(crates.iter().flat_map(|name| ["--package", name]))
        .env("CARGO_TARGET_DIR", session.tools().join("msrv").join(version))
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .env_remove("RUSTC");
    let log = format!("msrv-{version}");
    let finished = session.run(&log, &mut command)?;
    if !finished.success {
        session.explain(&log, &finished, 40);
        session.console().line("  next: raise the crate's rust-version, or use what that compiler knows");
    }
    Ok(finished.success)
}

/// `rust-version` → the crates that promise it, from `cargo metadata`.
fn promises(metadata: &str) -> BTreeMap<String, Vec<String>> {
    let json = metadata.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let metadata: Value = serde_json::from_str(json).unwrap_or_default();
    let mut promises: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if let (Some(version), Some(name)) = (package["rust_version"].as_str(), package["name"].as_str()) {
            promises.entry(version.to_owned()).or_default().push(name.to_owned());
        }
    }
    promises
}

/// The toolchains rustup has; none without rustup.
fn toolchains(session: &Session) -> Vec<String> {
    let mut list = session.command("rustup");
    list.args(["toolchain", "list"]);
    let listed =
        session.run("msrv-toolchains", &mut list).map(|finished| finished.output).unwrap_or_default();
    listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether `1.85.0-x86_64-unknown-linux-gnu` is a toolchain of version `1.85`.
fn is_of(toolchain: &str, version: &str) -> bool {
    toolchain.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_known_by_its_version() {
        assert!(is_of("1.85.0-x86_64-unknown-linux-gnu", "1.85"));
        assert!(is_of("1.85-x86_64-unknown-linux-gnu", "1.85"));
        assert!(!is_of("1.850.0-x86_64-unknown-linux-gnu", "1.85"));
        assert!(!is_of("stable-x86_64-unknown-linux-gnu", "1.85"));
    }

    #[test]
    fn crates_are_grouped_by_what_they_promise() {
        let metadata = r#"{"packages":[{"name":"a","rust_version":"1.85"},{"name":"b","rust_version":"1.94"},{"name":"c","rust_version":"1.85"},{"name":"d","rust_version":null}]}"#;
        let promises = promises(metadata);
        assert_eq!(promises["1.85"], ["a", "c"]);
        assert_eq!(promises["1.94"], ["b"]);
        assert_eq!(promises.len(), 2);
    }
}
