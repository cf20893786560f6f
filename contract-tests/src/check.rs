//! `contract check`: our own conventions, and whether committed files are what the contract generates.

mod examples;
mod operations;
mod parameters;
mod schemas;
mod structure;

use crate::{
    bundle::{self, to_text},
    error::{Error, Finding},
    generate,
    model::Model,
    repo::Repo,
};
use serde_json::Value;

/// Everything wrong with the checkout's contract, conventions first.
///
/// # Errors
/// When the contract cannot be read at all.
pub fn check(repo: &Repo) -> Result<Vec<Finding>, Error> {
    let document = bundle::bundle(repo)?;
    let mut findings = conventions(&document);
    findings.extend(drift(repo, &document)?);
    Ok(findings)
}

/// Where a bundle breaks the conventions.
#[must_use]
pub fn conventions(document: &Value) -> Vec<Finding> {
    let model = Model::new(document);
    let mut report = Report { model, findings: Vec::new() };
    structure::check(&mut report);
    operations::check(&mut report);
    parameters::check(&mut report);
    schemas::check(&mut report);
    examples::check(&mut report);
    report.findings.sort();
    report.findings
}

/// Which committed files differ from what is generated, the bundle first.
///
/// # Errors
/// When the generator refuses the contract.
pub fn drift(repo: &Repo, document: &Value) -> Result<Vec<Finding>, Error> {
    let stale = |path: &str, remedy: &str| {
        Finding::new(path, "/", "the committed file is not what the contract generates", remedy)
    };
    if repo.read(bundle::BUNDLE).ok().as_deref() != Some(to_text(document).as_str()) {
        return Ok(vec![stale(bundle::BUNDLE, "run `cargo contract generate` and commit what it writes")]);
    }
    let files = generate::generate(repo, document)?;
    let remedy = "run `cargo contract generate` and commit what it writes";
    Ok(generate::stale(repo, &files).iter().map(|file| stale(&file.path, remedy)).collect())
}

/// What the checks share: the contract and the findings so far.
struct Report<'a> {
    model: Model<'a>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    /// Records a finding when `holds` is false. `area` names the file.
    fn expect(&mut self, holds: bool, area: &str, pointer: &str, problem: &str, remedy: &str) {
        if !holds {
            self.findings.push(Finding::new(file(area), pointer, problem, remedy));
        }
    }

    /// Checks that a text is there and reads as a sentence or a heading.
    fn expect_text(&mut self, value: &Value, name: &str, area: &str, pointer: &str) {
        let text = value.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        let pointer = crate::error::push_pointer(pointer, name);
        self.expect(!text.is_empty(), area, &pointer, &format!("there is no {name}"), "write one");
        if !text.is_empty() {
            let ends = text.ends_with(['.', '!', '?']);
            let (holds, problem) = match name {
                "summary" | "title" => (!ends, "a heading does not end with a full stop"),
                _ => (ends, "a sentence ends with a full stop"),
            };
            self.expect(holds, area, &pointer, problem, "correct the punctuation");
        }
    }
}

/// The file an area is kept in.
fn file(area: &str) -> String {
    match area {
        "shared" => "openapi/shared.yaml".into(),
        "problems" => "openapi/problems.yaml".into(),
        "" => "openapi/companyos.yaml".into(),
        _ => format!("openapi/areas/{area}.yaml"),
    }
}

/// Whether every character of a non-empty name is allowed, and the first is a letter.
fn is_name(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(allowed)
}

fn is_snake(name: &str) -> bool {
    is_name(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_kebab(name: &str) -> bool {
    is_name(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests;
