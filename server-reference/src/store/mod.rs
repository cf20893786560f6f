//! The store: where effects, receipts and idempotency records become durable together.
//!
//! A [`Store`] is one database, SQLite or PostgreSQL by URL. Reading takes a [`Reader`]; writing is a closure handed to
//! [`Store::write`], which runs it in one transaction with other writes (group commit) and returns when all of it is on
//! disk. A write ends with a [`Commit`]: its value, its receipt decision ([`Effect`]) and its idempotency record. The
//! receipt is signed and appended to the transparency log of its tenant, and the log's new checkpoint signed, in that
//! same transaction: there is no effect without its receipt and no receipt without its effect.
//!
//! Invariant: nothing outside `engine.rs` knows which engine it is.
//! Invariant: what `write` returned `Ok` for survives a crash; durability is never relaxed.
//! Invariant: a log has one root per size. Its head is locked from the first append of a group to the commit.
//!
//! The SQL both engines share: `$1` parameters, TEXT, BIGINT (microseconds for times, 0 and 1 for truth) and BLOB,
//! `ON CONFLICT`, `RETURNING`. A sum needs `CAST(… AS BIGINT)`; bind `i64`, `&str`/`String`, `Vec<u8>` and options of
//! these.

mod commit;
mod engine;
mod error;
mod flush;
mod folder;
mod group;
mod heads;
mod idempotency;
mod insert;
mod issue;
mod job;
mod lane;
mod migrate;
mod migrations;
mod observer;
mod queue;
mod row;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tx;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use companyos_receipt::key::Signer;
use futures_util::future::BoxFuture;
use sqlx::AnyPool;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

pub use self::commit::{Commit, Effect, ReceiptDraft, Remember};
use self::engine::Database;
pub use self::error::{Fault, StoreError};
use self::folder::FolderLock;
pub use self::idempotency::{LOOKED_UP_AT_ONCE, Remembered};
pub use self::insert::{Insert, Row, Value};
use self::issue::KnownLogs;
use self::job::{Job, Pending, TypedPrepared, TypedWork};
use self::lane::Lane;
pub use self::observer::{CommittedReceipt, StoreObserver, Unobserved};
use self::queue::Queue;
pub use self::row::Columns;
pub use self::tx::{Read, Reader, Sql, Tx};
use crate::kernel::clock::Clock;
use crate::kernel::ids::Ids;

/// Which database, and how hard it is driven.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// `sqlite:path/to/file.db`, `sqlite::memory:` or `postgres://user@host/database`.
    pub url: String,
    /// The most connections that read at the same time.
    pub readers: u32,
    /// The most groups that are committed at the same time. On SQLite it is always one.
    pub lanes: usize,
    /// All lanes but the first stay idle until writes have waited that long without one being taken. One lane with full
    /// groups takes half the processor time of four with small ones; more help against a slow network or a slow write.
    pub step_in_after: Duration,
    /// The most writes in a group.
    pub group: usize,
    /// The most writes that wait; more are refused with [`StoreError::Overloaded`].
    pub queue: usize,
    /// How long a write waits for its turn before it is refused with [`StoreError::Overloaded`].
    pub patience: Duration,
    /// How long the work of a write may take before it is given up with [`StoreError::TooSlow`].
    pub work_limit: Duration,
}

impl StoreOptions {
    /// The defaults for a database.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            readers: 8,
            lanes: 4,
            step_in_after: Duration::from_millis(10),
            group: 256,
            queue: 4_096,
            patience: Duration::from_secs(10),
            work_limit: Duration::from_secs(120),
        }
    }
}

/// What the store needs from the rest of the server.
#[derive(Clone)]
pub struct StoreDeps {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Log ids and salt keys.
    pub ids: Arc<dyn Ids>,
    /// Signs receipts and checkpoints.
    pub signer: Arc<dyn Signer>,
    /// The issuer URL of this region's receipts.
    pub issuer: String,
    /// The region whose logs these are.
    pub region: String,
    /// Told what was committed.
    pub observer: Arc<dyn StoreObserver>,
}

impl fmt::Debug for StoreDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = self.signer.key_id();
        f.debug_struct("StoreDeps")
            .field("issuer", &self.issuer)
            .field("region", &self.region)
            .field("kid", &kid)
            .finish()
    }
}

