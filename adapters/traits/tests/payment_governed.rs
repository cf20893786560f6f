//! What `Governed` promises about payments: no effect without a key, an intent and an outcome, true outcomes for open
//! intents, and nothing secret in a receipt.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::govern::{
    Decision, OpenIntent, Phase, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink, Verdict,
};
use companyos_adapter_traits::payment::memory::{BankAnswer, MemoryPayments};
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Currency, CustomerOptions, FindOptions,
    GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money, PaymentOptions,
    PaymentProvider, RefundOptions, WebhookDelivery, WebhookOptions, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Governed, Outcome};

type Test = Result<(), Box<dyn std::error::Error>>;

/// Receipts in memory; the sink fails while `down`.
#[derive(Default)]
struct Sink {
    down: Mutex<bool>,
    receipts: Mutex<Vec<ReceiptDraft>>,
}

impl Sink {
    fn receipts(&self) -> Vec<ReceiptDraft> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn down(&self, down: bool) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down;
    }

    /// The outcomes of an intent.
    fn outcomes(&self, intent: &ReceiptId) -> Vec<ReceiptDraft> {
        self.receipts().into_iter().filter(|receipt| receipt.intent.as_ref() == Some(intent)).collect()
    }
}

#[async_trait]
impl ReceiptSink for Sink {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        if *self.down.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Error::new(ErrorKind::Unavailable, "the sink is down"));
        }
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.push(draft.clone());
        Ok(ReceiptId(format!("rcp_{}", receipts.len())))
    }
}

/// Allows payments below 100 euros.
struct UpToHundred;

#[async_trait]
impl PolicyHook for UpToHundred {
    async fn decide(&self, _: &Context, question: &Question<'_>) -> Result<Decision, Error> {
        let amount = question.facts.iter().find(|(name, _)| *name == "amount_minor");
        let small = amount.is_none_or(|(_, minor)| minor.parse::<i64>().is_ok_and(|minor| minor < 10_000));
        let (rule, policy) = ("up-to-hundred", "sha256:ab");
        Ok(if small { Decision::allow(rule, policy) } else { Decision::deny(rule, policy) })
    }
}

fn governed(books: &MemoryPayments, sink: &Arc<Sink>) -> Governed<MemoryPayments> {
    Governed::new(books.clone(), Arc::new(UpToHundred), Arc::clone(sink) as Arc<dyn ReceiptSink>)
}

fn order(key: &str) -> Context {
    Context::builder("acme", "eu").idempotency_key(key).build()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn card(answer: BankAnswer) -> Result<PaymentOptions, Error> {
    Ok(PaymentOptions::default().method(answer.method()?))
}

fn refused<T>(result: Result<T, Error>) -> Result<Error, String> {
    result.err().ok_or_else(|| "the call succeeded".to_owned())
}

fn fact<'r>(receipt: &'r ReceiptDraft, name: &str) -> Option<&'r str> {
    receipt.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn every_operation_leaves_an_intent_and_its_outcome_and_none_tells_a_secret() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let payments = governed(&books, &sink);
    let any = Context::builder("acme", "eu").build();
    let secret =
        CustomerOptions::default().email("s3cret@example.com").name("S3cret").metadata("a", "s3cret");
    let customer = payments.create_customer(&order("1"), &secret).await?;
    payments.get_customer(&any, &customer.id, &GetCustomerOptions::default()).await?;
    let options = PaymentOptions::default()
        .manual_capture()
        .customer(customer.id.clone())
        .description("s3cret")
        .metadata("b", "s3cret")
        .return_url("https://shop.example/s3cret");
    let waiting = payments.create_payment(&order("2"), euros(10_00), &options).await?;
    let method = BankAnswer::Approved.method()?;
    payments.confirm_payment(&order("3"), &waiting.id, &ConfirmOptions::method(method.clone())).await?;
    payments.capture_payment(&order("4"), &waiting.id, &CaptureOptions::amount(euros(6_00))).await?;
    let refund = payments.refund_payment(&order("5"), &waiting.id, &RefundOptions::default()).await?;
    payments.get_refund(&any, &refund.id, &GetRefundOptions::default()).await?;
    payments.get_payment(&any, &waiting.id, &GetPaymentOptions::default()).await?;
    payments.find_by_key(&any, "5", &FindOptions::default()).await?;
    let unpaid = payments.create_payment(&order("6"), euros(1_00), &PaymentOptions::default()).await?;
    payments.cancel_payment(&order("7"), &unpaid.id, &CancelOptions::default()).await?;
    payments.create_payment(&order("8"), euros(1_00), &card(BankAnswer::Approved)?).await?;
    let payout = books.with_ledger(|books| books.pay_out(euros(1_00), SystemClock.wall()))?;
    payments.get_payout(&any, &payout, &GetPayoutOptions::default()).await?;
    let delivery = WebhookDelivery::new("s3cret", vec![("Signature".to_owned(), "s3cret".to_owned())]);
    refused(payments.verify_webhook(&any, &delivery, &WebhookOptions::default()).await)?;

    let receipts = sink.receipts();
    let actions: Vec<_> = receipts.iter().step_by(2).map(|receipt| receipt.action).collect();
    assert_eq!(
        actions,
        [
            operations::CREATE_CUSTOMER,
            operations::GET_CUSTOMER,
            operations::CREATE,
            operations::CONFIRM,
            operations::CAPTURE,
            operations::REFUND,
            operations::GET_REFUND,
            operations::GET,
            operations::FIND_BY_KEY,
            operations::CREATE,
            operations::CANCEL,
            operations::CREATE,
            operations::GET_PAYOUT,
            operations::VERIFY_WEBHOOK,
        ]
    );
    for pair in receipts.chunks(2) {
        assert_eq!((pair[0].phase, pair[1].phase), (Phase::Intent, Phase::Outcome));
        assert_eq!(pair[0].action, pair[1].action);
        let effect = operations::EFFECTS.contains(&pair[0].action);
        assert_eq!(fact(&pair[0], "idempotency_key").is_some(), effect, "{:?}", pair[0]);
    }
    let everything = format!("{receipts:?}").to_lowercase();
    assert!(!everything.contains("s3cret") && !everything.contains(method.as_str()), "{everything}");

    let capture = &receipts[8..10];
    assert_eq!(fact(&capture[0], "amount_minor"), Some("600"));
    assert_eq!(fact(&capture[0], "currency"), Some("EUR"));
    let after = ["status", "amount_minor", "authorised_minor", "captured_minor", "refunded_minor"];
    let found: Vec<_> = after.iter().map(|name| fact(&capture[1], name).unwrap_or_default()).collect();
    assert_eq!(found, ["succeeded", "1000", "1000", "600", "0"]);
    Ok(())
}

