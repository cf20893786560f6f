//! Names that the provider gives.

use std::fmt;

use crate::{Error, ErrorKind};

macro_rules! id {
    ($(#[$doc:meta])+ $name:ident) => {
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps the provider's id.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a customer.
    CustomerId
}
id! {
    /// Names a payment.
    PaymentId
}
id! {
    /// Names a refund.
    RefundId
}
id! {
    /// Names a payout.
    PayoutId
}
id! {
    /// Names a dispute.
    DisputeId
}
id! {
    /// Names an event. All deliveries of one event carry the same id.
    EventId
}

/// The provider's token for a card, an account or whatever else pays.
///
/// `Debug` does not print it and nothing else does: receipts and logs have no use for it.
///
/// ```
/// use companyos_adapter_traits::payment::PaymentMethod;
///
/// let method = PaymentMethod::new("pm_1MqLiJLkdIwHu7ix")?;
/// assert_eq!(format!("{method:?}"), "PaymentMethod(***)");
/// assert!(PaymentMethod::new("4242 4242 4242 4242").is_err(), "a card number is not a token");
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// Wraps the provider's token.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is empty or could be a card number (12 to 19 digits, however grouped, with
    /// the check digit of ISO/IEC 7812-1): whoever holds one has already taken on what tokens are there to avoid.
    pub fn new(token: impl Into<String>) -> Result<Self, Error> {
        let token = token.into();
        if token.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the token of a payment method is empty"));
        }
        if is_card_number(&token) {
            let why = "the token of a payment method looks like a card number";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        Ok(Self(token))
    }

    /// The token, for the request to the provider and for nothing else.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethod(***)")
    }
}

fn is_card_number(text: &str) -> bool {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-')) {
        return false;
    }
    let digits: Vec<u32> =
        text.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0')).collect();
    let luhn = digits.iter().rev().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) if twice > 9 => twice - 9,
        (_, twice) => twice,
    });
    (12..=19).contains(&digits.len()) && luhn.sum::<u32>() % 10 == 0
}
