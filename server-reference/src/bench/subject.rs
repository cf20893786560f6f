//! The server under measurement: launched as `companyos serve` does, in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{BenchError, BenchOptions};
use crate::kernel::settings::Limits;
use crate::launch::{Launch, Running};

/// A running server, its operator key and its folder, which goes away with it.
pub(super) struct Subject {
    server: Running,
    bearer: String,
    folder: Folder,
}

impl Subject {
    /// Starts the server on a free loopback port, without the per-credential quota: one credential sends everything.
    pub(super) async fn start(options: &BenchOptions) -> Result<Self, BenchError> {
        let folder = Folder::create(&options.folder)?;
        let limits = Limits { requests_per_second: 0, ..Limits::default() };
        let mut launch = Launch::new(folder.path.join("server")).limits(limits);
        if let Some(url) = &options.database_url {
            launch = launch.database_url(url);
        }
        let server = launch.start().await.map_err(|error| BenchError::Server(error.to_string()))?;
        let key = server.operator_key().map_err(|_| {
            BenchError::Server("the database was used before; measure on an empty one".to_owned())
        })?;
        Ok(Self { bearer: format!("Bearer {}", key.expose()), server, folder })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The value of `Authorization`.
    pub(super) fn bearer(&self) -> String {
        self.bearer.clone()
    }

    /// A folder on the same disk, for the peer.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// Stops the server; its folder is removed.
    pub(super) async fn stop(self) {
        self.server.stop().await;
    }
}

/// A new folder, removed when dropped.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create(below: &Path) -> Result<Self, BenchError> {
        let path = below.join(format!("companyos-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, folder = %self.path.display(), "the bench's folder could not be removed");
        }
    }
}
