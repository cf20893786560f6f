//! What the legs of a run share.

use super::{
    console::Console,
    peers::Peers,
    postgres::Cluster,
    process::{self, Finished},
};
use crate::{error::Error, repo::Repo};
use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long any one command may take.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Variables that the outer cargo sets for this process and that must not reach inner ones.
const OUTER: [&str; 12] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
];

/// A run of the suite.
#[derive(Debug)]
pub struct Session {
    repo: Repo,
    console: Console,
    target: PathBuf,
    postgres: OnceCell<Cluster>,
    peers: OnceCell<Peers>,
}

impl Session {
    /// A run in a checkout. Nothing is started or installed yet.
    ///
    /// # Errors
    /// When the folder for tools and logs cannot be made.
    pub fn new(repo: Repo, console: Console) -> Result<Self, Error> {
        // This binary lies in <target>/<profile>/, wherever CARGO_TARGET_DIR put that.
        let own =
            std::env::current_exe().ok().and_then(|path| path.ancestors().nth(2).map(Path::to_path_buf));
        let target =
            own.filter(|path| path.join("CACHEDIR.TAG").is_file()).unwrap_or_else(|| repo.path("target"));
        let session = Self { repo, console, target, postgres: OnceCell::new(), peers: OnceCell::new() };
        let logs = session.tools().join("logs");
        std::fs::create_dir_all(&logs).map_err(|error| {
            Error::caused_by(
                format!("cannot create {}", logs.display()),
                "check permissions and free space",
                error,
            )
        })?;
        Ok(session)
    }

    /// The checkout.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Where results are printed.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Where installed tools and logs are kept.
    pub(super) fn tools(&self) -> PathBuf {
        self.target.join("contract-tools")
    }

    /// A binary of the workspace, as `cargo test` and `cargo build` leave it.
    pub(super) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// A command in the checkout, with an environment in which nested cargo commands share their artifacts.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.repo.root())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_TERM_COLOR", "never");
        for name in OUTER {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command; its output is kept in a log named after `log`.
    pub(super) fn run(&self, log: &str, command: &mut Command) -> Result<Finished, Error> {
        process::run(&self.console, command, &self.log(log), LIMIT)
    }

    /// Runs a command that must succeed.
    pub(super) fn must(&self, log: &str, command: &mut Command) -> Result<Finished, Error> {
        let finished = self.run(log, command)?;
        if finished.success {
            return Ok(finished);
        }
        let name = command.get_program().to_string_lossy().into_owned();
        Err(Error::new(
            format!("{name} failed:\n{}", finished.tail(40)),
            format!("the whole output is in {}", self.log(log).display()),
        ))
    }

    /// Prints the end of a failed command's output.
    pub(super) fn explain(&self, log: &str, finished: &Finished, lines: usize) {
        self.console.line(&finished.tail(lines));
        self.console.line(&format!("  the whole output is in {}", self.log(log).display()));
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.tools().join("logs").join(format!("{name}.log"))
    }

    /// The run's PostgreSQL, started when it is first asked for and stopped with the session.
    pub(super) fn postgres(&self) -> Result<&Cluster, Error> {
        if let Some(cluster) = self.postgres.get() {
            return Ok(cluster);
        }
        let cluster = Cluster::start(self)?;
        Ok(self.postgres.get_or_init(|| cluster))
    }

    /// The run's peers, started when they are first asked for and stopped with the session.
    pub(super) fn peers(&self) -> Result<&Peers, Error> {
        if let Some(peers) = self.peers.get() {
            return Ok(peers);
        }
        let peers = Peers::start(self)?;
        Ok(self.peers.get_or_init(|| peers))
    }
}
