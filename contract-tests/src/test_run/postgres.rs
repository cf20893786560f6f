//! A PostgreSQL of the run's own: a fresh cluster on a free loopback port, durable as in production.

use super::{Session, server::free_port, tools};
use crate::error::Error;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A running cluster. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub(super) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    version: String,
    as_postgres: bool,
}

impl Cluster {
    /// Makes and starts a cluster; installs PostgreSQL from Debian when there is none.
    pub(super) fn start(session: &Session) -> Result<Self, Error> {
        let programs = match programs(session) {
            Some(programs) => programs,
            None => {
                tools::install(session, &["postgresql"])?;
                programs(session).ok_or_else(|| {
                    Error::new(
                        "PostgreSQL is installed but initdb is not found",
                        "put PostgreSQL's bin folder on PATH",
                    )
                })?
            }
        };
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("companyos-contract-{}-{port}", std::process::id()));
        let version =
            session.must("postgres-version", session.command(programs.join("initdb")).arg("--version"))?;
        let mut cluster = Self {
            folder,
            programs,
            port,
            version: version.output.trim().replace("initdb (PostgreSQL)", "PostgreSQL"),
            // PostgreSQL refuses to run as root.
            as_postgres: tools::is_root(session),
        };
        cluster.make(session)?;
        cluster.launch(session)?;
        session.console().line(&format!("{} on 127.0.0.1:{port}", cluster.version));
        Ok(cluster)
    }

    /// Where tests connect, as a superuser of an empty database.
    pub(super) fn url(&self) -> String {
        self.database("postgres")
    }

    /// What it is.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Makes a database and says where it is.
    pub(super) fn create(&self, session: &Session, name: &str) -> Result<String, Error> {
        let mut command = self.program(session, "createdb");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", name]);
        session.must("postgres-createdb", &mut command)?;
        Ok(self.database(name))
    }

    fn database(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn make(&self, session: &Session) -> Result<(), Error> {
        std::fs::create_dir_all(&self.folder).map_err(|error| {
            Error::caused_by(
                format!("cannot create {}", self.folder.display()),
                "check the temporary folder",
                error,
            )
        })?;
        if self.as_postgres {
            session.must("postgres-chown", session.command("chown").arg("postgres").arg(&self.folder))?;
        }
        let mut command = self.program(session, "initdb");
        command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--pgdata"]);
        session.must("postgres-initdb", command.arg(self.data())).map(drop)
    }

    fn launch(&mut self, session: &Session) -> Result<(), Error> {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c fsync=on \
             -c synchronous_commit=on -c full_page_writes=on -c max_connections=400",
            self.port,
            self.folder.display()
        );
        let mut command = self.program(session, "pg_ctl");
        command.arg("--pgdata").arg(self.data()).args([
            "--wait",
            "--timeout=60",
            "--options",
            &options,
            "--log",
        ]);
        session.must("postgres-start", command.arg(self.folder.join("server.log")).arg("start")).map(drop)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL, run as the user `postgres` where this process is root.
    fn program(&self, session: &Session, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.as_postgres {
            let mut command = session.command("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            session.command(program)
        };
        // The user `postgres` may not be allowed into the checkout.
        command.current_dir(std::env::temp_dir());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let program = self.programs.join("pg_ctl");
        let mut command = if self.as_postgres {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(std::env::temp_dir()).arg("--pgdata").arg(self.data());
        let _ = command.args(["--wait", "--mode=immediate", "stop"]).output();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of PostgreSQL's programs: Debian keeps `initdb` off PATH.
fn programs(session: &Session) -> Option<PathBuf> {
    let usable = |folder: &Path| {
        let mut probe = session.command(folder.join("initdb"));
        session.run("probe", probe.arg("--version")).is_ok_and(|finished| finished.success)
    };
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    // The empty path stands for PATH.
    versions.into_iter().rev().chain([PathBuf::new()]).find(|folder| usable(folder))
}
