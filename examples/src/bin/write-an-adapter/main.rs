//! A storage adapter by a third party, complete: objects in one file, and the conformance suite run against it.
//!
//! ```console
//! cargo run -p companyos-examples --bin write-an-adapter
//! cargo test -p companyos-examples --bin write-an-adapter
//! ```
//!
//! `adapter.rs` is the adapter and its conformance test, `journal.rs` the file behind it. `docs/WRITING-AN-ADAPTER.md`
//! walks through both.

mod adapter;
mod journal;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use companyos_adapter_traits::conformance::{CheckResult, Report, storage};
use companyos_adapter_traits::{Context, ObjectStorage as _};
use companyos_examples::show::Show;

use crate::adapter::JournalStorage;

type Failure = Box<dyn Error + Send + Sync>;

/// Runs the conformance suite against a storage adapter that keeps its objects in one file.
#[derive(Debug, Parser)]
#[command(name = "write-an-adapter")]
struct Arguments {
    /// Keep the objects in this file instead of a temporary one
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Also write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON document instead of the story
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut show = Show::new("write-an-adapter", arguments.json);
    match story(&arguments, &mut show).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show.failure(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn story(arguments: &Arguments, show: &mut Show) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("companyos-adapter-").tempdir()?;
    let file = arguments.file.clone().unwrap_or_else(|| folder.path().join("objects.journal"));
    let named = format!("file: {}", file.display());
    show.title("A storage adapter of one's own", &named);

    show.step("Open the adapter");
    let storage = JournalStorage::open(&file, "local").map_err(|error| {
        format!("{error}. Name another file with --file, or none to use a temporary one.")
    })?;
    let claims: Vec<_> = storage.descriptor().capabilities.iter().map(|claim| claim.as_str()).collect();
    show.result(format!("it claims {}, and nothing else", claims.join(", ")));

    show.step("Hold it to what it claims, and to what it does not");
    let ctx = Context::builder("conformance", "local").build();
    let report = storage::run(&storage, ctx, "conformance/").await;
    let rows: Vec<[String; 4]> = report.results.iter().map(row).collect();
    show.table(["check", "verdict", "ms", "why"], &rows);
    conclude(&report, show)?;

    if let Some(path) = &arguments.html {
        show.step("Write the report as a page");
        std::fs::write(path, report.to_html())
            .map_err(|error| format!("{}: {error}; name a file that can be written", path.display()))?;
        show.result(path.display().to_string());
    }
    show.summary();
    show.next(&[
        "read examples/src/bin/write-an-adapter/adapter.rs, then docs/WRITING-AN-ADAPTER.md".to_owned(),
        "cargo test -p companyos-examples --bin write-an-adapter      the same checks, one test each"
            .to_owned(),
        "claim Capability::Copy in it without implementing copy, run again, and see it caught".to_owned(),
        "run again with --html report.html".to_owned(),
    ]);
    Ok(())
}

fn row(result: &CheckResult) -> [String; 4] {
    let (verdict, milliseconds) = (result.verdict.as_str(), result.elapsed.as_secs_f64() * 1e3);
    let why = result.verdict.reason().unwrap_or_default();
    [result.name.to_owned(), verdict.to_owned(), format!("{milliseconds:.1}"), why.to_owned()]
}

fn conclude(report: &Report, show: &mut Show) -> Result<(), Failure> {
    let (failed, skipped) = (report.failures().count(), report.skips().count());
    if failed > 0 {
        let names: Vec<_> = report.failures().collect();
        let names = names.join(", ");
        return Err(
            format!("{failed} checks failed ({names}); the column `why` says how each of them did").into()
        );
    }
    let passed = report.results.len() - skipped;
    show.result(format!(
        "{passed} passed, {skipped} skipped because they rest on what is not claimed, 0 failed"
    ));
    Ok(())
}
