//! Money, currencies, tokens, keys, the rules of payments and the memory of webhooks.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::payment::rules::{
    capture_amount, check_conservation, idempotency_key, refund_amount,
};
use companyos_adapter_traits::payment::{
    Currency, MemoryReplayGuard, Money, NextAction, Payment, PaymentId, PaymentMethod, PaymentStatus,
    ReplayGuard, WebhookDelivery,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass};
use proptest::prelude::*;

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}

fn currency() -> impl Strategy<Value = Currency> {
    let all: Vec<_> = Currency::all().collect();
    (0..all.len()).prop_map(move |at| all[at])
}

fn money() -> impl Strategy<Value = Money> {
    let minor = prop_oneof![any::<i64>(), -2000..2000_i64, Just(i64::MIN), Just(i64::MAX)];
    (minor, currency()).prop_map(|(minor, currency)| Money::new(minor, currency))
}

proptest! {
    #[test]
    fn an_amount_reads_back_as_it_was_written(money in money()) {
        prop_assert_eq!(money.to_string().parse::<Money>()?, money);
    }

    #[test]
    fn no_amount_has_two_spellings(text in "-{0,2}[0-9]{0,6}\\.{0,2}[0-9]{0,4} {0,2}(EUR|JPY|BHD|CLF|eur)") {
        if let Ok(money) = text.parse::<Money>() {
            prop_assert_eq!(money.to_string(), text);
        }
    }

    #[test]
    fn sums_are_exact_or_refused(one in money(), other in money()) {
        let other = Money::new(other.minor(), one.currency());
        match one.plus(other) {
            Ok(sum) => {
                prop_assert_eq!(i128::from(sum.minor()), i128::from(one.minor()) + i128::from(other.minor()));
                prop_assert_eq!(sum.minus(other)?, one);
                prop_assert_eq!(other.plus(one)?, sum);
            }
            Err(error) => {
                let sum = i128::from(one.minor()) + i128::from(other.minor());
                prop_assert!(i64::try_from(sum).is_err(), "{} is refused: {error}", sum);
            }
        }
    }

    #[test]
    fn a_multiple_is_exact_or_refused(money in money(), times in any::<i64>()) {
        let exact = i128::from(money.minor()) * i128::from(times);
        match money.times(times) {
            Ok(product) => prop_assert_eq!(i128::from(product.minor()), exact),
            Err(_) => prop_assert!(i64::try_from(exact).is_err()),
        }
    }

    #[test]
    fn two_currencies_never_meet(one in money(), other in money()) {
        prop_assume!(one.currency() != other.currency());
        for refused in [kind(one.plus(other)), kind(one.minus(other)), kind(one.compare(other))] {
            prop_assert_eq!(refused, Some(ErrorKind::InvalidInput));
        }
    }

    #[test]
    fn captures_and_refunds_within_the_rules_conserve_money(
        amount in 1..10_000_i64, captured in 1..12_000_i64, refunds in prop::collection::vec(1..5_000_i64, 0..6),
    ) {
        let mut payment = waiting(amount);
        payment.status = PaymentStatus::RequiresCapture;
        payment.authorised = payment.amount;
        let asked = Money::new(captured, Currency::EUR);
        match capture_amount(&payment, Some(asked)) {
            Ok(taken) => {
                prop_assert!(captured <= amount);
                (payment.captured, payment.status) = (taken, PaymentStatus::Succeeded);
            }
            Err(error) => {
                prop_assert!(captured > amount, "{error}");
                return Ok(());
            }
        }
        for refund in refunds {
            let left = payment.captured.minus(payment.refunded)?.minor();
            match refund_amount(&payment, Some(Money::new(refund, Currency::EUR))) {
                Ok(back) => payment.refunded = payment.refunded.plus(back)?,
                Err(_) => prop_assert!(refund > left),
            }
            prop_assert!(check_conservation(&payment).is_ok());
        }
        let left = payment.captured.minus(payment.refunded)?;
        prop_assert_eq!(refund_amount(&payment, None).ok(), left.is_positive().then_some(left));
    }
}

fn waiting(minor: i64) -> Payment {
    Payment::new(PaymentId::new("pay_1"), Money::new(minor, Currency::EUR), SystemTime::UNIX_EPOCH)
}

