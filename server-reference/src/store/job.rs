//! One write on its way through the store.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::commit::{Commit, Effect, ReceiptDraft, Remember};
use super::error::StoreError;
use super::insert::Row;
use super::issue::Issued;
use super::tx::Tx;

/// A write, without its types.
pub(super) enum Job {
    /// Work that runs in the transaction.
    Work(Box<dyn Work>),
    /// All that is left to do is to insert what was prepared.
    Prepared(Box<dyn Prepared>),
}

impl Job {
    pub(super) fn caller(&self) -> &dyn Caller {
        match self {
            Self::Work(job) => job.as_ref(),
            Self::Prepared(job) => job.as_ref(),
        }
    }

    /// Makes the job fail with this error whatever came of it.
    pub(super) fn fail(&mut self, error: StoreError) {
        match self {
            Self::Work(job) => job.fail(error),
            Self::Prepared(job) => job.fail(error),
        }
    }

    /// Tells the caller the outcome. Whatever was done must be durable by now.
    pub(super) fn answer(self) {
        match self {
            Self::Work(job) => job.answer(),
            Self::Prepared(job) => job.answer(),
        }
    }
}

/// Who waits for a write.
pub(super) trait Caller: Send {
    /// See [`Job::fail`].
    fn fail(&mut self, error: StoreError);

    /// See [`Job::answer`].
    fn answer(self: Box<Self>);

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Since when the job has been waiting.
    fn waiting_since(&self) -> Instant;
}

/// A write that runs statements.
pub(super) trait Work: Caller {
    /// Runs the work. `None` when it failed; its error is kept for the answer.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Option<Pending>>;
}

/// A write whose outcome depends on nothing but whether its row, if it has one, finds its place free.
pub(super) trait Prepared: Caller {
    fn row(&self) -> Option<&Row>;

    /// Notes whether the row was inserted, and gives what is then to be written at the end of the group.
    fn settle(&mut self, inserted: bool) -> Option<Pending>;
}

/// What a job leaves for the end of its group. Cheap to clone: a group may have to be run again.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) receipt: Option<Arc<Receipt>>,
    pub(super) remember: Option<Arc<Remember>>,
}

/// The receipt of a job.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) draft: ReceiptDraft,
    /// The same, signed, if the log it goes to was known before the job's turn came.
    pub(super) issued: Option<Issued>,
}

impl Pending {
    /// `issue` signs the receipt where that can be done already.
    pub(super) fn new(
        effect: Effect,
        remember: Option<Remember>,
        issue: impl FnOnce(&ReceiptDraft) -> Option<Issued>,
    ) -> Self {
        let receipt = match effect {
            Effect::Receipt(draft) => {
                let issued = issue(&draft);
                Some(Arc::new(Receipt { draft: *draft, issued }))
            }
            Effect::None(reason) => {
                tracing::trace!(reason, "a write leaves no receipt");
                None
            }
        };
        Self { receipt, remember: remember.map(Arc::new) }
    }
}

/// [`Work`] with its types.
pub(super) struct TypedWork<F, T, E> {
    pub(super) work: F,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
    pub(super) outcome: Option<Result<T, E>>,
    pub(super) since: Instant,
}

impl<F, T, E> Work for TypedWork<F, T, E>
where
    F: Fn(&mut Tx) -> BoxFuture<'_, Result<Commit<T>, E>> + Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Option<Pending>> {
        async move {
            let work = &self.work;
            // The call itself may panic, too, before there is a future.
            let done = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
            let (outcome, pending) = match done {
                Ok(Ok(Commit { value, effect, remember })) => {
                    (Ok(value), Some(Pending::new(effect, remember, |_| None)))
                }
                Ok(Err(error)) => (Err(error), None),
                Err(panic) => (Err(StoreError::Panicked(panic_text(panic.as_ref())).into()), None),
            };
            self.outcome = Some(outcome);
            pending
        }
        .boxed()
    }
}

impl<F, T, E> Caller for TypedWork<F, T, E>
where
    F: Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
{
    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let Self { work, reply, outcome, .. } = *self;
        // Before the caller goes on: what the work holds on to is free by then.
        drop(work);
        if let Some(outcome) = outcome {
            // The caller may have gone; what was committed stays.
            let _gone = reply.send(outcome);
        }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn waiting_since(&self) -> Instant {
        self.since
    }
}

/// [`Prepared`] with its types.
pub(super) struct TypedPrepared<T, E> {
    pub(super) row: Option<Row>,
    pub(super) pending: Pending,
    /// The answer when the row is inserted, or there is none.
    pub(super) value: T,
    /// The answer when its place is taken.
    pub(super) taken: E,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
    pub(super) outcome: Result<bool, StoreError>,
    pub(super) since: Instant,
}

impl<T, E> Prepared for TypedPrepared<T, E>
where
    T: Send,
    E: From<StoreError> + Send,
{
    fn row(&self) -> Option<&Row> {
        self.row.as_ref()
    }

    fn settle(&mut self, inserted: bool) -> Option<Pending> {
        self.outcome = Ok(inserted);
        inserted.then(|| self.pending.clone())
    }
}

impl<T, E> Caller for TypedPrepared<T, E>
where
    T: Send,
    E: From<StoreError> + Send,
{
    fn fail(&mut self, error: StoreError) {
        self.outcome = Err(error);
    }

    fn answer(self: Box<Self>) {
        let Self { reply, outcome, value, taken, .. } = *self;
        // The caller may have gone; what was committed stays.
        let _gone = reply.send(match outcome {
            Ok(true) => Ok(value),
            Ok(false) => Err(taken),
            Err(error) => Err(error.into()),
        });
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn waiting_since(&self) -> Instant {
        self.since
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
