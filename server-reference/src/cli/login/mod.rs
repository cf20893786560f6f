//! `companyos login`.
//!
//! A program on somebody's machine cannot keep a secret, so it is a public client (RFC 8252): by default with a browser
//! on the same machine and a redirect to its loopback, or with `--device` and a browser anywhere (RFC 8628).

mod device;
mod loopback;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use companyos_adapters::oidc::{ClientAuthentication, OidcConfig, OidcProvider};
use companyos_adapters::traits::Context;
use companyos_adapters::traits::identity::TokenSet;
use companyos_types::Secret;
use serde::Serialize;

use super::output::Output;
use super::{Ended, environment};
use crate::kernel::clock::{Clock, SystemClock, Timestamp};
use crate::launch::keep;

#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// The issuer, as it names itself.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The client that is registered for this program, without a secret.
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Confirm in a browser on any device, instead of one on this machine.
    #[arg(long)]
    device: bool,
    /// Ask for an access token for this resource.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Ask for this scope; may be given several times. offline_access brings a token that renews itself.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The port the browser comes back to; a free one by default.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Seconds to wait for the browser.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
    /// The file to keep the tokens in; companyos/token.json in the user's configuration by default.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What is kept. Whoever reads it is signed in.
#[derive(Serialize)]
struct Kept<'a> {
    issuer: &'a str,
    client_id: &'a str,
    subject: Option<&'a str>,
    access_token: &'a str,
    token_type: &'a str,
    expires_at: Option<String>,
    refresh_token: Option<&'a str>,
    id_token: Option<&'a str>,
    scope: &'a [String],
}

/// What is printed.
#[derive(Serialize)]
struct SignedIn {
    issuer: String,
    subject: Option<String>,
    expires_at: Option<String>,
    renews: bool,
    token_file: PathBuf,
}

pub(super) fn run(args: &LoginArgs, output: Output) -> Ended {
    let file = match &args.token_file {
        Some(file) => file.clone(),
        None => usual_file().ok_or("neither XDG_CONFIG_HOME nor HOME is set; name a --token-file")?,
    };
    let tokens = super::runtime()?.block_on(sign_in(args, output))?;
    let signed_in = keep_tokens(args, &tokens, &file, SystemClock.now())?;
    let who = signed_in.subject.as_deref().unwrap_or("somebody");
    let text = format!("signed in at {} as {who}; the tokens are in {}", args.issuer, file.display());
    output.result(&signed_in, &text)?;
    Ok(ExitCode::SUCCESS)
}

async fn sign_in(args: &LoginArgs, output: Output) -> Result<TokenSet, Box<dyn Error>> {
    let mut config = OidcConfig::new(&args.issuer, &args.client_id, ClientAuthentication::Public);
    if let Some(resource) = &args.resource {
        config = config.resource(resource);
    }
    // Nobody's tenant and no region: the person signs in at their own machine.
    let ctx = Context::builder("", "").build();
    let provider = OidcProvider::connect(&ctx, config).await?;
    let wait = Duration::from_secs(args.wait);
    let signing_in = async {
        if args.device {
            device::sign_in(&provider, &ctx, &args.scopes, output).await
        } else {
            loopback::sign_in(&provider, &ctx, &args.scopes, args.port, output).await
        }
    };
    tokio::time::timeout(wait, signing_in)
        .await
        .map_err(|_| format!("nobody signed in within {} seconds", args.wait))?
}

fn keep_tokens(
    args: &LoginArgs,
    tokens: &TokenSet,
    file: &Path,
    now: Timestamp,
) -> Result<SignedIn, Box<dyn Error>> {
    let expires_at = tokens.expires_in.map(|span| now.saturating_add(span).to_string());
    let subject = tokens.claims.as_ref().map(|claims| claims.sub.as_str());
    let kept = Kept {
        issuer: &args.issuer,
        client_id: &args.client_id,
        subject,
        access_token: tokens.access_token.expose(),
        token_type: &tokens.token_type,
        expires_at: expires_at.clone(),
        refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose()),
        id_token: tokens.id_token.as_ref().map(|token| token.expose()),
        scope: &tokens.scope,
    };
    let text = Secret::new(serde_json::to_string(&kept)?);
    let failed = |error| format!("{} cannot be written: {error}", file.display());
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    keep(file, &text).map_err(failed)?;
    Ok(SignedIn {
        issuer: args.issuer.clone(),
        subject: subject.map(str::to_owned),
        expires_at,
        renews: tokens.refresh_token.is_some(),
        token_file: file.to_owned(),
    })
}

/// `companyos/token.json` where the user's programs keep their configuration.
fn usual_file() -> Option<PathBuf> {
    let variables: Vec<_> = environment().collect();
    let named = |name: &str| {
        let value = variables.iter().find(|(found, _)| found == name).map(|(_, value)| PathBuf::from(value));
        value.filter(|path| path.is_absolute())
    };
    let folder = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")))?;
    Some(folder.join("companyos/token.json"))
}
