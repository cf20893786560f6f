//! The database engines the whole product runs on.

use companyos_server::kernel::settings::Limits;
use companyos_server::launch::{Launch, Running};
use companyos_server::store::testing::Schema;
use tempfile::TempDir;

/// A database that nobody has used yet, and a folder for the server's keys.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    folder: TempDir,
    url: Option<String>,
}

impl Engine {
    /// Starts a server of its own. On PostgreSQL several may share the database.
    pub(crate) async fn start(&self) -> Running {
        let launch =
            Launch::new(self.folder.path()).limits(Limits { requests_per_second: 0, ..Limits::default() });
        let launch = match &self.url {
            Some(url) => launch.database_url(url),
            None => launch,
        };
        launch.start().await.expect("the server starts")
    }

    /// Whether two servers may have the database at once.
    pub(crate) fn is_shared(&self) -> bool {
        self.url.is_some()
    }
}

/// Runs a test on SQLite in a file and, where `COMPANYOS_TEST_POSTGRES` names a database, on PostgreSQL.
pub(crate) async fn on_every_engine(test: impl AsyncFn(&Engine)) {
    let folder = || tempfile::tempdir().expect("a folder");
    test(&Engine { name: "SQLite", folder: folder(), url: None }).await;
    if let Some(schema) = Schema::create().await {
        test(&Engine { name: "PostgreSQL", folder: folder(), url: Some(schema.url.clone()) }).await;
        schema.drop().await;
    }
}
