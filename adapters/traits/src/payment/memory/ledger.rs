//! What a provider keeps.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{BankAnswer, Request};
use crate::payment::{
    Customer, CustomerId, DisputeId, Event, EventId, EventKind, Made, Payment, PaymentId, Payout, PayoutId,
    Refund, RefundId,
};
use crate::{Error, ErrorKind};

/// The books of a payment provider: a state machine without clock, chance or input of its own.
///
/// The same calls in the same order lead to the same books, ids included, so whoever keeps the calls keeps the books.
/// [`call`](Self::call) does what a caller asks for, once per key; the methods named after what happens elsewhere, at
/// the customer and the banks, move the books on from there.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(super) customers: BTreeMap<CustomerId, Customer>,
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    /// Payments whose customer has tried to authenticate, and whether they could.
    pub(super) authenticated: BTreeMap<PaymentId, bool>,
    pub(super) refunds: BTreeMap<RefundId, Refund>,
    pub(super) payouts: BTreeMap<PayoutId, Payout>,
    pub(super) disputes: BTreeMap<DisputeId, PaymentId>,
    /// By tenant and idempotency key.
    keys: BTreeMap<(String, String), (Request, Done)>,
    events: Vec<Event>,
    ids: u64,
}

/// What became of the first call under a key.
#[derive(Debug, Clone)]
pub(super) enum Done {
    /// It made or changed this.
    Made(Name),
    /// It was refused, and may have left something.
    Refused { kind: ErrorKind, message: String, left: Option<Name> },
}

/// The name of what was made or changed: a repetition answers with the state it has come to since.
#[derive(Debug, Clone)]
pub(super) enum Name {
    Customer(CustomerId),
    Payment(PaymentId),
    Refund(RefundId),
}

impl Ledger {
    /// Does what is asked for, unless it was done before under this key of this tenant; then answers as before.
    ///
    /// `bank` is what the customer's bank answers, if this asks it.
    ///
    /// # Errors
    /// Those of the operation of [`PaymentProvider`](crate::PaymentProvider).
    pub fn call(
        &mut self,
        tenant: &str,
        key: &str,
        request: &Request,
        bank: &BankAnswer,
        at: SystemTime,
    ) -> Result<Made, Error> {
        let name = (tenant.to_owned(), key.to_owned());
        if let Some((first, done)) = self.keys.get(&name) {
            if first != request {
                let why = format!("the idempotency key {key} was used for something else");
                return Err(Error::new(ErrorKind::IdempotencyMismatch, why));
            }
            return self.answer(done);
        }
        let done = match self.apply(request, bank, at) {
            Ok(done) => done,
            Err(error) if *error.kind() == ErrorKind::InvalidState => Done::Refused {
                kind: ErrorKind::InvalidState,
                message: error.message().to_owned(),
                left: None,
            },
            // It was not understood or names what is not there, so the key is still free.
            Err(error) => return Err(error),
        };
        let answer = self.answer(&done);
        self.keys.insert(name, (request.clone(), done));
        answer
    }

    /// Whether a key of a tenant is used: a further call under it does nothing.
    #[must_use]
    pub fn knows(&self, tenant: &str, key: &str) -> bool {
        self.keys.contains_key(&(tenant.to_owned(), key.to_owned()))
    }

    /// What was made, changed or left under a key of a tenant.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the books are not in order.
    pub fn find(&self, tenant: &str, key: &str) -> Result<Option<Made>, Error> {
        match self.keys.get(&(tenant.to_owned(), key.to_owned())) {
            Some((_, Done::Made(name) | Done::Refused { left: Some(name), .. })) => self.made(name).map(Some),
            Some((_, Done::Refused { left: None, .. })) | None => Ok(None),
        }
    }

    /// Everything that happened, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Every payment, in the order of the ids.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    /// A customer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]
    pub fn customer(&self, id: &CustomerId) -> Result<&Customer, Error> {
        self.customers.get(id).ok_or_else(|| absent("customer", id))
    }

    /// A payment.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]
    pub fn payment(&self, id: &PaymentId) -> Result<&Payment, Error> {
        self.payments.get(id).ok_or_else(|| absent("payment", id))
    }

    /// A refund.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]
    pub fn refund(&self, id: &RefundId) -> Result<&Refund, Error> {
        self.refunds.get(id).ok_or_else(|| absent("refund", id))
    }

    /// A payout.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]
    pub fn payout(&self, id: &PayoutId) -> Result<&Payout, Error> {
        self.payouts.get(id).ok_or_else(|| absent("payout", id))
    }

    pub(super) fn payment_mut(&mut self, id: &PaymentId) -> Result<&mut Payment, Error> {
        self.payments.get_mut(id).ok_or_else(|| absent("payment", id))
    }

    /// The next id with this prefix. All ids count together, so that they sort in the order of their making.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{:09}", self.ids)
    }

    pub(super) fn tell(&mut self, kind: EventKind, at: SystemTime, about: impl FnOnce(&mut Event)) {
        let mut event = Event::new(EventId::new(self.next_id("evt")), kind, at);
        about(&mut event);
        self.events.push(event);
    }

    fn answer(&self, done: &Done) -> Result<Made, Error> {
        match done {
            Done::Made(name) => self.made(name),
            Done::Refused { kind, message, .. } => Err(Error::new(kind.clone(), message.clone())),
        }
    }

    fn made(&self, name: &Name) -> Result<Made, Error> {
        let made = match name {
            Name::Customer(id) => self.customer(id).cloned().map(Made::Customer),
            Name::Payment(id) => self.payment(id).cloned().map(Made::Payment),
            Name::Refund(id) => self.refund(id).cloned().map(Made::Refund),
        };
        // Nothing is ever removed, so this cannot be; if it is, it is not the caller's mistake.
        made.map_err(|cause| Error::new(ErrorKind::Internal, "the books lost something").with_source(cause))
    }
}

pub(super) fn absent(what: &str, id: &impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what} {id}"))
}
