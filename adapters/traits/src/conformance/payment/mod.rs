//! The suite for [`PaymentProvider`].

mod authentication;
mod captures;
mod charges;
mod conservation;
mod doubt;
mod keys;
mod optional;
mod refunds;
mod refusals;
mod stage;
mod webhooks;

use std::sync::atomic::{AtomicU32, Ordering};

pub use stage::{Behaviour, Fault, Signed, Stage};

use super::{CheckResult, Report, Stop, Verdict, Watcher, checks, ensure};
use crate::payment::rules::check_conservation;
use crate::payment::{
    GetPaymentOptions, Money, Payment, PaymentMethod, PaymentOptions, PaymentProvider, PaymentStatus,
};
use crate::{Capability, Context, Error, ErrorKind};

/// What the suite needs to know beyond the stage.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// For whom, where and until when every call is made. Its deadline applies to the whole run.
    pub ctx: Context,
    /// How idempotency keys start: at most 32 bytes that no earlier run on the account has used. The random sequences
    /// of the last check are chosen by it, so the same prefix on a fresh account repeats a run.
    pub prefix: String,
}

impl Default for Settings {
    /// The tenant `conformance` in the region `local`, with no deadline, and keys that start with `conformance`.
    fn default() -> Self {
        Self { ctx: Context::builder("conformance", "local").build(), prefix: "conformance".to_owned() }
    }
}

impl Settings {
    /// Makes every call for `ctx`.
    #[must_use]
    pub fn ctx(mut self, ctx: Context) -> Self {
        self.ctx = ctx;
        self
    }

    /// Starts idempotency keys with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

/// Runs every check against the adapter on the stage, with idempotency keys that start with `prefix`.
///
/// The suite leaves customers and payments behind, because no provider lets one remove them: use a test account.
pub async fn run(stage: &dyn Stage, ctx: Context, prefix: &str) -> Report {
    run_watched(stage, &Settings::default().ctx(ctx).prefix(prefix), &()).await
}

/// Runs every check against the adapter on the stage, and tells `watcher` of each.
pub async fn run_watched(stage: &dyn Stage, settings: &Settings, watcher: &dyn Watcher) -> Report {
    let mut report = Report::new("payment", stage.provider().descriptor());
    for check in CHECKS {
        let result = make(stage, settings, check).await;
        watcher.checked(&result, report.results.len() + 1, CHECKS.len());
        report.results.push(result);
    }
    report
}

/// The names of the checks, in the order in which they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes one check, by its name. A name that there is not is a failure.
pub async fn check(stage: &dyn Stage, settings: &Settings, name: &'static str) -> CheckResult {
    match CHECKS.iter().find(|check| check.name == name) {
        Some(check) => make(stage, settings, check).await,
        None => CheckResult {
            name,
            verdict: Verdict::Failed("there is no such check".to_owned()),
            elapsed: std::time::Duration::ZERO,
        },
    }
}

async fn make(stage: &dyn Stage, settings: &Settings, check: &Check) -> CheckResult {
    // Numbered, not named: keys are short.
    let number = CHECKS.iter().position(|other| other.name == check.name).unwrap_or_default();
    let prefix = format!("{}-{number}", settings.prefix);
    let subject = Subject { stage, ctx: settings.ctx.clone(), prefix, keys: AtomicU32::new(0) };
    CheckResult::of(check.name, (check.run)(&subject)).await
}

/// The adapter under test, seen by one check.
struct Subject<'s> {
    stage: &'s dyn Stage,
    ctx: Context,
    prefix: String,
    keys: AtomicU32,
}

