//! A correct payment adapter over books in memory, with one fault if asked for, and the stage it is tried on.

mod adapter;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::conformance::payment::{Behaviour, Fault as LinkFault, Signed, Stage};
use companyos_adapter_traits::payment::memory::{BankAnswer, MemoryPayments};
use companyos_adapter_traits::payment::{
    MemoryReplayGuard, Money, PaymentId, PaymentMethod, PaymentProvider, PayoutId, WebhookDelivery,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error};

use adapter::toy_mac;

/// What can be wrong with the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    MissingKeyIsAccepted,
    RefundsAreRepeated,
    RacersAllCharge,
    MismatchIsReplayed,
    TenantsShareKeys,
    DeclinesAreForgotten,
    CaptureIsCapped,
    PartialCaptureTakesAll,
    RefundIsCapped,
    RefundsAreNotCounted,
    DeclineIsNoError,
    DeclineCodeIsLost,
    AuthenticationIsSkipped,
    AbsentCustomerIsAsked,
    CancelOfTakenSucceeds,
    ToleranceIsIgnored,
    ReplaysAreAccepted,
    BodyIsTrimmed,
    RedeliveryIsRefused,
    KeysAreNotFound,
    DeadlineIsIgnored,
    UnclaimedManualCaptureTakes,
    UnclaimedPayoutsAreRead,
    LostAnswerIsNotSent,
    SignsAreIgnored,
    NamesAreForgotten,
    ProcessingIsSuccess,
    AbsentRefundIsInternal,
}

/// The adapter and everything around it.
pub(crate) struct Booth {
    fault: Option<Fault>,
    books: MemoryPayments,
    descriptor: Descriptor,
    guard: MemoryReplayGuard,
    link: Mutex<Option<LinkFault>>,
}

impl Booth {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        let books = MemoryPayments::new();
        let mut claims = books.descriptor().capabilities.clone();
        claims.insert(Capability::Webhooks);
        match fault {
            Some(Fault::UnclaimedManualCaptureTakes) => claims.remove(&Capability::ManualCapture),
            Some(Fault::UnclaimedPayoutsAreRead) => claims.remove(&Capability::Payouts),
            _ => false,
        };
        Self {
            fault,
            books,
            descriptor: Descriptor::new("booth", "1").with_capabilities(claims),
            guard: MemoryReplayGuard::default(),
            link: Mutex::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn take_link_fault(&self) -> Option<LinkFault> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Stage for Booth {
    fn provider(&self) -> &dyn PaymentProvider {
        self
    }

    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
        method(behaviour)
    }

    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) -> Result<bool, Error> {
        self.books.with_ledger(|books| books.authenticate(payment, succeeds))?;
        Ok(true)
    }

    async fn settle(&self, payment: &PaymentId) -> Result<bool, Error> {
        let now = SystemClock.wall();
        self.books.with_ledger(|books| books.settle(payment, &BankAnswer::Approved, now))?;
        Ok(true)
    }

    async fn payout(&self, _: &Context) -> Result<Option<(PayoutId, Money)>, Error> {
        let amount = Money::new(500, self.currency());
        let payout = self.books.with_ledger(|books| books.pay_out(amount, SystemClock.wall()))?;
        Ok(Some((payout, amount)))
    }

    fn delivery(&self, event: &str, signed: Signed) -> Option<WebhookDelivery> {
        let body = format!("event {event}");
        let (seconds, secret) = match signed {
            Signed::At(seconds) => (seconds, "the secret"),
            _ => (0, "a guess"),
        };
        let apart = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemClock.wall();
        let time = if seconds < 0 { now - apart } else { now + apart };
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let signature = format!("{seconds} {:x}", toy_mac(secret, seconds, body.as_bytes()));
        Some(WebhookDelivery::new(body, vec![("Booth-Signature".to_owned(), signature)]))
    }

    async fn taken(&self) -> Result<Option<Money>, Error> {
        taken(&self.books, self.currency()).map(Some)
    }

    fn fault(&self, fault: LinkFault) -> bool {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        true
    }
}

fn method(behaviour: Behaviour) -> Option<PaymentMethod> {
    let answer = match behaviour {
        Behaviour::Approved => BankAnswer::Approved,
        Behaviour::Declined => BankAnswer::declined("insufficient_funds"),
        Behaviour::AuthenticationRequired => BankAnswer::AuthenticationRequired,
        Behaviour::Delayed => BankAnswer::Delayed,
        _ => return None,
    };
    answer.method().ok()
}

/// What the books have taken, payouts apart.
fn taken(
    books: &MemoryPayments,
    currency: companyos_adapter_traits::payment::Currency,
) -> Result<Money, Error> {
    books.with_ledger(|books| {
        books.payments().try_fold(Money::zero(currency), |sum, payment| {
            sum.plus(payment.captured)?.minus(payment.refunded)
        })
    })
}
