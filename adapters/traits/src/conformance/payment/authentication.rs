//! Declines and 3-D Secure.

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, expect_kind, stands};
use crate::payment::{ConfirmOptions, Payment, PaymentOptions, PaymentStatus};
use crate::{ErrorKind, Outcome};

pub(super) async fn a_declined_payment_says_why_and_takes_nothing(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let expected = ErrorKind::Declined { code: subject.stage.decline_code().to_owned() };
    let at_once = subject.pay_with(Behaviour::Declined)?;
    let result = provider.create_payment(&subject.once(), subject.money(1000), &at_once).await;
    let error = expect_kind(result, "a payment that the bank declines", &expected)?;
    ensure!(error.outcome() == Outcome::Answered, "a decline has the outcome {:?}", error.outcome());

    let waiting = unpaid(subject).await?;
    let declined = ConfirmOptions::method(subject.method(Behaviour::Declined)?);
    let result = provider.confirm_payment(&subject.once(), &waiting.id, &declined).await;
    expect_kind(result, "a confirmation that the bank declines", &expected)?;
    let read = subject.reread(&waiting).await?;
    subject.expect(&read, stands(PaymentStatus::RequiresPaymentMethod, 0, 0, 0)).await?;
    let code = read.last_decline.as_deref();
    ensure!(code == Some(subject.stage.decline_code()), "the declined payment says {code:?}");

    let approved = ConfirmOptions::method(subject.method(Behaviour::Approved)?);
    let paid = provider.confirm_payment(&subject.once(), &waiting.id, &approved).await?;
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}

pub(super) async fn an_authentication_is_asked_for_and_honoured(subject: &Subject<'_>) -> Result<(), Stop> {
    let waiting = challenged(subject).await?;
    authenticate(subject, &waiting, true).await?;
    let go_on = ConfirmOptions::authenticated();
    let paid = subject.provider().confirm_payment(&subject.once(), &waiting.id, &go_on).await?;
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    ensure!(paid.next_action.is_none(), "a finished payment asks for {:?}", paid.next_action);
    Ok(())
}

pub(super) async fn a_failed_authentication_is_a_decline(subject: &Subject<'_>) -> Result<(), Stop> {
    let waiting = challenged(subject).await?;
    authenticate(subject, &waiting, false).await?;
    let go_on = ConfirmOptions::authenticated();
    // A provider may have noticed by itself, and then nothing pays any more.
    match subject.provider().confirm_payment(&subject.once(), &waiting.id, &go_on).await {
        Err(error) if matches!(error.kind(), ErrorKind::Declined { .. } | ErrorKind::InvalidState) => {}
        other => {
            let how = other.map_or_else(|error| error.to_string(), |payment| payment.status.to_string());
            return Err(Stop::Failed(format!("going on after a failed authentication: {how}")));
        }
    }
    let read = subject.reread(&waiting).await?;
    subject.expect(&read, stands(PaymentStatus::RequiresPaymentMethod, 0, 0, 0)).await?;
    ensure!(read.last_decline.is_some(), "the payment does not say that it was declined");
    Ok(())
}

pub(super) async fn an_absent_customer_is_not_asked_to_authenticate(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let waiting = unpaid(subject).await?;
    let options = ConfirmOptions::method(subject.method(Behaviour::AuthenticationRequired)?).off_session();
    let result = subject.provider().confirm_payment(&subject.once(), &waiting.id, &options).await;
    expect_kind(result, "a payment of an absent customer", &ErrorKind::AuthenticationRequired)?;
    let read = subject.reread(&waiting).await?;
    subject.expect(&read, stands(PaymentStatus::RequiresPaymentMethod, 0, 0, 0)).await
}

async fn unpaid(subject: &Subject<'_>) -> Result<Payment, Stop> {
    let options = PaymentOptions::default();
    Ok(subject.provider().create_payment(&subject.once(), subject.money(1000), &options).await?)
}

/// A payment that waits for its customer.
async fn challenged(subject: &Subject<'_>) -> Result<Payment, Stop> {
    let options =
        subject.pay_with(Behaviour::AuthenticationRequired)?.return_url("https://shop.example/back");
    let payment = subject.provider().create_payment(&subject.once(), subject.money(1000), &options).await?;
    subject.expect(&payment, stands(PaymentStatus::RequiresAction, 0, 0, 0)).await?;
    ensure!(payment.next_action.is_some(), "the customer is not told where to authenticate");
    let early = ConfirmOptions::authenticated();
    let still = subject.provider().confirm_payment(&subject.once(), &payment.id, &early).await?;
    subject.expect(&still, stands(PaymentStatus::RequiresAction, 0, 0, 0)).await?;
    Ok(payment)
}

async fn authenticate(subject: &Subject<'_>, payment: &Payment, succeeds: bool) -> Result<(), Stop> {
    if subject.stage.authenticate(&payment.id, succeeds).await? {
        return Ok(());
    }
    Err(Stop::Skipped("the stage cannot authenticate a customer".to_owned()))
}
