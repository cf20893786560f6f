//! The file.

use std::path::Path;

use serde::Deserialize;

use super::Problem;
use super::adapter::Adapter;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) run: Run,
    pub(super) adapter: Adapter,
}

/// For whom, where and until when the suite is run.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Run {
    pub(super) tenant: String,
    pub(super) region: String,
    pub(super) prefix: String,
    pub(super) deadline_seconds: Option<u64>,
    pub(super) kms_key: Option<String>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            tenant: "conformance".to_owned(),
            region: "local".to_owned(),
            prefix: "conformance/".to_owned(),
            deadline_seconds: None,
            kms_key: None,
        }
    }
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::Io(format!("reading {}", path.display()), error))?;
        Self::parse(&text).map_err(|why| Problem::Config(format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            // Its `Display` quotes the line, and the line may hold what should not be there.
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", error.message())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn an_error_names_its_line() {
        let error =
            Config::parse("[run]\ntenant = \"a\"\nregoin = \"b\"\n[adapter]\nkind = \"memory\"\n").err();
        assert!(error.is_some_and(|why| why.starts_with("line 3: ") && why.contains("regoin")));
    }
}
