//! The server's sockets: accept, limit, encrypt, serve, drain.
//!
//! The accept loop is ours, because limits on connections, the time a header may take, resets on purpose and draining
//! all meet here.

mod connection;
mod io;
mod refusal;
#[cfg(feature = "tls")]
pub mod tls;

use std::future::Future;
use std::io::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
use crate::kernel::dispatch::Dispatcher;

/// How connections are served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections open at once; more wait in the operating system's queue.
    pub connections: usize,
    /// How long a header may take to arrive, and how long a kept-alive connection may be idle.
    pub header_timeout: Duration,
    /// The largest header, request line included, in bytes.
    pub header_bytes: usize,
    /// How long connections are still taken once the server is told to stop and says it is not ready, so that whoever
    /// spreads the load sees that before it sees refused connections.
    pub drain_delay: Duration,
    /// How long running requests may take once the server is told to stop.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections: 4_096,
            header_timeout: Duration::from_secs(30),
            header_bytes: 32 << 10,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Whether a listener speaks TLS.
#[derive(Clone)]
pub enum Encryption {
    /// Plain HTTP.
    None,
    /// HTTPS.
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Completely,
    /// Some connections had to be cut after the drain timeout.
    Cut {
        /// How many.
        connections: usize,
    },
}

/// Serves `dispatcher` on `listener` until `stop` resolves, then drains: the server says it is not ready, takes no new
/// connections, finishes the requests that run, and cuts what is left after the drain timeout.
pub async fn serve(
    listener: TcpListener,
    encryption: Encryption,
    dispatcher: Arc<Dispatcher>,
    options: ServeOptions,
    stop: impl Future<Output = ()>,
) -> Drained {
    let mut door = Door {
        listener,
        encryption,
        slots: Arc::new(Semaphore::new(options.connections)),
        connections: TaskTracker::new(),
        draining: CancellationToken::new(),
        cut: CancellationToken::new(),
        dispatcher,
        options,
    };
    let kernel = Arc::clone(door.dispatcher.kernel());
    kernel.health.started();
    door.open_until(stop).await;
    kernel.health.drain();
    if !door.options.drain_delay.is_zero() {
        door.open_until(tokio::time::sleep(door.options.drain_delay)).await;
    }
    door.close().await
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    encryption: Encryption,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    /// Connections end after the request they are at.
    draining: CancellationToken,
    /// Connections end at once.
    cut: CancellationToken,
    dispatcher: Arc<Dispatcher>,
    options: ServeOptions,
}

impl Door {
    /// Takes connections until `end` resolves.
    async fn open_until(&mut self, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut end => return,
                accepted = accept(&self.listener, &self.slots) => accepted,
            };
            match accepted {
                Some((stream, peer, slot)) => self.let_in(stream, peer, slot),
                // Out of file descriptors, most likely: give connections a moment to end.
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
        let connection = Connection {
            dispatcher: Arc::clone(&self.dispatcher),
            options: self.options.clone(),
            draining: self.draining.clone(),
            peer,
        };
        let (encryption, cut) = (self.encryption.clone(), self.cut.clone());
        self.connections.spawn(async move {
            let _slot = slot;
            tokio::select! {
                () = connection.run(stream, encryption) => {}
                () = cut.cancelled() => {}
            }
        });
    }

    /// Takes no more connections and waits for those there are.
    async fn close(self) -> Drained {
        drop(self.listener);
        self.draining.cancel();
        self.connections.close();
        if tokio::time::timeout(self.options.drain_timeout, self.connections.wait()).await.is_ok() {
            return Drained::Completely;
        }
        let left = self.connections.len();
        self.cut.cancel();
        self.connections.wait().await;
        Drained::Cut { connections: left }
    }
}

/// The next connection and its slot; `None` when the operating system has none to give.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are written whole; waiting for more would only delay them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY was refused");
            }
            Some((stream, peer, slot))
        }
        Err(error) => {
            log_accept(&error);
            None
        }
    }
}

fn log_accept(error: &Error) {
    tracing::warn!(%error, "a connection could not be accepted");
}
