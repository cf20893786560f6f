//! Money given back.

use super::super::{Stop, ensure};
use super::{Subject, expect_kind, expect_unsupported, stands};
use crate::payment::{GetRefundOptions, PaymentStatus, RefundOptions, RefundReason, operations};
use crate::{Capability, ErrorKind};

pub(super) async fn a_refund_gives_back_what_was_taken(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let paid = subject.paid(1000).await?;
    let options = RefundOptions::default().reason(RefundReason::RequestedByCustomer);
    let refund = provider.refund_payment(&subject.once(), &paid.id, &options).await?;
    let read = provider.get_refund(&subject.ctx, &refund.id, &GetRefundOptions::default()).await?;
    for (refund, how) in [(&refund, "the answer"), (&read, "a read")] {
        ensure!(refund.payment == paid.id, "{how} is of the payment {}", refund.payment);
        ensure!(refund.amount == subject.money(1000), "{how} gives back {}", refund.amount);
    }
    ensure!(read.id == refund.id, "reading {} answers {}", refund.id, read.id);
    let after = subject.reread(&paid).await?;
    subject.expect(&after, stands(PaymentStatus::Succeeded, 1000, 1000, 1000)).await?;
    let again = provider.refund_payment(&subject.once(), &paid.id, &RefundOptions::default()).await;
    expect_kind(again, "a refund of what was given back", &ErrorKind::InvalidState)?;
    subject.expect(&after, stands(PaymentStatus::Succeeded, 1000, 1000, 1000)).await
}

pub(super) async fn partial_refunds_add_up(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let paid = subject.paid(1000).await?;
    let part = |units| RefundOptions::amount(subject.money(units));
    let first = provider.refund_payment(&subject.once(), &paid.id, &part(300)).await;
    if !subject.has(Capability::PartialRefund) {
        expect_unsupported(subject, first, operations::PARTIAL_REFUND)?;
        return subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await;
    }
    let first = first?;
    ensure!(first.amount == subject.money(300), "the first part is {}", first.amount);
    let second = provider.refund_payment(&subject.once(), &paid.id, &part(300)).await?;
    ensure!(second.id != first.id, "two refunds have the id {}", first.id);
    let half = subject.reread(&paid).await?;
    subject.expect(&half, stands(PaymentStatus::Succeeded, 1000, 1000, 600)).await?;
    let over = provider.refund_payment(&subject.once(), &paid.id, &part(401)).await;
    expect_kind(over, "a refund of more than is left", &ErrorKind::InvalidState)?;
    let rest = provider.refund_payment(&subject.once(), &paid.id, &RefundOptions::default()).await?;
    ensure!(rest.amount == subject.money(400), "the rest is {}", rest.amount);
    let after = subject.reread(&paid).await?;
    subject.expect(&after, stands(PaymentStatus::Succeeded, 1000, 1000, 1000)).await
}

pub(super) async fn more_than_was_taken_is_not_refunded(subject: &Subject<'_>) -> Result<(), Stop> {
    let paid = subject.paid(1000).await?;
    let options = RefundOptions::amount(subject.money(1001));
    let result = subject.provider().refund_payment(&subject.once(), &paid.id, &options).await;
    expect_kind(result, "a refund of more than was taken", &ErrorKind::InvalidState)?;
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}
