//! What the adapter for Stripe makes of answers that the fake does not give: refusals by code, limits, failures inside
//! Stripe that it remembers, answers that come too late or cannot be read, challenges without a page.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stripe_double;

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use companyos_adapters::http::HttpConfig;
use companyos_adapters::traits::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, GetPaymentOptions, GetRefundOptions, PaymentId,
    PaymentMethod, PaymentOptions, PaymentStatus, RefundId, RefundOptions, RefundStatus,
};
use companyos_adapters::traits::{Conflict, Error, ErrorKind, Outcome, PaymentProvider, RetryClass};
use serde_json::{Value, json};
use stripe_double::{Double, KEY, card, euros, intent, order};
use wiremock::{Request, ResponseTemplate};

fn refusal(status: u16, error: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .insert_header("request-id", "req_4711")
        .set_body_json(json!({ "error": error }))
}

async fn pay(double: &Double) -> Result<(), Error> {
    double.stripe().create_payment(&order("a"), euros(10_00), &card()).await.map(drop)
}

/// Every word an error can show, its sources included.
fn everything(error: &Error) -> String {
    let mut words = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    words
}

#[tokio::test]
async fn each_refusal_is_its_own_kind() {
    use {ErrorKind as K, Outcome as O, RetryClass as R};
    let invalid = "invalid_request_error";
    let declined = |code: &str| K::Declined { code: code.to_owned() };
    let table = [
        (
            400,
            json!({ "type": invalid, "code": "parameter_missing" }),
            K::InvalidInput,
            O::Answered,
            R::Permanent,
        ),
        (400, json!({ "type": invalid, "code": "resource_missing" }), K::NotFound, O::Answered, R::Permanent),
        (
            400,
            json!({ "type": invalid, "code": "amount_too_large" }),
            K::LimitExceeded,
            O::Answered,
            R::Permanent,
        ),
        (
            400,
            json!({ "type": invalid, "code": "amount_too_small" }),
            K::LimitExceeded,
            O::Answered,
            R::Permanent,
        ),
        (400, json!({ "type": "idempotency_error" }), K::IdempotencyMismatch, O::Answered, R::Permanent),
        (
            409,
            json!({ "type": "idempotency_error", "code": "idempotency_key_in_use" }),
            K::Conflict(Conflict::InFlight),
            O::Answered,
            R::Temporary,
        ),
        (
            401,
            json!({ "type": invalid, "code": "api_key_expired" }),
            K::CredentialsExpired,
            O::Answered,
            R::Permanent,
        ),
        (401, json!({ "type": invalid }), K::CredentialsRevoked, O::Answered, R::Permanent),
        (401, json!("a proxy"), K::Unauthenticated, O::Answered, R::Permanent),
        (
            402,
            json!({ "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds" }),
            declined("insufficient_funds"),
            O::Answered,
            R::Permanent,
        ),
        (
            402,
            json!({ "type": "card_error", "code": "expired_card" }),
            declined("expired_card"),
            O::Answered,
            R::Permanent,
        ),
        (
            402,
            json!({ "type": "card_error", "code": "card_declined", "decline_code": "authentication_required" }),
            K::AuthenticationRequired,
            O::Answered,
            R::Permanent,
        ),
        (
            403,
            json!({ "type": invalid, "code": "more_permissions_required" }),
            K::PermissionDenied,
            O::Answered,
            R::Permanent,
        ),
        (404, json!({ "type": invalid }), K::NotFound, O::Answered, R::Permanent),
        (429, json!({ "type": invalid, "code": "rate_limit" }), K::RateLimited, O::Answered, R::Temporary),
        (429, json!({ "type": invalid, "code": "lock_timeout" }), K::RateLimited, O::Answered, R::Temporary),
        (500, json!({ "type": "api_error" }), K::Unavailable, O::MaybeSent, R::Temporary),
        (502, json!("a proxy"), K::Unavailable, O::MaybeSent, R::Temporary),
        (408, json!("a proxy"), K::Unavailable, O::MaybeSent, R::Temporary),
        (418, json!("a teapot"), K::InvalidInput, O::Answered, R::Permanent),
        (300, json!("choices"), K::Internal, O::Answered, R::Permanent),
    ];
    for (status, body, kind, outcome, retry) in table {
        let double = Double::answering(refusal(status, &body)).await;
        let error = pay(&double).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome(), error.retry()),
            (&kind, outcome, retry),
            "{status} {body}: {error}"
        );
        assert_eq!(error.provider_request_id(), Some("req_4711"), "{status}");
        let code = body["code"].as_str().or(body["type"].as_str()).map(str::to_owned);
        assert_eq!(error.provider_code(), Some(code.unwrap_or(status.to_string()).as_str()));
    }
}

