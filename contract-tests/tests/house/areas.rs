//! An area has one name, used everywhere.

use std::collections::BTreeSet;

use super::tree;

/// The areas as the contract lists them, in Rust's spelling.
fn contract_areas() -> BTreeSet<String> {
    let text = std::fs::read_to_string(tree::root().join("openapi/companyos.yaml")).expect("the contract");
    let line = text.lines().find(|line| line.starts_with("x-companyos-areas:")).expect("x-companyos-areas");
    let (_, list) = line.split_once('[').expect("a list");
    list.trim_end_matches(']').split(',').map(|area| area.trim().replace('-', "_")).collect()
}

/// The names of the entries of a folder, without `.extension`; all else is passed over.
fn entries(dir: &str, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(tree::root().join(dir))
        .unwrap_or_else(|error| panic!("{dir}: {error}"))
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && extension.is_empty() {
                Some(name)
            } else {
                name.strip_suffix(&format!(".{extension}")).map(str::to_owned)
            }
        })
        .filter(|name| name != "mod")
        .collect()
}

#[test]
fn an_area_has_one_name_everywhere() {
    let areas = contract_areas();
    assert!(areas.len() >= 6, "the contract's areas were not read: {areas:?}");
    let contract_files: BTreeSet<String> =
        entries("openapi/areas", "yaml").into_iter().map(|name| name.replace('-', "_")).collect();
    assert_eq!(contract_files, areas, "openapi/areas differs from x-companyos-areas");
    assert_eq!(
        entries("sdk/client/src/areas", "rs"),
        areas,
        "the SDK's area modules differ from the contract"
    );
    assert_eq!(
        entries("server-reference/src/areas", ""),
        areas,
        "the server's areas differ from the contract"
    );
    let types = entries("sdk/types/src", "rs");
    for area in &areas {
        assert!(types.contains(area), "companyos-types has no module {area}");
    }
    let collection: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(tree::root().join("postman/companyos.postman_collection.json"))
            .expect("the collection"),
    )
    .expect("JSON");
    let folders: BTreeSet<String> = collection["item"]
        .as_array()
        .expect("folders")
        .iter()
        .filter_map(|folder| folder["name"].as_str())
        .map(|name| name.replace('-', "_"))
        .collect();
    for area in &areas {
        assert!(folders.contains(area), "the Postman collection has no folder {area}: {folders:?}");
    }
}
