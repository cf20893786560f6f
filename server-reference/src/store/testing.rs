//! Stores for tests, on every engine there is.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use companyos_server::store::testing::{draft, leave, on_every_engine};
//!
//! on_every_engine(async |store| leave(&store, draft("tnt_1")).await.unwrap()).await;
//! # }
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use companyos_receipt::key::SoftwareSigner;
use companyos_receipt::receipt::{Outcome, Phase, Private};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::{Commit, ReceiptDraft, Store, StoreDeps, StoreError, StoreOptions, Unobserved};
use crate::kernel::clock::{Clock as _, SystemClock, Timestamp};
use crate::kernel::ids::{RandomIds, new_id};

/// The environment variable that holds the URL of a PostgreSQL database in which tests may create schemas.
pub const POSTGRES_VARIABLE: &str = "COMPANYOS_TEST_POSTGRES";

/// The seed of the key that test stores sign with.
pub const SIGNING_SEED: [u8; 32] = [7; 32];

/// The issuer of the receipts of test stores.
pub const ISSUER: &str = "https://eu-west-1.companyos.test";

/// Dependencies with a fixed key, the machine's clock and real randomness.
#[must_use]
pub fn deps() -> StoreDeps {
    StoreDeps {
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        signer: Arc::new(SoftwareSigner::from_seed(SIGNING_SEED)),
        issuer: ISSUER.to_owned(),
        region: "eu-west-1".to_owned(),
        observer: Arc::new(Unobserved),
    }
}

/// A receipt draft for a tenant with nothing in it that matters.
#[must_use]
pub fn draft(tenant_id: &str) -> ReceiptDraft {
    let now = SystemClock.now();
    ReceiptDraft {
        id: new_id(&RandomIds, "rcp", now),
        tenant_id: tenant_id.to_owned(),
        action: "test.write".to_owned(),
        phase: Phase::Outcome,
        outcome: Outcome::Ok,
        reference: None,
        policy: "sha256:0".to_owned(),
        at: now,
        private: Private::new().actor("key_test"),
    }
}

/// Commits a write that does nothing but leave this receipt.
///
/// # Errors
/// As [`Store::write`].
pub async fn leave(store: &Store, draft: ReceiptDraft) -> Result<(), StoreError> {
    store
        .write(move |_tx| {
            let commit = Commit::with_receipt((), draft.clone());
            Box::pin(async move { Ok(commit) })
        })
        .await
}

/// A new id, `tnt_…`.
#[must_use]
pub fn tenant_id() -> String {
    new_id(&RandomIds, "tnt", SystemClock.now())
}

/// A new, empty store in memory.
///
/// # Panics
/// When it cannot be opened.
pub async fn in_memory() -> Store {
    open(StoreOptions::new("sqlite::memory:")).await
}

/// Runs a test on SQLite in memory, on SQLite in a file and, where [`POSTGRES_VARIABLE`] says so, on PostgreSQL, each
/// time on an empty store.
///
/// # Panics
/// When a store cannot be opened.
pub async fn on_every_engine(test: impl AsyncFn(Store)) {
    on_every_database(async |options| test(open(options).await).await).await;
}

/// As [`on_every_engine`], for tests that open their stores themselves.
///
/// # Panics
/// When a database cannot be created.
pub async fn on_every_database(test: impl AsyncFn(StoreOptions)) {
    test(StoreOptions::new("sqlite::memory:")).await;
    let folder = Folder::create();
    test(StoreOptions::new(folder.url())).await;
    if let Some(schema) = Schema::create().await {
        // Every lane always at work: what can go wrong between them goes wrong here.
        let step_in_after = Duration::ZERO;
        test(StoreOptions { step_in_after, ..StoreOptions::new(schema.url.clone()) }).await;
        schema.drop().await;
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot open its store has failed")]
async fn open(options: StoreOptions) -> Store {
    Store::open(options, deps()).await.expect("a store for tests opens")
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A name no other test uses, nor one of another process.
fn unique() -> String {
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A data folder that is deleted in the end.
#[derive(Debug)]
pub struct Folder(std::path::PathBuf);

impl Folder {
    /// A new, empty folder.
    #[must_use]
    pub fn create() -> Self {
        Self(std::env::temp_dir().join(format!("companyos_{}_{}", unique(), SystemClock.now().as_micros())))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }

    /// The URL of the database in it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("sqlite:{}/companyos.db", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over when it was never used.
        let _absent = std::fs::remove_dir_all(&self.0);
    }
}

/// A PostgreSQL schema of one test.
#[derive(Debug)]
pub struct Schema {
    admin: String,
    name: String,
    /// A URL whose connections use the schema.
    pub url: String,
}

impl Schema {
    /// Creates a schema; `None` when there is no database to create it in.
    ///
    /// # Panics
    /// When there is one and it refuses.
    #[expect(clippy::expect_used, reason = "a test that cannot have its schema has failed")]
    #[expect(clippy::print_stderr, reason = "whoever runs the tests is told what was left out")]
    #[expect(clippy::disallowed_methods, reason = "the variable concerns tests only")]
    pub async fn create() -> Option<Self> {
        let Ok(admin) = std::env::var(POSTGRES_VARIABLE) else {
            eprintln!(
                "PostgreSQL left out: set {POSTGRES_VARIABLE}=postgres://USER@HOST/DATABASE to include it"
            );
            return None;
        };
        let name = format!("{}_{}", unique(), SystemClock.now().as_micros());
        let separator = if admin.contains('?') { '&' } else { '?' };
        let url = format!("{admin}{separator}options=-c%20search_path%3D{name}");
        let schema = Self { admin, name, url };
        schema.run(format!("CREATE SCHEMA {}", schema.name)).await.expect("a schema for the test is created");
        Some(schema)
    }

    /// Drops the schema with all that is in it.
    ///
    /// # Panics
    /// When the database refuses.
    #[expect(clippy::expect_used, reason = "a test that leaves its schema behind has failed")]
    pub async fn drop(self) {
        self.run(format!("DROP SCHEMA {} CASCADE", self.name))
            .await
            .expect("the schema of the test is dropped");
    }

    async fn run(&self, sql: String) -> Result<(), sqlx::Error> {
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&self.admin).await?;
        connection.execute(AssertSqlSafe(sql)).await?;
        connection.close().await
    }
}

/// A time for tests that need a fixed one: 2026-01-16T09:30:00Z.
pub const NOON: Timestamp = Timestamp::from_micros(1_768_555_800_000_000);
