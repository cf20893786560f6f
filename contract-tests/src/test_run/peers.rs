//! Independent servers that adapters are tested against, each on a loopback port of its own.
//!
//! A peer is a [`Recipe`] in a file of its own below `peers/`, listed in [`PEERS`]. What it runs is below
//! `contract-tests/peers/<name>/`: its pinned packages, and a script where the packages need one. Tests find it by the
//! recipe's environment variable, and without that say that they were skipped.

mod gcs;
mod moto;
mod oidc;
mod stripe;

use super::{
    Session, process,
    server::{free_port, status},
};
use crate::error::Error;
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Every peer.
pub(super) const PEERS: [Recipe; 4] = [gcs::PEER, moto::PEER, oidc::PEER, stripe::PEER];

/// How long a peer may take to start. Interpreters are slow on a machine that compiles.
const START: Duration = Duration::from_secs(90);

/// How a peer is installed and started.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What its folder and its log are called.
    pub(super) name: &'static str,
    /// The environment variable that tells tests its base URL.
    pub(super) variable: &'static str,
    /// A path that answers a GET with 200 once the peer serves.
    pub(super) ready: &'static str,
    /// Installs what the peer needs, and says how to start it on a loopback port.
    pub(super) command: fn(&Session, u16) -> Result<Command, Error>,
}

/// Every peer, running. Dropping it stops them.
#[derive(Debug)]
pub(super) struct Peers {
    running: Vec<Peer>,
}

impl Peers {
    /// Installs what is missing, starts every peer and waits until all of them answer.
    pub(super) fn start(session: &Session) -> Result<Self, Error> {
        let mut running = Vec::new();
        for recipe in &PEERS {
            running.push(Peer::launch(session, recipe)?);
        }
        for peer in &mut running {
            peer.await_ready()?;
            session.console().line(&format!("{} on {}", peer.recipe.name, peer.url()));
        }
        Ok(Self { running })
    }

    /// The variables that tell tests where the peers are, with their values.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.running.iter().map(|peer| (peer.recipe.variable, peer.url()))
    }

    /// Their names, for the report.
    pub(super) fn names(&self) -> String {
        self.running.iter().map(|peer| peer.recipe.name).collect::<Vec<_>>().join(", ")
    }
}

/// One running server.
#[derive(Debug)]
struct Peer {
    recipe: &'static Recipe,
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Peer {
    fn launch(session: &Session, recipe: &'static Recipe) -> Result<Self, Error> {
        let port = free_port()?;
        let log = session.log(&format!("peer-{}", recipe.name));
        let mut command = (recipe.command)(session, port)?;
        let failed = |error| {
            let what = format!("cannot start the peer {}", recipe.name);
            Error::caused_by(what, format!("see {}", log.display()), error)
        };
        let out = std::fs::File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(failed)?;
        Ok(Self { recipe, child, port, log })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn await_ready(&mut self) -> Result<(), Error> {
        let (name, log) = (self.recipe.name, self.log.display());
        let started = Instant::now();
        while started.elapsed() < START {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Error::new(
                    format!("the peer {name} ended with {status} while starting"),
                    format!("see {log}"),
                ));
            }
            if status(self.port, self.recipe.ready) == Some(200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let what =
            format!("the peer {name} does not answer {} after {} s", self.recipe.ready, START.as_secs());
        Err(Error::new(what, format!("see {log}")))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::stop(&mut self.child);
        }
    }
}
