//! Reading and writing rows.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Execute, Executor as _, SqlStr};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::insert::{Insert, Row};
use super::row::Columns as _;

/// A statement with its arguments: `sqlx::query("SELECT … WHERE id = $1").bind(id)`.
pub type Sql = Query<'static, Any, AnyArguments>;

/// Anything rows can be read from: a [`Reader`], or a [`Tx`], which also sees what it has written itself.
pub trait Read: Send {
    /// All rows.
    ///
    /// # Errors
    /// When the statement fails.
    fn fetch_all(&mut self, sql: Sql) -> BoxFuture<'_, Result<Vec<AnyRow>, StoreError>>;

    /// The first row, if there is one.
    ///
    /// # Errors
    /// When the statement fails.
    fn fetch_optional(&mut self, sql: Sql) -> BoxFuture<'_, Result<Option<AnyRow>, StoreError>>;

    /// The condition, to be written after a TEXT column, that it is one of a list, which is bound to the parameter of this
    /// number as a JSON array of strings. However long the list, it is one parameter and one probe of an index for each.
    fn is_one_of(&self, parameter: usize) -> String;
}

/// A connection for reading. It sees what was committed before each statement.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: PoolConnection<Any>,
}

impl Read for Reader {
    fn fetch_all(&mut self, sql: Sql) -> BoxFuture<'_, Result<Vec<AnyRow>, StoreError>> {
        async move { Ok((*self.connection).fetch_all(sql).await?) }.boxed()
    }

    fn fetch_optional(&mut self, sql: Sql) -> BoxFuture<'_, Result<Option<AnyRow>, StoreError>> {
        async move { Ok((*self.connection).fetch_optional(sql).await?) }.boxed()
    }

    fn is_one_of(&self, parameter: usize) -> String {
        Engine::of(&self.connection).is_one_of(parameter)
    }
}

/// How the writes of one job are kept apart from those of the rest of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isolation {
    /// Not at all: should the job fail after it has written, the group starts over.
    Shared,
    /// By a savepoint, to be set before the first write.
    Armed,
    /// By a savepoint that is set.
    Savepoint,
}

/// The transaction of a write.
///
/// A statement that fails ends the work: every later statement answers the same error, and the work is not committed
/// even if it returns `Ok`. PostgreSQL gives a transaction up at its first error and SQLite does not; this way both
/// behave alike. Where a clash is expected, say `ON CONFLICT`.
#[derive(Debug)]
pub struct Tx {
    connection: AnyConnection,
    engine: Engine,
    isolation: Isolation,
    wrote: bool,
    failure: Option<StoreError>,
}

impl Tx {
    pub(super) fn new(connection: AnyConnection, engine: Engine) -> Self {
        Self { connection, engine, isolation: Isolation::Shared, wrote: false, failure: None }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// When the statement fails, or an earlier one has.
    pub async fn execute(&mut self, sql: Sql) -> Result<u64, StoreError> {
        let sql = self.admit(sql).await?;
        let done = self.connection.execute(sql).await;
        self.note(done.map(|done| done.rows_affected()))
    }

    /// Inserts rows and returns how many were changed.
    ///
    /// # Errors
    /// When a statement fails, or an earlier one has.
    pub async fn insert<const N: usize>(&mut self, rows: Insert<N>) -> Result<u64, StoreError> {
        let mut changed = 0;
        for statement in rows.into_statements(self.engine) {
            let (sql, arguments) = statement?;
            changed += self.execute(sqlx::query_with(AssertSqlSafe(sql), arguments)).await?;
        }
        Ok(changed)
    }

    /// Inserts rows and returns what the statement's `RETURNING` names.
    ///
    /// # Errors
    /// When a statement fails, or an earlier one has.
    pub async fn insert_returning<const N: usize>(
        &mut self,
        rows: Insert<N>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut returned = Vec::with_capacity(rows.len());
        for statement in rows.into_statements(self.engine) {
            let (sql, arguments) = statement?;
            returned.extend(self.fetch_all(sqlx::query_with(AssertSqlSafe(sql), arguments)).await?);
        }
        Ok(returned)
    }

    /// Inserts a row; `false` when its place is taken.
    ///
    /// # Errors
    /// When the statement fails, or an earlier one has.
    pub async fn insert_row(&mut self, row: &Row) -> Result<bool, StoreError> {
        Ok(self.insert_rows(&[row]).await? == [true])
    }

    /// Inserts rows that go together, and tells of each whether its place was free.
    pub(super) async fn insert_rows(&mut self, rows: &[&Row]) -> Result<Vec<bool>, StoreError> {
        let mut inserted = 0;
        for statement in Row::statements(rows, self.engine).into_iter().flatten() {
            let (sql, arguments) = statement?;
            inserted += self.execute(sqlx::query_with(AssertSqlSafe(sql), arguments)).await?;
        }
        if usize::try_from(inserted).is_ok_and(|inserted| inserted == rows.len()) {
            return Ok(vec![true; rows.len()]);
        }
        let mut present = HashSet::new();
        if let Some((sql, arguments)) = Row::present(rows) {
            for row in self.fetch_all(sqlx::query_with(AssertSqlSafe(sql), arguments)).await? {
                present.insert(row.text("id")?);
            }
        }
        Ok(rows.iter().map(|row| present.contains(row.id())).collect())
    }

    /// Keeps every other transaction out that asks for the same name, until this one ends.
    ///
    /// For rules that span rows, such as "at most three": a plain read does not stop another server's write. On SQLite
    /// there is only one writer, so nothing needs to be done.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn lock(&mut self, name: &str) -> Result<(), StoreError> {
        match self.engine.lock_statement(name) {
            Some(sql) => self.fetch_optional(sql).await.map(drop),
            None => Ok(()),
        }
    }

