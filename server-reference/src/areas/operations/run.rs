//! One run of one operation, from its claim to its end.

use std::sync::Arc;

use companyos_receipt::receipt::{Outcome, Private};
use futures_util::future::BoxFuture;

use super::jobs::{Finished, Handler, Job, JobError, Runner, Step, is_lasting};
use super::model::{Operation, Status};
use super::{rules, store};
use crate::kernel::problem::Problem;
use crate::store::{Commit, Tx};

/// An operation that a runner has claimed.
pub(super) struct Run<'r> {
    pub(super) runner: &'r Runner,
    pub(super) claim: Arc<str>,
    pub(super) handler: Arc<dyn Handler>,
}

/// In which direction the work goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ahead,
    Back,
}

impl Run<'_> {
    /// Works through the operation, and gives the job as it was at the end.
    pub(super) async fn to_end(&self, mut job: Job) -> (Job, Result<Status, JobError>) {
        if job.operation.status == Status::Cancelled {
            let ended = self.conclude_cancelled(&job).await;
            return (job, ended);
        }
        let worked = match self.steps(&mut job, Direction::Ahead).await {
            Ok(()) => self.perform(&job).await,
            Err(error) => Err(error),
        };
        let ended = match worked {
            Err(JobError::Failed(problem)) => self.fail(&mut job, problem).await,
            Err(JobError::Store(error)) if is_lasting(&error, &job) => {
                self.fail(&mut job, Problem::internal(error)).await
            }
            other => other,
        };
        (job, ended)
    }

    /// Goes step by step until no step is left.
    async fn steps(&self, job: &mut Job, direction: Direction) -> Result<(), JobError> {
        loop {
            job.at = self.runner.now();
            match self.step(job, direction).await? {
                Step::Done(done) => job.operation.done = done,
                Step::Ready => return Ok(()),
                Step::Later => return Err(JobError::Lost),
            }
        }
    }

    /// Goes one step, and notes in the same transaction how far that is.
    async fn step(&self, job: &Job, direction: Direction) -> Result<Step, JobError> {
        let (job, claim, handler) =
            (Arc::new(job.clone()), Arc::clone(&self.claim), Arc::clone(&self.handler));
        self.runner
            .store
            .write(move |tx| {
                let (job, claim, handler) = (Arc::clone(&job), Arc::clone(&claim), Arc::clone(&handler));
                Box::pin(async move {
                    hold(tx, &job, &claim).await?;
                    let step = match direction {
                        Direction::Ahead => handler.advance(tx, &job).await?,
                        Direction::Back => handler.withdraw(tx, &job).await?,
                    };
                    match step {
                        Step::Done(done) => store::progress(tx, &job.operation.id, done, job.at).await?,
                        Step::Ready => {}
                        Step::Later => {
                            let again = job.at.saturating_add(rules::LATER);
                            store::postpone(tx, &job.operation.id, job.at, again).await?;
                        }
                    }
                    let reason = "a step of an operation has no effect; its end leaves the receipt";
                    Ok(Commit::without_receipt(step, reason))
                })
            })
            .await
    }

    async fn perform(&self, job: &Job) -> Result<Status, JobError> {
        self.end(job, |tx, job, handler| {
            Box::pin(async move {
                let Finished { result, facts } = handler.perform(tx, job).await?;
                let mut ended = job.operation.clone();
                (ended.status, ended.done, ended.result) = (Status::Succeeded, ended.total, Some(result));
                Ok((ended, Outcome::Ok, facts))
            })
        })
        .await
    }

    async fn fail(&self, job: &mut Job, problem: Problem) -> Result<Status, JobError> {
        tracing::warn!(operation = %job.operation.id, ?problem, "an operation failed");
        self.steps(job, Direction::Back).await?;
        let operation = &job.operation;
        let problem =
            problem.receipt(&job.receipt_id).to_wire(&operation.request_id, Some(&operation.trace_id));
        self.end(job, move |tx, job, handler| {
            let problem = problem.clone();
            Box::pin(async move {
                let facts = handler.failed(tx, job).await?.detail_entry("problem", problem.code.clone());
                let mut ended = job.operation.clone();
                (ended.status, ended.problem) = (Status::Failed, Some(problem));
                Ok((ended, Outcome::Error, facts))
            })
        })
        .await
    }

    async fn conclude_cancelled(&self, job: &Job) -> Result<Status, JobError> {
        self.end(job, |_, job, _| {
            Box::pin(async move {
                let facts = Private::new().reason("cancelled before it began");
                Ok((job.operation.clone(), Outcome::Error, facts))
            })
        })
        .await
    }

    /// Ends an operation: what `work` writes, the operation's new state and its receipt, as one.
    async fn end<W>(&self, job: &Job, work: W) -> Result<Status, JobError>
    where
        W: for<'t> Fn(
                &'t mut Tx,
                &'t Job,
                &'t dyn Handler,
            ) -> BoxFuture<'t, Result<(Operation, Outcome, Private), JobError>>
            + Send
            + Sync
            + 'static,
    {
        let job = Arc::new(Job { at: self.runner.now(), ..job.clone() });
        let (claim, handler) = (Arc::clone(&self.claim), Arc::clone(&self.handler));
        let work = Arc::new(work);
        self.runner
            .store
            .write(move |tx| {
                let (job, claim, handler) = (Arc::clone(&job), Arc::clone(&claim), Arc::clone(&handler));
                let work = Arc::clone(&work);
                Box::pin(async move {
                    hold(tx, &job, &claim).await?;
                    let (mut ended, outcome, facts) = work(tx, &job, &*handler).await?;
                    ended.receipt_id.clone_from(&job.receipt_id);
                    ended.updated_at = job.at;
                    store::settle(tx, &ended).await?;
                    let receipt = ended.mandate.outcome(job.receipt_id.clone(), job.at, outcome, facts);
                    Ok(Commit::with_receipt(ended.status, receipt))
                })
            })
            .await
    }
}

/// Shows that the runner is alive, and keeps every other one out to the end of the transaction.
async fn hold(tx: &mut Tx, job: &Job, claim: &str) -> Result<(), JobError> {
    let until = job.at.saturating_add(rules::LEASE);
    match store::hold(tx, &job.operation.id, claim, until).await? {
        true => Ok(()),
        false => Err(JobError::Lost),
    }
}
