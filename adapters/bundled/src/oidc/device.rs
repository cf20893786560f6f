//! Signing in on a device without a browser (RFC 8628).

use std::time::Duration;

use companyos_adapter_traits::identity::{
    DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, VerifyOptions, operations,
};
use companyos_adapter_traits::{Context, Error, Secret};
use http::StatusCode;
use serde::Deserialize;

use super::OidcProvider;
use super::authorize::with_openid;
use super::error::{code, unreadable};
use super::form::Form;
use super::token::{self, Seconds};

/// Section 3.2. Some issuers spell the URI as an early draft did.
#[derive(Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    #[serde(alias = "verification_url_complete")]
    verification_uri_complete: Option<String>,
    expires_in: Seconds,
    interval: Option<Seconds>,
}

impl OidcProvider {
    pub(super) async fn start_device(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        let form = Form::new()
            .with("scope", &with_openid(&options.scopes))
            .with_some("resource", self.shared.config.sent_resource());
        let answer = self.post(ctx, metadata.device.as_ref(), form, operations::DEVICE_START).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused("starting a device flow", &answer));
        }
        let what = "the issuer's answer to a device";
        let started: Started = serde_json::from_slice(answer.body()).map_err(|_| unreadable(what))?;
        let mut device = DeviceAuthorization::new(
            Secret::new(started.device_code),
            Secret::new(started.user_code),
            started.verification_uri,
            started.expires_in.duration().ok_or_else(|| unreadable(what))?,
        );
        device.verification_uri_complete = started.verification_uri_complete.map(Secret::new);
        if let Some(interval) = started.interval.as_ref().and_then(Seconds::duration) {
            // Polling in a loop without a pause is never what is meant.
            device.interval = interval.max(Duration::from_secs(1));
        }
        Ok(device)
    }

    pub(super) async fn poll_device(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        let form = Form::new()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", device_code.expose())
            .with_some("resource", self.shared.config.sent_resource());
        let answer = self.ask_for_tokens(ctx, form, operations::DEVICE_POLL).await?;
        if answer.status() == StatusCode::OK {
            let granted = token::read(&answer)?;
            let expected = VerifyOptions::id_token().authentication(options.authentication.clone());
            return Ok(DevicePoll::Done(Box::new(self.verified(ctx, granted, expected).await?)));
        }
        match code(&answer).as_deref() {
            Some("authorization_pending") => Ok(DevicePoll::Pending { slow_down: false }),
            Some("slow_down") => Ok(DevicePoll::Pending { slow_down: true }),
            _ => Err(self.refused("asking for a device's tokens", &answer)),
        }
    }
}
