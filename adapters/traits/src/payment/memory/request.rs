//! Effects as values.

use crate::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Customer, CustomerOptions, Made, Money, Payment,
    PaymentId, PaymentMethod, PaymentOptions, Refund, RefundOptions,
};
use crate::{Error, ErrorKind};

/// An effect that a caller asks for. Two requests under one key are the same if they are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// [`create_customer`](crate::PaymentProvider::create_customer)
    CreateCustomer(CustomerOptions),
    /// [`create_payment`](crate::PaymentProvider::create_payment)
    CreatePayment(Money, PaymentOptions),
    /// [`confirm_payment`](crate::PaymentProvider::confirm_payment)
    Confirm(PaymentId, ConfirmOptions),
    /// [`capture_payment`](crate::PaymentProvider::capture_payment)
    Capture(PaymentId, CaptureOptions),
    /// [`cancel_payment`](crate::PaymentProvider::cancel_payment)
    Cancel(PaymentId, CancelOptions),
    /// [`refund_payment`](crate::PaymentProvider::refund_payment)
    Refund(PaymentId, RefundOptions),
}

impl Request {
    /// What is to pay, where the bank will be asked.
    #[must_use]
    pub fn method(&self) -> Option<&PaymentMethod> {
        match self {
            Self::CreatePayment(_, options) => options.method.as_ref(),
            Self::Confirm(_, options) => options.method.as_ref(),
            _ => None,
        }
    }
}

/// A [`Made`] of the wrong kind, which only a provider that confuses its objects can make.
fn other(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the effect did not make a {what}"))
}

impl Made {
    /// The customer, if that is what was made.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`]
    pub fn into_customer(self) -> Result<Customer, Error> {
        if let Self::Customer(customer) = self { Ok(customer) } else { Err(other("customer")) }
    }

    /// The payment, if that is what was made or changed.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`]
    pub fn into_payment(self) -> Result<Payment, Error> {
        if let Self::Payment(payment) = self { Ok(payment) } else { Err(other("payment")) }
    }

    /// The refund, if that is what was made.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`]
    pub fn into_refund(self) -> Result<Refund, Error> {
        if let Self::Refund(refund) = self { Ok(refund) } else { Err(other("refund")) }
    }
}
