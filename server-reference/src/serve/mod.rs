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
    /// How long running requests may take once the server is told to stop.
    pub drain_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections: 4_096,
            header_timeout: Duration::from_secs(30),
            header_bytes: 32 << 10,
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
    let slots = Arc::new(Semaphore::new(options.connections));
    let connections = TaskTracker::new();
    let (draining, cut) = (CancellationToken::new(), CancellationToken::new());
    let mut stop = std::pin::pin!(stop);
    dispatcher.kernel().health.started();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else {
            // Out of file descriptors, most likely: give connections a moment to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let connection = Connection {
            dispatcher: Arc::clone(&dispatcher),
            options: options.clone(),
            draining: draining.clone(),
            peer,
        };
        let (encryption, cut) = (encryption.clone(), cut.clone());
        connections.spawn(async move {
            let _slot = slot;
            tokio::select! {
                () = connection.run(stream, encryption) => {}
                () = cut.cancelled() => {}
            }
        });
    }
    drop(listener);
    dispatcher.kernel().health.drain();
    draining.cancel();
    connections.close();
    if tokio::time::timeout(options.drain_timeout, connections.wait()).await.is_ok() {
        return Drained::Completely;
    }
    let left = connections.len();
    cut.cancel();
    connections.wait().await;
    Drained::Cut { connections: left }
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
