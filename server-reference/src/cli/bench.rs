//! `companyos bench`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::output::Output;
use super::{Common, Ended};
use crate::bench::{BenchOptions, run as measure};
use crate::kernel::clock::{Clock, SystemClock};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Concurrent clients.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    clients: u64,
    /// Seconds of one round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds of every leg; figures are medians with their spread.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Rows of the imported file.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// Folder below which the databases are made; it decides which disk is measured. The system's when absent.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(super) fn run(common: &Common, args: &BenchArgs, output: Output) -> Ended {
    if cfg!(debug_assertions) {
        output.note("this is a debug build; its figures mean little. Build with --release.");
    }
    let options = BenchOptions {
        clients: args.clients,
        round: Duration::from_secs(args.seconds),
        rounds: usize::from(args.rounds),
        rows: usize::try_from(args.rows).unwrap_or(usize::MAX),
        folder: args.folder.clone().unwrap_or_else(std::env::temp_dir),
        database_url: common.database_url.clone(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let told = std::io::stderr().is_terminal();
    let progress = move |what: &str| {
        if told {
            output.note(what);
        }
    };
    let report = super::runtime()?.block_on(measure(&options, &clock, &progress))?;
    output.result(&report, report.to_string().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
