//! Runs a conformance suite against a bundled adapter that a file describes.

use std::process::ExitCode;

fn main() -> ExitCode {
    companyos_adapters::conformance_cli::main()
}
