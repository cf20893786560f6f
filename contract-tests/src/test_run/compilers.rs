//! The Rust compilers of this machine that are older than the one in use.

use super::{Session, tools};
use crate::error::Error;
use std::{fmt, path::Path, process::Command};

/// `1.85.0`, or `1.85` for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    minor: u32,
    patch: u32,
}

impl Version {
    /// Reads the version a text starts with: `1.94.1`, `1.94`, `1.85.0-x86_64-unknown-linux-gnu`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = text.split(['-', ' ']).next()?.strip_prefix("1.")?;
        let (minor, patch) = number.split_once('.').unwrap_or((number, "0"));
        Some(Self { minor: minor.parse().ok()?, patch: patch.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

/// A compiler and its cargo. Ordered by age, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Compiler {
    /// Its version.
    pub(super) version: Version,
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A toolchain of rustup, by its name.
    Rustup(String),
    /// Debian's `rustc-web` and `cargo-web`.
    Debian,
}

/// Where Debian's packages put their programs. Absolute, because rustup's come first on PATH.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

impl Compiler {
    /// The compiler's cargo.
    pub(super) fn cargo(&self, session: &Session) -> Command {
        let mut command = match &self.origin {
            Origin::Rustup(toolchain) => {
                let mut command = session.command("rustup");
                command.args(["run", toolchain, "cargo"]).env_remove("RUSTC");
                command
            }
            Origin::Debian => {
                let mut command = session.command(DEBIAN_CARGO);
                command.env("RUSTC", DEBIAN_RUSTC);
                command
            }
        };
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
        command
    }

    /// A toolchain of rustup with this version.
    #[cfg(test)]
    pub(super) fn named(version: &str) -> Self {
        Self {
            version: Version::parse(version).expect("a version"),
            origin: Origin::Rustup(version.to_owned()),
        }
    }
}

/// Every older compiler that is installed.
pub(super) fn older(session: &Session) -> Vec<Compiler> {
    let Some(used) = version_of(session, "rustc") else { return Vec::new() };
    let mut list = session.command("rustup");
    list.args(["toolchain", "list"]);
    let listed =
        session.run("msrv-toolchains", &mut list).map(|finished| finished.output).unwrap_or_default();
    let rustup = listed.lines().filter_map(|line| {
        let toolchain = line.split_whitespace().next()?;
        let version = Version::parse(toolchain)?;
        Some(Compiler { version, origin: Origin::Rustup(toolchain.to_owned()) })
    });
    rustup.chain(installed(session)).filter(|compiler| compiler.version < used).collect()
}

/// Debian's compiler for browsers, which is kept at the version they need and therefore old; installed when it is not.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(super) fn debian(session: &Session) -> Result<Option<Compiler>, Error> {
    if !Path::new(DEBIAN_RUSTC).exists() {
        tools::install(session, &["rustc-web", "cargo-web"])?;
    }
    Ok(installed(session))
}

fn installed(session: &Session) -> Option<Compiler> {
    let usable = Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_RUSTC).exists();
    let version = usable.then(|| version_of(session, DEBIAN_RUSTC))??;
    Some(Compiler { version, origin: Origin::Debian })
}

/// What `rustc --version` says: `rustc 1.85.0 (4d91de4e4 2025-02-17)`.
fn version_of(session: &Session, rustc: &str) -> Option<Version> {
    let finished = session.run("msrv-version", session.command(rustc).arg("--version")).ok()?;
    Version::parse(finished.output.strip_prefix("rustc ")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_of_toolchains_and_ordered_by_number() {
        let read = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(read("1.85").as_deref(), Some("1.85.0"));
        assert_eq!(read("1.94.1").as_deref(), Some("1.94.1"));
        assert_eq!(read("1.85.0-x86_64-unknown-linux-gnu").as_deref(), Some("1.85.0"));
        assert_eq!(read("1.85.0 (4d91de4e4 2025-02-17)").as_deref(), Some("1.85.0"));
        assert_eq!(read("1.85-x86_64-unknown-linux-gnu").as_deref(), Some("1.85.0"));
        assert_eq!(read("stable-x86_64-unknown-linux-gnu"), None);
        assert_eq!(read("nightly"), None);
        assert!(Version::parse("1.100") > Version::parse("1.99.3"));
        assert!(Version::parse("1.94.1") > Version::parse("1.94"));
    }
}
