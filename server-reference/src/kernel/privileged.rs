//! The privileged path: ask the policy, do the work, leave the receipt. No receipt, no privileged completion.

use std::future::Future;
use std::sync::Arc;

use companyos_receipt::receipt::{Outcome, Phase, Private};
use companyos_types::problems;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::{HeaderName, LINK};
use serde::{Deserialize, Serialize};

use super::ctx::Ctx;
use super::idempotency::{KEPT_FOR, is_kept};
use super::policy::{Decision, OPERATOR_ONLY, Question, Resource, hex};
use super::problem::Problem;
use super::reply::Reply;
use crate::store::{Commit, ReceiptDraft, Remember, Row, StoreError, Tx};

/// Names the receipt of a privileged request in its response.
pub const RECEIPT_ID: HeaderName = HeaderName::from_static("receipt-id");

/// What the work of a privileged request produced: the reply, and what the receipt tells beyond the request itself.
pub struct Done {
    reply: Reply,
    phase: Phase,
    facts: Private,
}

impl Done {
    /// The work is complete.
    #[must_use]
    pub fn new(reply: Reply) -> Self {
        Self { reply, phase: Phase::Outcome, facts: Private::new() }
    }

    /// The work is accepted and goes on after the reply: the receipt is an intent (`out: allow`), and a later one made
    /// with [`Mandate::outcome`] concludes it.
    #[must_use]
    pub fn accepted(reply: Reply) -> Self {
        Self { reply, phase: Phase::Intent, facts: Private::new() }
    }

    /// Adds disclosable members only the work knows: resource, subject, reason, detail. The kernel adds actor, request
    /// digest, idempotency key and trace id, and the [`Resource`] asked about unless one is named here.
    #[must_use]
    pub fn facts(mut self, facts: Private) -> Self {
        self.facts = self.facts.merge(facts);
        self
    }
}

/// The policy's yes to one request: the only way to commit a privileged effect.
pub struct Permit(Arc<Case>);

struct Case {
    ctx: Ctx,
    mandate: Mandate,
}

/// What a later receipt of the same request needs. Can be stored with a job that outlives the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mandate {
    /// The receipt of the request itself.
    pub receipt_id: String,
    tenant_id: String,
    action: String,
    policy: String,
    actor: String,
    resource_kind: String,
    resource_id: String,
    request: Option<String>,
    idempotency_key: Option<String>,
    trace_id: String,
}

impl Mandate {
    /// The receipt `id` that concludes the accepted request.
    #[must_use]
    pub fn outcome(
        &self,
        id: String,
        at: super::clock::Timestamp,
        outcome: Outcome,
        facts: Private,
    ) -> ReceiptDraft {
        let reference = Some(self.receipt_id.clone());
        ReceiptDraft { id, reference, ..self.draft(at, Phase::Outcome, outcome, facts) }
    }

    fn draft(
        &self,
        at: super::clock::Timestamp,
        phase: Phase,
        outcome: Outcome,
        facts: Private,
    ) -> ReceiptDraft {
        let mut private = Private::new()
            .actor(&self.actor)
            .resource(&self.resource_kind, &self.resource_id)
            .trace_id(&self.trace_id);
        if let Some(request) = &self.request {
            private = private.request(request);
        }
        if let Some(key) = &self.idempotency_key {
            private = private.idempotency_key(key);
        }
        let private = private.merge(facts);
        ReceiptDraft {
            id: self.receipt_id.clone(),
            tenant_id: self.tenant_id.clone(),
            action: self.action.clone(),
            phase,
            outcome,
            reference: None,
            policy: self.policy.clone(),
            at,
            private,
        }
    }
}

impl Ctx {
    /// Asks the policy whether this request may act on `resource`.
    ///
    /// # Errors
    /// 403 with the rule and the receipt the refusal left; 503 when the policy or the store cannot be reached.
    pub async fn permit(&self, resource: Resource) -> Result<Permit, Problem> {
        let inner = &self.0;
        let Some(action) = inner.op.action else {
            return Err(Problem::internal(format!("{} is not privileged", inner.op.id)));
        };
        let question = Question {
            operation: inner.op,
            principal: &inner.principal,
            tenant_id: inner.beyond.as_deref().unwrap_or(&inner.tenant_id),
            resource: &resource,
        };
        let mut decision = inner.kernel.decide(question).await?;
        if inner.beyond.is_some() && decision.allow {
            // Whatever the policy says: the work would be done for the principal's own tenant.
            decision = Decision { allow: false, rule: OPERATOR_ONLY.into(), ..decision };
        }
        let case = Arc::new(Case { ctx: self.clone(), mandate: self.mandate(action, &resource, &decision) });
        if decision.allow {
            return Ok(Permit(case));
        }
        tracing::info!(action, rule = %decision.rule, receipt_id = %case.mandate.receipt_id, "the policy refused");
        let draft =
            case.draft(Phase::Outcome, Outcome::Deny, Private::new().detail_entry("rule", &*decision.rule));
        case.leave(draft, None).await?;
        Err(case.name(Problem::new(&problems::POLICY_DENIED).rule(decision.rule)))
    }

