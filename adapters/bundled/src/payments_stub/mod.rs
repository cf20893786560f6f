//! A payment provider that does what a script says: for tests and development, never for money.
//!
//! It stands on the ledger of [`MemoryPayments`](companyos_adapter_traits::payment::MemoryPayments) and adds what tests
//! of a whole system need: a [`Script`] of declines, 3-D Secure, delays, disputes and answers that do not arrive;
//! webhooks signed as Stripe signs them; and books in a file, which survive the process that kept them.

mod adapter;
mod books;
mod builder;
mod event;
mod record;
mod script;
#[cfg(feature = "conformance")]
mod stage;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::payment::memory::{BankAnswer, Ledger, Request, check_capabilities};
use companyos_adapter_traits::payment::{
    DisputeId, Event, Made, Money, Payment, PaymentId, PaymentStatus, PayoutId, PayoutStatus, RefundId,
    ReplayGuard, WebhookDelivery, operations, rules,
};
use companyos_adapter_traits::{Context, Descriptor, Error, ErrorKind, Outcome};

pub use builder::StubPaymentsBuilder;
pub use script::{Rule, Script, Then, When};

use self::books::Books;
use self::record::{Bank, What};
use self::script::Stage;
use crate::webhook::WebhookSecret;

/// The header field that holds the signature of a webhook; [`webhook`](crate::webhook) describes it.
pub const SIGNATURE_HEADER: &str = "Stub-Signature";

/// A [`PaymentProvider`](companyos_adapter_traits::PaymentProvider) to test against.
///
/// Deterministic: the same calls at the same times lead to the same books, ids included. Clones share them. With a file
/// a change is synced before it is answered, and the methods must be called within a Tokio runtime; whoever opens the
/// file later, or meanwhile in another process, finds the same books.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use companyos_adapters::payments_stub::{Script, StubPayments, Then, When};
/// use companyos_adapters::traits::payment::memory::BankAnswer;
/// use companyos_adapters::traits::payment::{Currency, Money, PaymentOptions};
/// use companyos_adapters::traits::{Context, ErrorKind, Outcome, PaymentProvider};
///
/// let script = Script::default().rule_times(When::operation("payment.create"), Then::TimeOut, 1);
/// let payments = StubPayments::builder().script(script).open()?;
/// let ctx = Context::builder("acme", "eu-central").idempotency_key("order-1").build();
/// let (price, options) =
///     (Money::new(12_34, Currency::EUR), PaymentOptions::default().method(BankAnswer::Approved.method()?));
///
/// // The provider charges, and the answer does not come in time.
/// let error = payments.create_payment(&ctx, price, &options).await.unwrap_err();
/// assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::MaybeSent));
/// // The same key finds out, and charges nothing more.
/// let paid = payments.create_payment(&ctx, price, &options).await?;
/// assert_eq!(payments.payments()?, [paid]);
/// # Ok::<(), companyos_adapters::traits::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct StubPayments {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    stage: Stage,
    secret: Option<WebhookSecret>,
    guard: Arc<dyn ReplayGuard>,
    /// Whether the books are in a file, so that work on them blocks.
    on_disk: bool,
    books: Mutex<Books>,
}

/// What happens elsewhere, and what a test looks at. These block on file access when the books are in a file.
impl StubPayments {
    /// Chooses a script, a file, a webhook secret, a clock or a region.
    pub fn builder() -> StubPaymentsBuilder {
        StubPaymentsBuilder::new()
    }

    /// Puts a rule before those of the script: the next so many effects that fit go like this.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a rule that can never fit.
    pub fn interject(&self, when: When, then: Then, times: u32) -> Result<(), Error> {
        let rule = Rule { when, then, times: Some(times) };
        rule.check()?;
        self.shared.stage.interject(rule);
        Ok(())
    }

    /// Every payment, in the order of their making.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] or [`ErrorKind::Corrupt`], of the file.
    pub fn payments(&self) -> Result<Vec<Payment>, Error> {
        self.shared.read(|ledger| Ok(ledger.payments().cloned().collect()))
    }

    /// Everything that happened, oldest first.
    ///
    /// # Errors
    /// As [`payments`](Self::payments).
    pub fn events(&self) -> Result<Vec<Event>, Error> {
        self.shared.read(|ledger| Ok(ledger.events().to_vec()))
    }

