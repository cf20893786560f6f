//! One attempt to commit a group of writes.

use std::time::Duration;

use super::StoreDeps;
use super::error::StoreError;
use super::flush::{FlushError, Flushed, flush};
use super::insert::Row;
use super::job::{Job, Pending, Work};
use super::tx::{Tx, ends_the_group};

/// A member of a group.
pub(super) struct Member {
    pub(super) job: Job,
    /// Cannot be committed, whatever becomes of the others: not run again.
    pub(super) refused: bool,
}

/// How an attempt to commit a group ended.
pub(super) enum Attempt {
    /// Committed; what it brought is durable.
    Committed(Flushed),
    /// A job failed after it had written and had no savepoint.
    Spoiled,
    /// These members cannot be committed, such as for an idempotency key that is taken.
    Refused(Vec<(usize, StoreError)>),
    /// Nothing was committed.
    Failed(StoreError),
}

/// How a job ended, as far as the group is concerned.
enum Ran {
    /// It left what it is to leave.
    Well,
    /// It wrote, failed, and cannot be undone alone.
    Spoiling,
    /// It did not end in time.
    TooSlow,
}

/// The jobs of one transaction.
pub(super) struct Group<'g> {
    deps: &'g StoreDeps,
    tx: &'g mut Tx,
    /// Each job has a savepoint.
    careful: bool,
    /// How long the work of one job may take.
    limit: Duration,
    pending: Vec<(usize, Pending)>,
}

impl<'g> Group<'g> {
    pub(super) fn new(deps: &'g StoreDeps, tx: &'g mut Tx, careful: bool, limit: Duration) -> Self {
        Self { deps, tx, careful, limit, pending: Vec::new() }
    }

    /// Runs the jobs in their order and commits what they left, unless that cannot be.
    pub(super) async fn run(mut self, members: &mut [Member]) -> Result<Attempt, StoreError> {
        let mut next = 0;
        while let Some(member) = members.get_mut(next) {
            let index = next;
            next += 1;
            if member.refused {
                continue;
            }
            let ran = match &mut member.job {
                Job::Work(work) => self.work(index, work.as_mut()).await?,
                Job::Prepared(_) => {
                    let rows = self.alike(&members[index..]);
                    next = index + rows;
                    self.rows(index, &mut members[index..next]).await?
                }
            };
            match ran {
                Ran::Well => {}
                Ran::Spoiling => return Ok(Attempt::Spoiled),
                Ran::TooSlow => return Ok(Attempt::Refused(vec![(index, StoreError::TooSlow)])),
            }
        }
        match flush(self.tx, self.pending, self.deps).await {
            Ok(flushed) => {
                self.tx.commit().await?;
                Ok(Attempt::Committed(flushed))
            }
            Err(FlushError::Members(refused)) => Ok(Attempt::Refused(refused)),
            Err(FlushError::Store(error)) => Err(error),
        }
    }

    async fn work(&mut self, index: usize, work: &mut dyn Work) -> Result<Ran, StoreError> {
        self.tx.start_job(self.careful).await?;
        let Ok(done) = tokio::time::timeout(self.limit, work.run(self.tx)).await else {
            return Ok(Ran::TooSlow);
        };
        match (done, self.failure()?) {
            (Some(done), None) => {
                self.tx.keep_job().await?;
                self.pending.push((index, done));
                return Ok(Ran::Well);
            }
            // The work hid a failed statement. Half an effect is none.
            (Some(_), Some(error)) => work.fail(error),
            (None, _) => {}
        }
        self.undo().await
    }

    /// How many prepared jobs from the first on one statement can insert. Of those without a row there is one.
    fn alike(&self, members: &[Member]) -> usize {
        let row = |member: &Member| match &member.job {
            Job::Prepared(job) if !member.refused => job.row().cloned(),
            _ => None,
        };
        let Some(first) = members.first().and_then(row) else { return 1 };
        if self.careful {
            return 1;
        }
        members.iter().take_while(|member| row(member).is_some_and(|row| row.goes_with(&first))).count()
    }

    /// Inserts the rows of prepared jobs, if they have any.
    async fn rows(&mut self, from: usize, members: &mut [Member]) -> Result<Ran, StoreError> {
        let mut jobs: Vec<_> = members
            .iter_mut()
            .filter_map(|member| match &mut member.job {
                Job::Prepared(job) => Some(job),
                Job::Work(_) => None,
            })
            .collect();
        let rows: Vec<&Row> = jobs.iter().filter_map(|job| job.row()).collect();
        let mut inserted = vec![true; jobs.len()];
        if !rows.is_empty() {
            self.tx.start_job(self.careful).await?;
            match self.tx.insert_rows(&rows).await {
                Ok(which) => {
                    self.tx.keep_job().await?;
                    inserted = which;
                }
                Err(error) => {
                    self.failure()?;
                    for job in jobs {
                        job.fail(error.clone());
                    }
                    return self.undo().await;
                }
            }
        }
        for (offset, (job, inserted)) in jobs.iter_mut().zip(inserted).enumerate() {
            self.pending.extend(job.settle(inserted).map(|pending| (from + offset, pending)));
        }
        Ok(Ran::Well)
    }

    /// What failed in the job that has just run, unless that ends the group.
    fn failure(&self) -> Result<Option<StoreError>, StoreError> {
        match self.tx.failure().cloned() {
            Some(error) if ends_the_group(&error) => Err(error),
            failure => Ok(failure),
        }
    }

    async fn undo(&mut self) -> Result<Ran, StoreError> {
        Ok(if self.tx.undo_job().await? { Ran::Well } else { Ran::Spoiling })
    }
}
