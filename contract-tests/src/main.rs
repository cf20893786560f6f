//! `contract`: see the library's documentation.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
