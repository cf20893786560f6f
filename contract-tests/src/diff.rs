//! `contract diff`: changes that would break a client of a released version.
//!
//! The API grows by additive changes only, so whatever is found here is refused. What is sent to the server may
//! only become more permissive, what is answered only more specific; an operation, a member or a problem code that
//! was released stays.

mod operations;
mod schemas;

use crate::{
    error::{Error, Finding},
    model::{Model, members},
    repo::Repo,
};
use serde_json::Value;

/// Where released contracts are kept, as `<version>.json`.
pub const RELEASED: &str = "openapi/released";

/// A released contract.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its file, relative to the repository.
    pub path: String,
    /// Its contents.
    pub document: Value,
}

/// The newest released contract of a checkout, if there is one.
///
/// # Errors
/// When a file there is not named by a version, or the newest one is not JSON.
pub fn newest(repo: &Repo) -> Result<Option<Release>, Error> {
    let Ok(entries) = std::fs::read_dir(repo.path(RELEASED)) else { return Ok(None) };
    let mut versions = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".json") {
            let version = version(stem).ok_or_else(|| {
                Error::new(
                    format!("{RELEASED}/{name} is not named by a version"),
                    "name it <major>.<minor>.<patch>.json",
                )
            })?;
            versions.push((version, name));
        }
    }
    versions.sort();
    let Some((_, name)) = versions.pop() else { return Ok(None) };
    released(repo, &format!("{RELEASED}/{name}")).map(Some)
}

/// One released contract by its file, relative to the repository.
///
/// # Errors
/// When it cannot be read or is not JSON.
pub fn released(repo: &Repo, path: &str) -> Result<Release, Error> {
    let document = serde_json::from_str(&repo.read(path)?).map_err(|error| {
        Error::caused_by(
            format!("{path} is not JSON"),
            "restore it from version control; it is never edited",
            error,
        )
    })?;
    Ok(Release { path: path.into(), document })
}

/// What in `new` would break a client of `old`. Pointers lead into `old`.
#[must_use]
pub fn breaking(old: &Value, new: &Value) -> Vec<Finding> {
    let mut changes = Changes { old: Model::new(old), new: Model::new(new), findings: Vec::new() };
    operations::compare(&mut changes);
    problems(&mut changes);
    changes.findings.sort();
    changes.findings.dedup();
    changes.findings
}

struct Changes<'a> {
    old: Model<'a>,
    new: Model<'a>,
    findings: Vec<Finding>,
}

impl Changes<'_> {
    /// Records a breaking change when `broken` is true.
    fn breaks(&mut self, broken: bool, pointer: &str, what: impl Into<String>) {
        if broken {
            let remedy = "keep what was released and add next to it";
            self.findings.push(Finding::new("released contract", pointer, what, remedy));
        }
    }
}

fn problems(changes: &mut Changes<'_>) {
    let (old, new) = (changes.old.document(), changes.new.document());
    let registry = "/x-companyos-problems";
    let moved =
        old.pointer("/x-companyos-problems/type_base") != new.pointer("/x-companyos-problems/type_base");
    changes.breaks(moved, &format!("{registry}/type_base"), "the address of every problem type changes");
    let types = new.pointer("/x-companyos-problems/types").unwrap_or(&Value::Null);
    for (code, problem) in members(old.pointer("/x-companyos-problems/types")) {
        let pointer = format!("{registry}/types/{code}");
        match types.get(code) {
            None => changes.breaks(true, &pointer, format!("the problem {code} is removed")),
            Some(now) => {
                let changed = problem["status"] != now["status"];
                changes.breaks(changed, &pointer, format!("the problem {code} has another status"));
                let lost = problem["retryable"] == true && now["retryable"] != true;
                changes.breaks(lost, &pointer, format!("the problem {code} can no longer be retried"));
            }
        }
    }
}

fn version(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests;
