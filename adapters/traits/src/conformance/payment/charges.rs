//! Customers and payments that go well.

use super::super::{Stop, ensure};
use super::{Behaviour, Subject, stands};
use crate::payment::{
    CaptureMode, ConfirmOptions, CustomerOptions, GetCustomerOptions, PaymentOptions, PaymentStatus,
};

pub(super) async fn a_customer_is_got_back(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let options =
        CustomerOptions::default().email("jo@example.com").name("Jo Public").metadata("order", "42");
    let created = provider.create_customer(&subject.once(), &options).await?;
    let read = provider.get_customer(&subject.ctx, &created.id, &GetCustomerOptions::default()).await?;
    for (customer, how) in [(&created, "the answer"), (&read, "a read")] {
        ensure!(customer.id == created.id, "{how} has the id {}", customer.id);
        ensure!(customer.email == options.email, "{how} has the email {:?}", customer.email);
        ensure!(customer.name == options.name, "{how} has the name {:?}", customer.name);
        let kept = customer.metadata.get("order").map(String::as_str);
        ensure!(kept == Some("42"), "{how} has the metadata {:?}", customer.metadata);
    }
    let other = provider.create_customer(&subject.once(), &options).await?;
    ensure!(other.id != created.id, "two customers have the id {}", other.id);
    Ok(())
}

pub(super) async fn an_automatic_payment_takes_the_whole_amount(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider();
    let customer = provider.create_customer(&subject.once(), &CustomerOptions::default()).await?;
    let options = subject
        .pay_with(Behaviour::Approved)?
        .customer(customer.id.clone())
        .description("a check of the suite")
        .metadata("order", "42");
    let amount = subject.money(1000);
    let payment = provider.create_payment(&subject.once(), amount, &options).await?;
    subject.expect(&payment, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    let read = subject.reread(&payment).await?;
    ensure!(read.amount == amount, "the payment is over {}, not {amount}", read.amount);
    ensure!(read.capture == CaptureMode::Automatic, "the payment is captured manually");
    ensure!(read.customer.as_ref() == Some(&customer.id), "the payment is of {:?}", read.customer);
    let kept = read.metadata.get("order").map(String::as_str);
    ensure!(kept == Some("42"), "the payment has the metadata {:?}", read.metadata);
    ensure!(read.next_action.is_none(), "a finished payment asks for {:?}", read.next_action);
    Ok(())
}

pub(super) async fn a_payment_without_a_method_takes_nothing_until_confirmed(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (provider, amount) = (subject.provider(), subject.money(1000));
    let waiting = provider.create_payment(&subject.once(), amount, &PaymentOptions::default()).await?;
    subject.expect(&waiting, stands(PaymentStatus::RequiresPaymentMethod, 0, 0, 0)).await?;
    let options = ConfirmOptions::method(subject.method(Behaviour::Approved)?);
    let paid = provider.confirm_payment(&subject.once(), &waiting.id, &options).await?;
    ensure!(paid.id == waiting.id, "confirming {} answers {}", waiting.id, paid.id);
    subject.expect(&paid, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await?;
    // Confirming without a method says that there is nothing left to do.
    let again =
        provider.confirm_payment(&subject.once(), &waiting.id, &ConfirmOptions::authenticated()).await?;
    subject.expect(&again, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}

pub(super) async fn a_delayed_payment_is_in_processing(subject: &Subject<'_>) -> Result<(), Stop> {
    let options = subject.pay_with(Behaviour::Delayed)?;
    let payment = subject.provider().create_payment(&subject.once(), subject.money(1000), &options).await?;
    subject.expect(&payment, stands(PaymentStatus::Processing, 0, 0, 0)).await?;
    if !subject.stage.settle(&payment.id).await? {
        return Err(Stop::Skipped("the stage cannot settle a delayed payment".to_owned()));
    }
    let settled = subject.reread(&payment).await?;
    subject.expect(&settled, stands(PaymentStatus::Succeeded, 1000, 1000, 0)).await
}