#[tokio::test]
async fn an_effect_without_a_key_asks_nobody() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let keyless = Context::builder("acme", "eu").build();
    let result = governed(&books, &sink).create_payment(&keyless, euros(1), &PaymentOptions::default()).await;
    assert_eq!(*refused(result)?.kind(), ErrorKind::InvalidInput);
    assert_eq!(sink.receipts(), []);
    Ok(())
}

#[tokio::test]
async fn policy_sees_the_amount_and_its_no_is_final() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let result = governed(&books, &sink)
        .create_payment(&order("1"), euros(10_000), &card(BankAnswer::Approved)?)
        .await;
    assert!(matches!(refused(result)?.kind(), ErrorKind::PolicyDenied { .. }));
    assert_eq!(books.with_ledger(|books| books.payments().count()), 0);
    assert_eq!(sink.receipts()[0].verdict, Verdict::Deny);
    Ok(())
}

#[tokio::test]
async fn nothing_is_charged_while_the_sink_is_down() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    sink.down(true);
    let result =
        governed(&books, &sink).create_payment(&order("1"), euros(1_00), &card(BankAnswer::Approved)?).await;
    let error = refused(result)?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::ReceiptUnavailable, Outcome::NotSent));
    assert_eq!(books.with_ledger(|books| books.payments().count()), 0);
    Ok(())
}

#[tokio::test]
async fn a_decline_leaves_its_code_in_the_outcome() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let options = card(BankAnswer::declined("insufficient_funds"))?;
    refused(governed(&books, &sink).create_payment(&order("1"), euros(1_00), &options).await)?;
    let outcome = &sink.receipts()[1];
    assert_eq!((outcome.verdict, fact(outcome, "error")), (Verdict::Error, Some("declined")));
    assert_eq!(fact(outcome, "decline_code"), Some("insufficient_funds"));
    Ok(())
}

/// An intent as a crash leaves it: recorded, without an outcome.
async fn crash(books: &MemoryPayments, sink: &Arc<Sink>, key: &str) -> Result<OpenIntent, Error> {
    let unrecorded =
        Governed::new(books.clone(), Arc::new(UpToHundred), Arc::new(IntentsOnly(Arc::clone(sink))));
    let result = unrecorded.create_payment(&order(key), euros(1_00), &card(BankAnswer::Approved)?).await;
    assert!(result.is_err(), "the outcome is not recorded");
    let receipts = sink.receipts();
    OpenIntent::from_draft(ReceiptId(format!("rcp_{}", receipts.len())), &receipts[receipts.len() - 1])
}

/// A sink that fails before the outcome.
struct IntentsOnly(Arc<Sink>);

#[async_trait]
impl ReceiptSink for IntentsOnly {
    async fn record(&self, ctx: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        match draft.phase {
            Phase::Intent => self.0.record(ctx, draft).await,
            Phase::Outcome => Err(Error::new(ErrorKind::Unavailable, "the process is gone")),
        }
    }
}

