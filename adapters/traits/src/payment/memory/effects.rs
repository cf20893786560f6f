//! What callers ask for.

use std::time::SystemTime;

use super::ledger::{Done, Name};
use super::{BankAnswer, Ledger, Request};
use crate::payment::{
    CaptureMode, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, EventKind, Money,
    NextAction, Payment, PaymentId, PaymentOptions, PaymentStatus, Refund, RefundId, RefundOptions,
    RefundStatus, rules,
};
use crate::{Error, ErrorKind};

/// The decline code of an authentication that failed.
const AUTHENTICATION_FAILED: &str = "authentication_failed";
/// The decline code of a payment whose customer is not there to authenticate.
const AUTHENTICATION_REQUIRED: &str = "authentication_required";

impl Ledger {
    pub(super) fn apply(
        &mut self,
        request: &Request,
        bank: &BankAnswer,
        at: SystemTime,
    ) -> Result<Done, Error> {
        match request {
            Request::CreateCustomer(options) => Ok(self.create_customer(options, at)),
            Request::CreatePayment(amount, options) => self.create_payment(*amount, options, bank, at),
            Request::Confirm(id, options) => self.confirm(id, options, bank, at),
            Request::Capture(id, options) => self.capture(id, options, at),
            Request::Cancel(id, _) => self.cancel(id, at),
            Request::Refund(id, options) => self.refund_part(id, options, at),
        }
    }

    fn create_customer(&mut self, options: &CustomerOptions, at: SystemTime) -> Done {
        let id = CustomerId::new(self.next_id("cus"));
        let mut customer = Customer::new(id.clone(), at);
        customer.email.clone_from(&options.email);
        customer.name.clone_from(&options.name);
        customer.metadata.clone_from(&options.metadata);
        self.customers.insert(id.clone(), customer);
        Done::Made(Name::Customer(id))
    }

    fn create_payment(
        &mut self,
        amount: Money,
        options: &PaymentOptions,
        bank: &BankAnswer,
        at: SystemTime,
    ) -> Result<Done, Error> {
        rules::positive(amount)?;
        if let Some(customer) = &options.customer {
            self.customer(customer)?;
        }
        let id = PaymentId::new(self.next_id("pay"));
        let mut payment = Payment::new(id.clone(), amount, at);
        payment.capture = options.capture;
        payment.customer.clone_from(&options.customer);
        payment.metadata.clone_from(&options.metadata);
        self.payments.insert(id.clone(), payment);
        match options.method {
            Some(_) => self.authorise(&id, bank, options.off_session, at),
            None => Ok(Done::Made(Name::Payment(id))),
        }
    }

    fn confirm(
        &mut self,
        id: &PaymentId,
        options: &ConfirmOptions,
        bank: &BankAnswer,
        at: SystemTime,
    ) -> Result<Done, Error> {
        use PaymentStatus::{Canceled, RequiresAction, RequiresPaymentMethod};
        let payment = self.payment(id)?;
        match (&options.method, payment.status) {
            (Some(_), RequiresPaymentMethod | RequiresAction) => {
                self.authorise(id, bank, options.off_session, at)
            }
            (Some(_), _) | (None, Canceled | RequiresPaymentMethod) => {
                Err(rules::invalid_state(payment, "confirmed"))
            }
            (None, RequiresAction) => match self.authenticated.remove(id) {
                Some(true) => self.authorise(id, &BankAnswer::Approved, false, at),
                Some(false) => self.authorise(id, &BankAnswer::declined(AUTHENTICATION_FAILED), false, at),
                None => Ok(Done::Made(Name::Payment(id.clone()))),
            },
            (None, _) => Ok(Done::Made(Name::Payment(id.clone()))),
        }
    }

