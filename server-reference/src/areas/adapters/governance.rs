//! The hooks behind every adapter: the server's policy before, the server's receipts around.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapters::traits::govern::{
    Decision, Phase, PolicyHook, Question, ReceiptDraft as Draft, ReceiptId, ReceiptSink, Verdict,
};
use companyos_adapters::traits::{Context, Error, ErrorKind, Outcome as Effect};
use companyos_receipt::receipt::{Outcome, Phase as ReceiptPhase, Private};

use super::store::{self, OpenCall};
use crate::kernel::Kernel;
use crate::kernel::auth::Principal;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::new_id;
use crate::kernel::policy::AdapterQuestion;
use crate::store::{Commit, Fault, ReceiptDraft, StoreError};

/// Policy and receipts for the adapter calls of one principal.
pub(super) struct Hooks {
    kernel: Arc<Kernel>,
    principal: Arc<Principal>,
}

impl Hooks {
    pub(super) fn new(kernel: Arc<Kernel>, principal: Arc<Principal>) -> Self {
        Self { kernel, principal }
    }

    fn private(&self, ctx: &Context, draft: &Draft) -> Private {
        let mut private = Private::new()
            .actor(&self.principal.key_id)
            .resource(&draft.adapter, &draft.resource)
            .detail_entry("rule", draft.rule.as_str());
        if let Some(trace_id) = &ctx.trace_id {
            private = private.trace_id(trace_id);
        }
        if let Some(key) = &ctx.idempotency_key {
            private = private.idempotency_key(key);
        }
        draft.facts.iter().fold(private, |private, (name, value)| private.detail_entry(*name, value.as_str()))
    }

    async fn leave(&self, ctx: &Context, draft: &Draft) -> Result<String, StoreError> {
        let id = new_id(self.kernel.ids.as_ref(), "rcp", self.kernel.clock.now());
        // Receipts have verbs without hyphens.
        let action = draft.action.replace('-', "_");
        let receipt = ReceiptDraft {
            id: id.clone(),
            tenant_id: ctx.tenant.clone(),
            action: action.clone(),
            phase: match draft.phase {
                Phase::Intent => ReceiptPhase::Intent,
                Phase::Outcome => ReceiptPhase::Outcome,
            },
            outcome: outcome(draft.verdict),
            reference: draft.intent.as_ref().map(|intent| intent.0.clone()),
            policy: draft.policy.clone(),
            at: self.kernel.clock.now(),
            private: self.private(ctx, draft),
        };
        let store = &self.kernel.store;
        match (draft.phase, draft.intent.clone()) {
            (Phase::Intent, _) => {
                let call = OpenCall {
                    receipt_id: id.clone(),
                    tenant_id: ctx.tenant.clone(),
                    action,
                    resource: draft.resource.clone(),
                    policy: draft.policy.clone(),
                    actor: self.principal.key_id.clone(),
                    begun_at: receipt.at,
                };
                let row = store::call_row(&call);
                let commit = Commit::with_receipt((), receipt);
                store.write_prepared(Some(row), commit, StoreError::Overloaded).await?;
            }
            (Phase::Outcome, Some(intent)) => {
                store
                    .write::<(), StoreError>(move |tx| {
                        let (intent, receipt) = (intent.clone(), receipt.clone());
                        Box::pin(async move {
                            match store::end_call(tx, &intent.0).await? {
                                true => Ok(Commit::with_receipt((), receipt)),
                                // One intent has one outcome, and the log has it already.
                                false => Err(StoreError::Inconsistent(format!(
                                    "the call {intent} was closed before it ended"
                                ))),
                            }
                        })
                    })
                    .await?;
            }
            (Phase::Outcome, None) => {
                let commit = Commit::with_receipt((), receipt);
                store.write_prepared(None, commit, StoreError::Overloaded).await?;
            }
        }
        Ok(id)
    }
}

#[async_trait]
impl PolicyHook for Hooks {
    async fn decide(&self, ctx: &Context, question: &Question<'_>) -> Result<Decision, Error> {
        let question = AdapterQuestion {
            principal: &self.principal,
            tenant_id: &ctx.tenant,
            region: &ctx.region,
            adapter: question.adapter,
            action: question.action,
            resource: question.resource,
        };
        let action = question.action;
        let decision = self.kernel.decider.decide_adapter(question).await.map_err(|cause| {
            Error::new(ErrorKind::PolicyUnavailable, "the policy could not be asked").with_source(cause)
        })?;
        self.kernel.metrics.decided(action, decision.allow);
        let (rule, policy) = (decision.rule.into_owned(), decision.policy.to_string());
        Ok(if decision.allow { Decision::allow(rule, policy) } else { Decision::deny(rule, policy) })
    }
}

#[async_trait]
impl ReceiptSink for Hooks {
    async fn record(&self, ctx: &Context, draft: &Draft) -> Result<ReceiptId, Error> {
        self.leave(ctx, draft).await.map(ReceiptId).map_err(|cause| {
            // Only a connection that broke during the commit leaves it open whether there was one.
            let open = cause.fault() == Some(Fault::Unavailable);
            let sent = if open { Effect::MaybeSent } else { Effect::NotSent };
            Error::new(ErrorKind::ReceiptUnavailable, "the receipt could not be committed")
                .with_outcome(sent)
                .with_source(cause)
        })
    }
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Allow => Outcome::Allow,
        Verdict::Deny => Outcome::Deny,
        Verdict::Ok => Outcome::Ok,
        Verdict::Error => Outcome::Error,
        Verdict::Unknown => Outcome::Unknown,
    }
}

/// The receipt that closes a call of which nobody knows how it ended.
pub(super) fn unknown(call: &OpenCall, id: String, at: Timestamp) -> ReceiptDraft {
    ReceiptDraft {
        id,
        tenant_id: call.tenant_id.clone(),
        action: call.action.clone(),
        phase: ReceiptPhase::Outcome,
        outcome: Outcome::Unknown,
        reference: Some(call.receipt_id.clone()),
        policy: call.policy.clone(),
        at,
        private: Private::new().actor(&call.actor).resource("adapter_call", &call.resource).reason(
            "The call was begun and never closed: the server stopped, or could not commit, in between.",
        ),
    }
}
