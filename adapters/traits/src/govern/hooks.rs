//! What a host plugs into [`Governed`](super::Governed).

use std::fmt;

use async_trait::async_trait;

use crate::{Context, Error, ErrorKind, Outcome};

/// Answers whether an operation may be done.
#[async_trait]
pub trait PolicyHook: Send + Sync {
    /// Decides. Asked once per call, before anything else is done.
    ///
    /// # Errors
    /// Any error refuses the call.
    async fn decide(&self, ctx: &Context, question: &Question<'_>) -> Result<Decision, Error>;
}

/// Keeps receipts.
#[async_trait]
pub trait ReceiptSink: Send + Sync {
    /// Records a receipt. It must be durable when this returns `Ok`, and must not be recorded when it returns an
    /// error with [`Outcome::NotSent`]. The caller does not retry; an implementation may.
    ///
    /// # Errors
    /// Any error before the effect prevents it; any error after it keeps its result from the caller.
    async fn record(&self, ctx: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error>;
}

/// What policy is asked about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Question<'a> {
    /// The adapter's name.
    pub adapter: &'a str,
    /// The operation, as in `storage.put`.
    pub action: &'static str,
    /// What it is done to: an object's key, or the prefix of a listing.
    pub resource: &'a str,
    /// What else is known before the call, as in the size of a body.
    pub facts: &'a [(&'static str, String)],
}

impl Question<'_> {
    pub(super) fn draft(
        &self,
        decision: &Decision,
        phase: Phase,
        verdict: Verdict,
        intent: Option<&ReceiptId>,
    ) -> ReceiptDraft {
        ReceiptDraft {
            adapter: self.adapter.to_owned(),
            action: self.action,
            resource: self.resource.to_owned(),
            phase,
            verdict,
            intent: intent.cloned(),
            rule: decision.rule.clone(),
            policy: decision.policy.clone(),
            facts: self.facts.to_vec(),
        }
    }
}

/// What policy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the operation may be done.
    pub allow: bool,
    /// The rule that decided.
    pub rule: String,
    /// The digest of the policy that holds the rule, as receipts state it; empty when there is none.
    pub policy: String,
}

impl Decision {
    /// The operation may be done.
    pub fn allow(rule: impl Into<String>, policy: impl Into<String>) -> Self {
        Self { allow: true, rule: rule.into(), policy: policy.into() }
    }

    /// The operation may not be done.
    pub fn deny(rule: impl Into<String>, policy: impl Into<String>) -> Self {
        Self { allow: false, rule: rule.into(), policy: policy.into() }
    }
}

/// The name of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiptId(pub String);

impl fmt::Display for ReceiptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Before or after the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The operation is about to be done.
    Intent,
    /// This is what became of it.
    Outcome,
}

/// What a receipt says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Policy allowed it.
    Allow,
    /// It was refused and not done.
    Deny,
    /// It was done.
    Ok,
    /// It failed and was not done.
    Error,
    /// It failed and may have been done.
    Unknown,
}

impl Verdict {
    /// The word that receipts carry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        match error.outcome() {
            Outcome::MaybeSent => Self::Unknown,
            Outcome::NotSent | Outcome::Answered => Self::Error,
        }
    }
}

/// A receipt before the sink gives it a name, a time and a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptDraft {
    /// The adapter's name.
    pub adapter: String,
    /// The operation, as in `storage.put`.
    pub action: &'static str,
    /// What it was done to.
    pub resource: String,
    /// Before or after the effect.
    pub phase: Phase,
    /// What happened.
    pub verdict: Verdict,
    /// The receipt of the intent, on the receipt of its outcome.
    pub intent: Option<ReceiptId>,
    /// The rule that decided.
    pub rule: String,
    /// The digest of the policy that holds the rule.
    pub policy: String,
    /// What else is known: sizes and entity tags, never bodies, never signed URLs.
    pub facts: Vec<(&'static str, String)>,
}

/// What a receipt says about a failure. Codes and ids only: a message may quote what the provider sent.
pub(super) fn facts_of(error: &Error) -> super::Facts {
    let mut facts = vec![("error", error.kind().as_str().to_owned())];
    if let ErrorKind::Declined { code } = error.kind() {
        facts.push(("decline_code", code.clone()));
    }
    facts.extend(error.provider_code().map(|code| ("provider_code", code.to_owned())));
    facts.extend(error.provider_request_id().map(|id| ("provider_request_id", id.to_owned())));
    facts
}
