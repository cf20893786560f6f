//! What is wrong with a configuration, or will be.

use std::fmt;

use super::{Config, Layers};
use crate::kernel::settings::Mode;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The server does not start like this.
    Error,
    /// It starts, but probably not as meant.
    Warning,
}

/// Something to know about a configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is and what to do.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.detail)
    }
}

impl Config {
    /// Everything there is to know about this configuration. It looks at files but changes nothing.
    #[must_use]
    pub fn check(&self, layers: &Layers) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut say = |severity, detail: String| findings.push(Finding { severity, detail });
        if let Some(detail) = self.public_bind_refusal() {
            say(Severity::Error, detail);
        }
        for (name, text) in [("region", &self.settings.region), ("issuer", &self.settings.issuer)] {
            if text.is_empty() {
                say(Severity::Error, format!("`{name}` is empty"));
            }
        }
        if !is_region(&self.settings.region) {
            say(
                Severity::Error,
                format!("`region` is not a region's name, such as us-east-1: {}", self.settings.region),
            );
        }
        if !is_issuer(&self.settings.issuer) {
            say(
                Severity::Error,
                format!("`issuer` is not an http(s) URL with a host: {}", self.settings.issuer),
            );
        }
        if let Some((certificate, key)) = &self.tls {
            for file in [certificate, key].into_iter().filter(|file| !file.is_file()) {
                say(Severity::Error, format!("{} is not a file", file.display()));
            }
            if cfg!(not(feature = "tls")) {
                say(Severity::Error, "this program was built without TLS (feature `tls`)".to_owned());
            }
        }
        if self.settings.mode == Mode::Development && !self.is_loopback() {
            let text = "development mode on a public address: anyone with a key can plan faults; set `mode`";
            say(Severity::Warning, text.to_owned());
        }
        if self.settings.limits.requests_per_second == 0 {
            say(Severity::Warning, "there is no rate limit (`limits.requests_per_second` is 0)".to_owned());
        }
        for variable in &layers.strange_variables {
            say(Severity::Warning, format!("the variable {variable} names no setting and is not looked at"));
        }
        findings
    }

    /// Why the server does not listen on a public address without TLS, when it would.
    #[must_use]
    pub fn public_bind_refusal(&self) -> Option<String> {
        (!self.is_loopback() && self.tls.is_none() && !self.insecure_public_bind).then(|| {
            format!(
                "{} is not a loopback address and there is no TLS, so API keys would cross the network in the clear; \
                 set `listen.tls_certificate` and `listen.tls_key`, or pass --insecure-public-bind when a proxy \
                 in front encrypts",
                self.address
            )
        })
    }
}

/// The contract's pattern: `^[a-z]{2}(-[a-z]+)+-[0-9]$`, 6 to 32 characters.
fn is_region(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let words = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()));
    let number_ok = number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit());
    words && number_ok && parts.len() >= 2 && parts[0].len() == 2 && (6..=32).contains(&text.len())
}

fn is_issuer(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
