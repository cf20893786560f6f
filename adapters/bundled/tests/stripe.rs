//! The adapter for Stripe against a stateful fake of it: it conforms, charges once whatever the network does, tells
//! credentials apart, and reads the webhooks that the fake signs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stripe_peer;

use std::time::Duration;

use companyos_adapters::http::HttpConfig;
use companyos_adapters::payments_stripe::StripePayments;
use companyos_adapters::traits::clock::{Clock, SystemClock};
use companyos_adapters::traits::conformance::faults::{Direction, Fault, FaultPlan, FaultProxy};
use companyos_adapters::traits::conformance::payment;
use companyos_adapters::traits::payment::{
    CaptureOptions, Currency, CustomerOptions, EventKind, Money, NextAction, PaymentMethod, PaymentOptions,
    PaymentStatus, Refund, RefundOptions, WebhookDelivery, WebhookOptions,
};
use companyos_adapters::traits::{Conflict, Context, Error, ErrorKind, Outcome, PaymentProvider};
use companyos_adapters::webhook::WebhookSecret;
use stripe_peer::{Account, Everybody, SECRET};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

fn order(key: &str) -> Context {
    Context::builder("acme", "local").idempotency_key(key).build()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn card() -> PaymentOptions {
    PaymentOptions::default().method(PaymentMethod::new("pm_card_visa").unwrap())
}

/// Repeats a call until its answer is known.
async fn insist<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    for _ in 0..30 {
        match call().await {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unavailable
                        | ErrorKind::DeadlineExceeded
                        | ErrorKind::Conflict(Conflict::InFlight)
                ) =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "there was no answer in 30 attempts"))
}

/// The account through a proxy that fails on demand, with a client that waits for 300 ms at most.
async fn through_a_proxy(account: &Account) -> (FaultProxy, StripePayments) {
    let upstream = account.peer.trim_start_matches("http://").to_owned();
    let proxy = FaultProxy::start(upstream, FaultPlan::none()).await.unwrap();
    let http = HttpConfig::default().total_timeout(Duration::from_millis(300));
    let stripe = account.builder(&proxy.url()).http(http).build().unwrap();
    (proxy, stripe)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    let Some(account) = Account::open("suite") else { return };
    let everybody = Everybody::around(account).await.unwrap();
    let report = payment::run(&everybody, Context::builder("suite", "local").build(), "suite").await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), Vec::<&str>::new(), "{report}");
}

#[tokio::test]
async fn the_program_runs_the_suite_in_test_mode_and_with_no_live_key() {
    let Some(account) = Account::open("cli") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stripe.toml");
    let text = format!(
        "[run]\nprefix = \"cli\"\n[adapter]\nkind = \"payments-stripe\"\nbase_url = {:?}\n\
         api_key = {{ env = \"COMPANYOS_TEST_KEY\" }}\nwebhook_secret = {{ env = \"COMPANYOS_TEST_WEBHOOK\" }}\n",
        account.peer
    );
    std::fs::write(&config, text).unwrap();
    let run = |key: &str| {
        std::process::Command::new(env!("CARGO_BIN_EXE_companyos-conformance"))
            .arg(&config)
            .args(["--json", "--quiet"])
            .env("COMPANYOS_TEST_KEY", key)
            .env("COMPANYOS_TEST_WEBHOOK", SECRET)
            .output()
            .unwrap()
    };
    let output = run(&account.key);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let checks = report["checks"].as_array().unwrap();
    let skipped = checks.iter().filter(|check| check["verdict"] == "skipped");
    let skipped: Vec<_> = skipped.map(|check| check["name"].as_str().unwrap()).collect();
    let expected = [
        "a_delayed_payment_is_in_processing",
        "an_authentication_is_asked_for_and_honoured",
        "a_failed_authentication_is_a_decline",
        "a_payout_is_read_or_unsupported",
        "a_lost_answer_is_reported_as_doubt_and_resolved_by_repeating",
    ];
    assert_eq!(skipped, expected, "{report:#}");

    let live = run("sk_live_0123456789");
    assert_eq!(live.status.code(), Some(2), "the suite must never charge for real");
    assert!(!String::from_utf8_lossy(&live.stderr).contains("0123456789"));
}

