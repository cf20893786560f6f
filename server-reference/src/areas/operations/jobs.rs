//! The runner of long operations: finds them, has a handler do the work, leaves the outcome receipt.
//!
//! An operation ends in ONE transaction with its outcome receipt: either all it did is in effect or
//! none. Work that is too much for one transaction is done ahead in steps, each in a transaction of its
//! own that other writes come between; a step has no effect anybody sees, and if the operation fails
//! its steps are taken back. How far the steps are is the operation's progress. A runner that dies leaves a claim that runs out; any runner, of any server on the
//! same database, then begins anew. The claim's row is locked by the transaction that ends the
//! operation, so it ends once however many runners believe they have it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use companyos_receipt::receipt::Private;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::model::{Operation, Status};
use super::run::Run;
use super::{rules, store};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::ids::{Ids, new_id};
use crate::kernel::problem::Problem;
use crate::store::{Commit, Store, StoreError, Tx};

/// How often a runner looks for work nobody told it about, such as that of a server that crashed.
const LOOK: Duration = Duration::from_secs(2);

/// What a [`Handler`] produced.
#[derive(Debug)]
pub struct Finished {
    /// The operation's result.
    pub result: Map<String, Value>,
    /// What the outcome receipt tells.
    pub facts: Private,
}

/// Why a [`Handler`] did not finish.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// For good: the operation fails with this problem.
    #[error(transparent)]
    Failed(Problem),
    /// The store failed. The operation is begun again later, unless the failure is a defect that stays.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another runner has the operation.
    #[error("another runner has taken the operation over")]
    Lost,
}

/// What a step of the work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many units are done by now. There may be more steps.
    Done(u64),
    /// Nothing is left but to end the operation.
    Ready,
    /// Something else has to end first. The operation has not begun and is tried again a moment later.
    Later,
}

/// One run of an operation.
#[derive(Debug, Clone)]
pub struct Job {
    /// The operation.
    pub operation: Operation,
    /// The receipt its end will leave.
    pub receipt_id: String,
    /// The time.
    pub at: Timestamp,
}

/// Does the work of one kind of operation. Everything happens in the transaction it is handed, which
/// may be rolled back and run again.
pub trait Handler: Send + Sync + std::fmt::Debug {
    /// The kind, which is also the receipt's action, such as `tenant.import`.
    fn kind(&self) -> &'static str;

    /// Does the next part of the work ahead of [`Handler::perform`], in a transaction of its own. How
    /// far the parts before have come is the operation's `done`, also after a crash. Nobody may see an
    /// effect before the operation has ended.
    fn advance<'t>(&'t self, _tx: &'t mut Tx, _job: &'t Job) -> BoxFuture<'t, Result<Step, JobError>> {
        Box::pin(async { Ok(Step::Ready) })
    }

    /// Takes the last part of what [`Handler::advance`] has done back, because the operation fails.
    /// Asked for until nothing is done any more.
    fn withdraw<'t>(&'t self, _tx: &'t mut Tx, _job: &'t Job) -> BoxFuture<'t, Result<Step, StoreError>> {
        Box::pin(async { Ok(Step::Ready) })
    }

    /// Does the work, or what is left of it.
    fn perform<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Finished, JobError>>;

    /// Notes that the work failed for good and gives what the outcome receipt tells.
    fn failed<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Private, StoreError>>;

    /// Notes that the operation was withdrawn before it began.
    fn cancelled<'t>(
        &'t self,
        tx: &'t mut Tx,
        operation: &'t Operation,
        at: Timestamp,
    ) -> BoxFuture<'t, Result<(), StoreError>>;

    /// Told once the end of an operation is durable; for metrics.
    fn settled(&self, status: Status);
}

/// Tells the runner that there is something to do.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Has the runner look at once.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The handlers of a server, by kind.
#[derive(Debug, Default)]
pub struct Handlers {
    by_kind: BTreeMap<&'static str, Arc<dyn Handler>>,
    wake: Wake,
}

impl Handlers {
    /// These handlers.
    pub fn new(handlers: impl IntoIterator<Item = Arc<dyn Handler>>) -> Self {
        let by_kind = handlers.into_iter().map(|handler| (handler.kind(), handler)).collect();
        Self { by_kind, wake: Wake::default() }
    }

    /// What wakes the runner of these handlers.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// The handler of a kind.
    ///
    /// # Errors
    /// When this server has none: a newer one accepted the operation.
    pub fn of(&self, kind: &str) -> Result<&Arc<dyn Handler>, StoreError> {
        self.by_kind.get(kind).ok_or_else(|| {
            StoreError::Inconsistent(format!("there is no handler for operations of kind {kind}"))
        })
    }
}

/// Runs operations one after the other.
#[derive(Debug, Clone)]
pub struct Runner {
    pub(super) store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    handlers: Arc<Handlers>,
}

impl Runner {
    /// A runner; it does nothing until [`Runner::run`].
    pub fn new(store: Store, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, handlers: Arc<Handlers>) -> Self {
        Self { store, clock, ids, handlers }
    }

    /// Runs until `shutdown`, and then finishes what it has begun.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.run_next().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "an operation could not be run and will be tried again")
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.handlers.wake.0.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Runs the oldest operation that waits; `false` when none does.
    ///
    /// # Errors
    /// When the store fails; the operation is begun again once its claim has run out.
    pub async fn run_next(&self) -> Result<bool, StoreError> {
        let claim: Arc<str> = new_id(&*self.ids, "clm", self.now()).into();
        let Some(operation) = self.claim(&claim).await? else {
            return Ok(false);
        };
        let now = self.now();
        let job = Job { operation, receipt_id: new_id(&*self.ids, "rcp", now), at: now };
        let handler = Arc::clone(self.handlers.of(&job.operation.kind)?);
        let run = Run { runner: self, claim, handler };
        let (job, ended) = run.to_end(job).await;
        match ended {
            Ok(status) => {
                let id = &*job.operation.id;
                tracing::info!(operation = id, kind = %job.operation.kind, status = status.as_str(), "an operation ended");
                run.handler.settled(status);
                Ok(true)
            }
            Err(JobError::Store(error)) => Err(error),
            Err(JobError::Failed(problem)) => Err(StoreError::Inconsistent(problem.to_string())),
            Err(JobError::Lost) => Ok(true),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn claim(&self, claim: &Arc<str>) -> Result<Option<Operation>, StoreError> {
        let (claim, now) = (Arc::clone(claim), self.now());
        self.store
            .write(move |tx| {
                let claim = Arc::clone(&claim);
                Box::pin(async move {
                    let found = match store::claim(tx, &claim, now, now.saturating_add(rules::LEASE)).await? {
                        Some(id) => store::get(tx, &id).await?,
                        None => None,
                    };
                    Ok(Commit::without_receipt(
                        found,
                        "a claim is bookkeeping; the outcome leaves the receipt",
                    ))
                })
            })
            .await
    }
}

/// Whether beginning again would fail again: a defect, not an outage.
pub(super) fn is_lasting(error: &StoreError, job: &Job) -> bool {
    !error.is_transient() && job.operation.attempts >= rules::ATTEMPTS_MAX
}