checks! { $
    /// Makes a `#[tokio::test]` of every check of the suite for payment providers.
    ///
    /// The argument is a function (or a closure) without arguments that returns a future of a
    /// [`Stage`](crate::conformance::payment::Stage); it is called once per test. Tests run side by side, so every
    /// stage has an account of its own, or its [`taken`](crate::conformance::payment::Stage::taken) is left out. A
    /// second argument is the [`Settings`](crate::conformance::payment::Settings). The crate that uses it needs
    /// `tokio` with the features `macros` and `rt`. A skipped check passes, and says on standard error that it was
    /// skipped and why.
    ///
    /// ```
    /// mod conformance {
    ///     use async_trait::async_trait;
    ///     use companyos_adapter_traits::PaymentProvider;
    ///     use companyos_adapter_traits::conformance::payment::{Behaviour, Stage};
    ///     use companyos_adapter_traits::payment::PaymentMethod;
    ///     use companyos_adapter_traits::payment::memory::{BankAnswer, MemoryPayments};
    ///
    ///     struct Mine(MemoryPayments); // your adapter
    ///
    ///     #[async_trait]
    ///     impl Stage for Mine {
    ///         fn provider(&self) -> &dyn PaymentProvider {
    ///             &self.0
    ///         }
    ///
    ///         fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
    ///             match behaviour {
    ///                 Behaviour::Approved => BankAnswer::Approved.method().ok(),
    ///                 _ => None, // the checks that need it are skipped
    ///             }
    ///         }
    ///     }
    ///
    ///     async fn stage() -> Mine {
    ///         Mine(MemoryPayments::new())
    ///     }
    ///
    ///     companyos_adapter_traits::payment_conformance!(stage);
    /// }
    /// # fn main() {}
    /// ```
    payment as payment_conformance;
    refusals::the_descriptor_is_in_order,
    charges::a_customer_is_got_back,
    charges::an_automatic_payment_takes_the_whole_amount,
    charges::a_payment_without_a_method_takes_nothing_until_confirmed,
    charges::a_delayed_payment_is_in_processing,
    authentication::a_declined_payment_says_why_and_takes_nothing,
    authentication::an_authentication_is_asked_for_and_honoured,
    authentication::a_failed_authentication_is_a_decline,
    authentication::an_absent_customer_is_not_asked_to_authenticate,
    captures::a_manual_payment_takes_nothing_until_captured,
    captures::a_partial_capture_takes_its_part_and_releases_the_rest,
    captures::more_than_was_authorised_is_not_captured,
    captures::a_canceled_payment_takes_nothing,
    captures::what_was_taken_is_not_canceled,
    refunds::a_refund_gives_back_what_was_taken,
    refunds::partial_refunds_add_up,
    refunds::more_than_was_taken_is_not_refunded,
    refusals::an_absent_object_is_not_found,
    refusals::an_amount_that_makes_no_sense_is_refused,
    refusals::a_passed_deadline_is_refused_before_anything_is_done,
    keys::an_effect_without_a_key_is_refused,
    keys::a_repeated_call_is_done_once,
    keys::of_racing_repetitions_one_is_done,
    keys::a_declined_call_is_declined_again,
    keys::a_key_used_for_something_else_is_refused,
    keys::keys_of_two_tenants_do_not_meet,
    optional::what_was_done_under_a_key_is_found_or_unsupported,
    optional::a_payout_is_read_or_unsupported,
    webhooks::a_genuine_webhook_is_read_or_unsupported,
    webhooks::a_forged_webhook_is_refused,
    webhooks::a_webhook_outside_the_tolerance_is_refused,
    webhooks::a_replayed_webhook_is_refused_and_a_redelivered_event_is_not,
    doubt::a_lost_answer_is_reported_as_doubt_and_resolved_by_repeating,
    conservation::money_is_conserved_whatever_goes_wrong,
}

