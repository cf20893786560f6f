//! The program `companyos-conformance`: a suite, run against a bundled adapter that a TOML file describes.
//!
//! ```toml
//! [run]                        # every line optional
//! tenant = "conformance"
//! region = "eu-central"
//! prefix = "conformance/"      # what the keys of objects, or idempotency keys, start with
//! deadline_seconds = 600
//! kms_key = "alias/exports"    # to test customer-managed keys with
//!
//! [adapter]
//! kind = "fs"
//! folder = "/var/lib/companyos/objects"
//! ```
//!
//! `kind` is one of the [catalog](crate::catalog), where its feature is on, with the settings and secrets it takes there,
//! or `memory`, the store in memory:
//!
//! | kind | settings, optional ones in brackets | secrets |
//! |---|---|---|
//! | `memory` | \[`versioned`\] | |
//! | `fs` | `folder` | |
//! | `s3` | `bucket`, `region`, \[`endpoint`, `virtual_hosted`, `kms_encryption`, `storage_classes`\] | none, or `access_key_id` and `secret_access_key`, \[`session_token`\] |
//! | `gcs` | `bucket`, `location`, \[`endpoint`, `anonymous`\] | none, or one of `service_account_key`, `access_token` |
//! | `payments-stripe` | \[`base_url`, `method_types`\]; with a new `prefix` for every run | `api_key` of the test mode, \[`webhook_secret`\] |
//! | `payments-stub` | \[`script`, `folder`\] | `webhook_secret` |
//!
//! An identity provider is not among them, because its suite needs somebody who signs in: run it from a test, with
//! [`identity::run`](companyos_adapter_traits::conformance::identity::run).
//!
//! Secrets are named by the environment variable that holds them, `{ env = "NAME" }`, never written in the file.
//!
//! Exit codes: 0 when no check failed, 1 when one did, 2 when the suite could not be run.

mod adapter;
mod args;
mod config;
mod host;
mod output;
mod secret;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::conformance::{Report, payment, storage};
use companyos_adapter_traits::{Context, Error};

use self::adapter::Opened;
use self::args::Args;
use self::config::{Config, Run};

/// Reads the command line, runs, prints, and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What cannot be printed has nobody to read it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "companyos-conformance: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Why the suite could not be run. It never holds a value of the configuration that is meant to be secret.
#[derive(Debug)]
enum Problem {
    Config(String),
    Adapter(Error),
    Io(String, io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(why) => f.write_str(why),
            Self::Adapter(error) => write!(f, "the adapter cannot be opened: {error}"),
            Self::Io(doing, error) => write!(f, "{doing}: {error}"),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Adapter(error)
    }
}

/// Whether no check failed.
fn run(args: &Args) -> Result<bool, Problem> {
    let config = Config::read(&args.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::Io("starting the runtime".to_owned(), error))?;
    let report = runtime.block_on(check(&config, args.quiet))?;
    if let Some(path) = &args.junit {
        write(path, &report.to_junit())?;
    }
    if let Some(path) = &args.html {
        write(path, &report.to_html())?;
    }
    let text = if args.json { report.to_json() } else { output::table(&report, host::stdout_has_colours()) };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever closed the pipe has read enough; the exit code still tells.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::Io("writing the report".to_owned(), error))
        }
        _ => Ok(report.passed()),
    }
}

async fn check(config: &Config, quiet: bool) -> Result<Report, Problem> {
    let Run { tenant, region, prefix, deadline_seconds, kms_key } = &config.run;
    let mut ctx = Context::builder(tenant, region);
    if let Some(seconds) = deadline_seconds {
        ctx = ctx.deadline(SystemClock.now() + Duration::from_secs(*seconds));
    }
    let ctx = ctx.build();
    match config.adapter.open(&ctx).await? {
        Opened::Storage(adapter) => {
            let mut settings = storage::Settings::default().ctx(ctx).prefix(prefix);
            settings.kms_key.clone_from(kms_key);
            let progress = output::Progress::new(storage::names().count(), quiet);
            let report = storage::run_watched(&*adapter, &settings, &progress).await;
            progress.finish();
            Ok(report)
        }
        Opened::Payment(stage) => {
            let settings = payment::Settings::default().ctx(ctx).prefix(prefix.trim_end_matches('/'));
            let progress = output::Progress::new(payment::names().count(), quiet);
            let report = payment::run_watched(&*stage, &settings, &progress).await;
            progress.finish();
            Ok(report)
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|error| Problem::Io(format!("writing {}", path.display()), error))
}
