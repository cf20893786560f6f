use std::io::{self, Write};

use super::args::ShowArgs;
use super::input::{Input, read, unknown};
use super::report::field;
use super::style::{Style, printable};
use super::{NOT_VALID, Problem, VALID};
use crate::civil;
use crate::range::RangeExport;
use crate::sdjwt::{Opened, SdJwt};
use crate::verify::Failure;

pub(super) fn run(args: &ShowArgs, out: &mut dyn Write, style: Style) -> Result<u8, Problem> {
    let bytes = read(&args.file)?;
    let shown = match Input::detect(&bytes) {
        Input::Receipt(sd_jwt) => open(sd_jwt).map(|opened| show_receipt(out, style, &opened)),
        Input::Range(export) => RangeExport::parse(export).map(|export| show_range(out, style, &export)),
        Input::Unknown => return Err(unknown(&args.file)),
    };
    match shown {
        Ok(written) => {
            written?;
            Ok(VALID)
        }
        Err(failure) => {
            writeln!(out, "{}  {}", style.bad("NOT VALID"), printable(&args.file))?;
            field(out, style, "check", failure.check.name())?;
            field(out, style, "detail", &failure.detail)?;
            field(out, style, "meaning", failure.check.meaning())?;
            Ok(NOT_VALID)
        }
    }
}

fn open(sd_jwt: &str) -> Result<Opened, Failure> {
    SdJwt::parse(sd_jwt)?.open_unverified()
}

fn show_receipt(out: &mut dyn Write, style: Style, opened: &Opened) -> io::Result<()> {
    let claims = &opened.claims;
    writeln!(out, "{}", style.bad("not verified"))?;
    let issued = civil::rfc3339(claims.iat);
    let clear = [
        ("receipt", claims.jti.as_str()),
        ("action", &claims.act),
        ("phase", claims.phase.as_str()),
        ("outcome", claims.out.as_str()),
        ("intent", claims.reference.as_deref().unwrap_or("-")),
        ("issued", &issued),
        ("issuer", &claims.iss),
        ("region", &claims.region),
        ("log", &claims.tenant),
        ("policy", &claims.pol),
        ("key", &opened.key_id),
    ];
    for (label, text) in clear {
        field(out, style, label, text)?;
    }
    writeln!(out, "disclosed")?;
    for (name, value) in &opened.disclosed {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        field(out, style, &printable(name), &text)?;
    }
    writeln!(out, "hidden\n  {} (withheld or padding)", opened.undisclosed)
}

fn show_range(out: &mut dyn Write, style: Style, export: &RangeExport<'_>) -> io::Result<()> {
    writeln!(out, "{}", style.bad("not verified"))?;
    field(out, style, "log", export.origin())?;
    field(out, style, "range", &format!("[{}, {})", export.from(), export.to()))?;
    for (index, line) in (export.from()..).zip(export.receipts()) {
        let text = match open(line) {
            Ok(Opened { claims, .. }) => {
                let issued = civil::rfc3339(claims.iat);
                format!("{issued}  {}  {} {}  {}", claims.jti, claims.phase, claims.out, claims.act)
            }
            Err(failure) => failure.to_string(),
        };
        field(out, style, &index.to_string(), &text)?;
    }
    Ok(())
}
