//! One write on its way through the store.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::commit::{Commit, Effect, Remember};
use super::error::StoreError;
use super::tx::Tx;

/// What a job that has run leaves for the end of its group.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) effect: Effect,
    pub(super) remember: Option<Remember>,
}

/// A write without its types.
pub(super) trait Job: Send {
    /// Runs the work. `None` when it failed; its error is kept for [`Job::answer`].
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Option<Pending>>;

    /// Makes the job fail with this error whatever its work said.
    fn fail(&mut self, error: StoreError);

    /// Tells the caller the outcome. Whatever the work returned with `Ok` must be durable by now.
    fn answer(self: Box<Self>);

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Since when the job has been waiting.
    fn waiting_since(&self) -> Instant;
}

/// A write with its types.
pub(super) struct TypedJob<F, T, E> {
    pub(super) work: F,
    pub(super) reply: oneshot::Sender<Result<T, E>>,
    pub(super) outcome: Option<Result<T, E>>,
    pub(super) since: Instant,
}

impl<F, T, E> Job for TypedJob<F, T, E>
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
                Ok(Ok(Commit { value, effect, remember })) => (Ok(value), Some(Pending { effect, remember })),
                Ok(Err(error)) => (Err(error), None),
                Err(panic) => (Err(StoreError::Panicked(panic_text(panic.as_ref())).into()), None),
            };
            self.outcome = Some(outcome);
            pending
        }
        .boxed()
    }

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

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