#[tokio::test]
async fn a_refund_that_came_too_early_stays_refused() {
    let Some(account) = Account::open("early") else { return };
    let stripe = account.builder(&account.peer).build().unwrap();
    let held = stripe.create_payment(&order("pay"), euros(10_00), &card().manual_capture()).await.unwrap();
    let part = RefundOptions::amount(euros(4_00));
    let refund = |key: &'static str| {
        let (stripe, id, part) = (&stripe, &held.id, &part);
        async move { stripe.refund_payment(&order(key), id, part).await }
    };
    let kind = |result: Result<_, Error>| result.map(|_: Refund| ()).map_err(|error| error.kind().clone());
    assert_eq!(kind(refund("early").await), Err(ErrorKind::InvalidState));
    assert_eq!(kind(refund("early").await), Err(ErrorKind::InvalidState));
    assert_eq!(kind(refund("pay").await), Err(ErrorKind::IdempotencyMismatch), "the payment's key");
    stripe.capture_payment(&order("take"), &held.id, &CaptureOptions::default()).await.unwrap();
    assert_eq!(
        kind(refund("early").await),
        Err(ErrorKind::InvalidState),
        "it was refused, and stays refused"
    );
    assert_eq!(kind(refund("pay").await), Err(ErrorKind::IdempotencyMismatch));
    assert_eq!(account.taken().await, euros(10_00), "nothing was given back");
    assert_eq!(kind(refund("in time").await), Err(ErrorKind::InvalidInput), "a key has no space");
    assert_eq!(kind(refund("in-time").await), Ok(()));
    assert_eq!(account.taken().await, euros(6_00));
}

#[tokio::test]
async fn a_time_out_that_did_charge_charges_once() {
    let Some(account) = Account::open("stall") else { return };
    let (proxy, stripe) = through_a_proxy(&account).await;
    let late = Fault::Stall { direction: Direction::Down, after: 0, pause: Duration::from_secs(2) };
    let stall = || proxy.set_plan(FaultPlan::exchanges([Some(late)]));
    let doubtful = |error: &Error| (error.kind().clone(), error.outcome());
    let unknown = (ErrorKind::Unavailable, Outcome::MaybeSent);

    stall();
    let manual = card().manual_capture();
    let pay = || async { stripe.create_payment(&order("pay"), euros(10_00), &manual).await };
    assert_eq!(doubtful(&pay().await.unwrap_err()), unknown);
    let payment = insist(pay).await.unwrap();
    assert_eq!(account.get("/v1/payment_intents").await["total_count"], 1);

    stall();
    let take =
        || async { stripe.capture_payment(&order("take"), &payment.id, &CaptureOptions::default()).await };
    assert_eq!(doubtful(&take().await.unwrap_err()), unknown);
    assert_eq!(account.taken().await, euros(10_00), "the fake has charged although nobody heard of it");
    assert_eq!(insist(take).await.unwrap().captured, euros(10_00));
    assert_eq!(account.taken().await, euros(10_00));

    // The refund reads first; it is the refund itself whose answer is late.
    proxy.set_plan(FaultPlan::exchanges([None, Some(late)]));
    let back = || async {
        stripe.refund_payment(&order("back"), &payment.id, &RefundOptions::amount(euros(4_00))).await
    };
    assert_eq!(doubtful(&back().await.unwrap_err()), unknown);
    assert_eq!(insist(back).await.unwrap().amount, euros(4_00));
    assert_eq!(account.taken().await, euros(6_00));
    assert_eq!(proxy.counts().stalled, 3, "every time-out came of a stall");
}

#[tokio::test]
async fn a_deadline_that_passes_after_the_charge_leaves_doubt_and_one_charge() {
    let Some(account) = Account::open("deadline") else { return };
    let (proxy, stripe) = through_a_proxy(&account).await;
    let late = Fault::Stall { direction: Direction::Down, after: 0, pause: Duration::from_secs(2) };
    proxy.set_plan(FaultPlan::exchanges([Some(late)]));
    let soon = SystemClock.now() + Duration::from_millis(150);
    let hurried = Context::builder("acme", "local").idempotency_key("pay").deadline(soon).build();
    let error = stripe.create_payment(&hurried, euros(10_00), &card()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::MaybeSent));
    insist(|| async { stripe.create_payment(&order("pay"), euros(10_00), &card()).await }).await.unwrap();
    assert_eq!(account.taken().await, euros(10_00));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_payments_over_a_bad_network_each_is_charged_once() {
    const PAYERS: i64 = 10;
    const PAYMENTS: i64 = 10;
    let Some(account) = Account::open("network") else { return };
    let (proxy, stripe) = through_a_proxy(&account).await;
    let stalls = Duration::from_millis(400);
    proxy.set_plan(FaultPlan::rate(7, 0.2).without_corruption().stalls(stalls));
    let price = |number: i64| euros(1_00 + number);
    let mut payers = tokio::task::JoinSet::new();
    for payer in 0..PAYERS {
        let stripe = stripe.clone();
        payers.spawn(async move {
            let mut ids = Vec::new();
            for number in payer * PAYMENTS..(payer + 1) * PAYMENTS {
                let key = format!("order-{number}");
                let pay = || async { stripe.create_payment(&order(&key), price(number), &card()).await };
                ids.push(insist(pay).await.unwrap().id.to_string());
            }
            ids
        });
    }
    let mut ids: Vec<String> = payers.join_all().await.concat();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100, "every order has a payment of its own");
    let expected = (0..PAYERS * PAYMENTS).map(|number| 1_00 + number).sum();
    assert_eq!(account.taken().await, euros(expected), "nothing is lost and nothing is doubled");
    assert!(proxy.counts().faults() > 0, "the network was too good: {:?}", proxy.counts());
}