#[tokio::test]
async fn an_open_intent_is_looked_up_and_gets_its_true_outcome() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let open = crash(&books, &sink, "1").await?;
    let made = governed(&books, &sink).reconcile(&order("look"), &open).await?;
    assert!(matches!(made, Some(Made::Payment(_))), "{made:?}");
    let outcomes = sink.outcomes(&open.intent);
    assert_eq!(outcomes.len(), 1);
    let outcome = &outcomes[0];
    assert_eq!(
        (outcome.verdict, outcome.action, outcome.phase),
        (Verdict::Ok, operations::CREATE, Phase::Outcome)
    );
    assert_eq!(fact(outcome, "captured_minor"), Some("100"));
    assert_eq!((outcome.rule.as_str(), outcome.policy.as_str()), ("up-to-hundred", "sha256:ab"));
    assert_eq!(books.with_ledger(|books| books.payments().count()), 1, "looking charges nothing");
    Ok(())
}

#[tokio::test]
async fn an_intent_that_came_to_nothing_ends_as_an_error() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let open = OpenIntent::new(ReceiptId("rcp_0".to_owned()), operations::CREATE, "payments", "never")?;
    assert_eq!(governed(&books, &sink).reconcile(&order("look"), &open).await?, None);
    let outcomes = sink.outcomes(&open.intent);
    assert_eq!((outcomes[0].verdict, fact(&outcomes[0], "found")), (Verdict::Error, Some("nothing")));
    Ok(())
}

#[tokio::test]
async fn an_intent_that_was_declined_ends_as_an_error_with_the_code() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let options = card(BankAnswer::declined("stolen_card"))?;
    refused(books.create_payment(&order("1"), euros(1_00), &options).await)?;
    let open = OpenIntent::new(ReceiptId("rcp_0".to_owned()), operations::CREATE, "payments", "1")?;
    governed(&books, &sink).reconcile(&order("look"), &open).await?;
    let outcomes = sink.outcomes(&open.intent);
    assert_eq!(
        (outcomes[0].verdict, fact(&outcomes[0], "decline_code")),
        (Verdict::Error, Some("stolen_card"))
    );
    Ok(())
}

#[tokio::test]
async fn without_a_look_up_a_repetition_closes_the_intent() -> Test {
    let (books, sink) = (MemoryPayments::new().with_capabilities([]), Arc::new(Sink::default()));
    let open = crash(&books, &sink, "1").await?;
    let payments = governed(&books, &sink);
    let unsupported = refused(payments.reconcile(&order("1"), &open).await)?;
    assert!(matches!(unsupported.kind(), ErrorKind::Unsupported { .. }));
    assert_eq!(sink.outcomes(&open.intent), [], "it stays open");
    let again = payments.create_payment(&order("1"), euros(1_00), &card(BankAnswer::Approved)?).await;
    payments.close(&order("1"), &open, &again).await?;
    assert_eq!(sink.outcomes(&open.intent)[0].verdict, Verdict::Ok);
    assert_eq!(books.with_ledger(|books| books.payments().count()), 1);
    Ok(())
}

#[tokio::test]
async fn what_says_nothing_about_the_first_attempt_closes_nothing() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let open = crash(&books, &sink, "1").await?;
    let payments = governed(&books, &sink);
    let paid = payments.create_payment(&order("1"), euros(1_00), &card(BankAnswer::Approved)?).await;
    let other_key = refused(payments.close(&order("2"), &open, &paid).await)?;
    assert_eq!(*other_key.kind(), ErrorKind::InvalidInput);
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::DeadlineExceeded,
        ErrorKind::RateLimited,
        ErrorKind::Unauthenticated,
        ErrorKind::PolicyUnavailable,
        ErrorKind::IdempotencyMismatch,
    ] {
        let result: Result<Made, Error> = Err(Error::new(kind.clone(), ""));
        let refused = refused(payments.close(&order("1"), &open, &result).await)?;
        assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{kind:?}");
    }
    assert_eq!(sink.outcomes(&open.intent), []);
    Ok(())
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_leaves_the_intent_open() -> Test {
    let (books, sink) = (MemoryPayments::new(), Arc::new(Sink::default()));
    let open = crash(&books, &sink, "1").await?;
    let payments = governed(&books, &sink);
    let paid = payments.create_payment(&order("1"), euros(1_00), &card(BankAnswer::Approved)?).await;
    sink.down(true);
    let error = refused(payments.close(&order("1"), &open, &paid).await)?;
    assert_eq!((error.kind(), error.receipt_id()), (&ErrorKind::ReceiptUnavailable, Some("rcp_1")));
    sink.down(false);
    payments.close(&order("1"), &open, &paid).await?;
    assert_eq!(sink.outcomes(&open.intent).len(), 1);
    Ok(())
}

#[test]
fn only_the_intent_of_an_effect_can_be_opened_again() {
    let id = || ReceiptId("rcp_1".to_owned());
    for action in [operations::GET, operations::FIND_BY_KEY, operations::VERIFY_WEBHOOK, "storage.put"] {
        assert!(OpenIntent::new(id(), action, "", "1").is_err(), "{action}");
    }
    for action in operations::EFFECTS {
        assert!(OpenIntent::new(id(), action, "", "1").is_ok(), "{action}");
    }
}