/// A database that is open. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: Arc<Database>,
    deps: StoreDeps,
    readers: AnyPool,
    known: Arc<KnownLogs>,
    queue: Arc<Queue<Job>>,
    lanes: TaskTracker,
    _folder: Option<FolderLock>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The lanes commit what was accepted, then end.
        self.queue.close();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("database", &self.inner.database.shown()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the tasks that commit.
    ///
    /// # Errors
    /// When the database cannot be opened, is damaged, is in use by another server (SQLite), or was migrated by a newer
    /// program. The text says which file it is about and what to do.
    pub async fn open(options: StoreOptions, deps: StoreDeps) -> Result<Self, StoreError> {
        let unique = deps.ids.uuid(deps.clock.now()).simple().to_string();
        let database = Arc::new(Database::parse(&options.url, &unique)?);
        let folder = match database.sqlite_file() {
            Some(file) => {
                let lock = FolderLock::take(&folder::folder_of(file))?;
                folder::check(&database, file).await?;
                Some(lock)
            }
            None => None,
        };
        let reached = |error: StoreError| match error {
            StoreError::Database { source, .. } => {
                StoreError::Open { database: database.shown().to_owned(), reason: source.to_string() }
            }
            other => other,
        };
        // Closed last: a database in memory lives as long as one of its connections does.
        let mut first = database.connect().await.map_err(reached)?;
        migrate::migrate(&mut first, database.engine(), deps.clock.as_ref()).await.map_err(reached)?;
        let readers = database.readers(options.readers).await.map_err(reached)?;
        let mut reader =
            Reader { connection: readers.acquire().await.map_err(|error| reached(error.into()))? };
        heads::check_signer(&mut reader, &deps, database.shown()).await?;
        drop(reader);
        Tx::new(first, database.engine()).close().await;

        let known = Arc::new(KnownLogs::default());
        let queue = Arc::new(Queue::new(options.queue));
        let lanes = TaskTracker::new();
        for number in 0..database.engine().lanes(options.lanes) {
            let lane = Lane {
                database: Arc::clone(&database),
                deps: deps.clone(),
                options: options.clone(),
                known: Arc::clone(&known),
                queue: Arc::clone(&queue),
                spare: number > 0,
                tx: None,
                careful: 0,
            };
            lanes.spawn(lane.run());
        }
        lanes.close();
        Ok(Self { inner: Arc::new(Inner { database, deps, readers, known, queue, lanes, _folder: folder }) })
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// When none becomes free in time, or the database is out of reach.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        Ok(Reader { connection: self.inner.readers.acquire().await? })
    }

    /// Runs `work` in a transaction together with other writes and returns once everything it did is durable.
    ///
    /// `work` may run more than once, each time on a state from which all traces of the time before are gone: after a
    /// conflict with another server, or because another write of the group failed. An error it returns takes back all
    /// it has written. If the future returned here is dropped, the write happens or does not happen as a whole.
    ///
    /// # Errors
    /// What `work` returned, or a [`StoreError`]. After [`Fault::Unavailable`] on PostgreSQL it may be unknown whether
    /// the write was committed; its idempotency record tells.
    pub async fn write<T, E>(
        &self,
        work: impl Fn(&mut Tx) -> BoxFuture<'_, Result<Commit<T>, E>> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let since = self.inner.deps.clock.instant();
        let job = TypedWork { work, reply, outcome: None, since };
        self.inner.queue.push(Job::Work(Box::new(job)))?;
        answered(answer).await
    }

    /// Commits what is known in full before the write's turn: a receipt, an idempotency record, and a row, if one is
    /// given, on condition that its place is free.
    ///
    /// This is the fast way. The receipt is signed here rather than in the lane, and the rows of many writes are
    /// inserted by one statement.
    ///
    /// # Errors
    /// `taken` when the place of the row is taken; then nothing is committed. Otherwise as [`Store::write`].
    pub async fn write_prepared<T, E>(&self, row: Option<Row>, commit: Commit<T>, taken: E) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Commit { value, effect, remember } = commit;
        let deps = &self.inner.deps;
        let pending = Pending::new(effect, remember, |draft| self.inner.known.issue(deps, draft));
        let (reply, answer) = oneshot::channel();
        let since = deps.clock.instant();
        let job = TypedPrepared { row, pending, value, taken, reply, outcome: Ok(true), since };
        self.inner.queue.push(Job::Prepared(Box::new(job)))?;
        answered(answer).await
    }

    /// Refuses new writes, commits those that wait, and closes every connection.
    pub async fn shutdown(&self) {
        self.inner.queue.close();
        self.inner.lanes.wait().await;
        self.inner.readers.close().await;
    }

    /// Whether no other server can write to this database.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.inner.database.engine().is_exclusive()
    }

    /// The public key under which this store's receipts and checkpoints verify.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        *self.inner.deps.signer.public_key()
    }

    /// The region whose logs are in this store.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.inner.deps.region
    }
}

async fn answered<T, E: From<StoreError>>(answer: oneshot::Receiver<Result<T, E>>) -> Result<T, E> {
    match answer.await {
        Ok(outcome) => outcome,
        // The lane dropped it.
        Err(_) => Err(StoreError::Panicked("while its group was committed".to_owned()).into()),
    }
}
