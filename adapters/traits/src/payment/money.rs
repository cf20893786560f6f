//! Amounts of money.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::Currency;
use crate::{Error, ErrorKind};

/// An amount: a whole number of a currency's minor units.
///
/// There is no `PartialOrd` and no `+`: comparing or adding amounts of two currencies is an error, which must be
/// handled rather than compare as neither.
///
/// It is written as decimal digits, all digits of the minor unit, and the code; and only that is read.
///
/// ```
/// use companyos_adapter_traits::payment::{Currency, Money};
///
/// let price = Money::new(12_34, Currency::EUR);
/// assert_eq!(price.to_string(), "12.34 EUR");
/// assert_eq!("12.34 EUR".parse::<Money>()?, price);
/// assert!("12.3 EUR".parse::<Money>().is_err(), "is that 12.30, or is a digit lost?");
/// assert_eq!(price.times(2)?.plus(Money::new(1, Currency::EUR))?.minor(), 24_69);
/// assert!(price.plus(Money::new(1, Currency::USD)).is_err());
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units, as in cents.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for two currencies, or a sum that does not fit 64 bits.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        self.computed(self.minor.checked_add(other.minor))
    }

    /// The difference, which may be negative.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for two currencies, or a difference that does not fit 64 bits.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.same_currency(other)?;
        self.computed(self.minor.checked_sub(other.minor))
    }

    /// A multiple, as in the price of several.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a product that does not fit 64 bits.
    pub fn times(self, quantity: i64) -> Result<Self, Error> {
        self.computed(self.minor.checked_mul(quantity))
    }

    /// Which of two amounts is larger.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for two currencies.
    pub fn compare(self, other: Self) -> Result<Ordering, Error> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    fn same_currency(self, other: Self) -> Result<(), Error> {
        if self.currency == other.currency {
            return Ok(());
        }
        let why = format!("an amount in {} does not go with one in {}", self.currency, other.currency);
        Err(Error::new(ErrorKind::InvalidInput, why))
    }

    fn computed(self, minor: Option<i64>) -> Result<Self, Error> {
        let too_large =
            || Error::new(ErrorKind::InvalidInput, format!("the amount in {} is too large", self.currency));
        minor.map(|minor| Self::new(minor, self.currency)).ok_or_else(too_large)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        // At least one digit before the point.
        let number = format!("{:0>width$}", self.minor.unsigned_abs(), width = digits + 1);
        let (major, minor) = number.split_at(number.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        write!(f, "{sign}{major}{point}{minor} {}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = Error;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            let why =
                format!("{text:?} is not an amount such as 12.34 EUR, with every digit of the minor unit");
            Error::new(ErrorKind::InvalidInput, why)
        };
        let (number, code) = text.split_once(' ').ok_or_else(refuse)?;
        let currency = Currency::from_code(code)?;
        let digits: String = number.chars().filter(|c| *c != '.').collect();
        let money = Self::new(digits.parse().map_err(|_| refuse())?, currency);
        // One spelling per amount: no sign before zero, no leading zeros, the point where it belongs.
        if money.to_string() == text { Ok(money) } else { Err(refuse()) }
    }
}
