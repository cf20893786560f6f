//! The hand-kept files, as parsed documents.

use crate::{
    error::{Error, Finding, push_pointer},
    repo::Repo,
    yaml,
};
use serde_json::{Map, Value};

/// One hand-kept file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path below `openapi/`, such as `areas/tenants.yaml`.
    pub name: String,
    /// The area it declares; `shared` for what belongs to none.
    pub area: String,
    /// Its contents.
    pub document: Value,
}

/// All hand-kept files.
#[derive(Debug, Clone)]
pub struct Sources {
    /// `companyos.yaml`.
    pub root: Value,
    /// `problems.yaml`: the object below `x-companyos-problems`.
    pub problems: Value,
    /// `shared.yaml` and the areas, in the order of `x-companyos-areas`.
    pub parts: Vec<Source>,
}

impl Sources {
    /// Reads the files of a checkout.
    ///
    /// # Errors
    /// When a file is missing or is not YAML.
    pub fn load(repo: &Repo) -> Result<Self, Error> {
        Self::read(|name| repo.read(&format!("openapi/{name}")))
    }

    /// Reads the files through `read`, which is given names relative to `openapi/`.
    ///
    /// # Errors
    /// When a file is missing or is not YAML.
    pub fn read(read: impl Fn(&str) -> Result<String, Error>) -> Result<Self, Error> {
        let parse = |name: &str| yaml::parse(&format!("openapi/{name}"), &read(name)?);
        let root = parse("companyos.yaml")?;
        let problems = parse("problems.yaml")?.get("x-companyos-problems").cloned().unwrap_or_default();
        let mut parts = vec![Source {
            name: "shared.yaml".into(),
            area: "shared".into(),
            document: parse("shared.yaml")?,
        }];
        let areas = root.get("x-companyos-areas").and_then(Value::as_array).cloned().unwrap_or_default();
        for area in areas.iter().filter_map(Value::as_str) {
            let name = format!("areas/{area}.yaml");
            parts.push(Source { document: parse(&name)?, area: area.into(), name });
        }
        Ok(Self { root, problems, parts })
    }

    /// Rewrites every relative reference into one that holds in the bundle, and reports those that lead nowhere.
    pub fn resolve_references(&mut self) -> Vec<Finding> {
        let known: Vec<(String, Value)> =
            self.parts.iter().map(|p| (p.name.clone(), p.document.clone())).collect();
        let mut findings = Vec::new();
        for part in &mut self.parts {
            rewrite(&part.name, "", &mut part.document, &known, &mut findings);
        }
        findings
    }
}

fn rewrite(
    file: &str,
    pointer: &str,
    value: &mut Value,
    known: &[(String, Value)],
    findings: &mut Vec<Finding>,
) {
    match value {
        Value::Object(map) => {
            rewrite_own_reference(file, pointer, map, known, findings);
            for (name, member) in map.iter_mut() {
                rewrite(file, &push_pointer(pointer, name), member, known, findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                rewrite(file, &push_pointer(pointer, &index.to_string()), item, known, findings);
            }
        }
        _ => {}
    }
}

fn rewrite_own_reference(
    file: &str,
    pointer: &str,
    map: &mut Map<String, Value>,
    known: &[(String, Value)],
    findings: &mut Vec<Finding>,
) {
    let Some(reference) = map.get("$ref").and_then(Value::as_str).map(str::to_owned) else { return };
    let (path, fragment) = reference.split_once('#').unwrap_or((&reference, ""));
    let target = if path.is_empty() { file.to_owned() } else { join(file, path) };
    let found =
        known.iter().find(|(name, _)| *name == target).and_then(|(_, document)| document.pointer(fragment));
    if found.is_none() || !fragment.starts_with("/components/") {
        findings.push(Finding::new(
            format!("openapi/{file}"),
            pointer,
            format!("the reference {reference} leads to no component"),
            "name a component as `<file>.yaml#/components/<kind>/<name>`, with the file relative to this one",
        ));
    }
    map.insert("$ref".into(), Value::String(format!("#{fragment}")));
}

/// Resolves `path` against the folder of `file`; both are relative to `openapi/`.
fn join(file: &str, path: &str) -> String {
    let mut segments: Vec<&str> = file.split('/').collect();
    segments.pop();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn references_resolve_against_the_file_that_holds_them() {
        assert_eq!(join("areas/tenants.yaml", "../shared.yaml"), "shared.yaml");
        assert_eq!(join("areas/tenants.yaml", "operations.yaml"), "areas/operations.yaml");
        assert_eq!(join("shared.yaml", "./areas/meta.yaml"), "areas/meta.yaml");
    }
}
