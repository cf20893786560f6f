//! What differs between SQLite and PostgreSQL. Nothing outside this file asks which one it is.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Once;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};
use url::Url;

use super::error::{Fault, StoreError};
use super::tx::Sql;

/// How long a reader waits for a free connection before it gives up.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Which database engine is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// A database, by its URL.
#[derive(Debug, Clone)]
pub(super) struct Database {
    engine: Engine,
    options: AnyConnectOptions,
    /// The SQLite file; `None` for a database in memory or on a server.
    file: Option<PathBuf>,
    shown: String,
}

impl Database {
    /// Reads a database URL: `sqlite:path/to/file`, `sqlite::memory:` or `postgres://user@host/database`.
    ///
    /// `unique` names a database in memory, so that all connections of one store share it and no other does.
    pub(super) fn parse(url: &str, unique: &str) -> Result<Self, StoreError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path == ":memory:" { Self::in_memory(unique) } else { Self::file(Path::new(path)) };
        }
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let Some(mut shown) = parsed else {
            return Err(StoreError::Open {
                database: url.split(':').next().unwrap_or_default().to_owned(),
                reason: "its URL must be sqlite:PATH, sqlite::memory: or postgres://USER@HOST/DATABASE"
                    .to_owned(),
            });
        };
        let options = AnyConnectOptions::from_str(url);
        if shown.password().is_some() {
            // Only fails for URLs without a host, which have no password either.
            let _unchanged = shown.set_password(Some("***"));
        }
        Self::new(Engine::Postgres, options, None, shown.into())
    }

    fn in_memory(unique: &str) -> Result<Self, StoreError> {
        // SQLite shares a database in memory by name only when the name is a `file:` URI.
        let options = AnyConnectOptions::from_str(&format!("sqlite:file:companyos-{unique}?mode=memory"));
        Self::new(Engine::Sqlite, options, None, "sqlite::memory:".to_owned())
    }

    fn file(path: &Path) -> Result<Self, StoreError> {
        let open = |reason: String| StoreError::Open { database: path.display().to_string(), reason };
        let absolute = std::path::absolute(path).map_err(|error| open(error.to_string()))?;
        // `Url` escapes what the path may hold; sqlx reads it back without the scheme.
        let url = Url::from_file_path(&absolute).map_err(|()| open("it is not a path".to_owned()))?;
        let options = AnyConnectOptions::from_str(&format!("sqlite://{}?mode=rwc", url.path()));
        Self::new(Engine::Sqlite, options, Some(absolute.clone()), absolute.display().to_string())
    }

    fn new(
        engine: Engine,
        options: Result<AnyConnectOptions, sqlx::Error>,
        file: Option<PathBuf>,
        shown: String,
    ) -> Result<Self, StoreError> {
        match options {
            Ok(options) => Ok(Self { engine, options: options.disable_statement_logging(), file, shown }),
            Err(error) => Err(StoreError::Open { database: shown, reason: error.to_string() }),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        self.engine
    }

    /// The SQLite file, if that is what it is.
    pub(super) fn sqlite_file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The database as it may be shown: without a password.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Opens a connection that writes.
    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = self.options.connect().await?;
        for pragma in self.engine.writer_setup() {
            connection.execute(*pragma).await?;
        }
        Ok(connection)
    }

    /// Opens the connections that read.
    pub(super) async fn readers(&self, most: u32) -> Result<AnyPool, StoreError> {
        let engine = self.engine;
        Ok(AnyPoolOptions::new()
            .max_connections(most)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            // A server may have closed an idle connection; a file never does.
            .test_before_acquire(engine == Engine::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for pragma in engine.reader_setup() {
                        connection.execute(*pragma).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(self.options.clone())
            .await?)
    }

    /// Asks the engine whether the database is whole. `None` when it is, else what it found.
    pub(super) async fn find_damage(&self) -> Result<Option<String>, StoreError> {
        let Engine::Sqlite = self.engine else { return Ok(None) };
        let mut connection = self.connect().await?;
        let finding: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok((finding != "ok").then_some(finding))
    }
}

impl Engine {
    /// The engine of a connection.
    pub(super) fn of(connection: &AnyConnection) -> Self {
        match connection.backend_name() {
            "SQLite" => Self::Sqlite,
            _ => Self::Postgres,
        }
    }

    /// How many tasks commit groups at the same time. SQLite has one writer by nature.
    pub(super) fn lanes(self, wanted: usize) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => wanted.max(1),
        }
    }

    /// Whether only one server writes to a database: the lock on the folder keeps others out.
    pub(super) fn is_exclusive(self) -> bool {
        self == Self::Sqlite
    }

    /// WAL with `synchronous=FULL` flushes the log at every commit: what was acknowledged survives a power cut.
    fn writer_setup(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                // For other programs, such as a backup: no other server writes here.
                "PRAGMA busy_timeout = 5000",
                // 16 MiB of log before pages are copied to the database: fewer, longer copies.
                "PRAGMA wal_autocheckpoint = 4000",
                "PRAGMA cache_size = -65536",
                "PRAGMA temp_store = MEMORY",
            ],
            Self::Postgres => &["SET synchronous_commit = on", "SET lock_timeout = '5s'"],
        }
    }

    fn reader_setup(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => {
                &["PRAGMA query_only = ON", "PRAGMA busy_timeout = 10000", "PRAGMA cache_size = -16384"]
            }
            Self::Postgres => &["SET default_transaction_read_only = on"],
        }
    }

    /// Begins a transaction that is going to write.
    ///
    /// `IMMEDIATE` takes SQLite's write lock now instead of failing at the first write. On PostgreSQL, `READ COMMITTED`
    /// lets writers of one log queue up behind its row lock instead of failing each other.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// What a SELECT ends with that locks its rows for the rest of the transaction.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Whether the last statement of an insert is filled up with rows of NULLs, instead of cut into smaller ones. A
    /// statement costs SQLite's thread two hand-overs and a NULL next to nothing. PostgreSQL would have to be told the
    /// types of the columns.
    pub(super) fn fills_up(self) -> bool {
        self == Self::Sqlite
    }

    /// Writes the placeholder of a parameter in a long statement.
    ///
    /// SQLite takes `$1` for a name and finds names by walking a list, once for each parameter at every execution:
    /// a thousand of them cost more than the rows. `?` has no name.
    pub(super) fn push_parameter(self, sql: &mut String, number: usize) {
        match self {
            Self::Sqlite => sql.push('?'),
            Self::Postgres => {
                sql.push('$');
                sql.push_str(&number.to_string());
            }
        }
    }

    /// The condition that a text is one of a list, which is bound to one parameter as a JSON array of strings.
    ///
    /// A parameter for each text would cost more than looking the text up. PostgreSQL gets the list as an array, which it
    /// can only use to probe an index; as a subquery it might also be joined with the whole table.
    pub(super) fn is_one_of(self, parameter: usize) -> String {
        match self {
            Self::Sqlite => format!("IN (SELECT value FROM json_each(${parameter}))"),
            Self::Postgres => {
                format!("= ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(${parameter} AS JSONB))))")
            }
        }
    }

    /// The statement that takes a named lock until the transaction ends, if the engine needs one.
    pub(super) fn lock_statement(self, name: &str) -> Option<Sql> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                sqlx::query("SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS taken")
                    .bind(name.to_owned()),
            ),
        }
    }

    /// The statement that keeps other servers out while the schema changes, if there can be any.
    pub(super) fn migration_lock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            // An arbitrary number that is this program's own.
            Self::Postgres => Some("SELECT 1 FROM (SELECT pg_advisory_xact_lock(7021935548271334)) AS taken"),
        }
    }

    /// Whether a statement that fails, even one that only reads, ends the transaction.
    pub(super) fn read_errors_end_transactions(self) -> bool {
        self == Self::Postgres
    }

    /// A migration in the engine's dialect. The type of a byte string is all that differs.
    pub(super) fn translate(self, migration: &str) -> String {
        match self {
            Self::Sqlite => migration.to_owned(),
            Self::Postgres => migration.replace(" BLOB", " BYTEA"),
        }
    }
}

