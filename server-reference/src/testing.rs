//! The real server inside a test process: in-memory store, a clock the test moves, no sockets unless asked for.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use companyos_server::testing::TestServer;
//!
//! let server = TestServer::start().await?;
//! let request = http::Request::get("/meta").body(bytes::Bytes::new())?;
//! let response = server.handle(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(()) }
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use companyos_types::Secret;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::{App, AppOptions, StartError};
use crate::kernel::body::RequestBody;
use crate::kernel::clock::{Clock, SystemClock, Timestamp};
use crate::kernel::fault::ConnectionReset;
use crate::kernel::ids::{Ids, RandomIds};
use crate::kernel::respond::ResponseBody;
use crate::kernel::settings::{Limits, Mode, Settings};
use crate::keys::{KeyError, KeyStore};
use crate::serve::{Drained, Encryption, ServeOptions, serve};
use crate::store::StoreOptions;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    /// When the clock was made, and where it started from.
    origin: (Instant, Timestamp),
    micros: AtomicI64,
}

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { origin: (SystemClock.instant(), start), micros: AtomicI64::new(start.as_micros()) }
    }

    /// Moves on by `time`.
    pub fn advance(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-16T09:30:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_768_555_800_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn instant(&self) -> Instant {
        self.origin.0 + self.now().since(self.origin.1)
    }
}

/// A test server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TestServerError {
    /// The server refuses to start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The keys cannot be made.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// Chooses what a [`TestServer`] differs in.
#[must_use = "a builder does nothing until it is started"]
pub struct TestServerBuilder {
    database_url: String,
    clock: Arc<ManualClock>,
    ids: Arc<dyn Ids>,
    adapter_folder: Option<PathBuf>,
    settings: Settings,
}

impl TestServerBuilder {
    /// Uses this database instead of one in memory.
    pub fn database_url(mut self, url: impl Into<String>) -> Self {
        self.database_url = url.into();
        self
    }

    /// Uses this clock, to be shared with others.
    pub fn clock(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Development, the default, or production.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// What the server refuses to exceed.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Which origins browsers may call from.
    pub fn cors_origins(mut self, origins: Vec<String>) -> Self {
        self.settings.cors_origins = origins;
        self
    }

    /// Where adapters that work on the disk keep what is theirs. Without it they cannot be opened.
    pub fn adapter_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.adapter_folder = Some(folder.into());
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// [`TestServerError`].
    pub async fn start(self) -> Result<TestServer, TestServerError> {
        let operator_key = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&operator_key);
        let options = AppOptions {
            keys: KeyStore::in_memory(&self.ids)?,
            settings: self.settings,
            store: StoreOptions::new(self.database_url),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: self.ids,
            adapter_folder: self.adapter_folder,
        };
        let app = App::start(options, move |key| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
            Ok(())
        })
        .await?;
        app.dispatcher().kernel().health.started();
        let operator_key = operator_key.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(TestServer { app: Arc::new(app), clock: self.clock, operator_key })
    }
}

/// The real server in this process. Clones share it.
#[derive(Clone)]
pub struct TestServer {
    app: Arc<App>,
    clock: Arc<ManualClock>,
    operator_key: Option<Secret>,
}

impl TestServer {
    /// A server with an empty store in memory and a clock that stands still.
    ///
    /// # Errors
    /// [`TestServerError`].
    pub async fn start() -> Result<Self, TestServerError> {
        Self::builder().start().await
    }

    /// Chooses what the server differs in.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder {
            database_url: "sqlite::memory:".to_owned(),
            clock: Arc::default(),
            ids: Arc::new(RandomIds),
            adapter_folder: None,
            settings: Settings {
                mode: Mode::Development,
                region: "eu-west-1".to_owned(),
                issuer: "https://companyos.test".to_owned(),
                cors_origins: Vec::new(),
                limits: Limits::default(),
            },
        }
    }

    /// The server.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The text of the first operator key; empty when the database had its first start before.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        self.operator_key.as_ref().map_or("", |key| key.expose())
    }

    /// Answers a request without a socket.
    ///
    /// # Errors
    /// [`ConnectionReset`] when a retry test planned it.
    pub async fn handle(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, ConnectionReset> {
        self.app.dispatcher().handle(request.map(RequestBody::from)).await
    }

    /// Answers a request and reads the whole body.
    ///
    /// # Errors
    /// When a retry test resets the connection or breaks the body off.
    pub async fn call(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = self.handle(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// Serves on a free loopback port until the returned value is dropped or stopped.
    ///
    /// # Errors
    /// When the operating system has no port.
    pub async fn listen(&self) -> std::io::Result<Listening> {
        self.listen_with(Encryption::None, ServeOptions::default()).await
    }

    /// Serves on a free loopback port with these options.
    ///
    /// # Errors
    /// When the operating system has no port.
    pub async fn listen_with(
        &self,
        encryption: Encryption,
        options: ServeOptions,
    ) -> std::io::Result<Listening> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let dispatcher = Arc::clone(self.app.dispatcher());
        let served = tokio::spawn(async move {
            let stop = async {
                // Dropping the sender stops the server as well.
                let _ = stopped.await;
            };
            serve(listener, encryption, dispatcher, options, stop).await
        });
        Ok(Listening { address, stop: Some(stop), served })
    }
}

/// A test server's socket.
pub struct Listening {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Drained>,
}

impl Listening {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells the server to stop and waits until it has drained; `None` when it panicked.
    pub async fn stop(mut self) -> Option<Drained> {
        drop(self.stop.take());
        self.served.await.ok()
    }
}
