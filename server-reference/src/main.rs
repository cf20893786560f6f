//! The program `companyos`.

use std::process::ExitCode;

fn main() -> ExitCode {
    companyos_server::cli::run()
}
