//! The program `companyos`.

use std::process::ExitCode;

/// A request makes some hundred small allocations, many of which another thread frees. The system's allocator took a
/// sixth of a privileged write's processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    companyos_server::cli::run()
}
