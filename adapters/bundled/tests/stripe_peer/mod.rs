//! The fake of Stripe that tests talk to, and the people around an account there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use companyos_adapters::payments_stripe::{SIGNATURE_HEADER, StripePayments, StripePaymentsBuilder};
use companyos_adapters::traits::clock::{Clock, SystemClock};
use companyos_adapters::traits::conformance::payment::{Behaviour, Fault, Signed, Stage};
use companyos_adapters::traits::payment::{
    Currency, Money, PaymentId, PaymentMethod, PayoutId, WebhookDelivery,
};
use companyos_adapters::traits::{Context, Error, ErrorKind, PaymentProvider, Secret};
use companyos_adapters::webhook::WebhookSecret;
use serde_json::Value;

const VARIABLE: &str = "COMPANYOS_TEST_STRIPE";
pub(crate) const SECRET: &str = "whsec_0123456789abcdef";

/// An account of its own with the fake.
pub(crate) struct Account {
    pub(crate) peer: String,
    pub(crate) key: String,
    client: reqwest::Client,
}

impl Account {
    /// Opens an account. `None`, with a word on standard error, when there is no peer.
    #[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
    #[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
    pub(crate) fn open(kind: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(peer) = std::env::var(VARIABLE) else {
            eprintln!(
                "skipped: {VARIABLE} is not set; `cargo contract test --only test` starts a peer and sets it"
            );
            return None;
        };
        let nanos = SystemClock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let key = format!("sk_test_{kind}{nanos}x{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Some(Self { peer, key, client: reqwest::Client::new() })
    }

    /// The adapter on this account, at the peer itself or through something before it.
    pub(crate) fn builder(&self, base_url: &str) -> StripePaymentsBuilder {
        StripePayments::builder(Secret::new(self.key.clone())).base_url(base_url)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.peer)).bearer_auth(&self.key);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Value {
        let request = self.client.post(format!("{}{path}", self.peer)).bearer_auth(&self.key);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = request.body(form.to_owned()).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// What the account has taken less what it has given back, by the fake's own balance.
    pub(crate) async fn taken(&self) -> Money {
        let history = self.get("/v1/balance_transactions?limit=1000000").await;
        let amounts =
            history["data"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap());
        Money::new(amounts.sum(), Currency::EUR)
    }

    /// Lets the next effect meet with a fault. Blocks, for a moment.
    fn disturb(&self, fault: &str) -> std::io::Result<()> {
        let host = self.peer.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "POST /peer/fault HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{fault}",
            self.key,
            fault.len()
        )?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

/// The adapter and everybody around it.
pub(crate) struct Everybody {
    pub(crate) account: Account,
    pub(crate) stripe: StripePayments,
    debit: PaymentMethod,
}

impl Everybody {
    pub(crate) async fn around(account: Account) -> Result<Self, Error> {
        let stripe = account
            .builder(&account.peer)
            .method_types(["card", "sepa_debit"])
            .webhook_secret(WebhookSecret::new(SECRET)?)
            .build()?;
        let form = "type=sepa_debit&sepa_debit[iban]=DE89370400440532013000";
        let made = account.post("/v1/payment_methods", form).await;
        let debit = PaymentMethod::new(made["id"].as_str().unwrap_or_default())?;
        Ok(Self { account, stripe, debit })
    }
}

/// A delivery of an event, signed as Stripe signs.
pub(crate) fn deliver(body: String, secret: &str, seconds: i64) -> Result<WebhookDelivery, Error> {
    let apart = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemClock.wall();
    let time = if seconds < 0 { now - apart } else { now + apart };
    let signature = WebhookSecret::new(secret)?.sign(time, body.as_bytes())?;
    Ok(WebhookDelivery::new(body, vec![(SIGNATURE_HEADER.to_owned(), signature)]))
}

#[async_trait]
impl Stage for Everybody {
    fn provider(&self) -> &dyn PaymentProvider {
        &self.stripe
    }

    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
        let token = match behaviour {
            Behaviour::Approved => "pm_card_visa",
            Behaviour::Declined => "pm_card_visa_chargeDeclinedInsufficientFunds",
            Behaviour::AuthenticationRequired => "pm_card_authenticationRequired",
            Behaviour::Delayed => return Some(self.debit.clone()),
            _ => return None,
        };
        PaymentMethod::new(token).ok()
    }

    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) -> Result<bool, Error> {
        let intent = self.account.get(&format!("/v1/payment_intents/{payment}")).await;
        let secret = intent["client_secret"].as_str().unwrap_or_default();
        let form = format!("client_secret={secret}&success={succeeds}");
        self.account.post(&format!("/v1/payment_intents/{payment}/_authenticate"), &form).await;
        Ok(true)
    }

    async fn settle(&self, payment: &PaymentId) -> Result<bool, Error> {
        // The fake's bank answers after half a second.
        for _ in 0..100 {
            let intent = self.account.get(&format!("/v1/payment_intents/{payment}")).await;
            if intent["status"] != "processing" {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::new(ErrorKind::Unavailable, "the fake does not settle the debit"))
    }

    async fn payout(&self, _: &Context) -> Result<Option<(PayoutId, Money)>, Error> {
        let made = self.account.post("/v1/payouts", "amount=700&currency=eur").await;
        let id = PayoutId::new(made["id"].as_str().unwrap_or_default());
        Ok(Some((id, Money::new(700, Currency::EUR))))
    }

    fn delivery(&self, event: &str, signed: Signed) -> Option<WebhookDelivery> {
        let body = format!(
            r#"{{"id":"evt_{event}","object":"event","type":"payment_intent.succeeded","created":1700000000,
                "data":{{"object":{{"id":"pi_1","object":"payment_intent","amount":100,"currency":"eur"}}}}}}"#
        );
        match signed {
            Signed::At(seconds) => deliver(body, SECRET, seconds).ok(),
            _ => deliver(body, "whsec_of-somebody-else", 0).ok(),
        }
    }

    async fn taken(&self) -> Result<Option<Money>, Error> {
        Ok(Some(self.account.taken().await))
    }

    fn fault(&self, fault: Fault) -> bool {
        let name = match fault {
            Fault::RequestLost => "request-lost",
            Fault::AnswerLost => "answer-lost",
            Fault::RequestDuplicated => "request-duplicated",
            _ => return false,
        };
        self.account.disturb(name).is_ok()
    }
}
