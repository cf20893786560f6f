//! The socket under a connection: replaces bare refusals, resets on purpose, and lets refused uploads read their answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use companyos_types::problems;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use super::connection::substitute;
use super::refusal;
use crate::kernel::dispatch::Dispatcher;

/// How long a connection that is being closed may go on sending.
const LINGER: Duration = Duration::from_secs(1);
/// How much of that is read.
const LINGER_BYTES: u64 = 4 << 20;

/// A stream over TCP.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The connection underneath.
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "tls")]
impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// How a connection is to end, said before it is dropped.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    /// Reset it: a retry test planned that.
    pub(super) reset: AtomicBool,
    /// The header of a request did not arrive in time.
    pub(super) timed_out: AtomicBool,
}

/// The socket hyper reads and writes.
pub(super) struct Wire<S: Socket> {
    /// Taken when dropped.
    stream: Option<S>,
    dispatcher: Arc<Dispatcher>,
    farewell: Arc<Farewell>,
    /// Whether anything was received since something was last written: a request has begun.
    begun: bool,
    /// What is written instead of what hyper wrote.
    instead: Vec<u8>,
    /// Whether the peer has closed its side.
    ended: bool,
}

impl<S: Socket> Wire<S> {
    pub(super) fn new(stream: S, dispatcher: Arc<Dispatcher>, farewell: Arc<Farewell>) -> Self {
        let instead = Vec::new();
        Self { stream: Some(stream), dispatcher, farewell, begun: false, instead, ended: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Writes what stands in for a bare refusal.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let instead = std::mem::take(&mut self.instead);
            let written = self.stream()?.poll_write(cx, &instead);
            self.instead = instead;
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = ready!(self.stream()?.poll_read(cx, buf));
        self.begun |= buf.filled().len() > before;
        self.ended |= read.is_err() || (buf.filled().len() == before && buf.remaining() > 0);
        Poll::Ready(read)
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        self.begun = false;
        if let Some(instead) = substitute(&self.dispatcher, buf) {
            self.instead = instead;
            return Poll::Ready(Ok(buf.len()));
        }
        self.stream()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        self.begun = false;
        if let [only] = bufs
            && let Some(instead) = substitute(&self.dispatcher, only)
        {
            self.instead = instead;
            return Poll::Ready(Ok(only.len()));
        }
        self.stream()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        self.stream()?.poll_shutdown(cx)
    }
}

impl<S: Socket> Drop for Wire<S> {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        if self.farewell.reset.load(Ordering::Acquire) {
            // Closing with a linger time of zero sends RST.
            if let Err(error) = stream.tcp().set_zero_linger() {
                tracing::debug!(%error, "the connection could not be reset");
            }
            return;
        }
        let last_words = if self.begun && self.farewell.timed_out.load(Ordering::Acquire) {
            refusal::response(self.dispatcher.kernel(), &problems::REQUEST_TIMEOUT)
        } else {
            Vec::new()
        };
        if !self.ended {
            linger(stream, last_words);
        }
    }
}

/// Says the last words, then reads on for a moment before closing. Closing a socket that holds unread data resets the connection, and a caller
/// whose upload was refused would lose the answer that says why.
fn linger<S: Socket>(mut stream: S, last_words: Vec<u8>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        let ending = async {
            stream.write_all(&last_words).await?;
            stream.shutdown().await?;
            tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
        };
        // The peer's end, its error and our patience's end are all the same to a connection that is over.
        let _ = tokio::time::timeout(LINGER, ending).await;
    });
}