/// What an error code means: five characters of SQLSTATE, or SQLite's extended result code in decimal.
pub(super) fn fault_of_code(code: &str) -> Fault {
    if let Some(primary) = code.parse::<u32>().ok().filter(|_| code.len() != 5).map(|code| code & 0xff) {
        return match primary {
            // BUSY, LOCKED
            5 | 6 => Fault::Conflict,
            // NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB: SQLite may have rolled the
            // whole transaction back by itself.
            7..=11 | 13..=15 | 26 => Fault::Unavailable,
            _ => Fault::Other,
        };
    }
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Fault::Conflict,
        // Connection exceptions, insufficient resources, operator intervention (shutdown), system errors, read-only
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006" => {
            Fault::Unavailable
        }
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_their_engine_and_hide_their_password() {
        let database = Database::parse("postgres://me:secret@localhost/db", "x").unwrap();
        assert_eq!(database.engine(), Engine::Postgres);
        assert_eq!(database.shown(), "postgres://me:***@localhost/db");
        let database = Database::parse("sqlite:/tmp/a b/c?d.db", "x").unwrap();
        assert_eq!(database.sqlite_file(), Some(Path::new("/tmp/a b/c?d.db")));
        assert!(Database::parse("mysql://localhost/db", "x").is_err());
        assert!(Database::parse("nonsense", "x").is_err());
    }

    #[test]
    fn error_codes_of_both_engines_are_told_apart() {
        assert_eq!(fault_of_code("40001"), Fault::Conflict);
        assert_eq!(fault_of_code("5"), Fault::Conflict);
        assert_eq!(fault_of_code("517"), Fault::Conflict); // BUSY_SNAPSHOT
        assert_eq!(fault_of_code("13"), Fault::Unavailable); // FULL
        assert_eq!(fault_of_code("57P01"), Fault::Unavailable); // admin_shutdown
        assert_eq!(fault_of_code("42601"), Fault::Other); // syntax_error
    }
}
