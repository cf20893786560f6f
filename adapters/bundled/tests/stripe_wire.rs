//! What the adapter for Stripe puts on the wire: header fields, keys, forms, amounts, paths; and what it reads from
//! webhooks.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "stripe_wire/forms.rs"]
mod forms;
mod stripe_double;

use std::time::{Duration, UNIX_EPOCH};

use companyos_adapters::catalog::{Kind, Place, Plan, Secrets};
use companyos_adapters::payments_stripe::{API_VERSION, SIGNATURE_HEADER, StripePayments, amount};
use companyos_adapters::traits::clock::{Clock, SystemClock};
use companyos_adapters::traits::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Currency, CustomerId, Event, EventKind, FindOptions,
    GetCustomerOptions, GetPaymentOptions, Money, PaymentId, PaymentMethod, PaymentOptions, RefundOptions,
    RefundReason, WebhookDelivery, WebhookOptions,
};
use companyos_adapters::traits::{Capability, Context, Error, ErrorKind, PaymentProvider, Secret};
use companyos_adapters::webhook::WebhookSecret;
use forms::pairs;
use serde_json::json;
use stripe_double::{Double, KEY, card, euros, intent, order};
use wiremock::{Request, ResponseTemplate};

const SECRET: &str = "whsec_0123456789abcdef";