    fn mandate(&self, action: &str, resource: &Resource, decision: &Decision) -> Mandate {
        let inner = &self.0;
        Mandate {
            receipt_id: self.new_id("rcp"),
            tenant_id: inner.tenant_id.clone(),
            action: action.to_owned(),
            policy: decision.policy.to_string(),
            actor: inner.principal.key_id.clone(),
            resource_kind: resource.kind.to_owned(),
            resource_id: resource.id.clone().unwrap_or_else(|| "*".to_owned()),
            request: self.request_digest(),
            idempotency_key: inner.attempt.as_ref().map(|attempt| attempt.key.clone()),
            trace_id: self.trace_id().to_owned(),
        }
    }

    /// The request's fingerprint, once a streamed body has arrived completely.
    fn request_digest(&self) -> Option<String> {
        self.0.fingerprint.get().map(|digest| format!("sha256:{}", hex(digest)))
    }
}

impl Permit {
    /// The receipt this request leaves, so that the work can keep its id with what it writes.
    #[must_use]
    pub fn receipt_id(&self) -> &str {
        &self.0.mandate.receipt_id
    }

    /// What a later receipt of an accepted request needs. Complete once the body has been read to its end.
    #[must_use]
    pub fn mandate(&self) -> Mandate {
        self.0.mandate_now()
    }

    /// Runs the effect, its receipt and the idempotency record in one transaction, and gives the reply that was recorded.
    ///
    /// `work` may run more than once; only the last run counts.
    ///
    /// # Errors
    /// The problem `work` returned: its statements are undone, and the refusal is recorded as outcome `error` with a
    /// receipt, and for replay when it is deterministic. 503 when the store fails; then nothing is recorded.
    pub async fn commit<W>(self, work: W) -> Result<Reply, Problem>
    where
        W: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<Done, Problem>> + Send + Sync + 'static,
    {
        let case = self.0;
        let held = Arc::clone(&case);
        let written = case
            .ctx
            .store()
            .write(move |tx| {
                let case = Arc::clone(&held);
                let work = work(tx);
                Box::pin(async move { case.conclude(work).await })
            })
            .await;
        case.answer(written).await
    }

    /// Commits a row that may find its place taken, and the reply, receipt and idempotency record that are right if it
    /// does not. Where nothing has to be read first this is the same as [`Permit::commit`], and several times as fast:
    /// reply and receipt are sealed and signed while the write waits for its turn.
    ///
    /// # Errors
    /// `taken` when the place is taken, recorded like a problem of [`Permit::commit`]'s work. 503 when the store
    /// fails; then nothing is recorded.
    pub async fn insert(self, row: Row, done: Done, taken: Problem) -> Result<Reply, Problem> {
        let case = self.0;
        let written = match case.commit(done) {
            Ok(commit) => case.ctx.store().write_prepared(Some(row), commit, Failure::Work(taken)).await,
            Err(problem) => Err(Failure::Work(problem)),
        };
        case.answer(written).await
    }

    /// Records the receipt of a privileged read whose reply is made already, such as an export.
    ///
    /// # Errors
    /// 503 when the store fails; then the reply must not be sent.
    pub async fn attest(self, facts: Private, reply: Reply) -> Result<Reply, Problem> {
        let case = self.0;
        case.leave(case.draft(Phase::Outcome, Outcome::Ok, facts), None).await?;
        Ok(case.mandate.name(reply))
    }

    /// Records that a permitted request was refused by a rule, when there is no work to run.
    ///
    /// # Errors
    /// Always: the problem, now naming its receipt; 503 when the store fails.
    pub async fn refuse(self, problem: Problem) -> Result<Reply, Problem> {
        self.0.refuse(problem).await
    }
}

