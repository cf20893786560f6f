//! Writing, copying and removing objects.

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    CopyOptions, DeleteOptions, ETag, ObjectKey, ObjectMeta, PutMode, PutOptions, StorageClass, VersionId,
    operations,
};
use companyos_adapter_traits::{Conflict, Context, Error, ErrorKind};

use super::Shared;
use super::call::Stamp;
use super::convert::{broken, checksums, etag, metadata, percent_encoded, quoted, size, time};
use super::read::named;

/// How often a copy is tried whose source is replaced meanwhile.
const COPIES: u32 = 3;

/// The largest object that one request copies: 5 GiB.
const LARGEST_COPY: u64 = 5 << 30;

/// Says how the object is kept, in requests of the SDK that have the same setters and no common type.
macro_rules! placed {
    ($request:expr, $placement:expr) => {{
        use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
        let (request, placement) = ($request, $placement);
        let retention = placement.lock.retention.as_ref();
        let hold = placement.lock.legal_hold.then(|| $crate::s3::convert::hold(true));
        request
            .set_storage_class(
                placement.storage_class.as_ref().map(|class| StorageClass::from(class.as_str())),
            )
            .set_server_side_encryption(placement.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms))
            .set_ssekms_key_id(placement.kms_key.clone())
            .set_object_lock_mode(retention.map(|retention| $crate::s3::convert::lock_mode(retention.mode)))
            .set_object_lock_retain_until_date(retention.map(|retention| retention.until.into()))
            .set_object_lock_legal_hold_status(hold)
    }};
}
pub(super) use placed;

/// Has the body checked on arrival, against the caller's checksum or one of `otherwise` that the SDK computes.
macro_rules! checked {
    ($request:expr, $checksum:expr, $otherwise:expr) => {{
        use companyos_adapter_traits::storage::{Checksum, ChecksumAlgorithm as Algorithm};
        let (request, checksum): (_, Option<&Checksum>) = ($request, $checksum);
        let value = |of: Algorithm| {
            checksum.filter(|checksum| checksum.algorithm == of).map($crate::s3::convert::encode)
        };
        let algorithm = checksum.and_then(|checksum| $crate::s3::convert::algorithm(checksum.algorithm));
        request
            .set_checksum_algorithm(algorithm.or($otherwise))
            .set_checksum_crc64_nvme(value(Algorithm::Crc64Nvme))
            .set_checksum_crc32_c(value(Algorithm::Crc32c))
            .set_checksum_crc32(value(Algorithm::Crc32))
            .set_checksum_sha1(value(Algorithm::Sha1))
            .set_checksum_sha256(value(Algorithm::Sha256))
    }};
}
pub(super) use checked;

/// The header fields of a condition: `If-None-Match` and `If-Match`.
pub(super) fn conditions(mode: &PutMode) -> (Option<String>, Option<String>) {
    match mode {
        PutMode::Overwrite => (None, None),
        PutMode::Create => (Some("*".to_owned()), None),
        PutMode::Update(tag) => (None, Some(quoted(tag))),
    }
}

/// An update of an object that is not there is a conflict to the caller, and a missing key to the provider.
pub(super) fn conflicted(error: Error, key: &ObjectKey, mode: &PutMode) -> Error {
    let why = match (error.kind(), mode) {
        (ErrorKind::NotFound, PutMode::Update(_)) if error.provider_code() == Some("NoSuchKey") => {
            format!("there is no object {key}")
        }
        (ErrorKind::Conflict(Conflict::Settled), PutMode::Create) => format!("the object {key} exists"),
        (ErrorKind::Conflict(Conflict::Settled), PutMode::Update(_)) => {
            format!("the object {key} is not the version named")
        }
        _ => return error,
    };
    let mut conflict = Error::new(ErrorKind::Conflict(Conflict::Settled), why);
    if let Some(code) = error.provider_code() {
        conflict = conflict.with_provider_code(code);
    }
    if let Some(id) = error.provider_request_id() {
        conflict = conflict.with_provider_request_id(id);
    }
    conflict.with_source(error)
}

