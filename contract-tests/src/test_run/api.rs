//! Other people's tools against the running server and the bundle.

use super::{Counts, Session, rust, server::Server, tools};
use crate::{bundle, error::Error, postman};
use serde_json::Value;

pub(super) fn newman_sqlite(session: &Session) -> Result<Counts, Error> {
    rust::build(session)?;
    newman(session, "newman", None)
}

pub(super) fn newman_postgres(session: &Session) -> Result<Counts, Error> {
    rust::build(session)?;
    let url = session.postgres()?.create(session, "newman")?;
    newman(session, "newman-postgres", Some(&url))
}

fn newman(session: &Session, name: &str, database_url: Option<&str>) -> Result<Counts, Error> {
    let newman = tools::newman(session)?;
    let server = Server::start(session, name, database_url)?;
    let report = session.tools().join(format!("{name}.json"));
    let mut command = session.command(newman);
    command
        .arg("run")
        .arg(session.repo().path(postman::COLLECTION))
        .arg("--environment")
        .arg(session.repo().path(postman::ENVIRONMENT))
        .args(["--env-var", &format!("base_url={}", server.base_url())])
        .args(["--env-var", &format!("api_key={}", server.key())])
        .args(["--reporters", "json", "--reporter-json-export"])
        .arg(&report)
        .args(["--timeout-request", "30000", "--ignore-redirects"]);
    let finished = session.run(name, &mut command)?;
    let Some(report) =
        std::fs::read(&report).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok())
    else {
        session.explain(name, &finished, 30);
        return Ok(Counts { failed: 1, ..Counts::default() });
    };
    let (mut counts, failures) = newman_report(&report);
    for failure in failures.iter().take(60) {
        session.console().line(failure);
    }
    if !finished.success && counts.failed == 0 {
        session.explain(name, &finished, 30);
        counts.failed = 1;
    }
    let drained = server.stop();
    if !drained {
        session.console().line("  the server did not drain and exit with 0 when it was told to end");
    }
    counts.add(&Counts::one(drained));
    Ok(counts)
}

/// The counts of a Newman report, and its failures as lines.
pub(super) fn newman_report(report: &Value) -> (Counts, Vec<String>) {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let (total, failed) = (number("/run/stats/assertions/total"), number("/run/stats/assertions/failed"));
    // A request that was not answered, or a script that threw, is a failure without an assertion.
    let broken = number("/run/stats/requests/failed")
        + number("/run/stats/testScripts/failed")
        + number("/run/stats/prerequestScripts/failed");
    let failures = report
        .pointer("/run/failures")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|failure| {
            let text = |pointer: &str| {
                failure.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            format!("  {} - {}: {}", text("/source/name"), text("/error/test"), text("/error/message"))
        })
        .collect();
    (Counts { passed: total.saturating_sub(failed), failed: failed + broken, ..Counts::default() }, failures)
}

/// Operations that can take the credential of the run away, which therefore come last.
const SELF_DESTRUCTIVE: [&str; 2] = ["revokeApiKey", "rotateApiKey"];

pub(super) fn schemathesis(session: &Session) -> Result<Counts, Error> {
    rust::build(session)?;
    let binary = tools::schemathesis(session)?;
    let server = Server::start(session, "schemathesis", None)?;
    let mut counts = Counts::default();
    for (name, option) in
        [("schemathesis", "--exclude-operation-id"), ("schemathesis-credentials", "--include-operation-id")]
    {
        let report = session.tools().join(format!("{name}.xml"));
        let _ = std::fs::remove_file(&report);
        let mut command = session.command(&binary);
        command
            .arg("--config-file")
            .arg(session.repo().path("contract-tests/schemathesis.toml"))
            .args(["run", &format!("{}/openapi.json", server.base_url())])
            .args(["--header", &format!("Authorization: Bearer {}", server.key())])
            .args(["--no-color", "--report", "junit", "--report-junit-path"])
            .arg(&report)
            // It keeps what it finds in a folder below the working directory.
            .current_dir(session.tools())
            .args(SELF_DESTRUCTIVE.iter().flat_map(|id| [option, id]));
        let finished = session.run(name, &mut command)?;
        let mut part = junit(&std::fs::read_to_string(&report).unwrap_or_default());
        if !finished.success || part.passed + part.failed == 0 {
            part.failed = part.failed.max(1);
            session.explain(name, &finished, 150);
        }
        let generated = finished.output.lines().find(|line| line.contains(" generated, "));
        part.notes.extend(generated.map(|line| format!("{name}: {}", line.trim())));
        counts.add(&part);
    }
    Ok(counts)
}

/// Sums the test suites of a JUnit report.
pub(super) fn junit(text: &str) -> Counts {
    let mut counts = Counts::default();
    for suite in text.split("<testsuite ").skip(1) {
        let attributes = suite.split('>').next().unwrap_or_default();
        let number = |name: &str| -> u64 {
            let value = attributes.split_once(&format!(" {name}=\"")).map(|(_, rest)| rest);
            let own = attributes.strip_prefix(&format!("{name}=\""));
            value.or(own).and_then(|rest| rest.split('"').next()?.parse().ok()).unwrap_or_default()
        };
        let failed = number("failures") + number("errors");
        counts.failed += failed;
        counts.skipped += number("skipped");
        counts.passed += number("tests").saturating_sub(failed + number("skipped"));
    }
    counts
}

pub(super) fn redocly(session: &Session) -> Result<Counts, Error> {
    let binary = tools::redocly(session)?;
    let mut command = session.command(binary);
    command
        .args(["lint", "--extends=recommended", "--format=stylish"])
        .arg(session.repo().path(bundle::BUNDLE));
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let finished = session.run("redocly", &mut command)?;
    if !finished.success {
        session.explain("redocly", &finished, 60);
    }
    Ok(Counts::one(finished.success))
}
