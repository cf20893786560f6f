//! Every crate compiles with the oldest compiler it promises (`rust-version`), as far as such a compiler is to be had.
//!
//! Compilers are taken from rustup, and the one that Debian keeps for browsers (`rustc-web`) is installed when there is
//! no other. A crate whose promise lies between an older compiler and the one in use cannot be checked and is named.
//! That its dependencies promise no newer compiler is a house test, which needs none.

use super::{
    Counts, Session,
    compilers::{self, Compiler, Version},
};
use crate::error::Error;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn oldest(session: &Session) -> Result<Counts, Error> {
    let mut metadata = session.command("cargo");
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata = session.must("msrv-metadata", &mut metadata)?;
    let promises = promises(&metadata.output);
    let mut found = compilers::older(session);
    if assign(&promises, &found).0.is_empty() {
        found.extend(compilers::debian(session)?);
    }
    let (work, unchecked) = assign(&promises, &found);
    let mut counts = Counts::default();
    for (compiler, crates) in &work {
        let held = check(session, compiler, crates)?;
        counts.add(&Counts::one(held));
        let with = compiler.version;
        let names: Vec<String> = crates.iter().map(ToString::to_string).collect();
        counts.notes.push(format!("checked with Rust {with}: {}", names.join(", ")));
    }
    for promise in unchecked {
        counts.add(&Counts::skip(format!("not checkable here: {promise}; no older compiler knows as much")));
    }
    if work.is_empty() {
        session.console().line("  nothing was checked: no installed compiler is as old as a crate's promise");
        counts.failed += 1;
    }
    Ok(counts)
}

/// Compiles the libraries of the crates with that compiler, in a target folder of its own.
fn check(session: &Session, compiler: &Compiler, crates: &[&Promise]) -> Result<bool, Error> {
    let mut command = compiler.cargo(session);
    command
        .args(["check", "--locked", "--all-features", "--lib"])
        .args(crates.iter().flat_map(|promise| ["--package", &promise.name]))
        .env("CARGO_TARGET_DIR", session.tools().join("msrv").join(compiler.version.to_string()));
    let log = format!("msrv-{}", compiler.version);
    let finished = session.run(&log, &mut command)?;
    if !finished.success {
        session.explain(&log, &finished, 40);
        session.console().line("  next: raise the crate's rust-version, or use what that compiler knows");
    }
    Ok(finished.success)
}

/// What a crate says it needs.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    name: String,
    version: Version,
}

impl std::fmt::Display for Promise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (promises {})", self.name, self.version)
    }
}

/// The promises of the workspace's crates, from `cargo metadata`.
fn promises(metadata: &str) -> Vec<Promise> {
    let json = metadata.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let metadata: Value = serde_json::from_str(json).unwrap_or_default();
    let promise = |package: &Value| {
        Some(Promise {
            version: Version::parse(package["rust_version"].as_str()?)?,
            name: package["name"].as_str()?.to_owned(),
        })
    };
    metadata["packages"].as_array().into_iter().flatten().filter_map(promise).collect()
}

/// Gives every promise to the oldest compiler that may hold it; returns the promises none can be held to as well.
fn assign<'a>(
    promises: &'a [Promise],
    compilers: &'a [Compiler],
) -> (BTreeMap<&'a Compiler, Vec<&'a Promise>>, Vec<&'a Promise>) {
    let mut work: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut rest = Vec::new();
    for promise in promises {
        match compilers.iter().filter(|compiler| compiler.version >= promise.version).min() {
            Some(compiler) => work.entry(compiler).or_default().push(promise),
            None => rest.push(promise),
        }
    }
    (work, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compilers(versions: &[&str]) -> Vec<Compiler> {
        versions.iter().map(|version| Compiler::named(version)).collect()
    }

    #[test]
    fn a_promise_goes_to_the_oldest_compiler_that_may_hold_it() {
        let metadata = r#"{"packages":[{"name":"a","rust_version":"1.85"},{"name":"b","rust_version":"1.94.1"},{"name":"c","rust_version":"1.88"},{"name":"d","rust_version":null}]}"#;
        let promises = promises(metadata);
        assert_eq!(promises.len(), 3);
        let of = |versions: &[&str]| {
            let compilers = compilers(versions);
            let (work, rest) = assign(&promises, &compilers);
            let pairs: Vec<(String, String)> = work
                .iter()
                .flat_map(|(compiler, crates)| {
                    crates.iter().map(|promise| (compiler.version.to_string(), promise.name.clone()))
                })
                .collect();
            (pairs, rest.iter().map(|promise| promise.name.clone()).collect::<Vec<_>>())
        };
        let pair = |version: &str, name: &str| (version.to_owned(), name.to_owned());
        assert_eq!(of(&["1.85.0"]), (vec![pair("1.85.0", "a")], vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(
            of(&["1.94.0", "1.85.1"]),
            (vec![pair("1.85.1", "a"), pair("1.94.0", "c")], vec!["b".to_owned()])
        );
        assert!(of(&["1.84.0"]).0.is_empty());
        assert!(of(&[]).0.is_empty());
    }
}
