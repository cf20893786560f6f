//! What is refused before it is done, and how it is told.

use std::error::Error as StdError;

use super::super::{Stop, ensure};
use super::Subject;
use crate::clock::{Clock, SystemClock};
use crate::identity::{
    AuthorizationOptions, ClientCredentialsOptions, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    EndSessionOptions, ExchangeOptions, IntrospectOptions, RefreshOptions, RevokeOptions, UserinfoOptions,
    VerifyOptions,
};
use crate::{Capability, Context, Error, ErrorKind, Outcome, Secret};

/// A text that is no code and no token, and that no error has a reason to hold.
const MARKER: &str = "bWFya2Vy.c2VjcmV0LW1hcmtlci1vZi10aGUtc3VpdGU.c2ln";

pub(super) async fn the_descriptor_is_in_order(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider;
    provider.descriptor().check()?;
    ensure!(provider.descriptor() == provider.descriptor(), "the descriptor changed between two calls");
    ensure!(!provider.issuer().is_empty(), "the issuer is empty");
    ensure!(!provider.client_id().is_empty(), "the client identifier is empty");
    Ok(())
}

/// Every operation that the provider claims, with secrets it cannot know. The results carry no value.
async fn every_operation(
    subject: &Subject<'_>,
    ctx: &Context,
) -> Result<Vec<(&'static str, Result<(), Error>)>, Stop> {
    let (provider, marker) = (subject.provider, Secret::new(MARKER));
    let options = AuthorizationOptions::default();
    let mut pending = provider.authorization_url(&subject.ctx, &options).await?.pending;
    pending.verifier = marker.clone();
    let mut results = vec![
        ("discover", provider.discover(ctx, &DiscoverOptions::default().refresh()).await.map(drop)),
        ("verify_token", provider.verify_token(ctx, &marker, &VerifyOptions::id_token()).await.map(drop)),
        ("authorization_url", provider.authorization_url(ctx, &options).await.map(drop)),
        ("exchange", provider.exchange(ctx, &marker, &pending, &ExchangeOptions::default()).await.map(drop)),
        ("refresh", provider.refresh(ctx, &marker, &RefreshOptions::default()).await.map(drop)),
    ];
    if subject.claims(Capability::Userinfo) {
        let result = provider.userinfo(ctx, &marker, &UserinfoOptions::default()).await;
        results.push(("userinfo", result.map(drop)));
    }
    if subject.claims(Capability::Introspect) {
        let result = provider.introspect(ctx, &marker, &IntrospectOptions::default()).await;
        results.push(("introspect", result.map(drop)));
    }
    if subject.claims(Capability::Revoke) {
        results.push(("revoke", provider.revoke(ctx, &marker, &RevokeOptions::default()).await));
    }
    if subject.claims(Capability::EndSession) {
        let result = provider.end_session_url(ctx, &EndSessionOptions::default()).await;
        results.push(("end_session_url", result.map(drop)));
    }
    if subject.claims(Capability::ClientCredentials) {
        let result = provider.client_credentials(ctx, &ClientCredentialsOptions::default()).await;
        results.push(("client_credentials", result.map(drop)));
    }
    if subject.claims(Capability::DeviceFlow) {
        let result = provider.device_start(ctx, &DeviceStartOptions::default()).await;
        results.push(("device_start", result.map(drop)));
        let result = provider.device_poll(ctx, &marker, &DevicePollOptions::default()).await;
        results.push(("device_poll", result.map(drop)));
    }
    Ok(results)
}

pub(super) async fn a_passed_deadline_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let late = Context { deadline: Some(SystemClock.now()), ..subject.ctx.clone() };
    for (operation, result) in every_operation(subject, &late).await? {
        let Err(error) = result else {
            return Err(Stop::Failed(format!("{operation} past its deadline succeeded")));
        };
        let refused = *error.kind() == ErrorKind::DeadlineExceeded && error.outcome() == Outcome::NotSent;
        ensure!(refused, "{operation} past its deadline failed with \"{error}\", {:?}", error.outcome());
    }
    Ok(())
}

pub(super) async fn no_error_shows_a_secret(subject: &Subject<'_>) -> Result<(), Stop> {
    for (operation, result) in every_operation(subject, &subject.ctx).await? {
        let Err(error) = result else { continue };
        let mut cause: Option<&dyn StdError> = Some(&error);
        while let Some(told) = cause {
            let told_all = format!("{told} {told:?}");
            ensure!(!told_all.contains(MARKER), "the error of {operation}, or its cause, shows the secret");
            cause = told.source();
        }
    }
    Ok(())
}
