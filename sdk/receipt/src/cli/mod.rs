//! The command line tool `companyos-receipt`, without a process around it.
//!
//! Exit codes: [`VALID`], [`NOT_VALID`] and [`NOT_CHECKED`]. A receipt that does not verify is never mixed up with a file
//! that could not be read.

mod args;
mod input;
mod redact;
mod report;
mod show;
mod style;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::Parser;

use args::{Args, Command};
use style::Style;

/// Everything that was asked for was done, and whatever was checked is valid.
pub const VALID: u8 = 0;
/// Something is not valid.
pub const NOT_VALID: u8 = 1;
/// Something could not be checked: a file, the keys or the command line are at fault.
pub const NOT_CHECKED: u8 = 2;

/// What the tool may touch of the process that it runs in.
pub struct Surroundings<'a> {
    /// Results go here.
    pub out: &'a mut dyn Write,
    /// Messages go here.
    pub err: &'a mut dyn Write,
    /// Whether `out` is a terminal on which colours are welcome.
    pub colours: bool,
    /// Whether a progress bar may be drawn on standard error.
    pub progress: bool,
}

/// Why something could not be checked.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cannot read {file}: {source}")]
    Read { file: String, source: io::Error },
    #[error("cannot use the keys in {file}: {source}")]
    Keys { file: String, source: crate::Error },
    #[error("{0}")]
    Usage(String),
    #[error("cannot write the result: {0}")]
    Write(#[from] io::Error),
}

/// Runs the tool with the process's arguments, the program's name first, and returns the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, surroundings: Surroundings<'_>) -> u8 {
    let Surroundings { out, err, colours, progress } = surroundings;
    let args: Vec<OsString> = args.into_iter().collect();
    // Asked of the bare words, because a command line that cannot be understood is answered in JSON as well.
    let json = args.iter().any(|arg| arg == "--json");
    let result = match Args::try_parse_from(args) {
        Ok(args) => match args.command {
            Command::Verify(args) => verify::run(&args, out, Style::new(colours), progress),
            Command::Show(args) => show::run(&args, out, Style::new(colours)),
            Command::Redact(args) => redact::run(&args, out),
        },
        Err(usage) if usage.use_stderr() => Err(Problem::Usage(usage.to_string())),
        // `--help` and `--version` come back as errors too.
        Err(help) => write!(out, "{help}").map(|()| VALID).map_err(Problem::Write),
    };
    let result = result.and_then(|code| out.flush().map(|()| code).map_err(Problem::Write));
    result.unwrap_or_else(|problem| {
        let text = problem.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        let written =
            json && !matches!(problem, Problem::Write(_)) && report::write_problem(out, text).is_ok();
        // Nothing can be done when not even the complaint can be written; the exit code says it.
        if !written {
            let _ = writeln!(err, "companyos-receipt: {text}");
        }
        NOT_CHECKED
    })
}
