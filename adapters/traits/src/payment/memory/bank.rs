//! What the customer's bank answers.

use crate::payment::PaymentMethod;
use crate::{Error, ErrorKind};

/// What the customer's bank answers when it is asked to authorise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BankAnswer {
    /// Yes.
    Approved,
    /// No.
    Declined {
        /// Why, as in `insufficient_funds`.
        code: String,
    },
    /// Only after the customer has authenticated.
    AuthenticationRequired,
    /// Not yet: the payment is in processing until [`Ledger::settle`](super::Ledger::settle).
    Delayed,
}

impl BankAnswer {
    /// A refusal.
    pub fn declined(code: impl Into<String>) -> Self {
        Self::Declined { code: code.into() }
    }

    /// The token of a method of payment that is answered like this.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a decline code of which no token can be made.
    pub fn method(&self) -> Result<PaymentMethod, Error> {
        PaymentMethod::new(match self {
            Self::Approved => "pm_approved".to_owned(),
            Self::Declined { code } => format!("{DECLINED}{code}"),
            Self::AuthenticationRequired => "pm_authenticate".to_owned(),
            Self::Delayed => "pm_delayed".to_owned(),
        })
    }

    /// How a method of payment is answered: the inverse of [`method`](Self::method).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for any other token.
    pub fn of(method: &PaymentMethod) -> Result<Self, Error> {
        match method.as_str() {
            "pm_approved" => Ok(Self::Approved),
            "pm_authenticate" => Ok(Self::AuthenticationRequired),
            "pm_delayed" => Ok(Self::Delayed),
            token => match token.strip_prefix(DECLINED) {
                Some(code) if !code.is_empty() => Ok(Self::declined(code)),
                _ => Err(Error::new(ErrorKind::NotFound, "there is no such method of payment")),
            },
        }
    }
}

const DECLINED: &str = "pm_declined_";
