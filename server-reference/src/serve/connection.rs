//! One connection from its first byte to its last.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::io::{Farewell, Socket, Wire};
use super::{Encryption, ServeOptions, refusal};
use crate::kernel::body::RequestBody;
use crate::kernel::dispatch::Dispatcher;

pub(super) struct Connection {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) options: ServeOptions,
    pub(super) draining: CancellationToken,
    pub(super) peer: SocketAddr,
}

impl Connection {
    /// Serves the connection until it ends.
    pub(super) async fn run(self, stream: TcpStream, encryption: Encryption) {
        let metrics = Arc::clone(&self.dispatcher.kernel().metrics);
        metrics.connection_opened();
        match encryption {
            Encryption::None => self.serve(stream).await,
            #[cfg(feature = "tls")]
            Encryption::Tls(acceptor) => {
                match tokio::time::timeout(self.options.header_timeout, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "the TLS handshake failed"),
                    Err(_) => tracing::debug!(peer = %self.peer, "the TLS handshake took too long"),
                }
            }
        }
        metrics.connection_closed();
    }

    async fn serve<S: Socket>(&self, stream: S) {
        let farewell = Arc::new(Farewell::default());
        let wire = Wire::new(stream, Arc::clone(&self.dispatcher), Arc::clone(&farewell));
        let service = service_fn(|request: Request<Incoming>| {
            let (dispatcher, farewell) = (Arc::clone(&self.dispatcher), Arc::clone(&farewell));
            async move {
                let answered = dispatcher.handle(request.map(RequestBody::from)).await;
                // An error makes hyper drop the connection unanswered; the flag makes that a reset.
                answered.inspect_err(|_| farewell.reset.store(true, Ordering::Release))
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.header_timeout)
            .max_header_size(self.options.header_bytes)
            // Room for the header and as much of a body again.
            .max_buf_size(self.options.header_bytes.saturating_mul(2).max(64 << 10))
            .half_close(true);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(wire), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.as_mut().await
            }
        };
        if let Err(error) = ended {
            farewell.timed_out.store(error.is_timeout(), Ordering::Release);
            tracing::debug!(peer = %self.peer, %error, "the connection broke off");
        }
    }
}

/// What a refusal outside any request is answered with; see [`refusal`].
pub(super) fn substitute(dispatcher: &Dispatcher, written: &[u8]) -> Option<Vec<u8>> {
    refusal::status_of(written).map(|kind| refusal::response(dispatcher.kernel(), kind))
}
