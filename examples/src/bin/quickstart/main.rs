//! The main job, end to end: a partner brings 503 companies to CompanyOS as tenants, safely and with evidence.
//!
//! ```console
//! cargo run -p companyos-examples --bin quickstart
//! cargo run -p companyos-examples --bin quickstart -- --csv companies.csv --keep
//! ```
//!
//! It starts the reference server inside this process, on a free loopback port and a fresh SQLite file, and drives it
//! over HTTP with the typed client, as your program would. Needs no service, no network and no configuration.

mod evidence;
mod import;
mod safety;
mod workspace;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use companyos_examples::show::Show;

use crate::workspace::Workspace;

/// Imports companies as tenants, retries through a fault, and verifies the receipts offline.
#[derive(Debug, Parser)]
#[command(name = "quickstart")]
struct Arguments {
    /// A CSV file with the columns Symbol and Security, and optionally `GICS Sector` and `Headquarters Location`
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Keep the data folder and the exported evidence
    #[arg(long)]
    keep: bool,
    /// Use this database instead of a new SQLite file, such as postgres://user@host/database
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Print one JSON document at the end instead of the story
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut show = Show::new("quickstart", arguments.json);
    match story(&arguments, &mut show).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show.failure(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn story(arguments: &Arguments, show: &mut Show) -> Result<(), Box<dyn Error + Send + Sync>> {
    let file = import::CompanyFile::read(arguments.csv.as_deref())?;
    let workspace = Workspace::start(arguments.database_url.as_deref(), arguments.keep).await?;
    show.title("CompanyOS quickstart", &workspace.introduction());

    let client = workspace.client()?;
    import::spoiled_dry_run(&client, &file, show).await?;
    import::for_real(&client, &file, show).await?;
    let partner = safety::issue_key(&workspace, &client, show).await?;
    safety::retry_through_a_fault(&client, &partner, show).await?;
    safety::repeat_with_one_key(&client, show).await?;
    evidence::list_page_by_page(&client, show).await?;
    let evidence = evidence::export(&client, workspace.folder(), show).await?;
    evidence::verify_offline(&evidence, show)?;
    evidence::flip_one_byte(&evidence, show)?;

    show.summary();
    show.next(&evidence.hints(workspace.kept()));
    workspace.stop().await;
    Ok(())
}
