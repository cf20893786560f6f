//! Checks receipts offline. Everything is in [`companyos_receipt::cli`]; this hands it the process's surroundings.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use companyos_receipt::cli::{Surroundings, run};

fn main() -> ExitCode {
    let code = run(
        std::env::args_os(),
        Surroundings {
            out: &mut io::stdout().lock(),
            err: &mut io::stderr(),
            colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            progress: io::stderr().is_terminal(),
        },
    );
    ExitCode::from(code)
}
