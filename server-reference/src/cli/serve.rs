//! `companyos serve`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Output;
use super::{Common, Ended, ServeArgs, log, usable};
use crate::config::{Config, Severity};
use crate::kernel::clock::SystemClock;
use crate::launch::{Launch, Running};
use crate::serve::{Drained, Encryption};

/// What is printed once the server listens.
#[derive(Serialize)]
struct Listening {
    base_url: String,
    mode: &'static str,
    region: String,
    database: String,
    /// The file that holds the first operator key.
    operator_key_file: PathBuf,
    /// Whether that key was made just now.
    first_start: bool,
}

pub(super) fn run(common: &Common, args: &ServeArgs, output: Output) -> Ended {
    let mut layers = common.layers()?;
    if let Some(address) = &args.listen {
        layers.flag("listen.address", address)?;
    }
    if let Some(mode) = &args.mode {
        layers.flag("mode", mode)?;
    }
    if args.insecure_public_bind {
        layers.flag("listen.insecure_public_bind", "true")?;
    }
    let config = usable(&layers)?;
    log::start(&config.log, Arc::new(SystemClock)).map_err(|error| -> Box<dyn Error> { error })?;
    for finding in config.check(&layers).iter().filter(|finding| finding.severity == Severity::Warning) {
        tracing::warn!("{}", finding.detail);
    }
    super::runtime()?.block_on(start(config, output))
}

async fn start(config: Config, output: Output) -> Ended {
    let mut signals = Signals::new()?;
    let running = Launch::new(&config.data_dir)
        .address(config.address)
        .encryption(encryption(&config)?)
        .store(config.store.clone())
        .settings(config.settings.clone())
        .serve_options(config.serve.clone())
        .start()
        .await?;
    announce(&config, &running, output)?;
    signals.told().await;
    tokio::select! {
        drained = running.stop() => match drained {
            Drained::Completely => {
                tracing::info!("stopped");
                Ok(ExitCode::SUCCESS)
            }
            Drained::Cut { connections } => {
                tracing::warn!(connections, "stopped; connections were cut after the drain timeout");
                Ok(ExitCode::FAILURE)
            }
        },
        () = signals.told() => Err("told twice to stop; requests that ran may or may not have been committed".into()),
    }
}

fn announce(config: &Config, running: &Running, output: Output) -> Result<(), serde_json::Error> {
    let listening = Listening {
        base_url: running.base_url().to_owned(),
        mode: config.settings.mode.as_str(),
        region: config.settings.region.clone(),
        database: config.database_shown(),
        operator_key_file: running.operator_key_file().to_owned(),
        first_start: running.is_first_start(),
    };
    tracing::info!(base_url = listening.base_url, mode = listening.mode, "listening");
    let told = if listening.first_start { "written just now" } else { "from the first start" };
    let text = format!(
        "CompanyOS {}\n  address       {}\n  mode          {}\n  database      {}\n  operator key  {} ({told})\n",
        env!("CARGO_PKG_VERSION"),
        listening.base_url,
        listening.mode,
        listening.database,
        listening.operator_key_file.display(),
    );
    output.result(&listening, &text)
}

#[cfg(feature = "tls")]
fn encryption(config: &Config) -> Result<Encryption, Box<dyn Error>> {
    match &config.tls {
        Some((certificate, key)) => Ok(Encryption::Tls(crate::serve::tls::acceptor(certificate, key)?)),
        None => Ok(Encryption::None),
    }
}

#[cfg(not(feature = "tls"))]
fn encryption(_config: &Config) -> Result<Encryption, Box<dyn Error>> {
    Ok(Encryption::None)
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves when the process is told to stop.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("SIGTERM: draining"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT: draining"),
        }
    }
}
