//! What enters the dependency tree, by the lists of `deny.toml` and without cargo-deny, so that every run checks it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::spdx::Expression;
use super::tree;

/// The only registry. Cargo calls the sparse one by its git name.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Every package of the tree with every feature on every platform, and which depends on which.
fn metadata() -> Value {
    let printed = tree::cargo(&["metadata", "--all-features", "--locked", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&printed).expect("cargo metadata prints JSON");
    assert!(packages(&metadata).len() > 300, "the tree was not read");
    metadata
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("packages")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn rules() -> toml::Table {
    let file = std::fs::read_to_string(tree::root().join("deny.toml")).expect("deny.toml");
    file.parse().expect("TOML")
}

#[test]
fn every_package_has_a_licence_we_accept() {
    let rules = rules();
    let allowed: BTreeSet<&str> = rules["licenses"]["allow"]
        .as_array()
        .expect("a list of licences")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    assert!(allowed.contains("MIT"), "the accepted licences were not read: {allowed:?}");
    let metadata = metadata();
    for package in packages(&metadata) {
        let (name, version, licence) =
            (text(package, "name"), text(package, "version"), text(package, "license"));
        let expression = Expression::parse(licence)
            .unwrap_or_else(|| panic!("{name} {version} has no licence we can read: {licence:?}"));
        assert!(
            expression.holds(&|licence| allowed.contains(licence)),
            "{name} {version} is under {licence}, which deny.toml does not allow"
        );
    }
}

#[test]
fn packages_come_from_this_workspace_or_from_crates_io() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().expect("members").iter().filter_map(Value::as_str).collect();
    for package in packages(&metadata) {
        let id = text(package, "id");
        match package["source"].as_str() {
            Some(source) => assert_eq!(source, CRATES_IO, "{id} comes from elsewhere"),
            None => assert!(members.contains(id), "{id} is no member of the workspace"),
        }
    }
}

#[test]
fn banned_packages_are_brought_by_nobody_but_who_may() {
    let rules = rules();
    let metadata = metadata();
    let names: HashMap<&str, &str> =
        packages(&metadata).iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
        for dependency in node["deps"].as_array().expect("dependencies") {
            users.entry(names[text(dependency, "pkg")]).or_default().insert(names[text(node, "id")]);
        }
    }
    assert!(users["sqlx"].contains("companyos-server"), "the tree was not read");
    let bans = rules["bans"]["deny"].as_array().expect("a list of bans");
    assert!(bans.len() > 3, "the bans were not read");
    for ban in bans {
        let name = ban["crate"].as_str().expect("a crate");
        assert!(ban.get("reason").is_some(), "deny.toml bans {name} without a reason");
        let may: Vec<&str> = ban
            .get("wrappers")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_str)
            .collect();
        for user in users.get(name).into_iter().flatten() {
            assert!(may.contains(user), "{user} brings {name}: {}", ban["reason"]);
        }
    }
}

#[test]
fn a_crate_promises_no_older_compiler_than_its_dependencies() {
    let metadata = metadata();
    let needs: HashMap<(&str, &str), _> = packages(&metadata)
        .iter()
        .map(|package| ((text(package, "name"), text(package, "version")), rust_version(package)))
        .collect();
    let members = metadata["workspace_members"].as_array().expect("members");
    for member in packages(&metadata).iter().filter(|package| members.contains(&package["id"])) {
        let (name, promise) = (text(member, "name"), rust_version(member));
        assert!(promise > (0, 0, 0), "{name} promises no compiler; give it a rust-version");
        // Of this crate alone: in the whole workspace its dependencies have features that others ask for.
        let shipped = tree::cargo(&[
            "tree",
            "--package",
            name,
            "--all-features",
            "--edges",
            "normal,build",
            "--target",
            "all",
            "--prefix",
            "none",
            "--locked",
        ]);
        assert!(shipped.starts_with(name), "the tree of {name} was not read");
        for line in shipped.lines() {
            let mut words = line.split(' ');
            let dependency = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let version = dependency.1.trim_start_matches('v');
            let needed = needs.get(&(dependency.0, version));
            let needed = needed.unwrap_or_else(|| panic!("{line} is in no list of packages"));
            assert!(*needed <= promise, "{name} promises Rust {promise:?}, but {line} needs {needed:?}");
        }
    }
}

/// A package's `rust-version`; zero when it has none.
fn rust_version(package: &Value) -> (u32, u32, u32) {
    let mut numbers = text(package, "rust_version").split('.').map(|part| part.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}
