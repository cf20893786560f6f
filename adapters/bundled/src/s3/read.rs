//! Reading objects.

use std::ops::Range;
use std::time::Instant;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream as SdkStream;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    ByteRange, ByteStream, GetOptions, Head, HeadOptions, Object, ObjectKey, ObjectMeta, StorageClass,
    VersionId, operations,
};
use companyos_adapter_traits::{Conflict, Context, Error, ErrorKind};
use futures_util::stream;

use super::Shared;
use super::call::past_deadline;
use super::convert::{attributes, broken, checksums, etag, kms_key, lock, quoted, size, time};
use super::error::{body_failed, is_mute};

/// Describes what an answer with the header fields of an object describes.
macro_rules! head {
    ($key:expr, $answer:expr, $size:expr) => {{
        let answer = &mut $answer;
        let tag = etag(answer.e_tag.as_deref())?;
        let mut meta = ObjectMeta::new($key.clone(), $size, tag, time(answer.last_modified.as_ref())?);
        meta.version = answer.version_id.take().map(VersionId::new);
        meta.storage_class = answer.storage_class.as_ref().map(|class| StorageClass::new(class.as_str()));
        meta.checksums = checksums!(answer);
        let mut head = Head::new(meta, attributes(answer.content_type.take(), answer.metadata.take()));
        head.kms_key = kms_key(answer.server_side_encryption.as_ref(), answer.ssekms_key_id.take());
        head.lock = lock(
            answer.object_lock_mode.as_ref(),
            answer.object_lock_retain_until_date.as_ref(),
            answer.object_lock_legal_hold_status.as_ref(),
        );
        head
    }};
}

impl Shared {
    pub(super) async fn get(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<Object, Error> {
        let range = options.range.map(field).transpose()?;
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .checksum_mode(ChecksumMode::Enabled)
            .set_range(range)
            .set_if_match(options.if_match.as_ref().map(quoted))
            .set_version_id(options.version.as_ref().map(|version| version.as_str().to_owned()))
            .send();
        let answer = self.send(ctx, operations::GET, 0, request).await;
        let mut answer = answer.map_err(|error| named(error, key))?;
        let (range, total) = match (&answer.content_range, options.range) {
            (Some(range), Some(asked)) => {
                let (range, total) = parse(range).ok_or_else(|| broken("a range that can be read"))?;
                if asked.resolve(total)? != range {
                    return Err(Error::new(ErrorKind::Internal, "the provider answered another range"));
                }
                (range, total)
            }
            (None, Some(_)) => return Err(broken("the range that was asked for")),
            (_, None) => {
                let total = size(answer.content_length)?;
                (0..total, total)
            }
        };
        let head = head!(key, answer, total);
        // Some servers ignore the condition.
        if options.if_match.as_ref().is_some_and(|tag| *tag != head.meta.etag) {
            let why = format!("the object {key} is not the version named");
            return Err(Error::new(ErrorKind::Conflict(Conflict::Settled), why));
        }
        let body = Body { inner: answer.body, left: range.end - range.start, deadline: ctx.deadline };
        Ok(Object::new(head, range, body.into_stream()))
    }

    pub(super) async fn head(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &HeadOptions,
    ) -> Result<Head, Error> {
        let mut answer = self.head_object(ctx, key, options.version.as_ref(), operations::HEAD).await?;
        let total = size(answer.content_length)?;
        Ok(head!(key, answer, total))
    }

    pub(super) async fn head_object(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        version: Option<&VersionId>,
        operation: &'static str,
    ) -> Result<HeadObjectOutput, Error> {
        let version = version.map(|version| version.as_str().to_owned());
        let request = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .checksum_mode(ChecksumMode::Enabled)
            .set_version_id(version.clone())
            .send();
        let error = match self.send(ctx, operation, 0, request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !is_mute(&error) {
            return Err(named(error, key));
        }
        // The refusal of a HEAD has no body. That of a GET for the same has one, and says why.
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .range("bytes=0-0")
            .set_version_id(version)
            .send();
        self.send(ctx, operation, 0, request).await.map_err(|error| named(error, key)).and(Err(error))
    }
}

/// Says which object is not there, which the provider's message does not.
pub(super) fn named(error: Error, key: &ObjectKey) -> Error {
    // A delete marker answers 405 to whoever names it as a version.
    let absent = *error.kind() == ErrorKind::NotFound
        || matches!(error.provider_code(), Some("MethodNotAllowed" | "405"));
    if !absent {
        return error;
    }
    let mut named = Error::new(ErrorKind::NotFound, format!("there is no object {key}"));
    if let Some(code) = error.provider_code() {
        named = named.with_provider_code(code);
    }
    if let Some(id) = error.provider_request_id() {
        named = named.with_provider_request_id(id);
    }
    named.with_source(error)
}

/// A range as RFC 9110 section 14.2 writes it; what selects nothing of any object is refused here.
fn field(range: ByteRange) -> Result<String, Error> {
    range.resolve(u64::MAX)?;
    Ok(match range {
        ByteRange::Bounded(start, end) => format!("bytes={start}-{}", end - 1),
        ByteRange::From(start) => format!("bytes={start}-"),
        ByteRange::Last(count) => format!("bytes=-{count}"),
    })
}

/// Reads `bytes 0-9/1000`.
fn parse(range: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    let total = total.parse().ok()?;
    (range.start < range.end && range.end <= total).then_some((range, total))
}

/// A body on its way, held to the deadline and to its length. The SDK holds it to its checksum, and to coming at all.
struct Body {
    inner: SdkStream,
    left: u64,
    deadline: Option<Instant>,
}

impl Body {
    fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, |mut body| async {
            Ok(body.next().await?.map(|piece| (piece, body)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = match self.deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), self.inner.next())
                .await
                .map_err(|_| past_deadline(operations::GET))?,
            None => self.inner.next().await,
        };
        match piece.transpose().map_err(body_failed)? {
            Some(piece) => {
                let length = piece.len() as u64;
                self.left = self.left.checked_sub(length).ok_or_else(|| broken("an end of the body"))?;
                Ok(Some(piece))
            }
            None if self.left == 0 => Ok(None),
            None => Err(Error::new(ErrorKind::Unavailable, format!("the body lacks {} bytes", self.left))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_and_read_as_rfc_9110_has_them() {
        let written = |range| field(range).map_err(|error| error.kind().clone());
        assert_eq!(written(ByteRange::Bounded(10, 20)), Ok("bytes=10-19".to_owned()));
        assert_eq!(written(ByteRange::From(5)), Ok("bytes=5-".to_owned()));
        assert_eq!(written(ByteRange::Last(3)), Ok("bytes=-3".to_owned()));
        assert_eq!(written(ByteRange::Last(0)), Err(ErrorKind::RangeNotSatisfiable));
        assert_eq!(written(ByteRange::Bounded(6, 5)), Err(ErrorKind::InvalidInput));
        assert_eq!(parse("bytes 0-9/1000"), Some((0..10, 1000)));
        for wrong in ["bytes 0-9/*", "bytes 9-8/10", "bytes 0-10/10", "0-9/10", "bytes */10", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
