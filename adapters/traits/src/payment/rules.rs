//! What may follow what, and how much may follow how much. Pure: no clock, no state, no provider.
//!
//! An adapter need not call these, because its provider decides; the ledger in memory and the conformance suite do.

use std::cmp::Ordering;

use super::{Money, Payment, PaymentStatus};
use crate::{Context, Error, ErrorKind, Outcome};

/// The longest idempotency key, in bytes. Leaves room for a tenant within the 255 that providers take.
pub const MAX_KEY_BYTES: usize = 128;

/// The key that an effect requires: 1 to [`MAX_KEY_BYTES`] bytes of visible ASCII.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] when the context has none or it is not of that form.
pub fn idempotency_key(ctx: &Context) -> Result<&str, Error> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why));
    match ctx.idempotency_key.as_deref() {
        None => refuse("a payment has no idempotency key in its context, so a repetition could charge twice"),
        Some(key) if key.is_empty() || key.len() > MAX_KEY_BYTES => {
            refuse("the idempotency key is not 1 to 128 bytes long")
        }
        Some(key) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            refuse("the idempotency key holds something other than visible ASCII characters")
        }
        Some(key) => Ok(key),
    }
}

impl PaymentStatus {
    /// Whether a payment in this status may be in `next` when it is looked at again after one step.
    ///
    /// ```text
    /// requires_payment_method ─▶ requires_action ─▶ processing ─▶ requires_capture ─▶ succeeded
    /// ```
    /// Steps may be skipped going right. From `requires_action` and `processing` a decline leads back to
    /// `requires_payment_method`, and from `processing` the bank may ask for `requires_action`. Everything but `succeeded` may become `canceled`: `processing` too, when the
    /// provider gives up on its own. `succeeded` and `canceled` are final.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use PaymentStatus::{
            Canceled, Processing, RequiresAction, RequiresCapture, RequiresPaymentMethod, Succeeded,
        };
        match self {
            _ if self == next => true,
            Succeeded | Canceled => false,
            RequiresPaymentMethod | RequiresAction | Processing => true,
            RequiresCapture => matches!(next, Succeeded | Canceled),
        }
    }

    /// Whether a caller may cancel.
    #[must_use]
    pub fn may_be_canceled(self) -> bool {
        matches!(self, Self::RequiresPaymentMethod | Self::RequiresAction | Self::RequiresCapture)
    }

    /// Whether the money is authorised by now.
    #[must_use]
    pub fn is_authorised(self) -> bool {
        matches!(self, Self::RequiresCapture | Self::Succeeded)
    }
}

/// Checks that the amounts of a payment go together: one currency, `amount ≥ authorised ≥ captured ≥ refunded ≥ 0`,
/// and nothing taken unless it has succeeded.
///
/// # Errors
/// [`ErrorKind::Internal`], saying what does not add up: the provider or the adapter is wrong.
pub fn check_conservation(payment: &Payment) -> Result<(), Error> {
    let Payment { amount, authorised, captured, refunded, .. } = *payment;
    let zero = Money::zero(amount.currency());
    let chain = [
        ("amount", amount),
        ("authorised", authorised),
        ("captured", captured),
        ("refunded", refunded),
        ("nothing", zero),
    ];
    let broken = |why: String| {
        let why = format!("the payment {} does not add up: {why}", payment.id);
        Err(Error::new(ErrorKind::Internal, why).with_outcome(Outcome::Answered))
    };
    for pair in chain.windows(2) {
        let [(larger, more), (smaller, less)] = [pair[0], pair[1]];
        match more.compare(less) {
            Ok(Ordering::Greater | Ordering::Equal) => {}
            Ok(Ordering::Less) => return broken(format!("{larger} {more} is less than {smaller} {less}")),
            Err(_) => return broken(format!("{larger} is {more}, {smaller} is {less}")),
        }
    }
    if captured.is_positive() != (payment.status == PaymentStatus::Succeeded) {
        return broken(format!("{captured} are captured in {}", payment.status));
    }
    Ok(())
}

/// What a capture takes: `asked`, or all that is authorised.
///
/// # Errors
/// Those of [`capture_payment`](super::PaymentProvider::capture_payment).
pub fn capture_amount(payment: &Payment, asked: Option<Money>) -> Result<Money, Error> {
    require_positive(asked, payment.amount)?;
    if payment.status != PaymentStatus::RequiresCapture {
        return Err(invalid_state(payment, "captured"));
    }
    within(payment, asked, payment.authorised, "authorised")
}

/// What a refund gives back: `asked`, or all that is left.
///
/// # Errors
/// Those of [`refund_payment`](super::PaymentProvider::refund_payment).
pub fn refund_amount(payment: &Payment, asked: Option<Money>) -> Result<Money, Error> {
    require_positive(asked, payment.amount)?;
    let left = payment.captured.minus(payment.refunded)?;
    if payment.status != PaymentStatus::Succeeded || !left.is_positive() {
        return Err(invalid_state(payment, "refunded"));
    }
    within(payment, asked, left, "left to refund")
}

/// Refuses an amount that is not positive.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]
pub fn positive(amount: Money) -> Result<(), Error> {
    if amount.is_positive() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("{amount} is not a positive amount")))
}

/// The error of an operation that the payment's status does not allow.
#[must_use]
pub fn invalid_state(payment: &Payment, participle: &str) -> Error {
    let why = format!("the payment {} is in {} and cannot be {participle}", payment.id, payment.status);
    Error::new(ErrorKind::InvalidState, why)
}

fn require_positive(asked: Option<Money>, like: Money) -> Result<(), Error> {
    match asked {
        None => Ok(()),
        Some(asked) => positive(asked).and_then(|()| asked.compare(like).map(drop)),
    }
}

fn within(payment: &Payment, asked: Option<Money>, left: Money, what: &str) -> Result<Money, Error> {
    let asked = asked.unwrap_or(left);
    if asked.compare(left)? == Ordering::Greater {
        let why = format!("the payment {} has {left} {what}, not {asked}", payment.id);
        return Err(Error::new(ErrorKind::InvalidState, why));
    }
    Ok(asked)
}
