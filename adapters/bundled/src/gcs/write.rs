//! Writing a body.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ObjectKey, ObjectMeta, Placement, PutMode, PutOptions, Retention,
};
use companyos_adapter_traits::{Conflict, Context, Error, ErrorKind, Outcome};
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_storage::builder::storage::WriteObject;
use google_cloud_storage::model::{Object, object};
use google_cloud_storage::retry_policy::RetryableErrors;
use google_cloud_storage::streaming_source::BytesSource;

use super::resource::{Generation, Resource, retention_json};
use super::{ATTEMPTS, SLOWEST, Shared, USER_AGENT, within};

const DOING: &str = "writing an object";

/// What a write is to make.
pub(super) struct Write<'w> {
    pub(super) name: &'w str,
    pub(super) body: Bytes,
    pub(super) attributes: &'w Attributes,
    pub(super) placement: &'w Placement,
    pub(super) checksum: Option<&'w Checksum>,
    pub(super) condition: Condition,
}

/// What a write may replace, in the service's terms.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    None,
    Absent,
    Is(Generation),
}

impl Condition {
    /// # Errors
    /// A settled conflict for an entity tag that is none of ours: whatever is there, it is not that.
    pub(super) fn of(mode: &PutMode) -> Result<Self, Error> {
        match mode {
            PutMode::Overwrite => Ok(Self::None),
            PutMode::Create => Ok(Self::Absent),
            PutMode::Update(etag) => Generation::parse(etag).map(Self::Is).ok_or_else(|| {
                let why = format!("there is no version {etag} of any object");
                Error::new(ErrorKind::Conflict(Conflict::Settled), why)
            }),
        }
    }

    /// The generation that must be there, zero for none; and the metageneration.
    pub(super) fn generations(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::None => (None, None),
            Self::Absent => (Some(0), None),
            Self::Is(state) => (Some(state.generation), Some(state.metageneration)),
        }
    }
}

impl Shared {
    pub(super) async fn put_object(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        ctx.check_deadline(self.clock().now())?;
        let limit = self.config.max_object_bytes;
        if body.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("an object holds at most {limit} bytes"),
            ));
        }
        let written = self
            .write(
                ctx,
                Write {
                    name: key.as_str(),
                    body,
                    attributes: &options.attributes,
                    placement: &options.placement,
                    checksum: options.checksum.as_ref(),
                    condition: Condition::of(&options.mode)?,
                },
            )
            .await?;
        Ok(written.meta(key.clone(), self.keeps_versions()))
    }

    /// Writes an object in one call, or in a session when it is large.
    pub(super) async fn write(&self, ctx: &Context, write: Write<'_>) -> Result<Resource, Error> {
        let size = write.body.len();
        let in_session = size >= self.config.resumable_threshold;
        let needed = Duration::from_secs(size as u64 / SLOWEST);
        let limit = self.config.timeout.saturating_add(needed);
        let request = self.prepare(write)?;
        // Both send the checksum before the body, so that the service refuses a damaged body instead of keeping it.
        let written = if in_session {
            // Only the client knows the session, so only it can take the upload up where it broke off.
            let request = request.with_retry_policy(RetryableErrors.with_attempt_limit(ATTEMPTS));
            within(ctx, &self.config, limit, DOING, request.send_unbuffered()).await?
        } else {
            within(ctx, &self.config, limit, DOING, request.send_buffered()).await?
        };
        match written {
            Ok(object) => resource(object),
            Err(cause) => {
                let error = self.diagnosis.of_client(DOING, cause);
                Err(if in_session { error.into_persistent() } else { error })
            }
        }
    }

    fn prepare(&self, write: Write<'_>) -> Result<WriteObject<BytesSource>, Error> {
        let Write { name, body, attributes, placement, checksum, condition } = write;
        let mut request = self
            .data
            .write_object(self.bucket(), name, body)
            .with_user_agent(USER_AGENT)
            .set_metadata(&attributes.metadata);
        if let Some(content_type) = &attributes.content_type {
            request = request.set_content_type(content_type);
        }
        let (generation, metageneration) = condition.generations();
        if let Some(generation) = generation {
            request = request.set_if_generation_match(generation);
        }
        if let Some(metageneration) = metageneration {
            request = request.set_if_metageneration_match(metageneration);
        }
        if let Some(class) = &placement.storage_class {
            request = request.set_storage_class(class.as_str());
        }
        if let Some(key) = &placement.kms_key {
            request = request.set_kms_key(key);
        }
        if placement.lock.legal_hold {
            request = request.set_temporary_hold(true);
        }
        if let Some(retention) = &placement.lock.retention {
            request = request.set_retention(client_retention(retention)?);
        }
        Ok(match checksum.map(|Checksum { algorithm, value, .. }| (algorithm, value.as_slice())) {
            Some((ChecksumAlgorithm::Crc32c, &[a, b, c, d])) => {
                request.with_known_crc32c(u32::from_be_bytes([a, b, c, d]))
            }
            // The client computes the CRC-32C too, whatever else is named.
            Some((ChecksumAlgorithm::Md5, value)) => request.with_known_md5_hash(value.iter().copied()),
            _ => request,
        })
    }
}

/// A retention as the client wants it. Made by way of JSON, because the client's own words for the modes are those of
/// gRPC (`LOCKED`), which it would pass on to an API that has others (`Locked`).
fn client_retention(retention: &Retention) -> Result<object::Retention, Error> {
    serde_json::from_value(retention_json(retention)?).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "the retention cannot be written").with_source(cause)
    })
}

/// What was written, in the words of the control calls.
fn resource(object: Object) -> Result<Resource, Error> {
    let broken = |what: &str| {
        // It is written all the same.
        Error::new(ErrorKind::Internal, format!("{DOING}: the answer has no {what}"))
            .with_outcome(Outcome::MaybeSent)
    };
    if object.generation <= 0 {
        return Err(broken("generation"));
    }
    let created = object.create_time.ok_or_else(|| broken("time"))?;
    let seconds = u64::try_from(created.seconds()).map_err(|_| broken("time that makes sense"))?;
    let nanos = u32::try_from(created.nanos()).unwrap_or_default();
    let checksums = object.checksums.unwrap_or_default();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Resource {
        name: object.name,
        generation: object.generation,
        metageneration: object.metageneration,
        size: u64::try_from(object.size).map_err(|_| broken("size that makes sense"))?,
        time_created: UNIX_EPOCH + Duration::new(seconds, nanos),
        time_deleted: None,
        content_type: some(object.content_type),
        metadata: object.metadata.into_iter().collect(),
        storage_class: some(object.storage_class),
        kms_key_name: some(object.kms_key),
        crc32c: checksums.crc32c.map(|crc| crc.to_be_bytes().to_vec()),
        md5_hash: Some(checksums.md5_hash.to_vec()).filter(|md5| !md5.is_empty()),
        retention: None,
        temporary_hold: object.temporary_hold,
        event_based_hold: object.event_based_hold.unwrap_or_default(),
    })
}