#[tokio::test]
async fn what_a_payment_has_not_got_is_a_matter_of_its_state() {
    let too_much = [
        json!({ "type": "invalid_request_error", "code": "amount_too_large" }),
        json!({ "type": "invalid_request_error", "param": "amount_to_capture" }),
        json!({ "type": "invalid_request_error", "param": "amount" }),
        json!({ "type": "invalid_request_error", "code": "charge_already_refunded" }),
        json!({ "type": "invalid_request_error", "code": "charge_expired_for_capture" }),
        json!({ "type": "invalid_request_error", "code": "payment_intent_unexpected_state" }),
    ];
    for body in too_much {
        let double = Double::new().await;
        double.on("GET", "/v1/payment_intents/pi_1", intent("succeeded", 1000)).await;
        double.otherwise(refusal(400, &body)).await;
        let (stripe, id) = (double.stripe(), PaymentId::new("pi_1"));
        let capture = CaptureOptions::amount(euros(20_00));
        let captured = stripe.capture_payment(&order("a"), &id, &capture).await.unwrap_err();
        assert_eq!(
            (captured.kind(), captured.outcome()),
            (&ErrorKind::InvalidState, Outcome::Answered),
            "{body}"
        );
        let refund = RefundOptions::amount(euros(20_00));
        let refunded = stripe.refund_payment(&order("b"), &id, &refund).await.unwrap_err();
        assert_eq!(
            (refunded.kind(), refunded.outcome()),
            (&ErrorKind::InvalidState, Outcome::Answered),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_limit_says_how_long_to_wait_and_stripe_whether_to_try_again() {
    let limited = refusal(429, &json!({ "type": "invalid_request_error" })).insert_header("retry-after", "7");
    let error = pay(&Double::answering(limited).await).await.unwrap_err();
    assert_eq!((error.retry_after(), error.retry()), (Some(Duration::from_secs(7)), RetryClass::Temporary));

    let hopeless =
        refusal(500, &json!({ "type": "api_error" })).insert_header("stripe-should-retry", "false");
    let error = pay(&Double::answering(hopeless).await).await.unwrap_err();
    assert_eq!((error.outcome(), error.retry()), (Outcome::MaybeSent, RetryClass::Permanent));
}

#[tokio::test]
async fn a_failure_that_stripe_remembers_is_not_worth_repeating() {
    let replayed = refusal(500, &json!({ "type": "api_error" })).insert_header("idempotent-replayed", "true");
    let error = pay(&Double::answering(replayed).await).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.retry()),
        (&ErrorKind::Unavailable, Outcome::MaybeSent, RetryClass::Permanent)
    );
    assert!(error.message().contains("every repetition"), "{error}");
    // A decline that is replayed is a decline.
    let card = json!({ "type": "card_error", "code": "card_declined", "decline_code": "lost_card" });
    let replayed = refusal(402, &card).insert_header("idempotent-replayed", "true");
    let error = pay(&Double::answering(replayed).await).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Declined { code: "lost_card".to_owned() });
}

