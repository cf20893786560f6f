//! Device flows.

use std::time::Duration;

use super::super::{Stop, ensure};
use super::{Subject, expect_kind, expect_unsupported, skipped};
use crate::identity::{DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, operations};
use crate::{Capability, Error, ErrorKind, Secret};

/// The most polls after an answer; an issuer may take a moment.
const POLLS: u32 = 5;

async fn start(subject: &Subject<'_>) -> Result<DeviceAuthorization, Error> {
    subject.provider.device_start(&subject.ctx, &DeviceStartOptions::default()).await
}

async fn poll(subject: &Subject<'_>, code: &Secret) -> Result<DevicePoll, Error> {
    subject.provider.device_poll(&subject.ctx, code, &DevicePollOptions::default()).await
}

/// Polls until something else comes than to wait.
async fn settle(subject: &Subject<'_>, flow: &DeviceAuthorization) -> Result<DevicePoll, Error> {
    let mut interval = flow.interval;
    let mut last = poll(subject, &flow.device_code).await?;
    for _ in 0..POLLS {
        let DevicePoll::Pending { slow_down } = last else { break };
        if slow_down {
            interval += Duration::from_secs(5);
        }
        subject.driver.wait(interval).await;
        last = poll(subject, &flow.device_code).await?;
    }
    Ok(last)
}

pub(super) async fn a_device_flow_waits_to_be_confirmed_or_is_unsupported(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    if !subject.claims(Capability::DeviceFlow) {
        expect_unsupported(subject, start(subject).await, operations::DEVICE_START)?;
        let polled = poll(subject, &Secret::new("no-such-code")).await;
        return expect_unsupported(subject, polled, operations::DEVICE_POLL);
    }
    let flow = start(subject).await?;
    ensure!(flow.verification_uri.starts_with("http"), "the verification URI is not one of HTTP");
    ensure!(!flow.user_code.expose().is_empty(), "the user code is empty");
    ensure!(!flow.user_code.matches(flow.device_code.expose()), "the user sees the device's code");
    let early = poll(subject, &flow.device_code).await?;
    ensure!(matches!(early, DevicePoll::Pending { .. }), "tokens came before anybody confirmed");
    answer(subject, &flow, true).await?;
    subject.driver.wait(flow.interval).await;
    match settle(subject, &flow).await? {
        DevicePoll::Done(tokens) => {
            ensure!(tokens.id_token.is_some() == tokens.claims.is_some(), "an ID token has no claims");
        }
        DevicePoll::Pending { .. } => {
            return Err(Stop::Failed("a flow that was confirmed stays pending".to_owned()));
        }
    }
    let again = poll(subject, &flow.device_code).await;
    expect_kind(again, "a device code used a second time", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn a_refused_device_flow_brings_no_tokens(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::DeviceFlow)?;
    let flow = start(subject).await?;
    answer(subject, &flow, false).await?;
    let result = settle(subject, &flow).await;
    expect_kind(result, "a flow that was refused", &ErrorKind::PermissionDenied)?;
    Ok(())
}

pub(super) async fn an_unknown_device_code_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::DeviceFlow)?;
    let unknown = poll(subject, &Secret::new("no-such-device-code")).await;
    expect_kind(unknown, "an unknown device code", &ErrorKind::GrantRefused)?;
    Ok(())
}

async fn answer(subject: &Subject<'_>, flow: &DeviceAuthorization, confirm: bool) -> Result<(), Stop> {
    if subject.driver.answer_device(flow, confirm).await? {
        return Ok(());
    }
    Err(skipped("the driver does not answer device flows"))
}
