//! The command line.

use std::path::PathBuf;

/// Runs the conformance suite against a bundled adapter.
///
/// Exit codes: 0 when no check failed, 1 when one did, 2 when the suite could not be run.
#[derive(Debug, clap::Parser)]
#[command(name = "companyos-conformance", version)]
pub(super) struct Args {
    /// The TOML file that names the adapter and its settings
    pub(super) config: PathBuf,
    /// Print the report as JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
    /// Write the report as JUnit XML to this file
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the report as one HTML page to this file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
}