#[test]
fn amounts_are_written_with_every_digit_of_the_minor_unit() -> Result<(), Error> {
    for (minor, code, text) in [
        (1, "EUR", "0.01 EUR"),
        (-1, "EUR", "-0.01 EUR"),
        (0, "EUR", "0.00 EUR"),
        (1234, "JPY", "1234 JPY"),
        (1234, "BHD", "1.234 BHD"),
        (1234, "CLF", "0.1234 CLF"),
        (i64::MIN, "EUR", "-92233720368547758.08 EUR"),
    ] {
        assert_eq!(Money::new(minor, code.parse()?).to_string(), text);
    }
    for text in ["", "EUR", "1 EUR", "1.0 EUR", "01.00 EUR", "+1.00 EUR", "-0.00 EUR", "1.00EUR", "1,00 EUR"]
    {
        assert_eq!(kind(text.parse::<Money>()), Some(ErrorKind::InvalidInput), "{text}");
    }
    let over = "92233720368547758.08 EUR".parse::<Money>();
    assert_eq!(kind(over), Some(ErrorKind::InvalidInput), "one more than fits");
    Ok(())
}

#[test]
fn amounts_compare_within_a_currency() -> Result<(), Error> {
    let euros = |minor| Money::new(minor, Currency::EUR);
    assert_eq!(euros(1).compare(euros(2))?, Ordering::Less);
    assert_eq!(euros(2).compare(euros(2))?, Ordering::Equal);
    assert!(euros(0).is_zero() && !euros(0).is_positive() && !euros(-1).is_positive());
    Ok(())
}

#[test]
fn the_table_of_currencies_is_in_order() -> Result<(), Error> {
    let all: Vec<_> = Currency::all().collect();
    assert!(all.is_sorted_by(|one, other| one.code() < other.code()), "a look-up searches by halves");
    for currency in &all {
        assert!(currency.code().len() == 3 && currency.code().bytes().all(|b| b.is_ascii_uppercase()));
        assert_eq!(Currency::from_code(currency.code())?, *currency);
    }
    let exponents: BTreeSet<_> = all.iter().map(|currency| currency.exponent()).collect();
    assert_eq!(exponents, BTreeSet::from([0, 2, 3, 4]));
    for constant in [Currency::EUR, Currency::GBP, Currency::USD] {
        assert_eq!(Currency::from_code(constant.code())?, constant);
    }
    // Withdrawn, without a minor unit, unknown, of another spelling.
    for code in ["BGN", "HRK", "XAU", "XXX", "ABC", "eur", "EURO", ""] {
        assert_eq!(kind(Currency::from_code(code)), Some(ErrorKind::InvalidInput), "{code}");
    }
    Ok(())
}

#[test]
fn what_could_be_a_card_number_is_no_token() {
    for number in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "378282246310005",
        "6304000000000000",
    ] {
        assert_eq!(kind(PaymentMethod::new(number)), Some(ErrorKind::InvalidInput), "{number}");
    }
    for token in ["pm_4242424242424242", "4242424242424241", "42", "0123456789abcdef"] {
        assert!(PaymentMethod::new(token).is_ok(), "{token}");
    }
    assert_eq!(kind(PaymentMethod::new("")), Some(ErrorKind::InvalidInput));
}

#[test]
fn what_could_pay_or_authenticate_does_not_print() -> Result<(), Error> {
    let method = format!("{:?}", PaymentMethod::new("pm_s3cret")?);
    let action = format!("{:?}", NextAction::Redirect { url: "https://bank.example/?s3cret".to_owned() });
    let headers = vec![("Stripe-Signature".to_owned(), "s3cret".to_owned())];
    let delivery = format!("{:?}", WebhookDelivery::new("s3cret", headers));
    assert!(!format!("{method}{action}{delivery}").contains("s3cret"));
    Ok(())
}

#[test]
fn a_key_is_visible_ascii_of_bounded_length() {
    let with = |key: &str| Context::builder("acme", "eu").idempotency_key(key).build();
    let long = "k".repeat(128);
    for key in ["order-1", "0192-ab/~!", &long] {
        assert_eq!(idempotency_key(&with(key)).ok(), Some(key));
    }
    for key in ["", " ", "a b", "a\nb", "\u{e9}", &format!("{long}k")] {
        assert_eq!(kind(idempotency_key(&with(key))), Some(ErrorKind::InvalidInput), "{key:?}");
    }
    let none = Context::builder("acme", "eu").build();
    let error = idempotency_key(&none).err().map(|error| (error.kind().clone(), error.outcome()));
    assert_eq!(error, Some((ErrorKind::InvalidInput, Outcome::NotSent)));
}