#[tokio::test]
async fn expired_and_revoked_keys_are_told_apart() {
    for (kind, expected) in
        [("expired", ErrorKind::CredentialsExpired), ("revoked", ErrorKind::CredentialsRevoked)]
    {
        let Some(account) = Account::open(kind) else { return };
        let stripe = account.builder(&account.peer).build().unwrap();
        let error = stripe.create_customer(&order("a"), &CustomerOptions::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (&expected, Outcome::Answered), "{error}");
        assert!(error.provider_request_id().is_some_and(|id| id.starts_with("req_")), "{error}");
    }
}

#[tokio::test]
async fn a_customer_is_sent_to_the_bank_and_comes_back() {
    let Some(account) = Account::open("bank") else { return };
    let everybody = Everybody::around(account).await.unwrap();
    let method = PaymentMethod::new("pm_card_authenticationRequired").unwrap();
    let options = PaymentOptions::default().method(method).return_url("https://shop.example/back");
    let waiting = everybody.stripe.create_payment(&order("a"), euros(10_00), &options).await.unwrap();
    assert_eq!(waiting.status, PaymentStatus::RequiresAction);
    let Some(NextAction::Redirect { url }) = &waiting.next_action else {
        unreachable!("{waiting:?} does not say where to go");
    };
    assert!(url.starts_with("https://hooks.stripe.invalid/"), "{url}");
    assert!(!format!("{waiting:?}").contains(url.as_str()), "whoever has the page can act on the payment");
}

#[tokio::test]
async fn the_keys_of_two_tenants_on_one_account_do_not_meet() {
    let Some(account) = Account::open("tenants") else { return };
    let stripe = account.builder(&account.peer).build().unwrap();
    let of = |tenant: &str| Context::builder(tenant, "local").idempotency_key("order-1").build();
    let first = stripe.create_payment(&of("acme"), euros(10_00), &card()).await.unwrap();
    let second = stripe.create_payment(&of("globex"), euros(10_00), &card()).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(account.taken().await, euros(20_00));
}

#[tokio::test]
async fn a_webhook_that_the_fake_signs_is_read_once() {
    let Some(account) = Account::open("webhook") else { return };
    let receiver = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(200)).mount(&receiver).await;
    let hook = format!("/_config/webhooks/hook{}", receiver.address().port());
    let register = format!("url={}&secret={SECRET}&events[]=payment_intent.succeeded", receiver.uri());
    account.post(&hook, &register).await;
    let secret = WebhookSecret::new(SECRET).unwrap();
    let stripe = account.builder(&account.peer).webhook_secret(secret).build().unwrap();
    let paid = stripe.create_payment(&order("a"), euros(10_00), &card()).await.unwrap();

    // It delivers a second later, and also what other tests' accounts have done.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for request in receiver.received_requests().await.unwrap() {
            if !String::from_utf8_lossy(&request.body).contains(paid.id.as_str()) {
                continue;
            }
            let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
            let headers = request.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            let delivery = WebhookDelivery::new(request.body.clone(), headers.collect());
            let ctx = Context::builder("acme", "local").build();
            let event = stripe.verify_webhook(&ctx, &delivery, &WebhookOptions::default()).await.unwrap();
            assert_eq!((&event.kind, &event.payment), (&EventKind::PaymentSucceeded, &Some(paid.id)));
            assert_eq!(event.amount, Some(euros(10_00)));
            let again = stripe.verify_webhook(&ctx, &delivery, &WebhookOptions::default()).await;
            assert_eq!(again.unwrap_err().kind(), &ErrorKind::WebhookReplayed);
            return;
        }
    }
    unreachable!("the fake delivered no webhook about {}", paid.id);
}
