//! Idempotency keys.

use futures_util::future::join_all;

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, expect_kind, stands};
use crate::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, CustomerOptions, Money, Payment, PaymentOptions,
    PaymentStatus, RefundOptions,
};
use crate::{Capability, Conflict, Context, Error, ErrorKind, Outcome};

const RACERS: usize = 6;

pub(super) async fn an_effect_without_a_key_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let paid = subject.paid(1000).await?;
    let before = subject.stage.taken().await?;
    let keyless = Context { idempotency_key: None, ..subject.ctx.clone() };
    let pay = subject.pay_with(Behaviour::Approved)?;
    let confirm = ConfirmOptions::method(subject.method(Behaviour::Approved)?);
    let id = &paid.id;
    refused("create_customer", provider.create_customer(&keyless, &CustomerOptions::default()).await)?;
    refused("create_payment", provider.create_payment(&keyless, subject.money(1000), &pay).await)?;
    refused("confirm_payment", provider.confirm_payment(&keyless, id, &confirm).await)?;
    refused("capture_payment", provider.capture_payment(&keyless, id, &CaptureOptions::default()).await)?;
    refused("cancel_payment", provider.cancel_payment(&keyless, id, &CancelOptions::default()).await)?;
    refused("refund_payment", provider.refund_payment(&keyless, id, &RefundOptions::default()).await)?;
    ensure!(subject.stage.taken().await? == before, "a call without a key moved money");
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}

fn refused<T>(operation: &str, result: Result<T, Error>) -> Result<(), Stop> {
    let error = expect_kind(result, &format!("{operation} without a key"), &ErrorKind::InvalidInput)?;
    ensure!(error.outcome() == Outcome::NotSent, "{operation} without a key is {:?}", error.outcome());
    Ok(())
}

pub(super) async fn a_repeated_call_is_done_once(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let once = subject.once();
    let customer = provider.create_customer(&once, &CustomerOptions::default()).await?;
    let again = provider.create_customer(&once, &CustomerOptions::default()).await?;
    ensure!(customer.id == again.id, "a repetition made the customer {} beside {}", again.id, customer.id);

    let before = subject.stage.taken().await?;
    let (once, options) = (subject.once(), subject.pay_with(Behaviour::Approved)?);
    let paid = provider.create_payment(&once, subject.money(1000), &options).await?;
    let again = provider.create_payment(&once, subject.money(1000), &options).await?;
    ensure!(paid.id == again.id, "a repetition made the payment {} beside {}", again.id, paid.id);
    took(subject, before, 1000).await?;

    let (once, whole) = (subject.once(), RefundOptions::default());
    let part = subject.has(Capability::PartialRefund);
    let options = if part { RefundOptions::amount(subject.money(300)) } else { whole };
    let refund = provider.refund_payment(&once, &paid.id, &options).await?;
    let again = provider.refund_payment(&once, &paid.id, &options).await?;
    ensure!(refund.id == again.id, "a repetition made the refund {} beside {}", again.id, refund.id);
    let refunded = if part { 300 } else { 1000 };
    let paid = subject.reread(&paid).await?;
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, refunded)).await?;
    took(subject, before, 1000 - refunded).await?;

    let unpaid =
        provider.create_payment(&subject.once(), subject.money(500), &PaymentOptions::default()).await?;
    let (once, options) = (subject.once(), ConfirmOptions::method(subject.method(Behaviour::Approved)?));
    for _ in 0..2 {
        let paid = provider.confirm_payment(&once, &unpaid.id, &options).await?;
        subject.expect(&paid, stands(PaymentStatus::Succeeded, 500, 500, 0)).await?;
    }
    took(subject, before, 1500 - refunded).await?;
    if subject.has(Capability::ManualCapture) {
        let (once, waiting) = (subject.once(), subject.authorised(200).await?);
        for _ in 0..2 {
            let taken = provider.capture_payment(&once, &waiting.id, &CaptureOptions::default()).await?;
            subject.expect(&taken, stands(PaymentStatus::Succeeded, 200, 200, 0)).await?;
        }
        let (once, waiting) = (subject.once(), subject.authorised(200).await?);
        for _ in 0..2 {
            let canceled = provider.cancel_payment(&once, &waiting.id, &CancelOptions::default()).await?;
            subject.expect(&canceled, stands(PaymentStatus::Canceled, 200, 0, 0)).await?;
        }
        took(subject, before, 1700 - refunded).await?;
    }
    Ok(())
}