    /// Takes the bank's answer to the books.
    pub(super) fn authorise(
        &mut self,
        id: &PaymentId,
        bank: &BankAnswer,
        off_session: bool,
        at: SystemTime,
    ) -> Result<Done, Error> {
        self.authenticated.remove(id);
        let payment = self.payment_mut(id)?;
        payment.next_action = None;
        payment.last_decline = None;
        let (kind, refused) = match bank {
            BankAnswer::Approved => {
                payment.authorised = payment.amount;
                match payment.capture {
                    CaptureMode::Manual => {
                        payment.status = PaymentStatus::RequiresCapture;
                        (EventKind::PaymentRequiresCapture, None)
                    }
                    CaptureMode::Automatic => {
                        payment.status = PaymentStatus::Succeeded;
                        payment.captured = payment.amount;
                        (EventKind::PaymentSucceeded, None)
                    }
                }
            }
            BankAnswer::Delayed => {
                payment.status = PaymentStatus::Processing;
                (EventKind::PaymentProcessing, None)
            }
            BankAnswer::AuthenticationRequired if !off_session => {
                payment.status = PaymentStatus::RequiresAction;
                let url = format!("https://payments.invalid/authenticate/{id}");
                payment.next_action = Some(NextAction::Redirect { url });
                (EventKind::PaymentRequiresAction, None)
            }
            BankAnswer::AuthenticationRequired => {
                payment.status = PaymentStatus::RequiresPaymentMethod;
                payment.last_decline = Some(AUTHENTICATION_REQUIRED.to_owned());
                (EventKind::PaymentFailed, Some(ErrorKind::AuthenticationRequired))
            }
            BankAnswer::Declined { code } => {
                payment.status = PaymentStatus::RequiresPaymentMethod;
                payment.last_decline = Some(code.clone());
                (EventKind::PaymentFailed, Some(ErrorKind::Declined { code: code.clone() }))
            }
        };
        self.tell_of_payment(kind, id, at)?;
        let name = Name::Payment(id.clone());
        Ok(match refused {
            None => Done::Made(name),
            Some(kind) => {
                let message = format!("the payment {id} was not authorised");
                Done::Refused { kind, message, left: Some(name) }
            }
        })
    }

    fn capture(&mut self, id: &PaymentId, options: &CaptureOptions, at: SystemTime) -> Result<Done, Error> {
        let payment = self.payment_mut(id)?;
        payment.captured = rules::capture_amount(payment, options.amount)?;
        payment.status = PaymentStatus::Succeeded;
        self.tell_of_payment(EventKind::PaymentSucceeded, id, at)?;
        Ok(Done::Made(Name::Payment(id.clone())))
    }

    fn cancel(&mut self, id: &PaymentId, at: SystemTime) -> Result<Done, Error> {
        let payment = self.payment_mut(id)?;
        if !payment.status.may_be_canceled() {
            return Err(rules::invalid_state(payment, "canceled"));
        }
        payment.status = PaymentStatus::Canceled;
        payment.next_action = None;
        self.tell_of_payment(EventKind::PaymentCanceled, id, at)?;
        Ok(Done::Made(Name::Payment(id.clone())))
    }

    fn refund_part(
        &mut self,
        id: &PaymentId,
        options: &RefundOptions,
        at: SystemTime,
    ) -> Result<Done, Error> {
        let payment = self.payment_mut(id)?;
        let amount = rules::refund_amount(payment, options.amount)?;
        payment.refunded = payment.refunded.plus(amount)?;
        let refund = RefundId::new(self.next_id("re"));
        let made = Refund::new(refund.clone(), id.clone(), amount, RefundStatus::Succeeded, at);
        self.refunds.insert(refund.clone(), made);
        self.tell_of_refund(&refund, at)?;
        Ok(Done::Made(Name::Refund(refund)))
    }

    pub(super) fn tell_of_payment(
        &mut self,
        kind: EventKind,
        id: &PaymentId,
        at: SystemTime,
    ) -> Result<(), Error> {
        let amount = self.payment(id)?.amount;
        self.tell(kind, at, |event| {
            event.payment = Some(id.clone());
            event.amount = Some(amount);
        });
        Ok(())
    }

    pub(super) fn tell_of_refund(&mut self, id: &RefundId, at: SystemTime) -> Result<(), Error> {
        let Refund { payment, amount, .. } = self.refund(id)?.clone();
        self.tell(EventKind::RefundUpdated, at, |event| {
            event.payment = Some(payment);
            event.refund = Some(id.clone());
            event.amount = Some(amount);
        });
        Ok(())
    }
}
