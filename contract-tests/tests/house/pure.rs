//! The receipt library computes and does nothing else: no IO, no clock, no randomness. Its command line tool reads files.

use std::collections::BTreeSet;

use super::tree;

/// Names of the standard library through which a program touches the world.
const WORLD: [&str; 10] =
    ["env", "fs", "io", "net", "os", "process", "thread", "Instant", "SystemTime", "RandomState"];

/// Crates through which it would.
const WORLDLY: [&str; 14] = [
    "chrono",
    "clap",
    "console",
    "getrandom",
    "hyper",
    "indicatif",
    "jiff",
    "mio",
    "rand",
    "reqwest",
    "rustix",
    "socket2",
    "time",
    "tokio",
];

/// What it is made of.
const MADE_OF: [&str; 6] = ["base64", "ed25519-dalek", "serde", "serde_json", "sha2", "thiserror"];

/// The parts of a path or of a group of imports that begins with `std::`, for every one in a line of code.
fn standard(code: &str) -> Vec<&str> {
    let end = |rest: &str| match rest.strip_prefix('{') {
        Some(_) => rest.find(';').unwrap_or(rest.len()),
        None => rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len()),
    };
    code.split("std::")
        .skip(1)
        .flat_map(|rest| rest[..end(rest)].split(|c: char| !(c.is_alphanumeric() || c == '_')))
        .filter(|part| !part.is_empty())
        .collect()
}

/// The code of a file on one line: without comments, and without its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_receipt_library_touches_nothing_of_the_world() {
    let files = tree::files("sdk/receipt/src", "rs");
    let (tool, library): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(path, _)| path.contains("/src/cli/") || path.contains("/src/bin/"));
    assert!(library.len() > 25, "the sources were not read");
    for (path, text) in &library {
        let code = code(text);
        for part in standard(&code) {
            assert!(!WORLD.contains(&part), "{path} uses std's `{part}`; take what it gives as a parameter");
        }
        for outlet in ["print!", "println!", "eprint!", "eprintln!", "dbg!", "include_str!", "getrandom"] {
            // A documentation test may be compiled from the README.
            let found = code.replace("include_str!(\"../README.md\")", "").contains(outlet);
            assert!(!found, "{path} uses `{outlet}`");
        }
    }
    // The search finds what it looks for where that is allowed.
    let used: Vec<String> = tool.iter().map(|(_, text)| code(text)).collect();
    let used: BTreeSet<&str> = used.iter().flat_map(|code| standard(code)).collect();
    assert!(used.contains("fs") && used.contains("io") && used.contains("env"), "{used:?}");
}

#[test]
fn the_receipt_library_is_made_of_nothing_that_does() {
    let metadata: serde_json::Value =
        serde_json::from_str(&tree::cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]))
            .expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "companyos-receipt").expect("the crate");
    let needed = package["dependencies"].as_array().expect("dependencies").iter();
    let needed: BTreeSet<&str> = needed
        .filter(|dependency| dependency["kind"].is_null() && dependency["optional"] == false)
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    assert_eq!(needed, BTreeSet::from(MADE_OF), "what the library needs has changed");
    let tree = |features: &[&str]| {
        let base = ["tree", "-p", "companyos-receipt", "-e", "normal", "--prefix", "none", "--offline"];
        let printed = tree::cargo(&[&base[..], features].concat());
        printed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let library = tree(&["--no-default-features"]);
    let tool = tree(&["--features", "cli"]);
    assert!(library.contains("sha2") && tool.contains("clap"), "the trees were not read");
    for name in WORLDLY {
        assert!(!library.contains(name), "companyos-receipt without `cli` must not bring {name}");
    }
}
