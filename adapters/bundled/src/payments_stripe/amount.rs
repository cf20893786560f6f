//! Amounts as Stripe counts them.
//!
//! Stripe counts most currencies in the minor units of ISO 4217. [`SPECIAL`] lists those where it does not, or where it
//! takes only some amounts. Nothing is ever rounded: an amount that Stripe could not take as it is is refused.

use companyos_adapter_traits::payment::{Currency, Money};
use companyos_adapter_traits::{Error, ErrorKind};

/// A currency that Stripe treats in a way of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Special {
    /// The alphabetic code.
    pub code: &'static str,
    /// The decimal digits of an amount at Stripe, where ISO 4217 may say otherwise.
    pub digits: u8,
    /// What an amount at Stripe must be a multiple of.
    pub multiple_of: i64,
}

const fn special(code: &'static str, digits: u8, multiple_of: i64) -> Special {
    Special { code, digits, multiple_of }
}

/// The currencies that Stripe treats in a way of its own, by code.
///
/// - Króna and Uganda shilling have no minor unit any more; Stripe still writes two digits, which must be zeros.
/// - The ariary's minor unit, a fifth, is not used; Stripe counts whole ariary.
/// - Of three digits the last must be a zero, because card networks carry two.
///
/// Forint and Taiwan dollar are as in ISO 4217 for payments; only payouts of them are of whole units, which matters to
/// who makes payouts and not to who reads them.
pub const SPECIAL: [Special; 8] = [
    special("BHD", 3, 10),
    special("ISK", 2, 100),
    special("JOD", 3, 10),
    special("KWD", 3, 10),
    special("MGA", 0, 1),
    special("OMR", 3, 10),
    special("TND", 3, 10),
    special("UGX", 2, 100),
];

/// How Stripe counts a currency. `None` when it is not known to: those with three or four digits, or with none, that it
/// does not list. A guess would be wrong by powers of ten.
fn counted(currency: Currency) -> Option<Special> {
    const NO_DIGITS: [&str; 14] =
        ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
    let code = currency.code();
    let known = SPECIAL.into_iter().find(|special| special.code == code);
    let usual = match currency.exponent() {
        2 => Some(special(code, 2, 1)),
        0 if NO_DIGITS.contains(&code) => Some(special(code, 0, 1)),
        _ => None,
    };
    known.or(usual)
}

fn power(digits: u8) -> i64 {
    10_i64.pow(u32::from(digits))
}

/// The integer that stands for an amount in a request.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a currency that Stripe does not take, and for an amount that Stripe cannot take
/// exactly.
pub fn to_stripe(money: Money) -> Result<i64, Error> {
    let currency = money.currency();
    let refuse = |why: String| Error::new(ErrorKind::InvalidInput, why);
    let special =
        counted(currency).ok_or_else(|| refuse(format!("Stripe takes no amounts in {currency}")))?;
    let (ours, theirs) = (power(currency.exponent()), power(special.digits));
    // One of the two is a multiple of the other.
    let (times, parts) = if theirs >= ours { (theirs / ours, 1) } else { (1, ours / theirs) };
    let too_large = || refuse(format!("{money} is too large"));
    let scaled = money.minor().checked_mul(times).ok_or_else(too_large)?;
    let inexact = scaled % parts != 0 || (scaled / parts) % special.multiple_of != 0;
    if inexact {
        return Err(refuse(format!("Stripe takes no amount as fine as {money}")));
    }
    Ok(scaled / parts)
}

/// The amount that an integer in an answer stands for. `code` may be in any case.
///
/// # Errors
/// [`ErrorKind::Internal`] for a currency that is not known, and for an amount that is finer than its minor unit.
pub fn from_stripe(amount: i64, code: &str) -> Result<Money, Error> {
    let unreadable = || super::unexpected("Stripe answered with an amount that cannot be read");
    let currency =
        Currency::from_code(&code.to_ascii_uppercase()).map_err(|cause| unreadable().with_source(cause))?;
    let special = counted(currency).ok_or_else(unreadable)?;
    let (ours, theirs) = (power(currency.exponent()), power(special.digits));
    let (times, parts) = if ours >= theirs { (ours / theirs, 1) } else { (1, theirs / ours) };
    let scaled = amount.checked_mul(times).filter(|scaled| scaled % parts == 0).ok_or_else(unreadable)?;
    Ok(Money::new(scaled / parts, currency))
}
