//! Configuration: a TOML file, the environment, flags. Later ones win: default < file < environment < flag.
//!
//! Every setting is one [`Setting`] with a dotted name, such as `listen.address`. In the file it is that key; in the
//! environment `COMPANYOS_LISTEN_ADDRESS`; as a flag `--set listen.address=...`, and some have a flag of their own.
//! A key of the file or a flag that names no setting is refused with the nearest one that exists. A variable that names
//! none is reported by `companyos config check`, because the environment is shared with other programs.

mod check;
mod hint;
mod layers;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use self::check::{Finding, Severity};
pub use self::layers::{Layers, Source};
pub use self::settings::{SETTINGS, Setting};
use crate::kernel::settings::{Mode, Settings};
use crate::serve::ServeOptions;
use crate::store::StoreOptions;

/// The configuration cannot be used. For the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or is no TOML.
    #[error("{}: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Something names no setting.
    #[error("{source_name}: there is no setting `{name}`{hint}")]
    Unknown {
        /// Where it stands.
        source_name: String,
        /// What it names.
        name: String,
        /// The nearest setting, as the end of the sentence.
        hint: String,
    },
    /// A value is not what its setting takes.
    #[error("{source_name}: `{name}` {problem}")]
    Value {
        /// Where it stands.
        source_name: String,
        /// The setting.
        name: String,
        /// What is wrong, as the end of the sentence.
        problem: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Conflict(String),
}

/// The configuration in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where keys and the embedded database live.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub address: SocketAddr,
    /// Whether a public address may be served without TLS.
    pub insecure_public_bind: bool,
    /// Certificate chain and private key, both or neither.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who the server is and what it refuses to exceed.
    pub settings: Settings,
    /// The database.
    pub store: StoreOptions,
    /// The sockets.
    pub serve: ServeOptions,
    /// The log.
    pub log: LogConfig,
    values: BTreeMap<&'static str, (String, Source)>,
}

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// A filter as `tracing-subscriber` reads it, such as `info` or `info,sqlx=warn`.
    pub level: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// One setting as it is shown: its value without secrets, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The setting.
    pub name: &'static str,
    /// Its value; secrets are replaced.
    pub value: String,
    /// `default`, `file`, `environment` or `flag`.
    pub source: Source,
}

impl Config {
    /// Every setting, by name.
    pub fn shown(&self) -> impl Iterator<Item = Shown> {
        self.values.iter().map(|(name, (value, source))| Shown {
            name,
            value: if *name == "database_url" { self.database_shown() } else { value.clone() },
            source: *source,
        })
    }

    /// Whether the address is reachable from this machine only.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// The database as it may be shown: without a password.
    #[must_use]
    pub fn database_shown(&self) -> String {
        match url::Url::parse(&self.store.url) {
            Ok(mut url) if url.password().is_some() => match url.set_password(Some("***")) {
                Ok(()) => url.to_string(),
                Err(()) => "***".to_owned(),
            },
            _ => self.store.url.clone(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
