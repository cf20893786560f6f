//! The command line: `companyos serve`, `companyos config`, `companyos keys`, `companyos login`,
//! `companyos bench`.
//!
//! Every command takes `--json` and then prints one JSON document. The exit code is 0 when it worked, 1 when it did not,
//! 2 when it was called wrongly.

#[cfg(feature = "bench")]
mod bench;
mod config;
mod keys;
mod log;
#[cfg(feature = "login")]
mod login;
mod output;
mod serve;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::output::Output;
use crate::config::{Config, ConfigError, Layers};

/// The CompanyOS reference server.
#[derive(Debug, Parser)]
#[command(name = "companyos", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Read this TOML file; without it, companyos.toml when it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one setting, such as limits.concurrency=100; `config show` lists all.
    #[arg(long = "set", global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Folder of the keys, the embedded database and the operator key.
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// sqlite:<file> or postgres://...
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or SIGINT.
    Serve(ServeArgs),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage operator keys of a server that is not running.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Sign in at an OpenID Connect issuer and keep the tokens in a file that only you can read.
    #[cfg(feature = "login")]
    Login(login::LoginArgs),
    /// Measure the whole server over HTTP beside a bare handler, on this machine.
    #[cfg(feature = "bench")]
    Bench(bench::BenchArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// development or production.
    #[arg(long)]
    mode: Option<String>,
    /// Allow a public address without TLS, because something in front encrypts.
    #[arg(long)]
    insecure_public_bind: bool,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the configuration in force and what is wrong with it.
    Check,
    /// Print every setting, its value, where that came from and what it means.
    Show,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Issue one more operator key, for when the first is lost, and write it to the operator key file.
    Operator,
}

impl Common {
    /// What file, environment and flags say.
    fn layers(&self) -> Result<Layers, ConfigError> {
        let mut layers = Layers::default();
        match &self.config {
            Some(file) => layers.file(file)?,
            None => {
                let usual = PathBuf::from("companyos.toml");
                if usual.is_file() {
                    layers.file(&usual)?;
                }
            }
        }
        layers.environment(environment());
        for one in &self.set {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            layers.flag(name, value)?;
        }
        for (name, value) in [("data_dir", &self.data_dir), ("database_url", &self.database_url)] {
            if let Some(value) = value {
                layers.flag(name, value)?;
            }
        }
        Ok(layers)
    }
}

/// The environment. Variables that are not UTF-8 set nothing of ours.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.common.json };
    let done = match cli.command {
        Command::Serve(args) => serve::run(&cli.common, &args, output),
        Command::Config(ConfigCommand::Check) => config::check(&cli.common, output),
        Command::Config(ConfigCommand::Show) => config::show(&cli.common, output),
        Command::Keys(KeysCommand::Operator) => keys::operator(&cli.common, output),
        #[cfg(feature = "login")]
        Command::Login(args) => login::run(&args, output),
        #[cfg(feature = "bench")]
        Command::Bench(args) => bench::run(&cli.common, &args, output),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output.failure(&*error);
            ExitCode::FAILURE
        }
    }
}

/// What a command ends with.
type Ended = Result<ExitCode, Box<dyn Error>>;

/// The configuration, when nothing about it stops a server.
fn usable(layers: &Layers) -> Result<Config, Box<dyn Error>> {
    let config = layers.resolve()?;
    let errors: Vec<String> = config
        .check(layers)
        .into_iter()
        .filter(|finding| finding.severity == crate::config::Severity::Error)
        .map(|finding| finding.detail)
        .collect();
    if errors.is_empty() { Ok(config) } else { Err(errors.join("\n").into()) }
}

/// A runtime for a command.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
