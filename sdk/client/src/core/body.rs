//! Request bodies that can be sent again.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;
use http_body::{Frame, SizeHint};
use tokio::io::AsyncReadExt as _;

use super::error::BoxError;

/// How much of a file is read at once.
const CHUNK: usize = 64 * 1024;

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
type Opening = Pin<Box<dyn Future<Output = io::Result<Opened>> + Send>>;

/// A body of a request that can be sent again, once per attempt.
///
/// ```
/// use companyos_sdk::Body;
///
/// let small = Body::from_bytes("external_id,name\nacme,Acme\n");
/// let large = Body::from_path("tenants.csv");
/// # drop((small, large));
/// ```
#[derive(Clone)]
pub struct Body {
    kind: BodyKind,
}

#[derive(Clone)]
enum BodyKind {
    Empty,
    Bytes(Bytes),
    Open(Arc<dyn Fn() -> Opening + Send + Sync>),
}

struct Opened {
    length: Option<u64>,
    chunks: Chunks,
}

impl Body {
    /// A body of no bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self { kind: BodyKind::Empty }
    }

    /// A body in memory. Attempts share it.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self { kind: BodyKind::Bytes(bytes.into()) }
    }

    /// A file, opened anew for every attempt and read while it is sent.
    ///
    /// The file must not change between the attempts of a call. When it does, the server notices that the same key came
    /// with another body and refuses it.
    #[must_use]
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            kind: BodyKind::Open(Arc::new(move || {
                let path = path.clone();
                Box::pin(open_file(path))
            })),
        }
    }

    /// A stream that `open` starts anew for every attempt.
    ///
    /// `length` is the number of bytes, if it is known before; the request then carries a `Content-Length`. Every stream
    /// that `open` returns must yield the same bytes.
    #[must_use]
    pub fn from_factory<F, Fut, S>(length: Option<u64>, open: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        Self {
            kind: BodyKind::Open(Arc::new(move || {
                let opening = open();
                Box::pin(async move { Ok(Opened { length, chunks: Box::pin(opening.await?) as Chunks }) })
            })),
        }
    }

    /// Returns the bytes of a body in memory.
    pub(crate) fn bytes(&self) -> Option<Bytes> {
        match &self.kind {
            BodyKind::Empty => Some(Bytes::new()),
            BodyKind::Bytes(bytes) => Some(bytes.clone()),
            BodyKind::Open(_) => None,
        }
    }

    /// Starts the body of one attempt.
    pub(crate) async fn open(&self) -> io::Result<RequestBody> {
        Ok(match &self.kind {
            BodyKind::Empty => RequestBody::full(Bytes::new()),
            BodyKind::Bytes(bytes) => RequestBody::full(bytes.clone()),
            BodyKind::Open(open) => {
                let Opened { length, chunks } = open().await?;
                RequestBody { kind: RequestBodyKind::Streamed { left: length, chunks: Mutex::new(chunks) } }
            }
        })
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from_bytes(text)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from_bytes(text)
    }
}

impl From<PathBuf> for Body {
    fn from(path: PathBuf) -> Self {
        Self::from_path(path)
    }
}

impl fmt::Debug for Body {
    /// Shows the size only: a body may hold secrets and personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            BodyKind::Empty => f.write_str("Body(empty)"),
            BodyKind::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            BodyKind::Open(_) => f.write_str("Body(streamed)"),
        }
    }
}

async fn open_file(path: PathBuf) -> io::Result<Opened> {
    let file = tokio::fs::File::open(&path).await?;
    let length = file.metadata().await?.len();
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    });
    Ok(Opened { length: Some(length), chunks: Box::pin(chunks) })
}

/// The body of one attempt, as a [`Transport`](crate::Transport) gets it.
pub struct RequestBody {
    kind: RequestBodyKind,
}

enum RequestBodyKind {
    Full(Option<Bytes>),
    // A stream need not be Sync, some transports want their bodies to be. The lock is never taken, only opened through
    // the exclusive reference that polling needs anyway.
    Streamed { left: Option<u64>, chunks: Mutex<Chunks> },
}

impl RequestBody {
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self { kind: RequestBodyKind::Full((!bytes.is_empty()).then_some(bytes)) }
    }

    /// Takes the whole body out when it is in memory.
    #[must_use]
    pub fn take_bytes(&mut self) -> Option<Bytes> {
        match &mut self.kind {
            RequestBodyKind::Full(bytes) => Some(bytes.take().unwrap_or_default()),
            RequestBodyKind::Streamed { .. } => None,
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.kind {
            RequestBodyKind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            RequestBodyKind::Streamed { left, chunks } => {
                let chunks = chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
                chunks.as_mut().poll_next(cx).map(|next| {
                    next.map(|chunk| {
                        let chunk = chunk.map_err(UnreadableBody)?;
                        if let Some(left) = left {
                            *left = left.saturating_sub(chunk.len() as u64);
                        }
                        Ok(Frame::data(chunk))
                    })
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.kind, RequestBodyKind::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            RequestBodyKind::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            RequestBodyKind::Streamed { left: Some(left), .. } => SizeHint::with_exact(*left),
            RequestBodyKind::Streamed { left: None, .. } => SizeHint::default(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

/// The caller's own stream or file failed while it was sent.
///
/// It travels through the transport's error chain, where the client finds it and tells it from a failure of the network.
#[derive(Debug, thiserror::Error)]
#[error("the request body cannot be read")]
pub(crate) struct UnreadableBody(#[source] io::Error);
