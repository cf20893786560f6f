//! Request bodies: bounded in size and time, hashed while they arrive.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use companyos_types::problems;
use http_body::Body as _;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};

use super::idempotency::Fingerprint;
use super::problem::Problem;

/// Where a body comes from.
pub enum RequestBody {
    /// A connection.
    Wire(Incoming),
    /// Memory: a caller in this process.
    Whole(Bytes),
    /// A stream of a caller in this process.
    Stream(UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>),
}

impl From<Incoming> for RequestBody {
    fn from(body: Incoming) -> Self {
        Self::Wire(body)
    }
}

impl From<Bytes> for RequestBody {
    fn from(body: Bytes) -> Self {
        Self::Whole(body)
    }
}

impl RequestBody {
    /// The next piece, trailers left out.
    async fn chunk(&mut self) -> Option<Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> {
        loop {
            let frame = match self {
                Self::Whole(bytes) if bytes.is_empty() => return None,
                Self::Whole(bytes) => return Some(Ok(std::mem::take(bytes))),
                Self::Wire(body) => body.frame().await?.map_err(Into::into),
                Self::Stream(body) => body.frame().await?,
            };
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Whether it is known to hold nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Wire(body) => body.is_end_stream(),
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    /// The least number of bytes still to come, as far as it is known.
    fn lower_bound(&self) -> u64 {
        match self {
            Self::Wire(body) => body.size_hint().lower(),
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream(body) => body.size_hint().lower(),
        }
    }
}

/// A body read piece by piece, at most so long, each piece within a time limit.
pub struct BodyStream {
    source: RequestBody,
    limit: u64,
    seen: u64,
    patience: Duration,
    content: Sha256,
    fingerprint: Option<(Fingerprint, Arc<OnceLock<[u8; 32]>>)>,
    digest: Option<[u8; 32]>,
}

impl BodyStream {
    pub(crate) fn new(source: RequestBody, limit: u64, patience: Duration) -> Self {
        Self { source, limit, seen: 0, patience, content: Sha256::new(), fingerprint: None, digest: None }
    }

    /// Settles the request's fingerprint in `slot` once the body has been read to its end.
    pub(crate) fn settling(mut self, request: Fingerprint, slot: Arc<OnceLock<[u8; 32]>>) -> Self {
        self.fingerprint = Some((request, slot));
        self
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// 413 beyond the limit, 408 when the piece does not arrive in time, 400 when the transfer is broken.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.digest.is_some() {
            return Ok(None);
        }
        if self.seen.saturating_add(self.source.lower_bound()) > self.limit {
            return Err(self.too_large());
        }
        let Ok(chunk) = tokio::time::timeout(self.patience, self.source.chunk()).await else {
            return Err(Problem::new(&problems::REQUEST_TIMEOUT));
        };
        match chunk {
            Some(Ok(bytes)) => {
                self.seen = self.seen.saturating_add(bytes.len() as u64);
                if self.seen > self.limit {
                    return Err(self.too_large());
                }
                self.content.update(&bytes);
                Ok(Some(bytes))
            }
            Some(Err(error)) => Err(Problem::new(&problems::MALFORMED_REQUEST)
                .detail("The transfer of the body broke off or breaks HTTP's framing.")
                .caused_by(error)),
            None => {
                self.finish();
                Ok(None)
            }
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.seen
    }

    /// SHA-256 of the body, once it has been read to its end.
    #[must_use]
    pub fn content_digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// Everything that is still to come, in one piece.
    pub(crate) async fn collect(&mut self) -> Result<Bytes, Problem> {
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.next().await? else {
            return Ok(first);
        };
        let mut whole = BytesMut::with_capacity(first.len() + second.len());
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(next) = self.next().await? {
            whole.extend_from_slice(&next);
        }
        Ok(whole.freeze())
    }

    /// Reads the body to its end for its digest alone.
    pub(crate) async fn skip(&mut self) -> Result<(), Problem> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    fn finish(&mut self) {
        let digest: [u8; 32] = std::mem::take(&mut self.content).finalize().into();
        self.digest = Some(digest);
        if let Some((request, slot)) = self.fingerprint.take() {
            // The slot belongs to this request alone and is set here only.
            let _ = slot.set(request.finish(&digest));
        }
    }

    fn too_large(&self) -> Problem {
        Problem::new(&problems::CONTENT_TOO_LARGE)
            .detail(format!("The body exceeds the operation's limit of {} bytes.", self.limit))
    }
}
