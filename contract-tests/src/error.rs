//! What the tool reports: errors that stop it, and findings that it collects.

use std::fmt;

/// An error that stops the tool. It says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n  next: {next}")]
pub struct Error {
    what: String,
    next: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with nothing underneath it.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into(), source: None }
    }

    /// An error caused by another.
    pub fn caused_by(
        what: impl fmt::Display,
        next: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { what: format!("{what}: {source}"), next: next.into(), source: Some(Box::new(source)) }
    }

    /// An error that stands for a list of findings.
    pub fn findings(what: &str, findings: &[Finding]) -> Self {
        let mut text = format!("{what}: {} finding(s)", findings.len());
        for finding in findings {
            text.push_str("\n  - ");
            text.push_str(&finding.to_string());
        }
        Self::new(text, "change the named places, then run the command again")
    }
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the repository, or another name of the document.
    pub file: String,
    /// JSON Pointer (RFC 6901) into the document.
    pub pointer: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    /// A finding about a place in a document.
    pub fn new(
        file: impl Into<String>,
        pointer: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), pointer: pointer.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {} -> {}", self.file, self.pointer, self.problem, self.remedy)
    }
}

/// Appends one reference token to a JSON Pointer, escaped as RFC 6901 section 3 says.
#[must_use]
pub fn push_pointer(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}
