//! The running server: the binary, on a free port, with a data folder of its own.

use super::{Session, process};
use crate::error::Error;
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// A running server. Dropping it stops it and removes its data.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    data: PathBuf,
    port: u16,
    key: String,
}

impl Server {
    /// Starts `companyos serve` in development mode and waits until it takes traffic.
    pub(super) fn start(session: &Session, name: &str, database_url: Option<&str>) -> Result<Self, Error> {
        let port = free_port()?;
        let data =
            std::env::temp_dir().join(format!("companyos-contract-{}-{name}-{port}", std::process::id()));
        let log = session.log(&format!("server-{name}"));
        let failed =
            |error| Error::caused_by("cannot start the server", format!("see {}", log.display()), error);
        let out = std::fs::File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let mut command = session.command(session.binary("companyos"));
        command.arg("serve").args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--mode",
            "development",
            "--data-dir",
        ]);
        command.arg(&data);
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(failed)?;
        let mut server = Self { child, data, port, key: String::new() };
        server.await_ready(&log.display().to_string())?;
        server.key = server.read_key()?;
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The first operator key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Asks the server to drain and end. Says whether it did so and exited with 0.
    pub(super) fn stop(mut self) -> bool {
        process::stop(&mut self.child)
    }

    fn await_ready(&mut self, log: &str) -> Result<(), Error> {
        let started = Instant::now();
        while started.elapsed() < START {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Error::new(
                    format!("the server ended with {status} while starting"),
                    format!("see {log}"),
                ));
            }
            if status(self.port, "/readyz") == Some(200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Error::new(format!("the server is not ready after {} s", START.as_secs()), format!("see {log}")))
    }

    /// The key's file is in the data folder; the server prints its name.
    fn read_key(&self) -> Result<String, Error> {
        let path = self.data.join("operator.key");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::caused_by(
                format!("cannot read {}", path.display()),
                "see what the server says of its key",
                error,
            )
        })?;
        Ok(text.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::stop(&mut self.child);
        }
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// A port of the loopback interface that nothing listens on.
pub(super) fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).map_or_else(
        |error| {
            Err(Error::caused_by("no loopback port is free", "check the machine's network limits", error))
        },
        |address| Ok(address.port()),
    )
}

/// The status a GET answers with, if anything answers.
pub(super) fn status(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head).ok()?.rsplit(' ').next()?.parse().ok()
}