    /// Starts a job: forgets the one before.
    pub(super) async fn start_job(&mut self, careful: bool) -> Result<(), StoreError> {
        self.wrote = false;
        self.failure = None;
        self.isolation = if careful { Isolation::Armed } else { Isolation::Shared };
        if careful && self.engine.read_errors_end_transactions() {
            self.set_savepoint().await?;
        }
        Ok(())
    }

    /// Ends a job that succeeded.
    pub(super) async fn keep_job(&mut self) -> Result<(), StoreError> {
        if self.isolation == Isolation::Savepoint {
            self.control("RELEASE SAVEPOINT job").await?;
        }
        self.isolation = Isolation::Shared;
        Ok(())
    }

    /// Takes a failed job's writes back. `false` when only starting the group over can do that.
    pub(super) async fn undo_job(&mut self) -> Result<bool, StoreError> {
        let undone = match self.isolation {
            Isolation::Savepoint => {
                self.control("ROLLBACK TO SAVEPOINT job").await?;
                self.control("RELEASE SAVEPOINT job").await?;
                true
            }
            Isolation::Armed | Isolation::Shared => {
                let ended = self.failure.is_some() && self.engine.read_errors_end_transactions();
                !self.wrote && !ended
            }
        };
        self.isolation = Isolation::Shared;
        self.failure = None;
        Ok(undone)
    }

    /// Why a statement of this job failed, if one did.
    pub(super) fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    pub(super) fn engine(&self) -> Engine {
        self.engine
    }

    /// Begins the group's transaction.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        self.isolation = Isolation::Shared;
        self.failure = None;
        self.control(self.engine.begin()).await
    }

    /// Makes the group's transaction durable.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        self.control("COMMIT").await
    }

    /// Gives the group's transaction up.
    pub(super) async fn rollback(&mut self) -> Result<(), StoreError> {
        self.control("ROLLBACK").await
    }

    /// Closes the connection.
    pub(super) async fn close(self) {
        if let Err(error) = sqlx::Connection::close(self.connection).await {
            tracing::warn!(%error, "a database connection did not close cleanly");
        }
    }

    async fn set_savepoint(&mut self) -> Result<(), StoreError> {
        self.control("SAVEPOINT job").await?;
        self.isolation = Isolation::Savepoint;
        Ok(())
    }

    async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.execute(sqlx::query(sql)).await?;
        Ok(())
    }

    /// Refuses a statement after a failure, and sets the job's savepoint before its first write.
    async fn admit(&mut self, mut sql: Sql) -> Result<Sql, StoreError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let arguments = sql.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let persistent = Execute::persistent(&sql);
        let text: SqlStr = sql.sql();
        if !is_read(text.as_str()) {
            if self.isolation == Isolation::Armed {
                self.set_savepoint().await?;
            }
            self.wrote = true;
        }
        Ok(sqlx::query_with(text, arguments).persistent(persistent))
    }

    fn note<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let error = StoreError::from(error);
            self.failure = Some(error.clone());
            error
        })
    }
}

impl Read for Tx {
    fn fetch_all(&mut self, sql: Sql) -> BoxFuture<'_, Result<Vec<AnyRow>, StoreError>> {
        async move {
            let sql = self.admit(sql).await?;
            let rows = self.connection.fetch_all(sql).await;
            self.note(rows)
        }
        .boxed()
    }

    fn fetch_optional(&mut self, sql: Sql) -> BoxFuture<'_, Result<Option<AnyRow>, StoreError>> {
        async move {
            let sql = self.admit(sql).await?;
            let row = self.connection.fetch_optional(sql).await;
            self.note(row)
        }
        .boxed()
    }

    fn is_one_of(&self, parameter: usize) -> String {
        self.engine.is_one_of(parameter)
    }
}

/// Whether a statement only reads: whatever does not start with SELECT is taken for a write.
fn is_read(sql: &str) -> bool {
    sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

/// Whether a failure concerns the whole group: the transaction lost a race, or the database is out of reach.
pub(super) fn ends_the_group(error: &StoreError) -> bool {
    matches!(error.fault(), Some(Fault::Conflict | Fault::Unavailable))
}
