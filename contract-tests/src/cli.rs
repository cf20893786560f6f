//! The command line: one subcommand per module of the library.

use clap::{Parser, Subcommand};
use companyos_contract_tests::{
    bundle, check, diff,
    error::{Error, Finding},
    generate, postman,
    repo::Repo,
    test_run,
};
use std::{io::Write as _, process::ExitCode};

/// Works on the contract in openapi/.
#[derive(Debug, Parser)]
#[command(name = "contract", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Merge openapi/*.yaml into openapi/companyos.json
    Bundle(CheckOnly),
    /// Write what is generated from the contract: the bundle, sdk/types and the SDK's area modules
    Generate(CheckOnly),
    /// Write the Postman collection and environment
    Postman(CheckOnly),
    /// Report where the contract breaks the conventions and which generated files are stale
    Check,
    /// Report changes that would break a client of a released version
    Diff {
        /// The released contract, relative to the repository; the newest in openapi/released when absent
        #[arg(long, value_name = "FILE")]
        released: Option<String>,
    },
    /// Run the whole suite and end with its totals
    Test(TestArguments),
    /// Run a command while the servers that adapters are tested against are up, told by its environment where
    Peers {
        /// The command and its arguments, as in `cargo test --test s3`
        #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
        command: Vec<std::ffi::OsString>,
    },
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    /// Run only this leg; can be given more than once
    #[arg(long, value_name = "LEG")]
    only: Vec<String>,
    /// Name the legs instead of running them
    #[arg(long)]
    list: bool,
    /// Also write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// Leave out what a continuous integration machine cannot install
    #[arg(long, env = "CI", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true)]
    ci: bool,
}

#[derive(Debug, clap::Args)]
struct CheckOnly {
    /// Compare with what is committed instead of writing
    #[arg(long)]
    check: bool,
}

/// Runs the command line and reports errors on standard error.
pub(crate) fn run() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            say_error(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Error> {
    let repo = repo()?;
    match command {
        Command::Bundle(mode) => {
            let text = bundle::to_text(&bundle::bundle(&repo)?);
            files(&repo, &mode, &[generate::Generated { path: bundle::BUNDLE.into(), text }])
        }
        Command::Generate(mode) => files(&repo, &mode, &generate::generate(&repo, &bundle::bundle(&repo)?)?),
        Command::Postman(mode) => files(&repo, &mode, &postman::files(&repo, &bundle::bundle(&repo)?)?),
        Command::Check => {
            Ok(report(&check::check(&repo)?, "the contract keeps the conventions and nothing is stale"))
        }
        Command::Diff { released } => {
            let release = released
                .map_or_else(|| diff::newest(&repo), |path| diff::released(&repo, &path).map(Some))?;
            let Some(release) = release else {
                say("nothing is released yet, so nothing can break");
                return Ok(ExitCode::SUCCESS);
            };
            let findings = diff::breaking(&release.document, &bundle::bundle(&repo)?);
            Ok(report(&findings, &format!("no client of {} breaks", release.path)))
        }
        Command::Test(arguments) => test(repo, &arguments),
        Command::Peers { command } => {
            let session = test_run::Session::new(repo, test_run::Console::new())?;
            let success = test_run::beside_peers(&session, &command)?;
            Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// Runs the suite. The totals are the last line, whatever happened.
fn test(repo: Repo, arguments: &TestArguments) -> Result<ExitCode, Error> {
    let legs = test_run::select(&arguments.only, arguments.ci)?;
    if arguments.list {
        for leg in legs {
            say(&format!("{:16} {}", leg.name, leg.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let session = test_run::Session::new(repo, test_run::Console::new())?;
    let report = test_run::run(&session, &legs);
    drop(session);
    if let Some(path) = &arguments.json {
        let written = std::fs::write(path, format!("{:#}\n", report.to_json()));
        if let Err(error) = written {
            say_error(&format!("cannot write {}: {error}", path.display()));
        }
    }
    say(&format!("\nwall time {:.0} s", report.seconds));
    say(&report.last_line());
    Ok(if report.totals().failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints findings, or what their absence means.
fn report(findings: &[Finding], clean: &str) -> ExitCode {
    if findings.is_empty() {
        say(clean);
        return ExitCode::SUCCESS;
    }
    for finding in findings {
        say_error(&finding.to_string());
    }
    say_error(&format!("{} findings", findings.len()));
    ExitCode::FAILURE
}

/// The checkout around the working directory, or else the one this binary was built from.
fn repo() -> Result<Repo, Error> {
    std::env::current_dir()
        .ok()
        .and_then(|folder| Repo::find(&folder).ok())
        .map_or_else(Repo::of_this_crate, Ok)
}

fn files(repo: &Repo, mode: &CheckOnly, files: &[generate::Generated]) -> Result<ExitCode, Error> {
    if !mode.check {
        let written = generate::write(repo, files)?;
        for path in &written {
            say(&format!("wrote {path}"));
        }
        say(&format!("{} files, {} changed", files.len(), written.len()));
        return Ok(ExitCode::SUCCESS);
    }
    let stale = generate::stale(repo, files);
    for file in &stale {
        say_error(&format!("{} is not what the contract generates", file.path));
    }
    if stale.is_empty() {
        say(&format!("{} files are as generated", files.len()));
        return Ok(ExitCode::SUCCESS);
    }
    say_error("  next: run `cargo contract generate` and commit what it writes");
    Ok(ExitCode::FAILURE)
}

/// Prints a line. A closed pipe is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn say_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
