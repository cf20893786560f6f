//! What is refused before it is done.

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, expect_kind, stands};
use crate::clock::{Clock, SystemClock};
use crate::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Currency, CustomerId, CustomerOptions, GetCustomerOptions,
    GetPaymentOptions, GetRefundOptions, Money, PaymentId, PaymentOptions, PaymentStatus, RefundId,
    RefundOptions,
};
use crate::{Context, Error, ErrorKind, Outcome};

pub(super) async fn the_descriptor_is_in_order(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    provider.descriptor().check()?;
    ensure!(provider.descriptor() == provider.descriptor(), "the descriptor changed between two calls");
    Ok(())
}

pub(super) async fn an_absent_object_is_not_found(subject: &Subject<'_>) -> Result<(), Stop> {
    let (provider, ctx) = (subject.provider(), &subject.ctx);
    let payment = PaymentId::new("pi_absent000000000000000");
    let (customer, refund) =
        (CustomerId::new("cus_absent00000000"), RefundId::new("re_absent0000000000000000"));
    not_found("get_customer", provider.get_customer(ctx, &customer, &GetCustomerOptions::default()).await)?;
    not_found("get_payment", provider.get_payment(ctx, &payment, &GetPaymentOptions::default()).await)?;
    not_found("get_refund", provider.get_refund(ctx, &refund, &GetRefundOptions::default()).await)?;
    let once = subject.once();
    not_found("capture", provider.capture_payment(&once, &payment, &CaptureOptions::default()).await)?;
    let once = subject.once();
    not_found("cancel", provider.cancel_payment(&once, &payment, &CancelOptions::default()).await)?;
    let once = subject.once();
    not_found("refund", provider.refund_payment(&once, &payment, &RefundOptions::default()).await)?;
    let options = PaymentOptions::default().customer(customer);
    let once = subject.once();
    not_found("a payment of nobody", provider.create_payment(&once, subject.money(1000), &options).await)
}

fn not_found<T>(operation: &str, result: Result<T, Error>) -> Result<(), Stop> {
    expect_kind(result, &format!("{operation} of what is not there"), &ErrorKind::NotFound).map(drop)
}

pub(super) async fn an_amount_that_makes_no_sense_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (provider, input) = (subject.provider(), ErrorKind::InvalidInput);
    let options = subject.pay_with(Behaviour::Approved)?;
    let other = if subject.stage.currency() == Currency::EUR { Currency::USD } else { Currency::EUR };
    let foreign = Money::new(100 * subject.stage.scale(), other);
    for units in [0, -1000] {
        let amount = subject.money(units);
        let result = provider.create_payment(&subject.once(), amount, &options).await;
        expect_kind(result, &format!("a payment of {amount}"), &input)?;
    }
    let paid = subject.paid(1000).await?;
    for amount in [subject.money(0), subject.money(-100), foreign] {
        let options = RefundOptions::amount(amount);
        let result = provider.refund_payment(&subject.once(), &paid.id, &options).await;
        expect_kind(result, &format!("a refund of {amount}"), &input)?;
    }
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    if subject.has(crate::Capability::ManualCapture) {
        let waiting = subject.authorised(1000).await?;
        for amount in [subject.money(0), subject.money(-100), foreign] {
            let options = CaptureOptions::amount(amount);
            let result = provider.capture_payment(&subject.once(), &waiting.id, &options).await;
            expect_kind(result, &format!("a capture of {amount}"), &input)?;
        }
        subject.expect(&waiting, stands(PaymentStatus::RequiresCapture, 1000, 0, 0)).await?;
    }
    Ok(())
}

pub(super) async fn a_passed_deadline_is_refused_before_anything_is_done(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let provider = subject.provider();
    let paid = subject.paid(1000).await?;
    let before = subject.stage.taken().await?;
    let late = || Context { deadline: Some(SystemClock.now()), ..subject.once() };
    let pay = subject.pay_with(Behaviour::Approved)?;
    let confirm = ConfirmOptions::authenticated();
    let id = &paid.id;
    refused("create_customer", provider.create_customer(&late(), &CustomerOptions::default()).await)?;
    refused("create_payment", provider.create_payment(&late(), subject.money(1000), &pay).await)?;
    refused("get_payment", provider.get_payment(&late(), id, &GetPaymentOptions::default()).await)?;
    refused("confirm_payment", provider.confirm_payment(&late(), id, &confirm).await)?;
    refused("capture_payment", provider.capture_payment(&late(), id, &CaptureOptions::default()).await)?;
    refused("cancel_payment", provider.cancel_payment(&late(), id, &CancelOptions::default()).await)?;
    refused("refund_payment", provider.refund_payment(&late(), id, &RefundOptions::default()).await)?;
    ensure!(subject.stage.taken().await? == before, "a call past its deadline moved money");
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}

fn refused<T>(operation: &str, result: Result<T, Error>) -> Result<(), Stop> {
    let error = expect_kind(result, &format!("{operation} past its deadline"), &ErrorKind::DeadlineExceeded)?;
    ensure!(error.outcome() == Outcome::NotSent, "{operation} past its deadline is {:?}", error.outcome());
    Ok(())
}
