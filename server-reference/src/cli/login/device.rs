//! Signing in with a browser anywhere.

use std::error::Error;
use std::time::Duration;

use companyos_adapters::oidc::OidcProvider;
use companyos_adapters::traits::Context;
use companyos_adapters::traits::identity::{
    DevicePoll, DevicePollOptions, DeviceStartOptions, IdentityProvider, TokenSet,
};
use serde::Serialize;

use super::Output;

/// What RFC 8628 section 3.5 adds to the interval when the issuer says `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Prompt<'a> {
    verification_uri: &'a str,
    verification_uri_complete: Option<&'a str>,
    user_code: &'a str,
    expires_in: u64,
}

pub(super) async fn sign_in(
    provider: &OidcProvider,
    ctx: &Context,
    scopes: &[String],
    output: Output,
) -> Result<TokenSet, Box<dyn Error>> {
    let options = DeviceStartOptions::default().scopes(scopes.iter().cloned());
    let device = provider.device_start(ctx, &options).await?;
    let prompt = Prompt {
        verification_uri: &device.verification_uri,
        verification_uri_complete: device.verification_uri_complete.as_ref().map(|uri| uri.expose()),
        user_code: device.user_code.expose(),
        expires_in: device.expires_in.as_secs(),
    };
    let text = format!("open {} and enter {}", prompt.verification_uri, prompt.user_code);
    output.prompt(&prompt, &text)?;

    let polling = poll(provider, ctx, &device.device_code, device.interval);
    tokio::time::timeout(device.expires_in, polling).await.map_err(|_| "nobody confirmed in time")?
}

async fn poll(
    provider: &OidcProvider,
    ctx: &Context,
    code: &companyos_adapters::traits::Secret,
    mut interval: Duration,
) -> Result<TokenSet, Box<dyn Error>> {
    loop {
        tokio::time::sleep(interval).await;
        match provider.device_poll(ctx, code, &DevicePollOptions::default()).await? {
            DevicePoll::Done(tokens) => return Ok(*tokens),
            DevicePoll::Pending { slow_down: true } => interval += SLOWER,
            _ => {}
        }
    }
}
