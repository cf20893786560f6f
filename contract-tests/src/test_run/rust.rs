//! What cargo runs.

use super::{Counts, Session};
use crate::error::Error;

/// Arguments that every leg shares, so that cargo resolves the same features and reuses what it built.
const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];

pub(super) fn format(session: &Session) -> Result<Counts, Error> {
    one(session, "format", &["fmt", "--all", "--check"], "run `cargo fmt --all`")
}

pub(super) fn lint(session: &Session) -> Result<Counts, Error> {
    let mut arguments = vec!["clippy"];
    arguments.extend(EVERYTHING);
    arguments.extend(["--all-targets", "--", "-D", "warnings"]);
    one(session, "lint", &arguments, "change what Clippy names")
}

pub(super) fn docs(session: &Session) -> Result<Counts, Error> {
    let mut command = session.command("cargo");
    command.args(["doc", "--no-deps"]).args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings");
    let finished = session.run("docs", &mut command)?;
    if !finished.success {
        session.explain("docs", &finished, 60);
    }
    Ok(Counts::one(finished.success))
}

pub(super) fn test(session: &Session) -> Result<Counts, Error> {
    let (postgres, peers) = (session.postgres()?, session.peers()?);
    let mut command = session.command("cargo");
    command.args(["test", "--no-fail-fast"]).args(EVERYTHING);
    command.env("COMPANYOS_TEST_POSTGRES", postgres.url()).envs(peers.variables());
    let finished = session.run("test", &mut command)?;
    let mut counts = libtest(&finished.output);
    if !finished.success {
        // Without a single failed test, something did not compile.
        counts.failed = counts.failed.max(1);
        for line in failures(&finished.output) {
            session.console().line(line);
        }
        session.explain("test", &finished, 25);
    }
    counts.notes.push(format!("stores were also tested on {}", postgres.version()));
    counts.notes.push(format!("adapters were also tested against {}", peers.names()));
    Ok(counts)
}

pub(super) fn quickstart(session: &Session) -> Result<Counts, Error> {
    build(session)?;
    let mut command = session.command(session.binary("quickstart"));
    let finished = session.run("quickstart", &mut command)?;
    if !finished.success {
        session.explain("quickstart", &finished, 40);
    }
    Ok(Counts::one(finished.success))
}

pub(super) fn deny(session: &Session) -> Result<Counts, Error> {
    let mut probe = session.command("cargo");
    let found = session.run("deny", probe.args(["deny", "--version"])).is_ok_and(|finished| finished.success);
    if !found {
        return Ok(Counts::skip(
            "cargo-deny is not on PATH; `cargo install --locked cargo-deny@0.20.2` brings it; \
             licences, bans and sources were held to deny.toml by the house tests",
        ));
    }
    // The advisories need the network, so they fail on their own.
    let arguments = ["deny", "--workspace", "--all-features", "check"];
    let lists = [&arguments[..], &["bans", "licenses", "sources"]].concat();
    let mut counts = one(session, "deny-lists", &lists, "see deny.toml")?;
    let advisories = [&arguments[..], &["advisories"]].concat();
    counts.add(&one(session, "deny-advisories", &advisories, "see deny.toml, [advisories]")?);
    Ok(counts)
}

/// Builds the workspace's binaries with the features the tests use.
pub(super) fn build(session: &Session) -> Result<(), Error> {
    let mut command = session.command("cargo");
    session.must("build", command.args(["build", "--bins"]).args(EVERYTHING)).map(drop)
}

/// Runs cargo for one check.
fn one(session: &Session, name: &str, arguments: &[&str], remedy: &str) -> Result<Counts, Error> {
    let finished = session.run(name, session.command("cargo").args(arguments))?;
    if !finished.success {
        session.explain(name, &finished, 60);
        session.console().line(&format!("  next: {remedy}"));
    }
    Ok(Counts::one(finished.success))
}

/// Sums the result lines of a test run: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
pub(super) fn libtest(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some((_, results)) = line.split_once("test result: ") else { continue };
        for part in results.split(['.', ';']).map(str::trim) {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let number: u64 = number.parse().unwrap_or_default();
            match what {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "ignored" => counts.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

/// The lines of a test run that name what failed.
fn failures(output: &str) -> Vec<&str> {
    output
        .lines()
        .filter(|line| {
            (line.starts_with("test ") && line.ends_with("FAILED"))
                || line.starts_with("error")
                || line.contains("panicked at")
        })
        .take(100)
        .collect()
}