impl<'s> Subject<'s> {
    fn provider(&self) -> &'s dyn PaymentProvider {
        self.stage.provider()
    }

    fn has(&self, capability: Capability) -> bool {
        self.provider().descriptor().has(capability)
    }

    /// A key that nothing else in this run has.
    fn key(&self) -> String {
        format!("{}-{}", self.prefix, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// A context with a key of its own: one operation.
    fn once(&self) -> Context {
        self.with_key(self.key())
    }

    fn with_key(&self, key: impl Into<String>) -> Context {
        Context { idempotency_key: Some(key.into()), ..self.ctx.clone() }
    }

    fn money(&self, units: i64) -> Money {
        Money::new(units * self.stage.scale(), self.stage.currency())
    }

    fn method(&self, behaviour: Behaviour) -> Result<PaymentMethod, Stop> {
        let missing = || Stop::Skipped(format!("the stage has no method of payment that is {behaviour:?}"));
        self.stage.method(behaviour).ok_or_else(missing)
    }

    fn pay_with(&self, behaviour: Behaviour) -> Result<PaymentOptions, Stop> {
        Ok(PaymentOptions::default().method(self.method(behaviour)?))
    }

    /// A payment of so many units, taken at once.
    async fn paid(&self, units: i64) -> Result<Payment, Stop> {
        let options = self.pay_with(Behaviour::Approved)?;
        Ok(self.provider().create_payment(&self.once(), self.money(units), &options).await?)
    }

    /// A payment of so many units that waits to be captured.
    async fn authorised(&self, units: i64) -> Result<Payment, Stop> {
        if !self.has(Capability::ManualCapture) {
            return Err(Stop::Skipped("manual capture is not claimed".to_owned()));
        }
        let options = self.pay_with(Behaviour::Approved)?.manual_capture();
        Ok(self.provider().create_payment(&self.once(), self.money(units), &options).await?)
    }

    /// Reads a payment, whose amounts must add up.
    async fn reread(&self, payment: &Payment) -> Result<Payment, Stop> {
        let read = self.provider().get_payment(&self.ctx, &payment.id, &GetPaymentOptions::default()).await?;
        check_conservation(&read)?;
        Ok(read)
    }

    /// Checks how far a payment has come, by the answer at hand and by a read.
    async fn expect(&self, payment: &Payment, expected: Amounts) -> Result<(), Stop> {
        for (payment, how) in [(payment, "the answer"), (&self.reread(payment).await?, "a read")] {
            let Payment { authorised, captured, refunded, .. } = *payment;
            let found = Amounts {
                status: payment.status,
                authorised: authorised.minor(),
                captured: captured.minor(),
                refunded: refunded.minor(),
            };
            let scale = self.stage.scale();
            ensure!(
                found == expected.times(scale),
                "{how} is {found:?}, expected {:?}",
                expected.times(scale)
            );
        }
        Ok(())
    }
}

/// Where a payment stands, in units of [`Stage::scale`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amounts {
    status: PaymentStatus,
    authorised: i64,
    captured: i64,
    refunded: i64,
}

impl Amounts {
    fn times(self, scale: i64) -> Self {
        Self {
            authorised: self.authorised * scale,
            captured: self.captured * scale,
            refunded: self.refunded * scale,
            ..self
        }
    }
}

/// The status and the three amounts, in units.
fn stands(status: PaymentStatus, authorised: i64, captured: i64, refunded: i64) -> Amounts {
    Amounts { status, authorised, captured, refunded }
}

/// The error of a call that must fail with a certain kind.
fn expect_kind<T>(result: Result<T, Error>, what: &str, expected: &ErrorKind) -> Result<Error, Stop> {
    match result {
        Ok(_) => Err(Stop::Failed(format!("{what} succeeded, expected {}", expected.as_str()))),
        Err(error) => {
            ensure!(
                error.kind() == expected,
                "{what} failed with \"{error}\", expected {}",
                expected.as_str()
            );
            Ok(error)
        }
    }
}

/// The error of an operation that the descriptor does not claim.
fn expect_unsupported<T>(
    subject: &Subject<'_>,
    result: Result<T, Error>,
    operation: &'static str,
) -> Result<(), Stop> {
    let adapter = subject.provider().descriptor().name.clone();
    let what = format!("{operation}, which is not claimed,");
    let error = expect_kind(result, &what, &ErrorKind::Unsupported { operation, adapter })?;
    ensure!(error.outcome() == crate::Outcome::NotSent, "unsupported has the outcome {:?}", error.outcome());
    Ok(())
}
