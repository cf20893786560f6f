//! `contract test`: the whole suite, as CI runs it.
//!
//! A run is a list of legs ([`LEGS`]); each prints a heading, its time and its counts, and the run ends with the
//! totals. Tools that no checkout brings are installed below `target/contract-tools` and kept, so that a second run
//! only runs. What a leg starts, it stops.

mod api;
mod compilers;
mod console;
mod contract;
mod msrv;
mod peers;
mod postgres;
mod process;
mod report;
mod rust;
mod server;
mod session;
mod tools;

pub use console::Console;
pub use report::{Counts, LegReport, Report};
pub use session::Session;

use crate::error::Error;
use std::{ffi::OsString, time::Instant};

/// One part of the suite.
#[derive(Debug, Clone, Copy)]
pub struct Leg {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// Whether a continuous integration run has it. What cannot be installed there is not part of the list.
    pub in_ci: bool,
    run: fn(&Session) -> Result<Counts, Error>,
}

/// The suite, cheapest and most telling first.
pub const LEGS: [Leg; 12] = [
    Leg { name: "format", about: "every file is as rustfmt leaves it", in_ci: true, run: rust::format },
    Leg {
        name: "contract",
        about: "conventions, drift, breaking changes",
        in_ci: true,
        run: contract::gates,
    },
    Leg {
        name: "lint",
        about: "Clippy finds nothing in any target with any feature",
        in_ci: true,
        run: rust::lint,
    },
    Leg {
        name: "test",
        about: "unit, integration and documentation tests, stores on SQLite and PostgreSQL, adapters on peers",
        in_ci: true,
        run: rust::test,
    },
    Leg {
        name: "msrv",
        about: "crates compile with the oldest compiler they promise, as far as it is to be had",
        in_ci: true,
        run: msrv::oldest,
    },
    Leg { name: "docs", about: "the documentation builds without a warning", in_ci: true, run: rust::docs },
    Leg { name: "quickstart", about: "the quickstart runs and exits 0", in_ci: true, run: rust::quickstart },
    Leg {
        name: "newman",
        about: "the Postman collection against the running server on SQLite",
        in_ci: true,
        run: api::newman_sqlite,
    },
    Leg {
        name: "newman-postgres",
        about: "the Postman collection against the running server on PostgreSQL",
        in_ci: true,
        run: api::newman_postgres,
    },
    Leg {
        name: "schemathesis",
        about: "generated requests against the running server",
        in_ci: true,
        run: api::schemathesis,
    },
    Leg { name: "redocly", about: "the bundle as another linter sees it", in_ci: true, run: api::redocly },
    Leg {
        name: "deny",
        about: "licences, advisories and sources of dependencies",
        in_ci: false,
        run: rust::deny,
    },
];

/// The legs a run has: those of `only`, or all that belong here.
///
/// # Errors
/// When a name is none of a leg.
pub fn select(only: &[String], ci: bool) -> Result<Vec<Leg>, Error> {
    for name in only {
        if !LEGS.iter().any(|leg| leg.name == name) {
            let names: Vec<&str> = LEGS.iter().map(|leg| leg.name).collect();
            return Err(Error::new(
                format!("there is no leg {name}"),
                format!("choose of {}", names.join(", ")),
            ));
        }
    }
    let wanted = |leg: &Leg| {
        if only.is_empty() { leg.in_ci || !ci } else { only.iter().any(|name| name == leg.name) }
    };
    Ok(LEGS.into_iter().filter(wanted).collect())
}

/// Runs legs one after the other and prints what they came to. A failing leg does not keep the others from running.
pub fn run(session: &Session, legs: &[Leg]) -> Report {
    let started = Instant::now();
    let mut report = Report::default();
    for leg in legs {
        session.console().heading(leg.name, leg.about);
        let begun = Instant::now();
        let counts = (leg.run)(session).unwrap_or_else(|error| {
            session.console().line(&format!("error: {error}"));
            Counts { failed: 1, ..Counts::default() }
        });
        let done = LegReport { name: leg.name, seconds: begun.elapsed().as_secs_f64(), counts };
        session.console().line(&done.to_string());
        report.legs.push(done);
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

/// Runs a command with this process's standard streams while the peers are up. Says whether it exited with 0.
///
/// # Errors
/// When a peer or the command cannot be started.
pub fn beside_peers(session: &Session, command: &[OsString]) -> Result<bool, Error> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::new("there is no command to run", "name one"))?;
    let mut command = session.command(program);
    command.args(arguments).envs(session.peers()?.variables());
    command.status().map(|status| status.success()).map_err(|error| {
        let what = format!("cannot run {}", program.display());
        Error::caused_by(what, "put the program on PATH", error)
    })
}

#[cfg(test)]
mod tests;
