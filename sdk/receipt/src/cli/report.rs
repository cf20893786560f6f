use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::style::{Style, printable};
use crate::civil;
use crate::verify::{Failure, RangeReport, Verified};

/// Forged receipts of a range that the text names; the JSON output has more.
const NAMED: usize = 10;

/// What one file came to.
pub(super) struct FileReport {
    pub(super) file: String,
    pub(super) finding: Finding,
}

pub(super) enum Finding {
    Receipt(Box<Verified>),
    Range(RangeReport),
    Forged(Failure),
    NotChecked(String),
}

impl FileReport {
    pub(super) fn is_valid(&self) -> bool {
        match &self.finding {
            Finding::Receipt(_) => true,
            Finding::Range(report) => report.is_valid(),
            Finding::Forged(_) | Finding::NotChecked(_) => false,
        }
    }
}

pub(super) fn write_text(out: &mut dyn Write, style: Style, report: &FileReport) -> io::Result<()> {
    let file = printable(&report.file);
    match &report.finding {
        Finding::Receipt(verified) => {
            writeln!(out, "{}  {file}", style.good(verified.verdict().as_str()))?;
            write_receipt(out, style, verified)
        }
        Finding::Range(range) if range.is_valid() => {
            writeln!(out, "{}  {file}", style.good("verified"))?;
            write_range(out, style, range)
        }
        Finding::Range(range) => {
            writeln!(out, "{}  {file}", style.bad("NOT VALID"))?;
            if let Some(failure) = &range.failure {
                write_failure(out, style, failure)?;
            }
            for (index, failure) in range.receipts.iter().take(NAMED) {
                field(out, style, "receipt", &format!("index {index} does not verify"))?;
                write_failure(out, style, failure)?;
            }
            if range.forged > NAMED as u64 {
                field(
                    out,
                    style,
                    "further",
                    &format!("{} receipts that do not verify", range.forged - NAMED as u64),
                )?;
            }
            write_range(out, style, range)
        }
        Finding::Forged(failure) => {
            writeln!(out, "{}  {file}", style.bad("NOT VALID"))?;
            write_failure(out, style, failure)
        }
        Finding::NotChecked(problem) => {
            writeln!(out, "{}  {file}", style.bad("not checked"))?;
            field(out, style, "problem", problem)
        }
    }
}

pub(super) fn write_json(out: &mut dyn Write, reports: &[FileReport]) -> io::Result<()> {
    let files: Vec<Value> = reports.iter().map(file_json).collect();
    let report = json!({ "valid": reports.iter().all(FileReport::is_valid), "files": files });
    writeln!(out, "{report:#}")
}

/// Why nothing could be checked at all, in the shape of [`write_json`].
pub(super) fn write_problem(out: &mut dyn Write, problem: &str) -> io::Result<()> {
    let report = json!({ "valid": false, "files": [], "problem": problem });
    writeln!(out, "{report:#}")?;
    out.flush()
}

/// One labelled line; what comes from the file is made harmless to terminals.
pub(super) fn field(out: &mut dyn Write, style: Style, label: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {} {}", style.faint(format_args!("{label:<10}")), printable(text))
}

fn write_failure(out: &mut dyn Write, style: Style, failure: &Failure) -> io::Result<()> {
    field(out, style, "check", failure.check.name())?;
    field(out, style, "detail", &failure.detail)?;
    field(out, style, "meaning", failure.check.meaning())
}

fn write_receipt(out: &mut dyn Write, style: Style, verified: &Verified) -> io::Result<()> {
    let claims = &verified.claims;
    field(out, style, "receipt", &claims.jti)?;
    field(out, style, "action", &format!("{}, {} {}", claims.act, claims.phase, claims.out))?;
    field(out, style, "issued", &format!("{} by {}", civil::rfc3339(claims.iat), claims.iss))?;
    field(out, style, "key", &verified.key_id)?;
    let members: Vec<&str> = verified.disclosed.keys().map(String::as_str).collect();
    let hidden = format!("{} (withheld or padding)", verified.undisclosed);
    field(
        out,
        style,
        "disclosed",
        if members.is_empty() { "nothing".into() } else { members.join(", ") }.as_str(),
    )?;
    field(out, style, "hidden", &hidden)?;
    match &verified.inclusion {
        Some(inclusion) => {
            let checkpoint = &inclusion.checkpoint;
            let place =
                format!("index {} of {} in {}", inclusion.index, checkpoint.size(), checkpoint.origin());
            field(out, style, "log", &place)
        }
        None => field(out, style, "log", "not checked: no --proof was given"),
    }
}

fn write_range(out: &mut dyn Write, style: Style, range: &RangeReport) -> io::Result<()> {
    if range.to == 0 {
        // Not even its header could be read.
        return Ok(());
    }
    field(
        out,
        style,
        "range",
        &format!("[{}, {}), {} receipts checked", range.from, range.to, range.checked),
    )?;
    if let Some(checkpoint) = &range.checkpoint {
        let log = format!("{}, checkpoint of {} receipts", checkpoint.origin(), checkpoint.size());
        field(out, style, "log", &log)?;
    }
    Ok(())
}

fn file_json(report: &FileReport) -> Value {
    let mut members = Map::new();
    members.insert("file".into(), report.file.clone().into());
    members.insert("valid".into(), report.is_valid().into());
    let details = match &report.finding {
        Finding::Receipt(verified) => json!({
            "kind": "receipt",
            "verdict": verified.verdict().as_str(),
            "receipt_id": verified.claims.jti,
            "action": verified.claims.act,
            "phase": verified.claims.phase.as_str(),
            "outcome": verified.claims.out.as_str(),
            "issued_at": civil::rfc3339(verified.claims.iat),
            "issuer": verified.claims.iss,
            "key_id": verified.key_id,
            "disclosed": verified.disclosed,
            "undisclosed": verified.undisclosed,
            "inclusion": verified.inclusion.as_ref().map(|inclusion| json!({
                "index": inclusion.index,
                "origin": inclusion.checkpoint.origin(),
                "size": inclusion.checkpoint.size(),
            })),
        }),
        Finding::Range(range) => json!({
            "kind": "range",
            "verdict": if range.is_valid() { "verified" } else { "forged" },
            "origin": range.checkpoint.as_ref().map(|checkpoint| checkpoint.origin()),
            "size": range.checkpoint.as_ref().map(|checkpoint| checkpoint.size()),
            "from": range.from,
            "to": range.to,
            "checked": range.checked,
            "forged": range.forged,
            "failure": range.failure.as_ref().map(failure_json),
            "receipts": range.receipts.iter().map(|(index, failure)| {
                let mut value = failure_json(failure);
                value["index"] = (*index).into();
                value
            }).collect::<Vec<_>>(),
        }),
        Finding::Forged(failure) => json!({ "verdict": "forged", "failure": failure_json(failure) }),
        Finding::NotChecked(problem) => json!({ "verdict": "not checked", "problem": problem }),
    };
    if let Value::Object(details) = details {
        members.extend(details);
    }
    Value::Object(members)
}

fn failure_json(failure: &Failure) -> Value {
    json!({ "check": failure.check.name(), "detail": failure.detail, "meaning": failure.check.meaning() })
}
