//! Group commit: many writes, one transaction, one flush to disk.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::engine::Database;
use super::error::StoreError;
use super::flush::Flushed;
use super::group::{Attempt, Group, Member};
use super::issue::KnownLogs;
use super::job::Job;
use super::queue::Queue;
use super::tx::Tx;
use super::{StoreDeps, StoreOptions};

/// How often a group is run again after it lost against another transaction.
const MAX_CONFLICTS: u32 = 8;

/// For how many groups savepoints are kept up after one was needed.
const CAREFUL_GROUPS: u32 = 16;

/// A task that owns a connection and commits one group of writes after the other.
pub(super) struct Lane {
    pub(super) database: Arc<Database>,
    pub(super) deps: StoreDeps,
    pub(super) options: StoreOptions,
    pub(super) known: Arc<KnownLogs>,
    pub(super) queue: Arc<Queue<Job>>,
    /// Steps in only when the first lane is held up: full groups cost less than many small ones at a time.
    pub(super) spare: bool,
    /// `None` after a failure that may have broken the connection.
    pub(super) tx: Option<Tx>,
    /// For how many more groups every job gets a savepoint.
    pub(super) careful: u32,
}

impl Lane {
    /// Commits groups until the queue is closed and empty, whatever happens to one of them.
    pub(super) async fn run(mut self) {
        // A panic takes its group and its connection with it: the transaction is rolled back when the connection drops,
        // and those who wait are told. Left alone it would end all writing for good.
        while AssertUnwindSafe(self.commit_groups()).catch_unwind().await.is_err() {
            tracing::error!("committing a group of writes panicked");
        }
        if let Some(tx) = self.tx.take() {
            tx.close().await;
        }
    }

    async fn commit_groups(&mut self) {
        while let Some(jobs) = self.next_group().await {
            let now = self.deps.clock.instant();
            let mut members = Vec::with_capacity(jobs.len());
            for mut job in jobs {
                if job.caller().is_abandoned() {
                    continue;
                }
                if now.saturating_duration_since(job.caller().waiting_since()) > self.options.patience {
                    job.fail(StoreError::Overloaded);
                    job.answer();
                    continue;
                }
                members.push(Member { job, refused: false });
            }
            if members.is_empty() {
                continue;
            }
            self.commit(&mut members).await;
            for member in members {
                member.job.answer();
            }
        }
    }

    async fn next_group(&mut self) -> Option<Vec<Job>> {
        let StoreOptions { group, step_in_after, .. } = self.options;
        match self.spare {
            true => self.queue.take_left_waiting(group, step_in_after).await,
            false => self.queue.take(group).await,
        }
    }

    /// Commits a group. Afterwards every member has its outcome.
    async fn commit(&mut self, members: &mut [Member]) {
        let begun = self.deps.clock.instant();
        let mut conflicts = 0;
        let error = loop {
            let careful = self.careful > 0;
            match self.attempt(members, careful).await {
                Attempt::Committed(Flushed { receipts, logs }) => {
                    self.careful = self.careful.saturating_sub(1);
                    let took = self.deps.clock.instant().saturating_duration_since(begun);
                    self.known.learn(logs);
                    self.deps.observer.receipts_committed(&receipts);
                    self.deps.observer.group_committed(members.len(), took);
                    return;
                }
                Attempt::Spoiled => self.careful = CAREFUL_GROUPS,
                Attempt::Refused(refused) => {
                    for (index, error) in refused {
                        if let Some(member) = members.get_mut(index) {
                            member.refused = true;
                            member.job.fail(error);
                        }
                    }
                }
                Attempt::Failed(error) => {
                    let again = error.fault() == Some(super::Fault::Conflict) && conflicts < MAX_CONFLICTS;
                    if !again {
                        break error;
                    }
                    conflicts += 1;
                    tokio::time::sleep(self.backoff(conflicts)).await;
                }
            }
        };
        tracing::error!(%error, writes = members.len(), "a group of writes was not committed");
        for member in members.iter_mut().filter(|member| !member.refused) {
            member.job.fail(error.clone());
        }
    }

    /// One attempt. Leaves no transaction open.
    async fn attempt(&mut self, members: &mut [Member], careful: bool) -> Attempt {
        let mut tx = match self.begin().await {
            Ok(tx) => tx,
            Err(error) => return Attempt::Failed(error),
        };
        let group = Group::new(&self.deps, &mut tx, careful, self.options.work_limit);
        let attempt = group.run(members).await.unwrap_or_else(Attempt::Failed);
        let usable = match &attempt {
            Attempt::Committed(_) => true,
            Attempt::Spoiled | Attempt::Refused(_) => tx.rollback().await.is_ok(),
            Attempt::Failed(error) => {
                let rolled_back = tx.rollback().await.is_ok();
                rolled_back && error.fault() != Some(super::Fault::Unavailable)
            }
        };
        if usable {
            self.tx = Some(tx);
        } else {
            tx.close().await;
        }
        attempt
    }

    /// Begins a transaction, on a new connection if the old one has died while it was idle.
    async fn begin(&mut self) -> Result<Tx, StoreError> {
        if let Some(mut tx) = self.tx.take() {
            match tx.begin().await {
                Ok(()) => return Ok(tx),
                Err(error) => tracing::warn!(%error, "the writer's connection is gone; it connects again"),
            }
        }
        let mut tx = Tx::new(self.database.connect().await?, self.database.engine());
        tx.begin().await?;
        Ok(tx)
    }

    /// 2 ms doubled with every conflict, of which a random half to whole is waited.
    fn backoff(&self, conflicts: u32) -> Duration {
        let mut random = [0];
        self.deps.ids.fill(&mut random);
        let most = 2_000_u32 << conflicts.min(8);
        Duration::from_micros(u64::from(most / 2 + most / 2 * u32::from(random[0]) / 255))
    }
}