fn form(request: &Request) -> Vec<(String, String)> {
    pairs(std::str::from_utf8(&request.body).unwrap())
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn every_request_carries_the_key_the_version_and_the_idempotency_key() {
    let double = Double::answering(intent("succeeded", 1000)).await;
    double.stripe().create_payment(&order("order-1"), euros(10_00), &card()).await.unwrap();
    let id = PaymentId::new("pi_1");
    double.stripe().get_payment(&order("order-1"), &id, &GetPaymentOptions::default()).await.unwrap();
    let [post, get] = &double.requests().await[..] else { unreachable!("not two requests") };
    for request in [post, get] {
        assert_eq!(request.headers["authorization"], format!("Bearer {KEY}").as_str());
        assert_eq!(request.headers["stripe-version"], API_VERSION);
    }
    let sent = post.headers["idempotency-key"].to_str().unwrap();
    let (key, tenant) = sent.split_once('@').unwrap();
    assert_eq!((key, tenant.len()), ("order-1", 64), "the caller's key, and a digest of the tenant");
    assert!(!sent.contains("acme"), "who the tenants are is not for Stripe to know");
    assert!(!get.headers.contains_key("idempotency-key"));
    assert_eq!(post.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn the_longest_key_fits() {
    let double = Double::answering(intent("succeeded", 1000)).await;
    let longest = "k".repeat(128);
    double.stripe().create_payment(&order(&longest), euros(10_00), &card()).await.unwrap();
    assert!(double.requests().await[0].headers["idempotency-key"].len() <= 255);
}

#[tokio::test]
async fn each_operation_says_what_it_means() {
    let double = Double::answering(intent("succeeded", 1000)).await;
    let refund = json!({ "id": "re_1", "amount": 300, "currency": "eur", "payment_intent": "pi_1" });
    double.on("POST", "/v1/refunds", ResponseTemplate::new(200).set_body_json(refund)).await;
    let (stripe, id, ctx) = (double.stripe(), PaymentId::new("pi_1"), order("a"));
    let method = PaymentMethod::new("pm_card_visa").unwrap();

    let options = PaymentOptions::default()
        .manual_capture()
        .customer(CustomerId::new("cus_1"))
        .method(method.clone())
        .off_session()
        .return_url("https://shop.example/back?a=1&b=2")
        .description("three apples & a pear")
        .metadata("order", "42");
    stripe.create_payment(&ctx, euros(10_00), &options).await.unwrap();
    stripe.create_payment(&ctx, euros(10_00), &PaymentOptions::default()).await.unwrap();
    stripe.confirm_payment(&ctx, &id, &ConfirmOptions::method(method)).await.unwrap();
    stripe.capture_payment(&ctx, &id, &CaptureOptions::default()).await.unwrap();
    stripe.capture_payment(&ctx, &id, &CaptureOptions::amount(euros(6_00))).await.unwrap();
    stripe.cancel_payment(&ctx, &id, &CancelOptions::default()).await.unwrap();
    let part = RefundOptions::amount(euros(3_00)).reason(RefundReason::Duplicate);
    stripe.refund_payment(&ctx, &id, &part).await.unwrap();

    let expand = ("expand[]", "latest_charge");
    let intents = "/v1/payment_intents";
    let expected = [
        (
            intents.to_owned(),
            owned(&[
                expand,
                ("amount", "1000"),
                ("currency", "eur"),
                ("capture_method", "manual"),
                ("customer", "cus_1"),
                ("description", "three apples & a pear"),
                ("metadata[order]", "42"),
                ("payment_method_types[]", "card"),
                ("confirm", "true"),
                ("payment_method", "pm_card_visa"),
                ("return_url", "https://shop.example/back?a=1&b=2"),
                ("off_session", "true"),
            ]),
        ),
        (
            intents.to_owned(),
            owned(&[
                expand,
                ("amount", "1000"),
                ("currency", "eur"),
                ("capture_method", "automatic"),
                ("payment_method_types[]", "card"),
            ]),
        ),
        (format!("{intents}/pi_1/confirm"), owned(&[expand, ("payment_method", "pm_card_visa")])),
        (format!("{intents}/pi_1/capture"), owned(&[expand])),
        (format!("{intents}/pi_1/capture"), owned(&[expand, ("amount_to_capture", "600")])),
        (format!("{intents}/pi_1/cancel"), owned(&[expand])),
        (
            "/v1/refunds".to_owned(),
            owned(&[("payment_intent", "pi_1"), ("amount", "300"), ("reason", "duplicate")]),
        ),
    ];
    let requests = double.requests().await;
    let posts = requests.iter().filter(|request| request.method.as_str() == "POST");
    let sent: Vec<_> = posts.map(|request| (request.url.path().to_owned(), form(request))).collect();
    assert_eq!(sent, expected);
    let gets = requests.iter().filter(|request| request.method.as_str() == "GET");
    for get in gets {
        assert_eq!(pairs(get.url.query().unwrap_or_default()), owned(&[expand]));
    }
}

#[tokio::test]
async fn an_id_never_leaves_its_place_in_the_path() {
    let double = Double::answering(intent("succeeded", 1000)).await;
    let stripe = double.stripe();
    for id in ["", "..", "pi_1/capture", "pi_1?expand[]=x", "../payouts", "pi_1%2Fcancel", "pï_1"] {
        let payment = PaymentId::new(id);
        let read = stripe.get_payment(&order("a"), &payment, &GetPaymentOptions::default()).await;
        let cancel = stripe.cancel_payment(&order("a"), &payment, &CancelOptions::default()).await;
        let customer =
            stripe.get_customer(&order("a"), &CustomerId::new(id), &GetCustomerOptions::default()).await;
        for error in [read.unwrap_err(), cancel.unwrap_err(), customer.unwrap_err()] {
            assert_eq!(error.kind(), &ErrorKind::NotFound, "{id}");
        }
    }
    assert_eq!(double.requests().await.len(), 0);
}

#[tokio::test]
async fn what_is_no_token_of_stripe_is_not_sent() {
    let double = Double::answering(intent("succeeded", 1000)).await;
    for token in ["visa", "tok_visa", "4242"] {
        let options = PaymentOptions::default().method(PaymentMethod::new(token).unwrap());
        let error = double.stripe().create_payment(&order("a"), euros(1), &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput);
        assert!(!error.to_string().contains(token));
    }
    assert_eq!(double.requests().await.len(), 0);
}

#[test]
fn amounts_are_counted_as_stripe_counts_them() {
    let table = [
        ("12.34 EUR", Some(1234)),
        ("500 JPY", Some(500)),
        // Two digits at Stripe, which must be zeros.
        ("5 ISK", Some(500)),
        ("5 UGX", Some(500)),
        // No digits at Stripe.
        ("5.00 MGA", Some(5)),
        ("5.01 MGA", None),
        // The third digit must be a zero.
        ("5.120 KWD", Some(5120)),
        ("5.124 KWD", None),
        ("1.230 BHD", Some(1230)),
        ("1.230 JOD", Some(1230)),
        ("1.230 OMR", Some(1230)),
        ("1.231 TND", None),
        // Two digits, for payments.
        ("10.45 HUF", Some(1045)),
        ("10.45 TWD", Some(1045)),
        // How Stripe would count these is not known.
        ("1.000 IQD", None),
        ("1.000 LYD", None),
        ("1.0000 CLF", None),
        ("1 UYI", None),
        ("92233720368547758 ISK", Some(9_223_372_036_854_775_800)),
        ("92233720368547759 ISK", None),
    ];
    for (text, expected) in table {
        let money: Money = text.parse().unwrap();
        match amount::to_stripe(money) {
            Ok(counted) => {
                assert_eq!(Some(counted), expected, "{text}");
                let code = money.currency().code().to_lowercase();
                assert_eq!(amount::from_stripe(counted, &code).unwrap(), money, "{text} and back");
            }
            Err(error) => {
                assert_eq!((error.kind(), expected), (&ErrorKind::InvalidInput, None), "{text}: {error}");
            }
        }
    }
    for (finer, code) in [(550, "isk"), (1, "ugx"), (1, "nope"), (1, "iqd"), (i64::MAX, "mga")] {
        let error = amount::from_stripe(finer, code).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Internal, "{finer} {code}");
    }
}

#[test]
fn every_currency_that_is_taken_reads_back_as_it_was() {
    let mut taken = 0;
    for currency in Currency::all() {
        let whole = 10_i64.pow(currency.exponent().into());
        let Ok(counted) = amount::to_stripe(Money::new(whole, currency)) else { continue };
        assert_eq!(amount::from_stripe(counted, currency.code()).unwrap(), Money::new(whole, currency));
        taken += 1;
    }
    assert!(taken > 140, "{taken}");
    for special in amount::SPECIAL {
        assert!(special.code.parse::<Currency>().is_ok(), "{special:?}");
    }
}

fn signed(body: &str) -> WebhookDelivery {
    let signature = WebhookSecret::new(SECRET).unwrap().sign(SystemClock.wall(), body.as_bytes()).unwrap();
    WebhookDelivery::new(body.to_owned(), vec![(SIGNATURE_HEADER.to_owned(), signature)])
}

async fn event(body: &str) -> Result<Event, Error> {
    let secret = WebhookSecret::new(SECRET).unwrap();
    let stripe = StripePayments::builder(Secret::new(KEY)).webhook_secret(secret).build().unwrap();
    let ctx = Context::builder("acme", "local").build();
    stripe.verify_webhook(&ctx, &signed(body), &WebhookOptions::default()).await
}

#[tokio::test]
async fn events_are_read_in_the_traits_terms() {
    use EventKind as K;
    let table = [
        ("payment_intent.requires_action", "payment_intent", K::PaymentRequiresAction),
        ("payment_intent.processing", "payment_intent", K::PaymentProcessing),
        ("payment_intent.amount_capturable_updated", "payment_intent", K::PaymentRequiresCapture),
        ("payment_intent.succeeded", "payment_intent", K::PaymentSucceeded),
        ("payment_intent.payment_failed", "payment_intent", K::PaymentFailed),
        ("payment_intent.canceled", "payment_intent", K::PaymentCanceled),
        ("refund.created", "refund", K::RefundUpdated),
        ("refund.updated", "refund", K::RefundUpdated),
        ("refund.failed", "refund", K::RefundUpdated),
        ("charge.refund.updated", "refund", K::RefundUpdated),
        ("charge.dispute.created", "dispute", K::DisputeOpened),
        ("charge.dispute.closed", "dispute", K::DisputeClosed),
        ("payout.paid", "payout", K::PayoutUpdated),
        ("payout.failed", "payout", K::PayoutUpdated),
    ];
    for (name, object, kind) in table {
        let id = format!("{object}_1");
        let body = json!({
            "id": "evt_1", "object": "event", "type": name, "created": 1_700_000_000,
            "data": { "object": { "id": id, "object": object, "amount": 1000, "currency": "eur",
                "payment_intent": "pi_of" } },
        });
        let read = event(&body.to_string()).await.unwrap();
        assert_eq!(
            (read.id.as_str(), &read.kind, read.amount),
            ("evt_1", &kind, Some(euros(10_00))),
            "{name}"
        );
        assert_eq!(read.created, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let payment = if object == "payment_intent" { "payment_intent_1" } else { "pi_of" };
        assert_eq!(read.payment.as_ref().map(PaymentId::as_str), Some(payment), "{name}");
        let named = [
            read.refund.map(|id| id.to_string()),
            read.payout.map(|id| id.to_string()),
            read.dispute.map(|id| id.to_string()),
        ];
        let expected = (object != "payment_intent").then_some(id);
        assert_eq!(named.into_iter().flatten().next(), expected, "{name}");
    }
}

#[tokio::test]
async fn an_event_of_another_kind_or_version_is_an_event() {
    let charge = json!({
        "id": "evt_1", "type": "charge.refunded", "created": 1,
        "data": { "object": { "id": "ch_1", "object": "charge", "amount": 1000, "currency": "eur",
            "payment_intent": { "id": "pi_1", "object": "payment_intent" } } },
    });
    let read = event(&charge.to_string()).await.unwrap();
    assert_eq!(read.kind, EventKind::Other("charge.refunded".to_owned()));
    assert_eq!((read.payment, read.amount), (Some(PaymentId::new("pi_1")), None));
    let bare = r#"{"id":"evt_2","type":"v2.core.thing","created":2}"#;
    assert_eq!(event(bare).await.unwrap().kind, EventKind::Other("v2.core.thing".to_owned()));
    // An amount that cannot be read is left out.
    let odd = r#"{"id":"evt_3","type":"payout.paid","created":3,
        "data":{"object":{"id":"po_1","object":"payout","amount":1,"currency":"xxx"}}}"#;
    assert_eq!(event(odd).await.unwrap().amount, None);
    for nonsense in ["", "[]", r#"{"type":"payout.paid"}"#, "<xml/>"] {
        assert_eq!(event(nonsense).await.unwrap_err().kind(), &ErrorKind::InvalidInput, "{nonsense}");
    }
}

#[tokio::test]
async fn one_fitting_signature_among_several_is_enough_and_a_second_secret_is_good() {
    let (old, new) =
        (WebhookSecret::new(SECRET).unwrap(), WebhookSecret::new("whsec_fedcba9876543210").unwrap());
    let both =
        StripePayments::builder(Secret::new(KEY)).webhook_secret(old.clone()).webhook_secret(new.clone());
    let only_new = StripePayments::builder(Secret::new(KEY)).webhook_secret(new.clone()).build().unwrap();
    let both = both.build().unwrap();
    let (ctx, options) = (Context::builder("acme", "local").build(), WebhookOptions::default());
    let body = r#"{"id":"evt_1","type":"payout.paid","created":1}"#;
    let now = SystemClock.wall();
    let first = old.sign(now, body.as_bytes()).unwrap();
    let second = new.sign(now, body.as_bytes()).unwrap();
    let (_, mac) = second.split_once(",v1=").unwrap();
    let deliver = |header: String| WebhookDelivery::new(body, vec![("stripe-signature".to_owned(), header)]);
    both.verify_webhook(&ctx, &deliver(first.clone()), &options).await.unwrap();
    let twice = deliver(format!("{first},v1={mac},v0=6ffbb59b"));
    only_new.verify_webhook(&ctx, &twice, &options).await.unwrap();
    let forged = only_new.verify_webhook(&ctx, &deliver(first), &options).await.unwrap_err();
    assert_eq!(forged.kind(), &ErrorKind::WebhookForged);
    let elsewhere = WebhookDelivery::new(body, vec![("Signature".to_owned(), second)]);
    let unsigned = only_new.verify_webhook(&ctx, &elsewhere, &options).await.unwrap_err();
    assert_eq!(unsigned.kind(), &ErrorKind::WebhookForged);
}

#[tokio::test]
async fn what_is_not_claimed_is_unsupported() {
    let stripe = StripePayments::builder(Secret::new(KEY)).region("eu-central").build().unwrap();
    let descriptor = stripe.descriptor();
    assert_eq!(
        (descriptor.name.as_str(), descriptor.region.as_deref()),
        ("payments-stripe", Some("eu-central"))
    );
    assert!(!descriptor.has(Capability::FindByKey) && !descriptor.has(Capability::Webhooks));
    let found = stripe.find_by_key(&order("a"), "a", &FindOptions::default()).await.unwrap_err();
    let delivered =
        stripe.verify_webhook(&order("a"), &signed("{}"), &WebhookOptions::default()).await.unwrap_err();
    for error in [found, delivered] {
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for key in ["", "pk_live_1", "sk_with a space", "sk_line\nbreak", "whsec_1"] {
        let error = StripePayments::builder(Secret::new(key)).build().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput);
        assert!(key.is_empty() || !error.to_string().contains(key));
    }
    for url in
        ["", "api.stripe.com", "mailto:a@example.com", "https://u:p@example.com", "https://example.com?a=b"]
    {
        assert!(StripePayments::builder(Secret::new(KEY)).base_url(url).build().is_err(), "{url}");
    }
    assert!(StripePayments::builder(Secret::new(KEY)).method_types(Vec::<String>::new()).build().is_err());
    assert!(StripePayments::builder(Secret::new(KEY)).region("").build().is_err());
    assert!(StripePayments::builder(Secret::new("rk_live_1")).build().is_ok(), "a restricted key is a key");
}

#[tokio::test]
async fn the_catalog_opens_what_its_settings_describe() {
    let secrets = |pairs: &[(&str, &str)]| -> Secrets {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Secret::new(*text))).collect()
    };
    let plan = |settings: serde_json::Value, secrets: &Secrets| {
        Plan::new(Kind::PaymentsStripe, settings.as_object().unwrap(), secrets)
    };
    let settings = json!({ "base_url": "http://127.0.0.1:9", "method_types": ["card", "sepa_debit"] });
    let good = secrets(&[("api_key", KEY), ("webhook_secret", SECRET)]);
    let opened = plan(settings, &good).unwrap();
    assert_eq!(opened.origins(), ["http://127.0.0.1:9"]);
    let ctx = Context::builder("acme", "eu-central").build();
    let opened = opened.open(&ctx, &Place::new("eu-central")).await.unwrap();
    assert_eq!(opened.descriptor().region.as_deref(), Some("eu-central"));
    assert!(opened.descriptor().has(Capability::Webhooks));
    let refused = [
        (json!({}), secrets(&[]), "secrets.api_key"),
        (json!({}), secrets(&[("api_key", "pk_live_1")]), "settings"),
        (json!({ "url": "x" }), good.clone(), "settings"),
        (json!({}), secrets(&[("api_key", KEY), ("webhook_secret", "short")]), "secrets.webhook_secret"),
        (json!({}), secrets(&[("api_key", KEY), ("password", "x")]), "secrets.password"),
    ];
    for (settings, secrets, member) in refused {
        assert_eq!(plan(settings, &secrets).unwrap_err().member, member);
    }
}
