//! Random operations, retries and faults, against a model.

use futures_util::future::join;

use super::super::{Stop, ensure};
use super::{Behaviour, Fault, Subject};
use crate::payment::rules::{self, check_conservation};
use crate::payment::{
    CancelOptions, CaptureMode, CaptureOptions, GetPaymentOptions, Made, Money, Payment, PaymentOptions,
    PaymentStatus, RefundOptions,
};
use crate::{Capability, Conflict, Context, Error, ErrorKind};

const SEQUENCES: u64 = 20;
const STEPS: usize = 12;
/// How often a call is repeated before the provider counts as broken.
const ATTEMPTS: usize = 8;

pub(super) async fn money_is_conserved_whatever_goes_wrong(subject: &Subject<'_>) -> Result<(), Stop> {
    let before = subject.stage.taken().await?;
    let mut expected = subject.money(0);
    for sequence in 0..SEQUENCES {
        let mut play = Play { subject, chance: Chance::new(&subject.prefix, sequence), told: Vec::new() };
        let payment = play.run().await.map_err(|stop| play.explain(stop))?;
        expected = expected.plus(payment.captured)?.minus(payment.refunded)?;
    }
    if let (Some(before), Some(now)) = (before, subject.stage.taken().await?) {
        let took = now.minus(before)?;
        ensure!(took == expected, "the account has taken {took}, and its payments add up to {expected}");
    }
    Ok(())
}

/// One payment and all that is done to it.
struct Play<'p, 's> {
    subject: &'p Subject<'s>,
    chance: Chance,
    told: Vec<String>,
}

#[derive(Debug, Clone)]
enum Step {
    Create(Money, PaymentOptions),
    Capture(CaptureOptions),
    Refund(RefundOptions),
    Cancel,
}

impl Play<'_, '_> {
    /// Plays a sequence to its end, and answers with the model of the payment.
    async fn run(&mut self) -> Result<Payment, Stop> {
        let manual = self.subject.has(Capability::ManualCapture) && self.chance.below(3) > 0;
        let mut options = self.subject.pay_with(Behaviour::Approved)?;
        if manual {
            options = options.manual_capture();
        }
        let amount = self.subject.money(100 + self.chance.below(900) as i64);
        let create = Step::Create(amount, options);
        let key = self.subject.key();
        let made = self.attempt(None, &create, &key).await??.into_payment()?;
        let mut model = Payment::new(made.id.clone(), amount, made.created);
        model.authorised = amount;
        if manual {
            (model.status, model.capture) = (PaymentStatus::RequiresCapture, CaptureMode::Manual);
        } else {
            (model.status, model.captured) = (PaymentStatus::Succeeded, amount);
        }
        self.compare(&model).await?;
        let mut done = vec![(key, create)];
        for _ in 0..STEPS {
            if self.chance.below(4) == 0 {
                // An old call comes once more, and changes nothing.
                let (key, step) = done[self.chance.below(done.len())].clone();
                drop(self.attempt(Some(&model), &step, &key).await?);
            } else {
                let (step, key) = (self.step(&model), self.subject.key());
                let expected = after(&model, &step);
                let result = self.attempt(Some(&model), &step, &key).await?;
                model = match (expected, result) {
                    (Ok(next), Ok(_)) => next,
                    (Err(_), Err(error)) if *error.kind() == ErrorKind::InvalidState => model,
                    (Ok(_), Err(error)) => return Err(error.into()),
                    (Err(why), Err(error)) => {
                        return Err(Stop::Failed(format!("\"{error}\", expected \"{why}\"")));
                    }
                    (Err(why), Ok(_)) => {
                        return Err(Stop::Failed(format!("{step:?} succeeded, expected \"{why}\"")));
                    }
                };
                done.push((key, step));
            }
            self.compare(&model).await?;
        }
        Ok(model)
    }

    /// The next operation: sensible or not, but claimed.
    fn step(&mut self, model: &Payment) -> Step {
        let (partial_capture, partial_refund) =
            (self.subject.has(Capability::PartialCapture), self.subject.has(Capability::PartialRefund));
        match self.chance.below(8) {
            0 => Step::Cancel,
            1 => Step::Capture(CaptureOptions::default()),
            2 | 3 if partial_capture => Step::Capture(CaptureOptions::amount(self.part(model.authorised))),
            4..=6 if partial_refund => Step::Refund(RefundOptions::amount(self.part(model.captured))),
            _ => Step::Refund(RefundOptions::default()),
        }
    }