#[tokio::test]
async fn a_charge_whose_answer_is_late_is_in_doubt_and_the_key_finds_it() {
    let double = Double::new().await;
    let heard = AtomicBool::new(false);
    let answer = move |_: &Request| match heard.swap(true, Ordering::SeqCst) {
        false => intent("succeeded", 1000).set_delay(Duration::from_secs(5)),
        true => intent("succeeded", 1000),
    };
    double.on("POST", "/v1/payment_intents", answer).await;
    let http = HttpConfig::default().total_timeout(Duration::from_millis(200));
    let stripe = double.builder().http(http).build().unwrap();
    let pay = || async { stripe.create_payment(&order("a"), euros(10_00), &card()).await };
    let error = pay().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent));
    assert_eq!(pay().await.unwrap().captured, euros(10_00));
    let sent = double.requests().await;
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].headers["idempotency-key"], sent[1].headers["idempotency-key"]);
    assert_eq!(sent[0].body, sent[1].body, "Stripe compares every byte of the parameters");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_doubt_about_an_effect() {
    let answers = [
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({ "id": "pi_1" })),
        intent("teleported", 1000),
        // It says that nothing was taken of what was paid.
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "pi_1", "amount": 1000, "amount_received": 0, "currency": "eur", "status": "succeeded"
        })),
        // It does not expand what it was asked to.
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "pi_1", "amount": 1000, "amount_received": 1000, "currency": "eur", "status": "succeeded",
            "latest_charge": "ch_1"
        })),
        // In a currency whose amounts are not known.
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "pi_1", "amount": 1000, "currency": "xxx", "status": "requires_action"
        })),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let error = pay(&Double::answering(answer).await).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (&ErrorKind::Internal, Outcome::MaybeSent),
            "{number}: {error}"
        );
    }
}