    /// A delivery of an event, signed now. Delivering again signs again.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] without a webhook secret.
    pub fn deliver(&self, event: &Event) -> Result<WebhookDelivery, Error> {
        let secret = self.shared.secret()?;
        let body = event::write(event)?;
        let signature = secret.sign(self.shared.clock.wall(), &body)?;
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            (SIGNATURE_HEADER.to_owned(), signature),
        ];
        Ok(WebhookDelivery::new(body, headers))
    }

    /// The customer has tried to authenticate. The payment goes on when it is confirmed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless the payment waits for that, [`ErrorKind::NotFound`], and those of the file.
    pub fn authenticate(&self, payment: &PaymentId, succeeded: bool) -> Result<(), Error> {
        self.shared.happen(What::Authenticate { payment: payment.to_string(), succeeded }).map(drop)
    }

    /// The bank answers about a payment in processing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless the payment waits for that, [`ErrorKind::NotFound`], and those of the file.
    pub fn settle(&self, payment: &PaymentId, answer: &BankAnswer) -> Result<(), Error> {
        let bank = Bank::of(answer)?;
        self.shared.happen(What::Settle { payment: payment.to_string(), bank }).map(drop)
    }

    /// The customer disputes a payment.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] unless it has succeeded, [`ErrorKind::NotFound`], and those of the file.
    pub fn open_dispute(&self, payment: &PaymentId) -> Result<DisputeId, Error> {
        let made = self.shared.happen(What::OpenDispute { payment: payment.to_string() })?;
        made.map(DisputeId::new).ok_or_else(nothing_made)
    }

    /// The bank decides a dispute.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such open dispute, and those of the file.
    pub fn close_dispute(&self, dispute: &DisputeId) -> Result<(), Error> {
        self.shared.happen(What::CloseDispute { dispute: dispute.to_string() }).map(drop)
    }

    /// The customer's bank does not take a refund.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] if it has failed before, [`ErrorKind::NotFound`], and those of the file.
    pub fn fail_refund(&self, refund: &RefundId) -> Result<(), Error> {
        self.shared.happen(What::FailRefund { refund: refund.to_string() }).map(drop)
    }

    /// The provider sends money to the account's owner.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] for more than is on the account, [`ErrorKind::InvalidInput`] for an amount that is
    /// not positive, and those of the file.
    pub fn pay_out(&self, amount: Money) -> Result<PayoutId, Error> {
        let made = self.shared.happen(What::PayOut { amount: amount.to_string() })?;
        made.map(PayoutId::new).ok_or_else(nothing_made)
    }

    /// A payout comes further.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] once it is failed or canceled, [`ErrorKind::NotFound`], and those of the file.
    pub fn advance_payout(&self, payout: &PayoutId, status: PayoutStatus) -> Result<(), Error> {
        let (payout, status) = (payout.to_string(), status.as_str().to_owned());
        self.shared.happen(What::AdvancePayout { payout, status }).map(drop)
    }
}

fn nothing_made() -> Error {
    Error::new(ErrorKind::Internal, "what happened made nothing")
}

impl Shared {
    fn secret(&self) -> Result<&WebhookSecret, Error> {
        let unsupported = || Error::unsupported(operations::VERIFY_WEBHOOK, &self.descriptor.name);
        self.secret.as_ref().ok_or_else(unsupported)
    }

    fn with_books<T>(&self, work: impl FnOnce(&mut Books) -> Result<T, Error>) -> Result<T, Error> {
        // A change goes to the ledger in one piece, whatever panics.
        self.books.lock().unwrap_or_else(PoisonError::into_inner).with(|books| {
            books.settle_due(self.clock.wall())?;
            work(books)
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Ledger) -> Result<T, Error>) -> Result<T, Error> {
        self.with_books(|books| read(&books.ledger))
    }

    fn happen(&self, what: What) -> Result<Option<String>, Error> {
        self.with_books(|books| books.happen(self.clock.wall(), what))
    }

    /// An effect, as the script has it.
    fn effect(&self, ctx: &Context, request: &Request) -> Result<Made, Error> {
        ctx.check_deadline(self.clock.now())?;
        let key = rules::idempotency_key(ctx)?;
        let then = self.stage.next(key, request);
        match &then {
            Some(Then::LoseRequest) => {
                let error = Error::new(ErrorKind::Unavailable, "the request was lost, as the script says");
                return Err(error.with_outcome(Outcome::NotSent));
            }
            Some(Then::RateLimit) => {
                return Err(Error::new(ErrorKind::RateLimited, "the script wants fewer requests"));
            }
            _ => {}
        }
        let bank = match (then.as_ref().and_then(Then::bank), request.method()) {
            (Some(bank), _) => bank,
            (None, Some(method)) => BankAnswer::of(method)?,
            (None, None) => BankAnswer::Approved,
        };
        let delay = match &then {
            Some(Then::Delay { seconds: Some(seconds) }) => Some(Duration::from_secs(*seconds)),
            _ => None,
        };
        let answer = self.with_books(|books| {
            check_capabilities(&self.descriptor, &books.ledger, request)?;
            let now = self.clock.wall();
            let known = books.ledger.knows(&ctx.tenant, key);
            let settle_at = delay.map(|delay| record::micros(now + delay));
            let mut answer = books.call(&ctx.tenant, key, request, &bank, settle_at, now);
            if then == Some(Then::DuplicateRequest) {
                answer = books.call(&ctx.tenant, key, request, &bank, settle_at, now);
            }
            if let (Ok(Made::Payment(payment)), Some(Then::Dispute), false) = (&answer, &then, known)
                && payment.status == PaymentStatus::Succeeded
            {
                books.happen(now, What::OpenDispute { payment: payment.id.to_string() })?;
            }
            answer
        });
        match then {
            Some(Then::LoseAnswer) => {
                let error = Error::new(ErrorKind::Unavailable, "the answer was lost, as the script says");
                Err(error.with_outcome(Outcome::MaybeSent))
            }
            Some(Then::TimeOut) => {
                Err(Error::new(ErrorKind::DeadlineExceeded, "the answer came too late, as the script says"))
            }
            _ => answer,
        }
    }
}

impl fmt::Debug for StubPayments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StubPayments").field("descriptor", &self.shared.descriptor).finish_non_exhaustive()
    }
}