    /// A part of `whole`, and now and then a little more than it.
    fn part(&mut self, whole: Money) -> Money {
        let minor = whole.minor().max(10);
        let part = match self.chance.below(3) {
            0 => minor + 1 + self.chance.below(10) as i64,
            _ => 1 + self.chance.below((minor / 3) as usize) as i64,
        };
        Money::new(part, whole.currency())
    }

    /// Makes a call through whatever goes wrong, until it is answered.
    async fn attempt(
        &mut self,
        payment: Option<&Payment>,
        step: &Step,
        key: &str,
    ) -> Result<Result<Made, Error>, Stop> {
        let ctx = self.subject.with_key(key);
        let fault = match self.chance.below(6) {
            0 => Some(Fault::RequestLost),
            1 => Some(Fault::AnswerLost),
            2 => Some(Fault::RequestDuplicated),
            _ => None,
        };
        self.told.push(format!("{step:?} under {key} with {fault:?}"));
        if let Some(fault) = fault {
            self.disturbed(&ctx, payment, step, fault).await;
        }
        for _ in 0..ATTEMPTS {
            match call(self.subject, &ctx, payment, step).await {
                Err(error) if is_open(&error) => {}
                answer => return Ok(answer),
            }
        }
        Err(Stop::Failed(format!("there was no answer in {ATTEMPTS} attempts")))
    }

    /// One attempt whose answer nobody sees.
    async fn disturbed(&self, ctx: &Context, payment: Option<&Payment>, step: &Step, fault: Fault) {
        let below = self.subject.stage.fault(fault);
        match fault {
            Fault::RequestLost if !below => {}
            Fault::RequestDuplicated if !below => {
                let twice = (call(self.subject, ctx, payment, step), call(self.subject, ctx, payment, step));
                drop(join(twice.0, twice.1).await);
            }
            _ => drop(call(self.subject, ctx, payment, step).await),
        }
    }

    async fn compare(&self, model: &Payment) -> Result<(), Stop> {
        let options = GetPaymentOptions::default();
        let found = self.subject.provider().get_payment(&self.subject.ctx, &model.id, &options).await?;
        check_conservation(&found)?;
        let sides = [model, &found]
            .map(|payment| (payment.status, payment.authorised, payment.captured, payment.refunded));
        ensure!(sides[0] == sides[1], "the payment stands at {:?}, expected {:?}", sides[1], sides[0]);
        Ok(())
    }

    fn explain(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Failed(how) => Stop::Failed(format!("{how}; after {}", self.told.join(", "))),
            skipped => skipped,
        }
    }
}

/// The model of a payment after a step, by the rules.
fn after(payment: &Payment, step: &Step) -> Result<Payment, Error> {
    let mut next = payment.clone();
    match step {
        Step::Create(..) => {}
        Step::Capture(options) => {
            next.captured = rules::capture_amount(payment, options.amount)?;
            next.status = PaymentStatus::Succeeded;
        }
        Step::Refund(options) => {
            next.refunded = payment.refunded.plus(rules::refund_amount(payment, options.amount)?)?;
        }
        Step::Cancel if payment.status.may_be_canceled() => next.status = PaymentStatus::Canceled,
        Step::Cancel => return Err(rules::invalid_state(payment, "canceled")),
    }
    Ok(next)
}

async fn call(
    subject: &Subject<'_>,
    ctx: &Context,
    payment: Option<&Payment>,
    step: &Step,
) -> Result<Made, Error> {
    let provider = subject.provider();
    let id = || {
        let missing = || Error::new(ErrorKind::Internal, "the suite has no payment yet");
        payment.map(|payment| &payment.id).ok_or_else(missing)
    };
    match step {
        Step::Create(amount, options) => {
            provider.create_payment(ctx, *amount, options).await.map(Made::Payment)
        }
        Step::Capture(options) => provider.capture_payment(ctx, id()?, options).await.map(Made::Payment),
        Step::Refund(options) => provider.refund_payment(ctx, id()?, options).await.map(Made::Refund),
        Step::Cancel => {
            provider.cancel_payment(ctx, id()?, &CancelOptions::default()).await.map(Made::Payment)
        }
    }
}

/// Whether an error leaves it open what happened, or will.
fn is_open(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Conflict(Conflict::InFlight)
            | ErrorKind::Unavailable
            | ErrorKind::DeadlineExceeded
            | ErrorKind::RateLimited
    )
}

/// Numbers that look random and depend on nothing but the seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn new(text: &str, number: u64) -> Self {
        // FNV-1a.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash.wrapping_add(number))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}
