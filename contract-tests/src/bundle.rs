//! `contract bundle`: one plain OpenAPI 3.1.1 document from the hand-kept files.

mod expand;
mod problems;
mod sources;

pub use sources::{Source, Sources};

use crate::{
    error::{Error, Finding, push_pointer},
    repo::Repo,
};
use serde_json::{Map, Value, json};

/// Where the bundle is committed, relative to the repository.
pub const BUNDLE: &str = "openapi/companyos.json";

/// Bundles the hand-kept files of a checkout.
///
/// # Errors
/// When a file cannot be read, or the files do not fit together; then every finding is listed.
pub fn bundle(repo: &Repo) -> Result<Value, Error> {
    from_sources(Sources::load(repo)?)
}

/// Bundles parsed files. See [`bundle`].
///
/// # Errors
/// When the files do not fit together; then every finding is listed.
pub fn from_sources(mut sources: Sources) -> Result<Value, Error> {
    let mut findings = sources.resolve_references();
    let components = merge_components(&sources, &mut findings);
    let mut paths = merge_paths(&sources, &mut findings);
    expand::expand(&sources, &components, &mut paths, &mut findings);
    if !findings.is_empty() {
        return Err(Error::findings("the contract does not bundle", &findings));
    }
    let mut bundle = Map::new();
    for name in ["openapi", "jsonSchemaDialect", "info", "servers", "security", "tags", "x-companyos-areas"] {
        if let Some(value) = sources.root.get(name) {
            bundle.insert(name.into(), value.clone());
        }
    }
    bundle.insert("x-companyos-problems".into(), sources.problems);
    bundle.insert("paths".into(), Value::Object(paths));
    bundle.insert("components".into(), Value::Object(components));
    Ok(Value::Object(bundle))
}

/// The bundle as it is committed: indented, with a final newline.
#[must_use]
pub fn to_text(bundle: &Value) -> String {
    format!("{bundle:#}\n")
}

/// Merges the components of all files, sorted by kind and name. Each says in `x-companyos-area` who declares it.
fn merge_components(sources: &Sources, findings: &mut Vec<Finding>) -> Map<String, Value> {
    let mut merged: Map<String, Value> = Map::new();
    for part in &sources.parts {
        for (kind, members) in object(part.document.get("components")) {
            let target = merged.entry(kind.clone()).or_insert_with(|| json!({}));
            let Value::Object(target) = target else { continue };
            for (name, component) in object(Some(members)) {
                let mut component = component.clone();
                if kind == "schemas"
                    && let Value::Object(component) = &mut component
                {
                    component.insert("x-companyos-area".into(), json!(part.area));
                }
                if target.insert(name.clone(), component).is_some() {
                    findings.push(Finding::new(
                        format!("openapi/{}", part.name),
                        format!("/components/{kind}/{name}"),
                        "another file declares a component of this name",
                        "rename one, or move the component to shared.yaml if both mean the same",
                    ));
                }
            }
        }
    }
    for members in merged.values_mut() {
        if let Value::Object(members) = members {
            members.sort_keys();
        }
    }
    merged.sort_keys();
    merged
}

/// Merges the paths of all files, sorted, with each path's own parameters moved into its operations.
fn merge_paths(sources: &Sources, findings: &mut Vec<Finding>) -> Map<String, Value> {
    let mut merged = Map::new();
    for part in &sources.parts {
        for (path, item) in object(part.document.get("paths")) {
            let mut item = object(Some(item)).clone();
            let common =
                item.shift_remove("parameters").and_then(|p| p.as_array().cloned()).unwrap_or_default();
            for operation in item.values_mut().filter_map(Value::as_object_mut) {
                let mut parameters = common.clone();
                parameters.extend(
                    operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default(),
                );
                operation.insert("parameters".into(), Value::Array(parameters));
                operation.insert("x-companyos-area".into(), json!(part.area));
            }
            if merged.insert(path.clone(), Value::Object(item)).is_some() {
                findings.push(Finding::new(
                    format!("openapi/{}", part.name),
                    push_pointer("/paths", path),
                    "another file declares this path",
                    "keep all methods of a path in one file",
                ));
            }
        }
    }
    merged.sort_keys();
    merged
}

/// The members of an object, or none when it is absent or something else.
fn object(value: Option<&Value>) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.and_then(Value::as_object).unwrap_or(&EMPTY)
}

#[cfg(test)]
mod tests;
