use std::collections::BTreeSet;
use std::io::Write;

use super::args::RedactArgs;
use super::input::{Input, read, unknown};
use super::{Problem, VALID};
use crate::range::RangeExport;
use crate::sdjwt::{Disclosure, SdJwt, present};
use crate::verify::Failure;

pub(super) fn run(args: &RedactArgs, out: &mut dyn Write) -> Result<u8, Problem> {
    let bytes = read(&args.file)?;
    let keep: Vec<&str> = args.keep.iter().map(String::as_str).collect();
    let redacted = match Input::detect(&bytes) {
        Input::Receipt(sd_jwt) => redact([sd_jwt], &keep),
        Input::Range(export) => RangeExport::parse(export).and_then(|parsed| {
            let mut redacted = redact(parsed.receipts(), &keep)?;
            // What precedes the receipts is untouched: the log commits to them without their disclosures.
            redacted.text.insert_str(0, parsed.head());
            Ok(redacted)
        }),
        Input::Unknown => return Err(unknown(&args.file)),
    };
    let redacted = redacted.map_err(|failure| Problem::Usage(format!("{}: {failure}", args.file)))?;
    if let Some(name) = keep.iter().find(|name| !redacted.names.contains(**name)) {
        let names: Vec<&str> = redacted.names.iter().map(String::as_str).collect();
        let problem = format!("nothing named `{name}` is disclosed; there is: {}", names.join(", "));
        return Err(Problem::Usage(problem));
    }
    out.write_all(redacted.text.as_bytes())?;
    Ok(VALID)
}

struct Redacted {
    text: String,
    /// Members that were disclosed before.
    names: BTreeSet<String>,
}

fn redact<'a>(receipts: impl IntoIterator<Item = &'a str>, keep: &[&str]) -> Result<Redacted, Failure> {
    let mut redacted = Redacted { text: String::new(), names: BTreeSet::new() };
    for sd_jwt in receipts {
        for disclosure in SdJwt::parse(sd_jwt)?.disclosures() {
            redacted.names.insert(Disclosure::parse(disclosure)?.name);
        }
        redacted.text.push_str(&present(sd_jwt, keep)?);
        redacted.text.push('\n');
    }
    Ok(redacted)
}
