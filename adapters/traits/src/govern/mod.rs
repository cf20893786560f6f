//! Policy before, receipts around: what makes an adapter fit for privileged work.

mod hooks;
mod identity;
mod payment;
mod storage;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

pub use hooks::{Decision, Phase, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink, Verdict};

pub use payment::OpenIntent;

use crate::clock::{Clock, SystemClock};
use crate::{Context, Descriptor, Error, ErrorKind, Outcome};

/// The names and values that a receipt states beside the resource.
type Facts = Vec<(&'static str, String)>;

/// One call of the adapter, before it is made.
struct Call<'a> {
    descriptor: &'a Descriptor,
    action: &'static str,
    resource: &'a str,
    facts: Facts,
}

/// The rule that receipts name when a call is refused for its region, before policy is asked.
pub const REGION_RULE: &str = "companyos.region";

/// An adapter that asks first and leaves a receipt.
///
/// Every operation of the adapter, reads included, goes through the same steps:
///
/// 1. A call for another region than the adapter's is refused, and the refusal recorded.
/// 2. The [`PolicyHook`] is asked. A denial is recorded; a policy that cannot be asked refuses.
/// 3. The intent is recorded. **If the [`ReceiptSink`] is down, nothing is done.**
/// 4. The adapter does its work.
/// 5. The outcome is recorded: `ok`, `error`, or `unknown` when the adapter cannot tell. If that fails the caller
///    gets [`ErrorKind::ReceiptUnavailable`] with the id of the intent, never a success: no receipt, no completion.
///    Its [`Outcome`] is that of the effect, [`MaybeSent`](Outcome::MaybeSent) if the effect went through.
///
/// An intent without an outcome, left by a sink that failed in step 5, a crash, or a caller that dropped the future,
/// is for the owner of the sink to close as `unknown`; that of a payment can be given its true outcome, see
/// [`reconcile`](Governed::reconcile).
///
/// For a read the outcome is recorded before the body is handed over, so no byte leaves without one.
pub struct Governed<A> {
    adapter: A,
    policy: Arc<dyn PolicyHook>,
    sink: Arc<dyn ReceiptSink>,
    clock: Arc<dyn Clock>,
}

impl<A> Governed<A> {
    /// Governs `adapter`.
    pub fn new(adapter: A, policy: Arc<dyn PolicyHook>, sink: Arc<dyn ReceiptSink>) -> Self {
        Self { adapter, policy, sink, clock: Arc::new(SystemClock) }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    async fn run<T, F>(
        &self,
        ctx: &Context,
        call: Call<'_>,
        effect: impl FnOnce() -> F + Send,
        found: impl FnOnce(&T) -> Facts + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        ctx.check_deadline(self.clock.now())?;
        let Call { descriptor, action, resource, facts } = call;
        let question = Question { adapter: &descriptor.name, action, resource, facts: &facts };
        if let Some(region) = descriptor.region.as_deref().filter(|region| **region != ctx.region) {
            let message = format!("the adapter keeps its data in {region}, the call is for {}", ctx.region);
            let decision = Decision::deny(REGION_RULE, "");
            return Err(self
                .refuse(ctx, &question, &decision, Error::new(ErrorKind::WrongRegion, message))
                .await);
        }
        let decision = self.policy.decide(ctx, &question).await.map_err(|cause| {
            Error::new(ErrorKind::PolicyUnavailable, format!("policy could not be asked about {action}"))
                .with_source(cause)
        })?;
        if !decision.allow {
            let kind = ErrorKind::PolicyDenied { rule: decision.rule.clone() };
            let message = format!("the rule {} denies {action} on {resource}", decision.rule);
            return Err(self.refuse(ctx, &question, &decision, Error::new(kind, message)).await);
        }

        let intent = question.draft(&decision, Phase::Intent, Verdict::Allow, None);
        let intent = self.sink.record(ctx, &intent).await.map_err(|cause| {
            Error::new(ErrorKind::ReceiptUnavailable, format!("the intent of {action} could not be recorded"))
                .with_outcome(Outcome::NotSent)
                .with_source(cause)
        })?;

        let result = effect().await;

        let (verdict, facts) = match &result {
            Ok(value) => (Verdict::Ok, found(value)),
            Err(error) => (Verdict::of(error), hooks::facts_of(error)),
        };
        let question = Question { facts: &facts, ..question };
        let outcome = question.draft(&decision, Phase::Outcome, verdict, Some(&intent));
        match self.sink.record(ctx, &outcome).await {
            Ok(_) => result,
            Err(cause) => {
                let effect = result.as_ref().err();
                let message = match effect {
                    None => format!("{action} was done, but its outcome could not be recorded"),
                    Some(error) => {
                        format!("the outcome of {action} could not be recorded; it had failed: {error}")
                    }
                };
                Err(Error::new(ErrorKind::ReceiptUnavailable, message)
                    .with_outcome(effect.map_or(Outcome::MaybeSent, Error::outcome))
                    .with_receipt_id(intent.0)
                    .with_source(cause))
            }
        }
    }

    /// Records a refusal. It stands even if it cannot be recorded, because nothing has been done.
    async fn refuse(
        &self,
        ctx: &Context,
        question: &Question<'_>,
        decision: &Decision,
        error: Error,
    ) -> Error {
        let draft = question.draft(decision, Phase::Outcome, Verdict::Deny, None);
        match self.sink.record(ctx, &draft).await {
            Ok(receipt) => error.with_receipt_id(receipt.0),
            Err(cause) => error.with_source(cause),
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for Governed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Governed").field("adapter", &self.adapter).finish_non_exhaustive()
    }
}
