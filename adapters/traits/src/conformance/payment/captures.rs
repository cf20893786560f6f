//! Captures and cancellations.

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, expect_kind, expect_unsupported, stands};
use crate::payment::{CancelOptions, CaptureMode, CaptureOptions, PaymentStatus, RefundOptions, operations};
use crate::{Capability, ErrorKind};

pub(super) async fn a_manual_payment_takes_nothing_until_captured(subject: &Subject<'_>) -> Result<(), Stop> {
    let (provider, amount) = (subject.provider(), subject.money(1000));
    if !subject.has(Capability::ManualCapture) {
        let before = subject.stage.taken().await?;
        let options = subject.pay_with(Behaviour::Approved)?.manual_capture();
        let result = provider.create_payment(&subject.once(), amount, &options).await;
        expect_unsupported(subject, result, operations::MANUAL_CAPTURE)?;
        ensure!(subject.stage.taken().await? == before, "manual capture, which is not claimed, took money");
        return Ok(());
    }
    let waiting = subject.authorised(1000).await?;
    subject.expect(&waiting, stands(PaymentStatus::RequiresCapture, 1000, 0, 0)).await?;
    ensure!(waiting.capture == CaptureMode::Manual, "the payment says it is captured automatically");
    let early = provider.refund_payment(&subject.once(), &waiting.id, &RefundOptions::default()).await;
    expect_kind(early, "a refund of what was not taken", &ErrorKind::InvalidState)?;
    let taken = provider.capture_payment(&subject.once(), &waiting.id, &CaptureOptions::default()).await?;
    ensure!(taken.id == waiting.id, "capturing {} answers {}", waiting.id, taken.id);
    subject.expect(&taken, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    let again = provider.capture_payment(&subject.once(), &waiting.id, &CaptureOptions::default()).await;
    expect_kind(again, "a second capture", &ErrorKind::InvalidState)?;
    subject.expect(&taken, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}

pub(super) async fn a_partial_capture_takes_its_part_and_releases_the_rest(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let waiting = subject.authorised(1000).await?;
    let options = CaptureOptions::amount(subject.money(600));
    let result = subject.provider().capture_payment(&subject.once(), &waiting.id, &options).await;
    if !subject.has(Capability::PartialCapture) {
        expect_unsupported(subject, result, operations::PARTIAL_CAPTURE)?;
        return subject.expect(&waiting, stands(PaymentStatus::RequiresCapture, 1000, 0, 0)).await;
    }
    let taken = result?;
    subject.expect(&taken, stands(PaymentStatus::Succeeded, 1000, 600, 0)).await?;
    let rest = CaptureOptions::amount(subject.money(400));
    let result = subject.provider().capture_payment(&subject.once(), &waiting.id, &rest).await;
    expect_kind(result, "a capture of what was released", &ErrorKind::InvalidState)?;
    subject.expect(&taken, stands(PaymentStatus::Succeeded, 1000, 600, 0)).await
}

pub(super) async fn more_than_was_authorised_is_not_captured(subject: &Subject<'_>) -> Result<(), Stop> {
    let waiting = subject.authorised(1000).await?;
    let options = CaptureOptions::amount(subject.money(1001));
    let result = subject.provider().capture_payment(&subject.once(), &waiting.id, &options).await;
    expect_kind(result, "a capture of more than was authorised", &ErrorKind::InvalidState)?;
    subject.expect(&waiting, stands(PaymentStatus::RequiresCapture, 1000, 0, 0)).await
}

pub(super) async fn a_canceled_payment_takes_nothing(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let waiting = subject.authorised(1000).await?;
    let canceled = provider.cancel_payment(&subject.once(), &waiting.id, &CancelOptions::default()).await?;
    ensure!(canceled.id == waiting.id, "canceling {} answers {}", waiting.id, canceled.id);
    subject.expect(&canceled, stands(PaymentStatus::Canceled, 1000, 0, 0)).await?;
    let capture = provider.capture_payment(&subject.once(), &waiting.id, &CaptureOptions::default()).await;
    expect_kind(capture, "a capture of a canceled payment", &ErrorKind::InvalidState)?;
    let again = provider.cancel_payment(&subject.once(), &waiting.id, &CancelOptions::default()).await;
    expect_kind(again, "a second cancellation", &ErrorKind::InvalidState)?;
    subject.expect(&canceled, stands(PaymentStatus::Canceled, 1000, 0, 0)).await
}

pub(super) async fn what_was_taken_is_not_canceled(subject: &Subject<'_>) -> Result<(), Stop> {
    let paid = subject.paid(1000).await?;
    let result =
        subject.provider().cancel_payment(&subject.once(), &paid.id, &CancelOptions::default()).await;
    expect_kind(result, "a cancellation of what was taken", &ErrorKind::InvalidState)?;
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}
