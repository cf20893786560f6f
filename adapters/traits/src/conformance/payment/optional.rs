//! Operations an adapter may leave out.

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, expect_kind, expect_unsupported};
use crate::payment::{
    CustomerOptions, FindOptions, GetPayoutOptions, Made, PayoutId, RefundOptions, operations,
};
use crate::{Capability, Context, Error, ErrorKind};

pub(super) async fn what_was_done_under_a_key_is_found_or_unsupported(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let provider = subject.provider();
    if !subject.has(Capability::FindByKey) {
        let result = find(subject, &subject.ctx, "nothing").await;
        return expect_unsupported(subject, result, operations::FIND_BY_KEY);
    }
    let (of_customer, of_payment, of_refund) = (subject.once(), subject.once(), subject.once());
    let nothing = find_of(subject, &of_payment).await?;
    ensure!(nothing.is_none(), "before anything is done {nothing:?} is found");
    let customer = provider.create_customer(&of_customer, &CustomerOptions::default()).await?;
    let options = subject.pay_with(Behaviour::Approved)?;
    let payment = provider.create_payment(&of_payment, subject.money(1000), &options).await?;
    let refund = provider.refund_payment(&of_refund, &payment.id, &RefundOptions::default()).await?;
    let found = find_of(subject, &of_customer).await?;
    ensure!(
        matches!(&found, Some(Made::Customer(found)) if found.id == customer.id),
        "for the customer {} {found:?} is found",
        customer.id
    );
    let found = find_of(subject, &of_payment).await?;
    ensure!(
        matches!(&found, Some(Made::Payment(found)) if found.id == payment.id),
        "for the payment {} {found:?} is found",
        payment.id
    );
    let found = find_of(subject, &of_refund).await?;
    ensure!(
        matches!(&found, Some(Made::Refund(found)) if found.id == refund.id),
        "for the refund {} {found:?} is found",
        refund.id
    );
    let declined = subject.once();
    let options = subject.pay_with(Behaviour::Declined)?;
    let expected = ErrorKind::Declined { code: subject.stage.decline_code().to_owned() };
    let result = provider.create_payment(&declined, subject.money(1000), &options).await;
    expect_kind(result, "a payment that the bank declines", &expected)?;
    match find_of(subject, &declined).await? {
        None => Ok(()),
        Some(Made::Payment(left)) => {
            ensure!(!left.captured.is_positive(), "a declined payment took {}", left.captured);
            ensure!(left.last_decline.is_some(), "a declined payment does not say that it was declined");
            Ok(())
        }
        Some(other) => Err(Stop::Failed(format!("for a declined payment {other:?} is found"))),
    }
}

async fn find_of(subject: &Subject<'_>, done: &Context) -> Result<Option<Made>, Error> {
    find(subject, done, done.idempotency_key.as_deref().unwrap_or_default()).await
}

async fn find(subject: &Subject<'_>, ctx: &Context, key: &str) -> Result<Option<Made>, Error> {
    subject.provider().find_by_key(ctx, key, &FindOptions::default()).await
}

pub(super) async fn a_payout_is_read_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (provider, options) = (subject.provider(), GetPayoutOptions::default());
    let absent = PayoutId::new("po_absent000000000000000");
    let missing = provider.get_payout(&subject.ctx, &absent, &options).await;
    if !subject.has(Capability::Payouts) {
        return expect_unsupported(subject, missing, operations::GET_PAYOUT);
    }
    expect_kind(missing, "a payout that is not there", &ErrorKind::NotFound)?;
    // What was taken is what can be paid out.
    subject.paid(1000).await?;
    let Some((id, amount)) = subject.stage.payout(&subject.ctx).await? else {
        return Err(Stop::Skipped("the stage has no payout".to_owned()));
    };
    let payout = provider.get_payout(&subject.ctx, &id, &options).await?;
    ensure!(payout.id == id, "reading {id} answers {}", payout.id);
    ensure!(payout.amount == amount, "the payout is {}, not {amount}", payout.amount);
    Ok(())
}
