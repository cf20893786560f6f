//! What can go wrong in the store, and what that means for the caller.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::error::ErrorKind;

/// A failure of the store.
///
/// Cheap to clone: when a group of writes fails as one, each of them is told why.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be used as it was configured. For the person who starts the server.
    #[error("cannot open the database {database}: {reason}")]
    Open {
        /// The file, or the URL without its password.
        database: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Another server holds the data folder. For the person who starts the server.
    #[error(
        "{} is in use by another server; stop that server, or give this one a data folder of its own",
        folder.display()
    )]
    FolderInUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// The database file is damaged. For the person who starts the server.
    #[error(
        "{} is damaged ({finding}); restore it from a backup, or move it away together with its -wal and -shm \
         files to start empty",
        file.display()
    )]
    Corrupt {
        /// The database file.
        file: PathBuf,
        /// What the check found.
        finding: String,
    },
    /// The schema is not what this program expects. For the person who starts the server.
    #[error("cannot migrate the database: {0}")]
    Migration(String),
    /// Too many writes are waiting, or this one waited too long. Nothing was written; the same write may succeed later.
    #[error("the store has more writes waiting than it can take")]
    Overloaded,
    /// The store is shutting down. Nothing was written.
    #[error("the store is shutting down")]
    Closed,
    /// A record with this idempotency key was committed in the meantime. Nothing of this write was kept; look it up.
    #[error("another request with this idempotency key was committed first")]
    IdempotencyRaced,
    /// The write panicked. Nothing of it was kept.
    #[error("a write panicked: {0}")]
    Panicked(String),
    /// The work of a write did not end in time, while every other write waited for it. Nothing of it was kept.
    #[error("a write took longer than the store allows")]
    TooSlow,
    /// A receipt could not be issued, so nothing of the write was kept.
    #[error("cannot issue a receipt: {0}")]
    Receipt(String),
    /// What the database holds breaks one of the store's own rules.
    #[error("the database holds what it should not: {0}")]
    Inconsistent(String),
    /// A statement failed.
    #[error("database: {source}")]
    Database {
        /// What kind of failure it is.
        fault: Fault,
        /// The driver's error.
        source: Arc<sqlx::Error>,
    },
}

/// What a failed statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A row with this key exists already.
    Unique,
    /// A row points to one that does not exist, or is still pointed to.
    ForeignKey,
    /// The transaction lost against another one and may succeed when run again. The store does that itself.
    Conflict,
    /// The database cannot be reached or cannot write, such as a full disk. May pass.
    Unavailable,
    /// Anything else: an error in this program.
    Other,
}

impl StoreError {
    /// Whether a unique constraint refused the write.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.fault() == Some(Fault::Unique)
    }

    /// Whether the same write may succeed later: the caller answers 503.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Closed)
            || matches!(self.fault(), Some(Fault::Conflict | Fault::Unavailable))
    }

    /// What a failed statement means; `None` for other failures.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Database { fault, .. } => Some(*fault),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database { fault: classify(&error), source: Arc::new(error) }
    }
}

fn classify(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(database) => match database.kind() {
            ErrorKind::UniqueViolation => Fault::Unique,
            ErrorKind::ForeignKeyViolation => Fault::ForeignKey,
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation | ErrorKind::ExclusionViolation => {
                Fault::Other
            }
            _ => database.code().map_or(Fault::Other, |code| super::engine::fault_of_code(&code)),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Fault::Unavailable,
        _ => Fault::Other,
    }
}
