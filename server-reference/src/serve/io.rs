//! The socket under a connection: replaces bare refusals, resets on purpose, and lets refused uploads read their answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection::substitute;
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

/// The socket hyper reads and writes.
pub(super) struct Wire<S: Socket> {
    /// Taken when dropped.
    stream: Option<S>,
    dispatcher: Arc<Dispatcher>,
    reset: Arc<AtomicBool>,
    /// What is written instead of what hyper wrote.
    instead: Vec<u8>,
    /// Whether the peer has closed its side.
    ended: bool,
}

impl<S: Socket> Wire<S> {
    pub(super) fn new(stream: S, dispatcher: Arc<Dispatcher>, reset: Arc<AtomicBool>) -> Self {
        Self { stream: Some(stream), dispatcher, reset, instead: Vec::new(), ended: false }
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
        self.ended |= read.is_err() || (buf.filled().len() == before && buf.remaining() > 0);
        Poll::Ready(read)
    }
}

impl<S: Socket> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
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
        if self.reset.load(Ordering::Acquire) {
            // Closing with a linger time of zero sends RST.
            if let Err(error) = stream.tcp().set_zero_linger() {
                tracing::debug!(%error, "the connection could not be reset");
            }
            return;
        }
        if !self.ended {
            linger(stream);
        }
    }
}

/// Reads on for a moment before closing. Closing a socket that holds unread data resets the connection, and a caller
/// whose upload was refused would lose the answer that says why.
fn linger<S: Socket>(stream: S) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    runtime.spawn(async move {
        let mut rest = stream.take(LINGER_BYTES);
        let mut sink = tokio::io::sink();
        // The peer's end, its error and our patience's end are all the same to a connection that is over.
        let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut rest, &mut sink)).await;
    });
}
