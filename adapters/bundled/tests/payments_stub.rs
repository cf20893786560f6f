//! The payment stub: it conforms, follows its script, signs its webhooks and keeps its books.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::conformance::payment;
use companyos_adapter_traits::payment::memory::BankAnswer;
use companyos_adapter_traits::payment::{
    ConfirmOptions, Currency, Event, EventId, EventKind, GetPaymentOptions, GetPayoutOptions, Money, Payment,
    PaymentOptions, PaymentStatus, PayoutStatus, RefundOptions, WebhookOptions, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, PaymentProvider};
use companyos_adapters::payments_stub::{Script, StubPayments, Then, When};
use companyos_adapters::webhook::WebhookSecret;

type Test = Result<(), Box<dyn std::error::Error>>;

const SECRET: &str = "whsec_0123456789abcdef";

fn order(key: &str) -> Context {
    Context::builder("acme", "local").idempotency_key(key).build()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn card(answer: BankAnswer) -> Result<PaymentOptions, Error> {
    Ok(PaymentOptions::default().method(answer.method()?))
}

async fn pay(stub: &StubPayments, key: &str, minor: i64) -> Result<Payment, Error> {
    stub.create_payment(&order(key), euros(minor), &card(BankAnswer::Approved)?).await
}

fn refused<T>(result: Result<T, Error>) -> Result<Error, String> {
    result.err().ok_or_else(|| "the call succeeded".to_owned())
}

async fn conforms(stub: StubPayments) {
    let ctx = Context::builder("suite", "local").build();
    let report = payment::run(&stub, ctx, "suite").await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), Vec::<&str>::new(), "{report}");
}

#[tokio::test]
async fn it_conforms_in_memory() -> Test {
    conforms(StubPayments::builder().webhook_secret(WebhookSecret::new(SECRET)?).open()?).await;
    Ok(())
}

#[tokio::test]
async fn it_conforms_on_disk_and_the_books_read_back_the_same() -> Test {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("books");
    let stub = StubPayments::builder().file(&file).webhook_secret(WebhookSecret::new(SECRET)?).open()?;
    conforms(stub.clone()).await;
    let again = StubPayments::builder().file(&file).open()?;
    assert_eq!(again.payments()?, stub.payments()?);
    assert_eq!(again.events()?, stub.events()?);
    Ok(())
}

#[tokio::test]
async fn a_script_decides_by_amount_operation_key_and_metadata() -> Test {
    let script = Script::from_json(
        r#"{ "rules": [
            { "when": { "amount": "13.00 EUR" }, "then": { "decline": { "code": "stolen_card" } } },
            { "when": { "key": "guarded" }, "then": "authenticate" },
            { "when": { "metadata": { "shop": "north" } }, "then": "approve" },
            { "when": { "operation": "payment.refund" }, "then": "rate_limit", "times": 1 }
        ] }"#,
    )?;
    let stub = StubPayments::builder().script(script).open()?;
    let error = refused(pay(&stub, "unlucky", 13_00).await)?;
    assert_eq!(*error.kind(), ErrorKind::Declined { code: "stolen_card".to_owned() });
    assert_eq!(pay(&stub, "guarded", 10_00).await?.status, PaymentStatus::RequiresAction);
    let declined = card(BankAnswer::declined("insufficient_funds"))?;
    let north = declined.clone().metadata("shop", "north");
    let paid = stub.create_payment(&order("north"), euros(10_00), &north).await?;
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    let south = stub.create_payment(&order("south"), euros(10_00), &declined).await;
    assert!(
        matches!(refused(south)?.kind(), ErrorKind::Declined { .. }),
        "the method decides without a rule"
    );
    let refund = || async { stub.refund_payment(&order("back"), &paid.id, &RefundOptions::default()).await };
    assert_eq!(*refused(refund().await)?.kind(), ErrorKind::RateLimited);
    assert_eq!(refund().await?.amount, euros(10_00), "the rule fits once");
    Ok(())
}

#[test]
fn a_script_that_can_never_fit_is_refused() {
    for json in [
        r#"{ "rules": [ { "when": { "operation": "payment.get" }, "then": "approve" } ] }"#,
        r#"{ "rules": [ { "when": { "amount": "13 EUR" }, "then": "approve" } ] }"#,
        r#"{ "rules": [ { "when": { "ammount": "13.00 EUR" }, "then": "approve" } ] }"#,
        r#"{ "rules": [ { "then": "explode" } ] }"#,
        "",
    ] {
        let kind = Script::from_json(json).map_err(|error| error.kind().clone());
        assert_eq!(kind, Err(ErrorKind::InvalidInput), "{json}");
    }
}

#[tokio::test]
async fn a_delay_ends_when_its_time_has_come() -> Test {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)));
    let script = Script::default().rule(When::any(), Then::Delay { seconds: Some(5) });
    let folder = tempfile::tempdir()?;
    let open = |script| {
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        StubPayments::builder().clock(clock).script(script).file(folder.path().join("books")).open()
    };
    let stub = open(script)?;
    let waiting = pay(&stub, "slow", 10_00).await?;
    assert_eq!(waiting.status, PaymentStatus::Processing);
    clock.advance(Duration::from_secs(4));
    let read = || async { stub.get_payment(&order("any"), &waiting.id, &GetPaymentOptions::default()).await };
    assert_eq!(read().await?.status, PaymentStatus::Processing);
    clock.advance(Duration::from_secs(1));
    // Whoever opens the books next finds it due as well.
    assert_eq!(open(Script::default())?.payments()?[0].status, PaymentStatus::Succeeded);
    assert_eq!(read().await?.captured, euros(10_00));
    let kinds: Vec<_> = stub.events()?.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::PaymentProcessing, EventKind::PaymentSucceeded]);
    Ok(())
}

