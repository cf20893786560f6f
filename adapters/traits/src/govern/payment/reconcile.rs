//! Outcomes for intents that were left without one.

use super::{KEY, made_facts, nothing_facts};
use crate::govern::hooks::facts_of;
use crate::govern::{Decision, Facts, Governed, Phase, Question, ReceiptDraft, ReceiptId, Verdict};
use crate::payment::{FindOptions, Made, PaymentProvider, PaymentStatus, operations};
use crate::{Context, Error, ErrorKind, Outcome};

/// An intent to move money of which it is not known what became: its outcome is missing, because the process died or
/// the sink failed, or it says `unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenIntent {
    /// The receipt of the intent.
    pub intent: ReceiptId,
    /// The operation, as in `payment.create`.
    pub action: &'static str,
    /// What it is done to, as the intent says.
    pub resource: String,
    /// The key of all its attempts.
    pub key: String,
    /// The rule that allowed it, as the intent says.
    pub rule: String,
    /// The digest of the policy that holds the rule, as the intent says.
    pub policy: String,
}

impl OpenIntent {
    /// An intent as its sink has kept it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `action` is not an effect on payments: an intent to look at something is
    /// closed as `unknown`, because nothing happened.
    pub fn new(
        intent: ReceiptId,
        action: &str,
        resource: impl Into<String>,
        key: impl Into<String>,
    ) -> Result<Self, Error> {
        let action = operations::EFFECTS.iter().find(|effect| **effect == action).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, format!("{action} is not an effect on payments"))
        })?;
        Ok(Self {
            intent,
            action,
            resource: resource.into(),
            key: key.into(),
            rule: String::new(),
            policy: String::new(),
        })
    }

    /// Says which rule of which policy allowed it, so that the outcome repeats it.
    #[must_use]
    pub fn allowed_by(mut self, rule: impl Into<String>, policy: impl Into<String>) -> Self {
        self.rule = rule.into();
        self.policy = policy.into();
        self
    }

    /// An intent from its draft and the id the sink gave it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is not the intent of an effect on payments.
    pub fn from_draft(intent: ReceiptId, draft: &ReceiptDraft) -> Result<Self, Error> {
        let key = draft.facts.iter().find(|(name, _)| *name == KEY).map(|(_, key)| key.clone());
        match (draft.phase, key) {
            (Phase::Intent, Some(key)) => Ok(Self::new(intent, draft.action, draft.resource.clone(), key)?
                .allowed_by(draft.rule.clone(), draft.policy.clone())),
            _ => {
                Err(Error::new(ErrorKind::InvalidInput, "the receipt is no intent of an effect on payments"))
            }
        }
    }
}

/// Giving an intent its outcome after the fact. There are two ways, and neither can charge twice:
///
/// - [`reconcile`](Governed::reconcile) looks, where the adapter claims
///   [`FindByKey`](crate::Capability::FindByKey);
/// - otherwise repeat the call with the same key, which finds out what happened or does now what had not been done,
///   and [`close`](Governed::close) the intent with its result. The repetition is a call of its own: policy is asked
///   again and it leaves its own receipts.
impl<A: PaymentProvider> Governed<A> {
    /// Looks up what became of an intent and records that as its outcome: `ok` with what was made, or `error` when
    /// nothing was done or the payment was declined. The look itself is governed as
    /// [`find_by_key`](PaymentProvider::find_by_key) is.
    ///
    /// `ctx` is for the tenant and the region of the intent. Call this when no attempt of the intent can still be
    /// under way: after the deadline of the last one, or after the process that made it has died and the time limit of
    /// its requests has passed. Before that, "nothing was done" might be said too early.
    ///
    /// # Errors
    /// Those of [`find_by_key`](PaymentProvider::find_by_key), when the intent stays open, and
    /// [`ErrorKind::ReceiptUnavailable`] when the outcome could not be recorded.
    pub async fn reconcile(&self, ctx: &Context, open: &OpenIntent) -> Result<Option<Made>, Error> {
        let made = self.find_by_key(ctx, &open.key, &FindOptions::default()).await?;
        let (verdict, facts) = match &made {
            None => (Verdict::Error, nothing_facts()),
            Some(Made::Payment(payment)) if payment.status == PaymentStatus::RequiresPaymentMethod => {
                let mut facts = made.as_ref().map(made_facts).unwrap_or_default();
                match &payment.last_decline {
                    Some(code) => {
                        facts.push(("decline_code", code.clone()));
                        (Verdict::Error, facts)
                    }
                    None => (Verdict::Ok, facts),
                }
            }
            Some(made) => (Verdict::Ok, made_facts(made)),
        };
        self.settle(ctx, open, verdict, facts).await?;
        Ok(made)
    }

    /// Records the result of a repetition as the outcome of the intent that it repeats.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when `ctx` has not the key of the intent, or when the result says nothing about
    /// it: the repetition was itself not sent, not answered, or refused for reasons of its own. The intent stays open,
    /// as it does with [`ErrorKind::ReceiptUnavailable`] when the outcome could not be recorded.
    pub async fn close<T>(
        &self,
        ctx: &Context,
        open: &OpenIntent,
        result: &Result<T, Error>,
    ) -> Result<ReceiptId, Error>
    where
        T: Clone + Into<Made> + Sync,
    {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        if ctx.idempotency_key.as_deref() != Some(open.key.as_str()) {
            return refuse(format!("the repetition of {} has not the key {}", open.action, open.key));
        }
        let (verdict, facts) = match result {
            Ok(made) => (Verdict::Ok, made_facts(&made.clone().into())),
            Err(error) if settles(error.kind()) => (Verdict::Error, facts_of(error)),
            Err(error) => return refuse(format!("\"{error}\" says nothing about the first attempt")),
        };
        self.settle(ctx, open, verdict, facts).await
    }

    async fn settle(
        &self,
        ctx: &Context,
        open: &OpenIntent,
        verdict: Verdict,
        facts: Facts,
    ) -> Result<ReceiptId, Error> {
        let question = Question {
            adapter: &self.adapter.descriptor().name,
            action: open.action,
            resource: &open.resource,
            facts: &facts,
        };
        let decision = Decision::allow(open.rule.clone(), open.policy.clone());
        let draft = question.draft(&decision, Phase::Outcome, verdict, Some(&open.intent));
        self.sink.record(ctx, &draft).await.map_err(|cause| {
            let why = format!("the outcome of {} could not be recorded", open.action);
            Error::new(ErrorKind::ReceiptUnavailable, why)
                .with_outcome(Outcome::NotSent)
                .with_receipt_id(open.intent.0.clone())
                .with_source(cause)
        })
    }
}

/// Whether the provider answers every attempt under one key with this kind if it answered one so. Anything else may
/// have befallen the repetition alone.
fn settles(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Declined { .. } | ErrorKind::AuthenticationRequired | ErrorKind::InvalidState)
}