#[tokio::test]
async fn a_read_before_an_effect_that_fails_leaves_no_doubt() {
    let double = Double::answering(refusal(503, &json!({ "type": "api_error" }))).await;
    let (stripe, id) = (double.stripe(), PaymentId::new("pi_1"));
    let refund = stripe.refund_payment(&order("a"), &id, &RefundOptions::default()).await.unwrap_err();
    assert_eq!((refund.kind(), refund.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    let part = CaptureOptions::amount(euros(1_00));
    let capture = stripe.capture_payment(&order("b"), &id, &part).await.unwrap_err();
    assert_eq!((capture.kind(), capture.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    assert!(double.requests().await.iter().all(|request| request.method.as_str() == "GET"));
}

#[tokio::test]
async fn a_challenge_without_a_page_names_none_and_waits() {
    let double = Double::new().await;
    let challenged = ResponseTemplate::new(200).set_body_json(json!({
        "id": "pi_1", "amount": 1000, "currency": "eur", "status": "requires_action",
        "next_action": { "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } },
    }));
    double.otherwise(challenged).await;
    let stripe = double.stripe();
    let payment = stripe.create_payment(&order("a"), euros(10_00), &card()).await.unwrap();
    assert_eq!((payment.status, payment.next_action), (PaymentStatus::RequiresAction, None));
    // Going on while the customer is at the bank does not send them there again.
    let go_on = ConfirmOptions::authenticated();
    let still = stripe.confirm_payment(&order("b"), &payment.id, &go_on).await.unwrap();
    assert_eq!(still.status, PaymentStatus::RequiresAction);
    let methods: Vec<_> = double.requests().await.iter().map(|request| request.method.to_string()).collect();
    assert_eq!(methods, ["POST", "GET"]);
}

#[tokio::test]
async fn what_waits_for_a_confirmation_is_confirmed() {
    let double = Double::new().await;
    double.on("GET", "/v1/payment_intents/pi_1", intent("requires_confirmation", 1000)).await;
    double.on("POST", "/v1/payment_intents/pi_1/confirm", intent("succeeded", 1000)).await;
    let (stripe, id) = (double.stripe(), PaymentId::new("pi_1"));
    let waiting = stripe.get_payment(&order("a"), &id, &GetPaymentOptions::default()).await.unwrap();
    assert_eq!(waiting.status, PaymentStatus::RequiresAction);
    let paid = stripe.confirm_payment(&order("a"), &id, &ConfirmOptions::authenticated()).await.unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn what_was_released_is_not_refunded() {
    let charge =
        |refunded: i64| json!({ "status": "succeeded", "amount": 1000, "amount_refunded": refunded });
    let table = [
        // Stripe counts the release of a cancelled authorisation, and of the rest of a capture, as refunded.
        ("canceled", 0, charge(1000), (1000, 0, 0)),
        ("succeeded", 600, charge(400), (1000, 600, 0)),
        ("succeeded", 600, charge(550), (1000, 600, 150)),
        ("succeeded", 600, charge(1000), (1000, 600, 600)),
        ("succeeded", 1000, charge(250), (1000, 1000, 250)),
        ("requires_capture", 0, charge(0), (1000, 0, 0)),
        ("canceled", 0, json!({ "status": "failed", "amount": 1000, "amount_refunded": 0 }), (0, 0, 0)),
        ("processing", 0, json!({ "status": "pending", "amount": 1000, "amount_refunded": 0 }), (0, 0, 0)),
    ];
    for (status, received, charge, expected) in table {
        let body = json!({
            "id": "pi_1", "amount": 1000, "amount_received": received, "currency": "eur", "status": status,
            "latest_charge": charge,
        });
        let double = Double::answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        let id = PaymentId::new("pi_1");
        let read =
            double.stripe().get_payment(&order("a"), &id, &GetPaymentOptions::default()).await.unwrap();
        let found = (read.authorised.minor(), read.captured.minor(), read.refunded.minor());
        assert_eq!(found, expected, "{body}");
    }
}

#[tokio::test]
async fn a_refund_is_pending_until_stripe_knows() {
    for (status, expected) in [
        (json!("pending"), RefundStatus::Pending),
        (json!("requires_action"), RefundStatus::Pending),
        (json!(null), RefundStatus::Pending),
        (json!("succeeded"), RefundStatus::Succeeded),
        (json!("failed"), RefundStatus::Failed),
        (json!("canceled"), RefundStatus::Canceled),
    ] {
        let body = json!({
            "id": "re_1", "amount": 100, "currency": "eur", "status": status, "payment_intent": "pi_1"
        });
        let double = Double::answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        let id = RefundId::new("re_1");
        let read = double.stripe().get_refund(&order("a"), &id, &GetRefundOptions::default()).await.unwrap();
        assert_eq!((read.status, read.payment.as_str()), (expected, "pi_1"));
    }
}

#[tokio::test]
async fn an_amount_in_another_currency_is_never_sent() {
    let double = Double::new().await;
    let yen = json!({
        "id": "pi_1", "amount": 1000, "amount_received": 1000, "currency": "jpy", "status": "succeeded",
        "latest_charge": { "status": "succeeded", "amount": 1000, "amount_refunded": 0 },
    });
    double.otherwise(ResponseTemplate::new(200).set_body_json(yen)).await;
    let (stripe, id) = (double.stripe(), PaymentId::new("pi_1"));
    let refund = RefundOptions::amount(euros(6_00));
    let refund = stripe.refund_payment(&order("a"), &id, &refund).await.unwrap_err();
    let capture = CaptureOptions::amount(euros(6_00));
    let capture = stripe.capture_payment(&order("b"), &id, &capture).await.unwrap_err();
    for error in [refund, capture] {
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::InvalidInput, Outcome::NotSent));
    }
    assert!(double.requests().await.iter().all(|request| request.method.as_str() == "GET"));
}

#[tokio::test]
async fn no_error_shows_a_secret_a_token_or_stripes_own_words() {
    let words = "No such PaymentMethod: 'pm_hush'; a similar key is sk_test_hush; card 4242424242424242";
    let bodies = [
        json!({ "type": "invalid_request_error", "code": "resource_missing", "message": words }),
        json!({ "type": "card_error", "code": words, "decline_code": words, "message": words, "param": words }),
        json!({ "type": words, "message": words }),
    ];
    let method = PaymentMethod::new("pm_hush").unwrap();
    for body in bodies {
        for status in [400, 401, 402, 500] {
            let double = Double::answering(refusal(status, &body)).await;
            let options = PaymentOptions::default().method(method.clone());
            let error = double.stripe().create_payment(&order("a"), euros(1), &options).await.unwrap_err();
            let said = everything(&error);
            for secret in ["hush", "4242", KEY, "similar"] {
                assert!(!said.contains(secret), "{secret} is in {said}");
            }
        }
    }
    // Nor when nobody is there.
    let nowhere = Double::new().await;
    let stripe = nowhere.builder().base_url("http://127.0.0.1:9").build().unwrap();
    let error = stripe.cancel_payment(&order("a"), &PaymentId::new("pi_1"), &CancelOptions::default()).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    assert!(!everything(&error).contains(KEY));
    let shown = format!("{stripe:?} {:?}", nowhere.builder());
    assert!(!shown.contains(KEY), "{shown}");
}
