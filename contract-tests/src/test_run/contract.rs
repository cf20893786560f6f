//! The contract's own gates, without a process of their own.

use super::{Counts, Session};
use crate::{bundle, check, diff, error::Error, error::Finding};

/// Conventions, drift and breaking changes: one check each.
pub(super) fn gates(session: &Session) -> Result<Counts, Error> {
    let document = bundle::bundle(session.repo())?;
    let mut counts = Counts::default();
    let mut gate = |findings: Vec<Finding>| {
        for finding in &findings {
            session.console().line(&finding.to_string());
        }
        counts.add(&Counts::one(findings.is_empty()));
    };
    gate(check::conventions(&document));
    gate(check::drift(session.repo(), &document)?);
    match diff::newest(session.repo())? {
        Some(release) => gate(diff::breaking(&release.document, &document)),
        None => counts.notes.push("nothing is released yet, so nothing can break".into()),
    }
    Ok(counts)
}