/// Why a privileged write was not committed.
enum Failure {
    Work(Problem),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Case {
    async fn conclude<F>(&self, work: F) -> Result<Commit<Reply>, Failure>
    where
        F: Future<Output = Result<Done, Problem>> + Send,
    {
        let done = work.await.map_err(Failure::Work)?;
        self.commit(done).map_err(Failure::Work)
    }

    /// What is to be committed for work that is done.
    fn commit(&self, done: Done) -> Result<Commit<Reply>, Problem> {
        let outcome = if done.phase == Phase::Intent { Outcome::Allow } else { Outcome::Ok };
        let reply = self.mandate.name(done.reply);
        let remember = self.remember(&reply)?;
        let draft = self.draft(done.phase, outcome, done.facts);
        Ok(Commit::with_receipt(reply, draft).remembering(remember))
    }

    /// What the request is answered with, given what became of its write.
    async fn answer(&self, written: Result<Reply, Failure>) -> Result<Reply, Problem> {
        match written {
            Ok(reply) => Ok(reply),
            Err(Failure::Store(StoreError::IdempotencyRaced)) => self.ctx.replay_raced().await,
            Err(Failure::Store(error)) => Err(error.into()),
            Err(Failure::Work(problem)) => self.refuse(problem).await,
        }
    }

    async fn refuse(&self, problem: Problem) -> Result<Reply, Problem> {
        let facts = Private::new().detail_entry("problem", problem.code());
        let problem = self.name(problem);
        let kept = is_kept(&problem) && self.ctx.0.fingerprint.get().is_some();
        let remember = if kept { self.remember(&self.ctx.render(&problem))? } else { None };
        // Some rules of the policy need what the work has read.
        let denied = problem.code() == problems::POLICY_DENIED.code;
        let outcome = if denied { Outcome::Deny } else { Outcome::Error };
        match self.leave(self.draft(Phase::Outcome, outcome, facts), remember).await {
            Ok(()) => Err(problem),
            Err(Failure::Store(StoreError::IdempotencyRaced)) => self.ctx.replay_raced().await,
            Err(failure) => Err(failure.into()),
        }
    }

    /// Commits a receipt with no effect but itself.
    async fn leave(&self, draft: ReceiptDraft, remember: Option<Remember>) -> Result<(), Failure> {
        let commit = Commit::with_receipt((), draft).remembering(remember);
        let never = Failure::Work(Problem::internal("a write without a row found its place taken"));
        self.ctx.store().write_prepared(None, commit, never).await
    }

    /// The idempotency record, when the request has a key.
    fn remember(&self, reply: &Reply) -> Result<Option<Remember>, Problem> {
        let inner = &self.ctx.0;
        let Some(attempt) = &inner.attempt else {
            return Ok(None);
        };
        let Some(fingerprint) = inner.fingerprint.get() else {
            return Err(Problem::internal(format!("{} was concluded before its body was read", inner.op.id)));
        };
        inner.kernel.recall.note(&attempt.record, self.ctx.now());
        Ok(Some(Remember {
            key: attempt.record,
            fingerprint: *fingerprint,
            response: inner.kernel.sealer.seal(reply, &attempt.record)?,
            expires_at: self.ctx.now().saturating_add(KEPT_FOR),
        }))
    }

    fn draft(&self, phase: Phase, outcome: Outcome, facts: Private) -> ReceiptDraft {
        self.mandate_now().draft(self.ctx.now(), phase, outcome, facts)
    }

    fn mandate_now(&self) -> Mandate {
        let mut mandate = self.mandate.clone();
        mandate.request = self.ctx.request_digest();
        mandate
    }

    /// Names the receipt in a problem.
    fn name(&self, problem: Problem) -> Problem {
        let (id, link) = self.mandate.headers();
        let problem = problem.receipt(&self.mandate.receipt_id);
        problem.header(RECEIPT_ID, id).header(LINK, link)
    }
}

impl Mandate {
    /// Names the receipt in a reply.
    fn name(&self, reply: Reply) -> Reply {
        let (id, link) = self.headers();
        reply.header(RECEIPT_ID, id).header(LINK, link)
    }

    fn headers(&self) -> (HeaderValue, HeaderValue) {
        // Receipt ids are ASCII, so neither can fail.
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        (value(&self.receipt_id), value(&format!("</receipts/{}>; rel=\"receipt\"", self.receipt_id)))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Work(problem) => problem,
            Failure::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::IdempotencyRaced => Self::new(&problems::IDEMPOTENCY_IN_PROGRESS).retry_after(1),
            error if error.is_transient() => Self::unavailable(1).caused_by(error),
            error => Self::internal(error),
        }
    }
}
