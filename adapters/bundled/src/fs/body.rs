//! Reading a body in pieces.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use companyos_adapter_traits::storage::{GetOptions, Object, PutMode};
use companyos_adapter_traits::{Error, ErrorKind};
use futures_util::stream;
use sha2::{Digest, Sha256};

use super::conflict;
use super::error::{corrupt, not_done};
use super::header::hex;
use super::write::Found;

/// What one trip to the blocking pool reads.
const PIECE: u64 = 256 * 1024;

/// Opens the body, with its first piece read: most objects need no second trip.
pub(super) fn read(found: Found, options: &GetOptions) -> Result<Object, Error> {
    let Found { file, header, start } = found;
    if options.if_match.as_ref().is_some_and(|etag| *etag != header.etag()) {
        return Err(conflict(&header.key, &PutMode::Update(header.etag())));
    }
    let range = match options.range {
        Some(range) => range.resolve(header.size)?,
        None => 0..header.size,
    };
    // The digest is that of the whole body; a part cannot be held against it.
    let check = (range == (0..header.size)).then(|| (Sha256::new(), header.sha256.clone()));
    let mut rest = Rest { file, left: start + range.start..start + range.end, check };
    let first = rest.next()?;
    let head = header.into_head();
    if rest.left.is_empty() {
        return Ok(Object::from_bytes(head, range, first));
    }
    let body = stream::try_unfold((Some(first), Some(rest)), |(ready, rest)| async move {
        match (ready, rest) {
            (Some(piece), rest) => Ok(Some((piece, (None, rest)))),
            (None, Some(rest)) if !rest.left.is_empty() => {
                let (piece, rest) = next_blocking(rest).await?;
                Ok(Some((piece, (None, Some(rest)))))
            }
            (None, _) => Ok(None),
        }
    });
    Ok(Object::new(head, range, Box::pin(body)))
}

/// What has not been read yet.
struct Rest {
    file: File,
    /// Offsets in the file.
    left: Range<u64>,
    /// The digest of what has been read, and of what should have been.
    check: Option<(Sha256, String)>,
}

impl Rest {
    /// Reads a piece. The last one is handed out only if the whole is what was written.
    fn next(&mut self) -> Result<Bytes, Error> {
        let len = PIECE.min(self.left.end - self.left.start);
        let mut piece = vec![0; len as usize];
        self.file.read_exact_at(&mut piece, self.left.start).map_err(not_done("reading the object"))?;
        self.left.start += len;
        if let Some((sha256, _)) = &mut self.check {
            sha256.update(&piece);
        }
        if self.left.is_empty()
            && let Some((sha256, expected)) = self.check.take()
            && hex(&sha256.finalize()) != expected
        {
            return Err(corrupt("the body of the object is not what was written".to_owned()));
        }
        Ok(piece.into())
    }
}

async fn next_blocking(mut rest: Rest) -> Result<(Bytes, Rest), Error> {
    let task = tokio::task::spawn_blocking(move || rest.next().map(|piece| (piece, rest)));
    task.await.unwrap_or_else(|cause| {
        Err(Error::new(ErrorKind::Internal, "the blocking pool dropped the read").with_source(cause))
    })
}
