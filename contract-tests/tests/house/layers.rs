//! Crates and modules see only what lies below them.

use std::collections::{BTreeMap, BTreeSet};

use super::tree;

/// Crate → the workspace crates it may depend on (development dependencies apart).
const MAY_SEE: &[(&str, &[&str])] = &[
    ("companyos-types", &[]),
    ("companyos-receipt", &[]),
    ("companyos-adapter-traits", &[]),
    ("companyos-sdk", &["companyos-types", "companyos-receipt"]),
    ("companyos-adapters", &["companyos-adapter-traits"]),
    (
        "companyos-server",
        &["companyos-types", "companyos-receipt", "companyos-adapter-traits", "companyos-adapters"],
    ),
];

#[test]
fn crates_depend_only_on_layers_below() {
    let metadata: serde_json::Value =
        serde_json::from_str(&tree::cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]))
            .expect("cargo metadata prints JSON");
    let rules: BTreeMap<_, _> = MAY_SEE.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let Some(allowed) = rules.get(name) else { continue };
        seen.insert(name.to_owned());
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = dependency["name"].as_str().expect("a name");
            if on.starts_with("companyos-") && dependency["kind"].is_null() {
                assert!(allowed.contains(&on), "{name} must not depend on {on}; it may see {allowed:?}");
            }
        }
    }
    assert_eq!(
        seen.len(),
        rules.len(),
        "a crate of the layer table is gone from the workspace; saw {seen:?}"
    );
}

#[test]
fn the_sdk_tree_holds_no_server_code() {
    let tree = tree::cargo(&[
        "tree",
        "-p",
        "companyos-sdk",
        "--all-features",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--offline",
    ]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("reqwest"), "the tree was not read: {crates:?}");
    for banned in ["axum", "sqlx", "sqlx-core", "companyos-server"] {
        assert!(!crates.contains(banned), "companyos-sdk must not bring {banned}");
    }
}

#[test]
fn the_server_never_sees_the_client() {
    let tree = tree::cargo(&[
        "tree",
        "-p",
        "companyos-server",
        "--all-features",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--offline",
    ]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("sqlx"), "the tree was not read: {crates:?}");
    assert!(!crates.contains("companyos-sdk"), "companyos-server must not depend on the client");
}

#[test]
fn kernel_and_store_name_no_area() {
    for dir in ["server-reference/src/kernel", "server-reference/src/store"] {
        let files = tree::files(dir, "rs");
        assert!(!files.is_empty(), "{dir} is empty");
        for (path, text) in files {
            for (number, line) in text.lines().enumerate() {
                let code = line.trim_start();
                if !code.starts_with("//") && code.contains("crate::areas") {
                    panic!("{path}:{}: {code}\nkernel and store lie below the areas; invert it", number + 1);
                }
            }
        }
    }
}

#[test]
fn areas_see_of_each_other_only_what_they_show() {
    let areas = tree::files("server-reference/src/areas", "rs");
    assert!(areas.len() > 10, "the areas were not read");
    for (path, text) in areas {
        let own = path.split('/').nth(3).unwrap_or_default().trim_end_matches(".rs").to_owned();
        for (number, line) in text.lines().enumerate() {
            let Some((_, rest)) = line.split_once("crate::areas::") else { continue };
            if line.trim_start().starts_with("//") {
                continue;
            }
            let mut parts =
                rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|p| !p.is_empty());
            let (area, module) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let inner = matches!(module, "store" | "http" | "rules" | "tests");
            assert!(
                area == own || !inner,
                "{path}:{}: {}\nan area may use what another shows in its mod.rs, not its statements, handlers or rules",
                number + 1,
                line.trim()
            );
        }
    }
}
