//! Currencies.

use std::fmt;
use std::str::FromStr;

use super::currency_table::TABLE;
use crate::{Error, ErrorKind};

/// A currency of ISO 4217: its alphabetic code and how many decimal digits its minor unit has.
///
/// ```
/// use companyos_adapter_traits::payment::Currency;
///
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!((yen.code(), yen.exponent()), ("JPY", 0));
/// assert_eq!(Currency::EUR.exponent(), 2);
/// assert!("EURO".parse::<Currency>().is_err());
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

impl Currency {
    /// The euro.
    pub const EUR: Self = Self { code: "EUR", exponent: 2 };
    /// The pound sterling.
    pub const GBP: Self = Self { code: "GBP", exponent: 2 };
    /// The US dollar.
    pub const USD: Self = Self { code: "USD", exponent: 2 };

    /// The currency with this code, in upper case as the standard writes it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] unless it is an active code of ISO 4217 with a minor unit.
    pub fn from_code(code: &str) -> Result<Self, Error> {
        match TABLE.binary_search_by_key(&code, |(code, _)| code) {
            Ok(at) => Ok(Self { code: TABLE[at].0, exponent: TABLE[at].1 }),
            Err(_) => {
                let why = format!("{code:?} is not an active currency code of ISO 4217");
                Err(Error::new(ErrorKind::InvalidInput, why))
            }
        }
    }

    /// Every currency, in the order of the codes.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(code, exponent)| Self { code, exponent })
    }

    /// The alphabetic code: three upper-case letters.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// The decimal digits of the minor unit: 0, 2, 3 or 4. One major unit is `10^exponent` minor units.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::from_code(code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}