impl Shared {
    pub(super) async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        let length = body.len() as u64;
        self.check_length(length, self.descriptor.limits.max_object_bytes)?;
        let (if_none_match, if_match) = conditions(&options.mode);
        let stamp = Stamp::default();
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .body(ByteStream::from(body))
            .set_content_type(options.attributes.content_type.clone())
            .set_metadata(metadata(&options.attributes)?)
            .set_if_none_match(if_none_match)
            .set_if_match(if_match);
        let request = checked!(request, options.checksum.as_ref(), Some(ChecksumAlgorithm::Crc64Nvme));
        let mut request = placed!(request, &options.placement).customize().interceptor(stamp.clone());
        if options.mode != PutMode::Overwrite {
            request = request.config_override(tried_once());
        }
        let answer = self.send(ctx, operations::PUT, length, request.send()).await;
        let answer = answer.map_err(|error| conflicted(error, key, &options.mode))?;
        let written = stamp.time(self.clock.wall());
        let mut meta = ObjectMeta::new(key.clone(), length, etag(answer.e_tag.as_deref())?, written);
        meta.checksums = checksums!(answer);
        meta.version = answer.version_id.map(VersionId::new);
        meta.storage_class = options.placement.storage_class.clone();
        Ok(meta)
    }

    /// Refuses a body over the limit.
    pub(super) fn check_length(&self, length: u64, limit: u64) -> Result<(), Error> {
        if length > limit {
            let why = format!("{length} bytes are more than the {limit} that one call can write");
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        Ok(())
    }

    pub(super) async fn delete(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        let request = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .set_version_id(options.version.as_ref().map(|version| version.as_str().to_owned()))
            .set_bypass_governance_retention(options.bypass_governance.then_some(true))
            .send();
        match self.send(ctx, operations::DELETE, 0, request).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        }
    }

    /// The answer to a copy does not say how long the object is, and the source may change while one asks: so the
    /// source is described first, and that version of it copied.
    pub(super) async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let source = self.head_object(ctx, from, options.version.as_ref(), operations::COPY).await?;
            let (length, tag) = (size(source.content_length)?, etag(source.e_tag.as_deref())?);
            if length > LARGEST_COPY {
                let why = format!("{from} has {length} bytes, and a copy has at most {LARGEST_COPY}");
                return Err(Error::new(ErrorKind::LimitExceeded, why));
            }
            if from == to && *options == CopyOptions::default() {
                // The provider refuses a copy that changes nothing.
                let mut meta = ObjectMeta::new(to.clone(), length, tag, time(source.last_modified.as_ref())?);
                meta.checksums = checksums!(source);
                meta.version = source.version_id.map(VersionId::new);
                return Ok(meta);
            }
            match self.copy_version(ctx, (from, &tag), to, length, options).await {
                Err(error) if *error.kind() == ErrorKind::Conflict(Conflict::Settled) => {
                    if tried == COPIES {
                        let why = format!("{from} was replaced whenever it was about to be copied");
                        return Err(
                            Error::new(ErrorKind::Conflict(Conflict::InFlight), why).with_source(error)
                        );
                    }
                }
                result => return result,
            }
        }
    }

    async fn copy_version(
        &self,
        ctx: &Context,
        (from, tag): (&ObjectKey, &ETag),
        to: &ObjectKey,
        length: u64,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut source = format!("{}/{}", self.bucket, percent_encoded(from.as_str(), b'/'));
        if let Some(version) = &options.version {
            source.push_str("?versionId=");
            source.push_str(&percent_encoded(version.as_str(), 0));
        }
        let request = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(to.as_str())
            .copy_source(source)
            .copy_source_if_match(quoted(tag));
        let request = placed!(request, &options.placement).send();
        // The provider answers when the copy is made, at its own speed.
        let answer = self.send(ctx, operations::COPY, length, request).await;
        let answer = answer.map_err(|error| named(error, from))?;
        let made = answer.copy_object_result.ok_or_else(|| broken("the result of the copy"))?;
        let tag = etag(made.e_tag.as_deref())?;
        let mut meta = ObjectMeta::new(to.clone(), length, tag, time(made.last_modified.as_ref())?);
        meta.checksums = checksums!(made);
        meta.version = answer.version_id.map(VersionId::new);
        meta.storage_class =
            options.placement.storage_class.as_ref().map(|class| StorageClass::new(class.as_str()));
        Ok(meta)
    }
}

/// A conditional write that is sent twice may meet its own effect.
pub(super) fn tried_once() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(1))
}