/// Every arrow of the state machine, and so every one that is missing.
#[test]
fn statuses_change_along_these_arrows_only() {
    use PaymentStatus::{
        Canceled, Processing, RequiresAction, RequiresCapture, RequiresPaymentMethod, Succeeded,
    };
    let arrows: [(PaymentStatus, &[PaymentStatus]); 6] = [
        (RequiresPaymentMethod, &[RequiresAction, Processing, RequiresCapture, Succeeded, Canceled]),
        (RequiresAction, &[RequiresPaymentMethod, Processing, RequiresCapture, Succeeded, Canceled]),
        (Processing, &[RequiresPaymentMethod, RequiresAction, RequiresCapture, Succeeded, Canceled]),
        (RequiresCapture, &[Succeeded, Canceled]),
        (Succeeded, &[]),
        (Canceled, &[]),
    ];
    for (from, to) in arrows {
        for next in PaymentStatus::ALL {
            assert_eq!(from.may_become(next), from == next || to.contains(&next), "{from} to {next}");
        }
    }
    let cancelable: Vec<_> =
        PaymentStatus::ALL.into_iter().filter(|status| status.may_be_canceled()).collect();
    assert_eq!(cancelable, [RequiresPaymentMethod, RequiresAction, RequiresCapture]);
}

#[test]
fn amounts_that_do_not_add_up_are_noticed() {
    let euros = |minor| Money::new(minor, Currency::EUR);
    let mut paid = waiting(1000);
    paid.status = PaymentStatus::Succeeded;
    (paid.authorised, paid.captured, paid.refunded) = (euros(1000), euros(600), euros(200));
    assert_eq!(kind(check_conservation(&paid)), None);
    let wrongs: [fn(&mut Payment); 7] = [
        |payment| payment.authorised = Money::new(1001, Currency::EUR),
        |payment| payment.captured = Money::new(1001, Currency::EUR),
        |payment| payment.refunded = Money::new(601, Currency::EUR),
        |payment| payment.refunded = Money::new(-1, Currency::EUR),
        |payment| payment.refunded = Money::new(200, Currency::USD),
        |payment| payment.status = PaymentStatus::RequiresCapture,
        |payment| {
            (payment.captured, payment.refunded) = (Money::zero(Currency::EUR), Money::zero(Currency::EUR))
        },
    ];
    for (number, wrong) in wrongs.iter().enumerate() {
        let mut payment = paid.clone();
        wrong(&mut payment);
        assert_eq!(kind(check_conservation(&payment)), Some(ErrorKind::Internal), "wrong {number}");
    }
}

#[test]
fn each_failure_of_a_payment_has_a_kind_of_its_own() {
    let declined = ErrorKind::Declined { code: "insufficient_funds".to_owned() };
    for (kind, name, outcome) in [
        (declined, "declined", Outcome::Answered),
        (ErrorKind::AuthenticationRequired, "authentication_required", Outcome::Answered),
        (ErrorKind::InvalidState, "invalid_state", Outcome::Answered),
        (ErrorKind::IdempotencyMismatch, "idempotency_mismatch", Outcome::Answered),
        (ErrorKind::WebhookForged, "webhook_forged", Outcome::NotSent),
        (ErrorKind::WebhookReplayed, "webhook_replayed", Outcome::NotSent),
        (ErrorKind::WebhookOutsideTolerance, "webhook_outside_tolerance", Outcome::NotSent),
    ] {
        let error = Error::new(kind, "");
        assert_eq!((error.kind().as_str(), error.outcome()), (name, outcome));
        assert_eq!(error.retry(), RetryClass::Permanent, "{name}");
    }
}

#[tokio::test]
async fn a_guard_forgets_only_what_is_too_old_to_matter() -> Result<(), Error> {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    let clock = Arc::new(ManualClock::starting_at(start));
    let guard = MemoryReplayGuard::new(2).with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let ctx = Context::builder("acme", "eu").build();
    let until = start + Duration::from_secs(300);
    assert!(guard.remember(&ctx, "one", until).await?);
    assert!(guard.remember(&ctx, "two", until).await?);
    assert!(!guard.remember(&ctx, "one", until).await?);
    let full = guard.remember(&ctx, "three", until).await;
    assert_eq!(kind(full), Some(ErrorKind::RateLimited), "it forgets nothing fresh");
    assert!(!guard.remember(&ctx, "two", until).await?, "and still knows what it knows");
    clock.advance(Duration::from_secs(300));
    let full = guard.remember(&ctx, "three", until).await;
    assert_eq!(kind(full), Some(ErrorKind::RateLimited), "the last moment counts");
    clock.advance(Duration::from_secs(1));
    assert!(guard.remember(&ctx, "three", until + Duration::from_secs(300)).await?);
    Ok(())
}
