//! The server of this story and the folder it works in.

use std::error::Error;
use std::path::{Path, PathBuf};

use companyos_sdk::{Client, Secret};
use companyos_server::launch::{Launch, Running};
use tempfile::TempDir;

/// A running server and its folder, which goes away with it unless it is to be kept.
pub(crate) struct Workspace {
    server: Running,
    folder: Folder,
    database: &'static str,
}

enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Workspace {
    /// Starts the server on a free loopback port.
    pub(crate) async fn start(
        database_url: Option<&str>,
        keep: bool,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let folder = tempfile::Builder::new().prefix("companyos-quickstart-").tempdir()?;
        let folder = if keep { Folder::Kept(folder.keep()) } else { Folder::Temporary(folder) };
        let mut launch = Launch::new(folder.path());
        if let Some(url) = database_url {
            launch = launch.database_url(url);
        }
        let postgres = database_url.is_some_and(|url| url.starts_with("postgres"));
        let database = if postgres { "PostgreSQL" } else { "SQLite, synced to disk on every commit" };
        Ok(Self { server: launch.start().await?, folder, database })
    }

    /// Where the server listens and what it writes to.
    pub(crate) fn introduction(&self) -> String {
        format!(
            "reference server on {}\ndatabase: {}\nfolder:   {}",
            self.server.base_url(),
            self.database,
            self.folder().display()
        )
    }

    /// The client of the operator who owns this server.
    pub(crate) fn client(&self) -> Result<Client, Box<dyn Error + Send + Sync>> {
        self.client_with(self.server.operator_key()?)
    }

    /// A client with another API key.
    pub(crate) fn client_with(&self, key: Secret) -> Result<Client, Box<dyn Error + Send + Sync>> {
        Ok(Client::builder()
            .base_url(self.server.base_url())
            .api_key(key)
            .user_agent("quickstart/1")
            .build()?)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the folder stays.
    pub(crate) fn kept(&self) -> bool {
        matches!(self.folder, Folder::Kept(_))
    }

    /// Drains and stops the server.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}