#[tokio::test]
async fn a_customer_can_fail_to_authenticate() -> Test {
    let stub = StubPayments::builder().open()?;
    let options = card(BankAnswer::AuthenticationRequired)?;
    let waiting = stub.create_payment(&order("a"), euros(10_00), &options).await?;
    stub.authenticate(&waiting.id, false)?;
    let go_on = ConfirmOptions::authenticated();
    let error = refused(stub.confirm_payment(&order("b"), &waiting.id, &go_on).await)?;
    assert_eq!(*error.kind(), ErrorKind::Declined { code: "authentication_failed".to_owned() });
    Ok(())
}

#[tokio::test]
async fn disputes_refunds_and_payouts_tell_of_themselves_in_signed_webhooks() -> Test {
    let script = Script::default().rule_times(When::operation(operations::CREATE), Then::Dispute, 1);
    let secret = WebhookSecret::new(SECRET)?;
    let stub = StubPayments::builder().script(script).webhook_secret(secret).open()?;
    let paid = pay(&stub, "order", 10_00).await?;
    let dispute = stub.events()?[1].dispute.clone().ok_or("no dispute")?;
    stub.close_dispute(&dispute)?;
    let part = RefundOptions::amount(euros(3_00));
    let refund = stub.refund_payment(&order("part"), &paid.id, &part).await?;
    stub.fail_refund(&refund.id)?;
    let payout = stub.pay_out(euros(10_00))?;
    stub.advance_payout(&payout, PayoutStatus::Paid)?;
    let read = stub.get_payout(&order("any"), &payout, &GetPayoutOptions::default()).await?;
    assert_eq!((read.status, read.amount), (PayoutStatus::Paid, euros(10_00)));
    let over = refused(stub.pay_out(euros(1)))?;
    assert_eq!(*over.kind(), ErrorKind::InvalidState, "the account is empty");

    let mut verified = Vec::new();
    for event in stub.events()? {
        let read =
            stub.verify_webhook(&order("any"), &stub.deliver(&event)?, &WebhookOptions::default()).await?;
        assert_eq!(read, event, "the webhook says what happened");
        verified.push((read.kind, read.amount));
    }
    assert_eq!(
        verified,
        [
            (EventKind::PaymentSucceeded, Some(euros(10_00))),
            (EventKind::DisputeOpened, Some(euros(10_00))),
            (EventKind::DisputeClosed, Some(euros(10_00))),
            (EventKind::RefundUpdated, Some(euros(3_00))),
            (EventKind::RefundUpdated, Some(euros(3_00))),
            (EventKind::PayoutUpdated, Some(euros(10_00))),
            (EventKind::PayoutUpdated, Some(euros(10_00))),
        ]
    );
    let after = stub.get_payment(&order("any"), &paid.id, &GetPaymentOptions::default()).await?;
    assert_eq!(after.refunded, euros(0), "a refund that failed no longer counts");
    Ok(())
}

#[tokio::test]
async fn an_event_of_a_later_version_is_read() -> Test {
    let stub = StubPayments::builder().webhook_secret(WebhookSecret::new(SECRET)?).open()?;
    let told = Event::new(
        EventId::new("evt_1"),
        EventKind::Other("mandate.revoked".to_owned()),
        SystemTime::UNIX_EPOCH,
    );
    let read = stub.verify_webhook(&order("any"), &stub.deliver(&told)?, &WebhookOptions::default()).await?;
    assert_eq!(read, told);
    Ok(())
}

#[tokio::test]
async fn a_time_out_that_did_charge_charges_once() -> Test {
    let script = Script::default().rule_times(When::operation(operations::CREATE), Then::TimeOut, 2);
    let stub = StubPayments::builder().script(script).open()?;
    for _ in 0..2 {
        let error = refused(pay(&stub, "order", 10_00).await)?;
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::MaybeSent));
    }
    let paid = pay(&stub, "order", 10_00).await?;
    assert_eq!(stub.payments()?, [paid]);
    Ok(())
}

#[tokio::test]
async fn two_stubs_on_one_file_are_one_provider() -> Test {
    let folder = tempfile::tempdir()?;
    let open = || StubPayments::builder().file(folder.path().join("books")).open();
    let (one, two) = (open()?, open()?);
    let racers = (0..16).map(|at| {
        let stub = if at % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move { pay(&stub, &format!("order-{}", at / 2), 10_00).await })
    });
    for racer in racers.collect::<Vec<_>>() {
        racer.await??;
    }
    assert_eq!(one.payments()?.len(), 8, "each order is paid once, whoever was first");
    assert_eq!(one.payments()?, two.payments()?);
    Ok(())
}

#[tokio::test]
async fn a_line_that_was_cut_off_never_happened() -> Test {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("books");
    let stub = StubPayments::builder().file(&file).open()?;
    let paid = pay(&stub, "order-1", 10_00).await?;
    std::fs::File::options().append(true).open(&file)?.write_all(br#"{"at":1,"what":{"call"#)?;
    assert_eq!(StubPayments::builder().file(&file).open()?.payments()?, [paid]);
    pay(&stub, "order-2", 10_00).await?;
    assert_eq!(StubPayments::builder().file(&file).open()?.payments()?.len(), 2);
    Ok(())
}

#[test]
fn a_file_of_something_else_is_not_taken_for_books() -> Test {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("books");
    std::fs::write(&file, "a;b;c\n")?;
    let error = refused(StubPayments::builder().file(&file).open())?;
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read(&file)?, b"a;b;c\n", "and is left as it is");
    Ok(())
}