pub(super) async fn of_racing_repetitions_one_is_done(subject: &Subject<'_>) -> Result<(), Stop> {
    let before = subject.stage.taken().await?;
    let (once, options) = (subject.once(), subject.pay_with(Behaviour::Approved)?);
    let pay = || subject.provider().create_payment(&once, subject.money(1000), &options);
    let mut payments: Vec<Payment> = Vec::new();
    for result in join_all((0..RACERS).map(|_| pay())).await {
        match result {
            Ok(payment) => payments.push(payment),
            Err(error) if *error.kind() == ErrorKind::Conflict(Conflict::InFlight) => {}
            Err(error) => return Err(error.into()),
        }
    }
    payments.push(pay().await?);
    let first = payments[0].id.clone();
    for payment in &payments {
        ensure!(payment.id == first, "racing repetitions made the payments {first} and {}", payment.id);
    }
    took(subject, before, 1000).await
}

pub(super) async fn a_declined_call_is_declined_again(subject: &Subject<'_>) -> Result<(), Stop> {
    let (once, options) = (subject.once(), subject.pay_with(Behaviour::Declined)?);
    let expected = ErrorKind::Declined { code: subject.stage.decline_code().to_owned() };
    for what in ["a payment that the bank declines", "its repetition"] {
        let result = subject.provider().create_payment(&once, subject.money(1000), &options).await;
        expect_kind(result, what, &expected)?;
    }
    Ok(())
}

pub(super) async fn a_key_used_for_something_else_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let (once, options) = (subject.once(), subject.pay_with(Behaviour::Approved)?);
    let paid = provider.create_payment(&once, subject.money(1000), &options).await?;
    let before = subject.stage.taken().await?;
    let mismatch = ErrorKind::IdempotencyMismatch;
    let dearer = provider.create_payment(&once, subject.money(1100), &options).await;
    expect_kind(dearer, "the same key with another amount", &mismatch)?;
    let described = options.clone().metadata("order", "43");
    let described = provider.create_payment(&once, subject.money(1000), &described).await;
    expect_kind(described, "the same key with other metadata", &mismatch)?;
    let refund = provider.refund_payment(&once, &paid.id, &RefundOptions::default()).await;
    expect_kind(refund, "the key of a payment on a refund", &mismatch)?;
    ensure!(subject.stage.taken().await? == before, "a key used for something else moved money");
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    let again = provider.create_payment(&once, subject.money(1000), &options).await?;
    ensure!(again.id == paid.id, "after a mismatch the key answers {} instead of {}", again.id, paid.id);
    Ok(())
}

pub(super) async fn keys_of_two_tenants_do_not_meet(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let (once, options) = (subject.once(), subject.pay_with(Behaviour::Approved)?);
    let other = Context { tenant: format!("{}-2", once.tenant), ..once.clone() };
    let ours = provider.create_payment(&once, subject.money(1000), &options).await?;
    let theirs = provider.create_payment(&other, subject.money(1000), &options).await?;
    ensure!(ours.id != theirs.id, "two tenants that chose the same key share the payment {}", ours.id);
    Ok(())
}

/// Checks what the account has taken since, where the stage can tell.
async fn took(subject: &Subject<'_>, before: Option<Money>, units: i64) -> Result<(), Stop> {
    if let (Some(before), Some(now)) = (before, subject.stage.taken().await?) {
        let (took, expected) = (now.minus(before)?, subject.money(units));
        ensure!(took == expected, "the account has taken {took} instead of {expected}");
    }
    Ok(())
}
