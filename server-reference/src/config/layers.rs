//! From file, environment and flags to one configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::settings::{SETTINGS, Setting, find, variable};
use super::{Config, ConfigError, LogConfig, LogFormat, hint};
use crate::kernel::settings::{Limits, Mode, Settings};
use crate::serve::ServeOptions;
use crate::store::StoreOptions;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Nothing was said.
    Default,
    /// The configuration file.
    File,
    /// An environment variable.
    Environment,
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// What was said, layer by layer.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    said: BTreeMap<&'static str, (String, Source)>,
    /// Variables that look like settings and are none.
    pub(super) strange_variables: Vec<String>,
}

impl Layers {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or has a key that is no setting.
    pub fn file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let failed = |problem: String| ConfigError::File { file: file.to_owned(), problem };
        let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| failed(error.to_string()))?;
        self.table(&file.display().to_string(), "", &table)
    }

    fn table(&mut self, file: &str, prefix: &str, table: &toml::Table) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = format!("{prefix}{key}");
            let text = match value {
                toml::Value::Table(inner) => {
                    self.table(file, &format!("{name}."), inner)?;
                    continue;
                }
                toml::Value::String(text) => text.clone(),
                toml::Value::Array(items) => {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    let texts: Option<Vec<String>> = texts.collect();
                    let texts = texts.ok_or_else(|| ConfigError::Value {
                        source_name: file.to_owned(),
                        name: name.clone(),
                        problem: "takes a list of strings".to_owned(),
                    })?;
                    texts.join(",")
                }
                other => other.to_string(),
            };
            self.say(file, &name, text, Source::File)?;
        }
        Ok(())
    }

    /// Reads environment variables; those that do not begin with `COMPANYOS_` are not looked at.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, value) in variables.filter(|(name, _)| name.starts_with("COMPANYOS_")) {
            match SETTINGS.iter().find(|setting| variable(setting) == name) {
                Some(setting) => {
                    self.said.insert(setting.name, (value, Source::Environment));
                }
                None => self.strange_variables.push(name),
            }
        }
    }

    /// Takes a flag.
    ///
    /// # Errors
    /// When there is no such setting.
    pub fn flag(&mut self, name: &str, value: impl Into<String>) -> Result<(), ConfigError> {
        self.say("command line", name, value.into(), Source::Flag)
    }

    fn say(
        &mut self,
        source_name: &str,
        name: &str,
        value: String,
        source: Source,
    ) -> Result<(), ConfigError> {
        let Some(setting) = find(name) else {
            return Err(ConfigError::Unknown {
                source_name: source_name.to_owned(),
                name: name.to_owned(),
                hint: hint::nearest(name, SETTINGS.iter().map(|setting| setting.name)),
            });
        };
        self.said.insert(setting.name, (value, source));
        Ok(())
    }

    fn text(&self, name: &'static str) -> (&str, Source) {
        let default = find(name).map_or("", |setting| setting.default);
        self.said.get(name).map_or((default, Source::Default), |(value, source)| (value, *source))
    }

    fn value<T: FromStr>(&self, name: &'static str, takes: &str) -> Result<T, ConfigError> {
        let (text, source) = self.text(name);
        text.parse().map_err(|_| ConfigError::Value {
            source_name: source.to_string(),
            name: name.to_owned(),
            problem: format!("takes {takes}, not `{text}`"),
        })
    }

    fn number<T: FromStr>(&self, name: &'static str) -> Result<T, ConfigError> {
        self.value(name, "a whole number that is not negative")
    }

    fn seconds(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.number(name).map(Duration::from_secs)
    }

    fn days(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.number::<u32>(name).map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60))
    }

    fn path(&self, name: &'static str) -> Option<PathBuf> {
        Some(self.text(name).0).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// The configuration in force.
    ///
    /// # Errors
    /// When a value is not what its setting takes, or settings contradict each other.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        let address: std::net::SocketAddr =
            self.value("listen.address", "an address and a port such as 127.0.0.1:8027")?;
        let tls = match (self.path("listen.tls_certificate"), self.path("listen.tls_key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let text = "`listen.tls_certificate` and `listen.tls_key` are set both or not at all";
                return Err(ConfigError::Conflict(text.to_owned()));
            }
        };
        let data_dir = self.path("data_dir").unwrap_or_else(|| PathBuf::from("data"));
        let mode = self.mode(address.ip().is_loopback())?;
        let limits = self.limits()?;
        let mut config = Config {
            serve: ServeOptions {
                connections: self.number("listen.connections")?,
                header_timeout: self.seconds("listen.header_timeout_seconds")?,
                header_bytes: limits.header_bytes,
                drain_delay: self.seconds("shutdown.delay_seconds")?,
                drain_timeout: self.seconds("shutdown.drain_seconds")?,
            },
            store: self.store(&data_dir)?,
            settings: Settings {
                mode,
                region: self.text("region").0.to_owned(),
                issuer: self.text("issuer").0.to_owned(),
                cors_origins: list(self.text("cors.origins").0),
                limits,
            },
            log: LogConfig { format: self.log_format()?, level: self.text("log.level").0.to_owned() },
            insecure_public_bind: self.value("listen.insecure_public_bind", "true or false")?,
            data_dir,
            address,
            tls,
            values: BTreeMap::new(),
        };
        config.values = SETTINGS.iter().map(|setting| self.shown(setting, &config)).collect();
        Ok(config)
    }

    fn shown(&self, setting: &Setting, config: &Config) -> (&'static str, (String, Source)) {
        let (text, source) = self.text(setting.name);
        let value = match setting.name {
            "mode" => config.settings.mode.to_string(),
            "database_url" => config.store.url.clone(),
            _ => text.to_owned(),
        };
        (setting.name, (value, source))
    }

    fn mode(&self, loopback: bool) -> Result<Mode, ConfigError> {
        match self.text("mode") {
            ("development", _) => Ok(Mode::Development),
            ("production", _) => Ok(Mode::Production),
            ("", _) if loopback => Ok(Mode::Development),
            ("", _) => Ok(Mode::Production),
            (text, source) => Err(ConfigError::Value {
                source_name: source.to_string(),
                name: "mode".to_owned(),
                problem: format!("takes development or production, not `{text}`"),
            }),
        }
    }

    fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.text("log.format") {
            ("auto", _) => Ok(LogFormat::Auto),
            ("pretty", _) => Ok(LogFormat::Pretty),
            ("json", _) => Ok(LogFormat::Json),
            (text, source) => Err(ConfigError::Value {
                source_name: source.to_string(),
                name: "log.format".to_owned(),
                problem: format!("takes auto, pretty or json, not `{text}`"),
            }),
        }
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            body_bytes: self.number("limits.body_bytes")?,
            import_bytes: self.number("limits.import_bytes")?,
            header_bytes: self.number("limits.header_bytes")?,
            uri_bytes: self.number("limits.uri_bytes")?,
            body_timeout: self.seconds("limits.body_timeout_seconds")?,
            request_timeout: self.seconds("limits.request_timeout_seconds")?,
            import_timeout: self.seconds("limits.import_timeout_seconds")?,
            import_rows_kept: self.days("limits.import_rows_days")?,
            concurrency: self.number("limits.concurrency")?,
            requests_per_second: self.number("limits.requests_per_second")?,
        })
    }

    fn store(&self, data_dir: &Path) -> Result<StoreOptions, ConfigError> {
        let url = match self.text("database_url").0 {
            "" => format!("sqlite:{}", data_dir.join("companyos.db").display()),
            url => url.to_owned(),
        };
        let mut store = StoreOptions::new(url);
        store.readers = self.number("store.readers")?;
        store.lanes = self.number("store.lanes")?;
        store.group = self.number("store.group")?;
        store.queue = self.number("store.queue")?;
        Ok(store)
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}
