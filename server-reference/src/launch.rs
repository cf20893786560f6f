//! A whole server from a folder: keys, database, the first operator key, and a socket.
//!
//! `companyos serve` starts this way, and so does a program that wants a server of its own beside it, such as the
//! quickstart and the bench.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use companyos_server::launch::Launch;
//!
//! let server = Launch::new("data").start().await?;
//! println!("{}", server.base_url());
//! server.stop().await;
//! # Ok(()) }
//! ```

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use companyos_types::Secret;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{App, AppOptions, StartError};
use crate::kernel::clock::{Clock, SystemClock};
use crate::kernel::ids::{Ids, RandomIds};
use crate::kernel::settings::{Limits, Mode, Settings};
use crate::keys::{KeyError, KeyStore};
use crate::serve::{Drained, Encryption, ServeOptions, serve};
use crate::store::StoreOptions;

/// The file of the first operator key in a data folder.
#[must_use]
pub fn operator_key_file(folder: &Path) -> PathBuf {
    folder.join("operator.key")
}

/// The folder of the server's own keys in a data folder.
#[must_use]
pub fn key_folder(folder: &Path) -> PathBuf {
    folder.join("keys")
}

/// The server cannot start. For the person who starts it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// A key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The database cannot be used, or the program and its contract disagree.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}; choose another address")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// What to start.
#[derive(Clone)]
#[must_use = "a launch does nothing until it is started"]
pub struct Launch {
    folder: PathBuf,
    address: SocketAddr,
    encryption: Encryption,
    store: StoreOptions,
    settings: Settings,
    serve: ServeOptions,
}

impl Launch {
    /// A development server of region `us-east-1` on a free loopback port, with keys and an SQLite database in
    /// `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let database = format!("sqlite:{}", folder.join("companyos.db").display());
        Self {
            folder,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            encryption: Encryption::None,
            store: StoreOptions::new(database),
            settings: Settings {
                mode: Mode::Development,
                region: "us-east-1".to_owned(),
                issuer: "https://companyos.localhost".to_owned(),
                cors_origins: Vec::new(),
                limits: Limits::default(),
            },
            serve: ServeOptions::default(),
        }
    }

    /// Listens here.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Speaks TLS.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Uses this database instead of an SQLite file in the folder.
    pub fn database_url(mut self, url: impl Into<String>) -> Self {
        self.store = StoreOptions { url: url.into(), ..self.store };
        self
    }

    /// Uses this database, driven like this.
    pub fn store(mut self, store: StoreOptions) -> Self {
        self.store = store;
        self
    }

    /// Who the server is, and what it refuses to exceed.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// What the server refuses to exceed.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How connections are served.
    pub fn serve_options(mut self, options: ServeOptions) -> Self {
        self.serve = options;
        self
    }

    /// Starts the server and returns once it takes connections.
    ///
    /// # Errors
    /// [`LaunchError`], naming the file, database or address and what to do about it.
    pub async fn start(self) -> Result<Running, LaunchError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        // The address first: a port that is taken should not cost a new database and its keys.
        let listen = |source| LaunchError::Listen { address: self.address, source };
        let listener = TcpListener::bind(self.address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let keys = KeyStore::open(&key_folder(&self.folder), clock.as_ref(), &ids)?;
        let operator_key = operator_key_file(&self.folder);
        let adapter_folder = Some(self.folder.join("adapters"));
        let options =
            AppOptions { settings: self.settings, store: self.store, keys, clock, ids, adapter_folder };
        let mut first_start = false;
        let kept = |key: &Secret| {
            first_start = true;
            keep(&operator_key, key)
        };
        let app = Arc::new(App::start(options, kept).await?);
        let stop = CancellationToken::new();
        let scheme = if matches!(self.encryption, Encryption::None) { "http" } else { "https" };
        let served = tokio::spawn(serve(
            listener,
            self.encryption,
            Arc::clone(app.dispatcher()),
            self.serve,
            stop.clone().cancelled_owned(),
        ));
        Ok(Running {
            app,
            base_url: format!("{scheme}://{address}"),
            address,
            operator_key,
            first_start,
            stop,
            served,
        })
    }
}

/// Writes an operator key to a file that only its owner may read. A crash leaves the old file or the new one, and the
/// new one is durable before the key becomes valid.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(path: &Path, key: &Secret) -> std::io::Result<()> {
    let mut half = path.as_os_str().to_owned();
    half.push(".new");
    let half = PathBuf::from(half);
    match std::fs::remove_file(&half) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&half)?;
    file.write_all(key.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&half, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A server that takes connections. Dropping it leaves it running until its runtime ends.
pub struct Running {
    app: Arc<App>,
    base_url: String,
    address: SocketAddr,
    operator_key: PathBuf,
    first_start: bool,
    stop: CancellationToken,
    served: JoinHandle<Drained>,
}

impl Running {
    /// Where clients reach it, such as `http://127.0.0.1:8027`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server behind the socket.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The file the first operator key was written to, once in the life of the database.
    #[must_use]
    pub fn operator_key_file(&self) -> &Path {
        &self.operator_key
    }

    /// Whether this was the first start of the database, and so the operator key is new.
    #[must_use]
    pub fn is_first_start(&self) -> bool {
        self.first_start
    }

    /// Reads the first operator key from its file.
    ///
    /// # Errors
    /// When the file is gone, as it is when the database was first started from another folder.
    pub fn operator_key(&self) -> std::io::Result<Secret> {
        std::fs::read_to_string(&self.operator_key).map(|text| Secret::new(text.trim()))
    }

    /// Takes no new connections, answers the running requests, commits what was accepted, and ends.
    pub async fn stop(self) -> Drained {
        self.stop.cancel();
        let drained = self.served.await.unwrap_or(Drained::Cut { connections: 0 });
        self.app.shutdown().await;
        drained
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_folder_is_all_a_server_needs_and_it_starts_again_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Launch::new(folder.path()).start().await.unwrap();
        let key = first.operator_key().unwrap();
        let mode = std::fs::metadata(first.operator_key_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(key.expose().starts_with("cos_"), "the file holds a key");
        assert_eq!(first.stop().await, Drained::Completely);

        let again = Launch::new(folder.path()).start().await.unwrap();
        assert_eq!(again.operator_key().unwrap(), key);
        again.stop().await;
    }

    #[tokio::test]
    async fn a_taken_port_is_said_and_leaves_no_folder_behind() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::new(folder.path().join("data")).address(taken.local_addr().unwrap());
        let Err(error) = launch.start().await else { panic!("the port is taken") };
        assert!(matches!(error, LaunchError::Listen { .. }), "{error}");
        assert!(!folder.path().join("data").exists());
    }

    #[test]
    fn an_operator_key_is_readable_by_its_owner_only_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = operator_key_file(folder.path());
        std::fs::write(folder.path().join("operator.key.new"), "left by a crash").unwrap();
        for text in ["cos_dev_first", "cos_dev_second"] {
            keep(&file, &Secret::new(text)).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{text}\n"));
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
