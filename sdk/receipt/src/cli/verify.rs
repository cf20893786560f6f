use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::VerifyArgs;
use super::input::{Input, read, read_keys};
use super::report::{FileReport, Finding, write_json, write_text};
use super::style::Style;
use super::{NOT_CHECKED, NOT_VALID, Problem, VALID};
use crate::verify::{Check, Failure, Verifier};

/// Receipts between two redraws of the progress bar.
const REDRAW: u64 = 256;

pub(super) fn run(
    args: &VerifyArgs,
    out: &mut dyn Write,
    style: Style,
    progress: bool,
) -> Result<u8, Problem> {
    if args.proof.is_some() && args.files.len() != 1 {
        return Err(Problem::Usage("--proof goes with exactly one receipt".into()));
    }
    let mut verifier = Verifier::new(read_keys(&args.keys)?);
    if let Some(origin) = &args.origin {
        verifier = verifier.expect_origin(origin);
    }
    // A proof that is not even text fails the check of its format, like any other damage to it.
    let proof = args.proof.as_deref().map(read).transpose()?;
    let proof = proof.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());

    let mut reports = Vec::new();
    for file in &args.files {
        let finding = match read(file) {
            Ok(bytes) => check(&verifier, file, &bytes, proof.as_deref(), progress)?,
            Err(problem) => Finding::NotChecked(problem.to_string()),
        };
        let report = FileReport { file: file.clone(), finding };
        if !args.json {
            write_text(out, style, &report)?;
        }
        reports.push(report);
    }
    if args.json {
        write_json(out, &reports)?;
    }
    Ok(exit_code(&reports))
}

fn check(
    verifier: &Verifier,
    file: &str,
    bytes: &[u8],
    proof: Option<&str>,
    progress: bool,
) -> Result<Finding, Problem> {
    Ok(match Input::detect(bytes) {
        Input::Receipt(sd_jwt) => match verifier.verify_receipt(sd_jwt, proof) {
            Ok(verified) => Finding::Receipt(Box::new(verified)),
            Err(failure) => Finding::Forged(failure),
        },
        Input::Range(_) if proof.is_some() => {
            return Err(Problem::Usage(format!(
                "{file} is an exported range, which carries its own proof: leave --proof out"
            )));
        }
        Input::Range(export) => {
            let bar = bar(progress);
            let report = verifier.verify_range_with(export, |checked, of| {
                if checked % REDRAW == 0 || checked == of {
                    bar.set_length(of);
                    bar.set_position(checked);
                }
            });
            bar.finish_and_clear();
            Finding::Range(report)
        }
        Input::Unknown => {
            let detail = format!("{} bytes that are neither one SD-JWT nor an exported range", bytes.len());
            Finding::Forged(Failure::new(Check::Format, detail))
        }
    })
}

/// What is not valid outweighs what could not be read: it is a finding, and stays one when the rest is read.
fn exit_code(reports: &[FileReport]) -> u8 {
    let not_checked = |report: &&FileReport| matches!(report.finding, Finding::NotChecked(_));
    if reports.iter().any(|report| !report.is_valid() && !not_checked(&report)) {
        NOT_VALID
    } else if reports.iter().any(|report| not_checked(&report)) {
        NOT_CHECKED
    } else {
        VALID
    }
}

fn bar(progress: bool) -> ProgressBar {
    if !progress {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} receipts, {eta} left") {
        bar.set_style(style);
    }
    bar
}
