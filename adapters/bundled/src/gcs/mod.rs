//! Google Cloud Storage, through Google's own client where bodies are concerned.
//!
//! Bodies are written and read by the official crate `google-cloud-storage`, over its JSON transport: it computes and
//! checks CRC-32C and MD5, and takes interrupted uploads and downloads up again where they broke off. Its control client, which would describe, list, remove and copy, speaks gRPC and nothing else: a second transport and
//! protocol stack to the same service, with its own connections, and one that no emulator serves. So those calls are
//! made over the JSON API with the [HTTP client](crate::http) that our adapters share. What both see is the same: an
//! object's generation.
//!
//! # How the trait maps
//! - **Entity tag**: generation and metageneration. A version id is the generation; a bucket without versioning has no
//!   version ids and the adapter does not claim [`Versions`](Capability::Versions).
//! - **Conditional writes**: `ifGenerationMatch=0` creates, both numbers of an entity tag update. 412 is a settled
//!   conflict.
//! - **A read** is two requests: the object's description, then the body of exactly that generation, because what the
//!   client tells beside a body lacks the time of writing. A whole read is checked against the service's checksum at
//!   its end; a part has none to be checked against.
//! - **Uploads in parts** are objects of their own, put together by `compose`. A resumable session was the
//!   alternative and does not fit: its address is a credential that an [`Upload`](crate::traits::storage::Upload) may not carry, it takes bytes in
//!   order only, and nobody can list the sessions that were left over. See below for what lies where.
//! - **Locks**: a [`Governance`](crate::traits::storage::RetentionMode::Governance) retention is an *unlocked* object retention, a
//!   [`Compliance`](crate::traits::storage::RetentionMode::Compliance) one is *locked*, a legal hold is a temporary hold. Claimed when object
//!   retention is enabled on the bucket, which is possible only when it is created.
//! - **Regions**: [`connect`](GcsStorage::connect) asks where the bucket is and refuses another location than the one
//!   pinned.
//! - The idempotency key of a [`Context`] is not passed on: the service documents no such key for callers. A repeated
//!   write is told apart by its precondition.
//!
//! # What is repeated
//! The official client repeats nothing of its own accord here, so that retries above it do not multiply, with two
//! exceptions that only it can make: the rest of an upload from the session's last byte, and the rest of a download
//! that has begun, each at most twice. When those are used up the error is
//! [`Persistent`](RetryClass::Persistent).
//!
//! # Parts
//! The parts of an upload `ID` lie under `.companyos/parts<TAB>ID<TAB>NUMBER` and its description under
//! `.companyos/uploads<TAB>KEY<TAB>ID`. The tab keeps them apart from every [`ObjectKey`](crate::traits::storage::ObjectKey), none of which holds one, and
//! sorts below all that keys hold. Listings do not show them. A process that dies while it completes an upload can
//! leave parts behind that no upload lists any more: give the bucket a lifecycle rule that deletes what matches the
//! prefix `.companyos/parts` after a time that no upload takes. Composed objects have a CRC-32C and no MD5.
//!
//! # Permissions
//! `storage.buckets.get` and, on objects, `create`, `get`, `list`, `delete`, and `update` for locks
//! (`setRetention` and, to shorten one, `overrideUnlockedRetention`). Proxies named by environment variables apply to
//! bodies and not to control calls.

mod adapter;
mod config;
mod control;
mod copy;
mod credentials;
mod delete;
mod error;
mod get;
mod list;
mod lock;
mod presign;
mod put;
mod resource;
mod upload;

use std::fmt;
use std::time::Duration;

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::storage::{ChecksumAlgorithm, StorageClass, VersionId};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, ErrorKind, Limits, Outcome, PartLimits, RetryClass,
};
use google_cloud_auth::signer::Signer;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt as _, Recommended};
use http::Method;
use tokio::time::timeout;

pub use config::GcsConfig;
pub use credentials::GcsCredentials;

use control::{Call, Control, object};
use error::Diagnosis;
use resource::{Bucket, Resource};

const USER_AGENT: &str = concat!("companyos-adapters/", env!("CARGO_PKG_VERSION"));

/// The classes an object can be written in; the first is the usual one.
const CLASSES: [&str; 4] = ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"];

/// How often the official client begins a body, an interrupted one included.
const ATTEMPTS: u32 = 3;

/// The slowest upload that is waited for, in bytes per second.
const SLOWEST: u64 = 128 << 10;

/// A bucket of Google Cloud Storage.
///
/// ```no_run
/// # async fn run() -> Result<(), companyos_adapters::traits::Error> {
/// use companyos_adapters::gcs::{GcsConfig, GcsStorage};
/// use companyos_adapters::traits::Context;
/// use companyos_adapters::traits::storage::{ObjectKey, ObjectStorageExt};
///
/// let ctx = Context::builder("acme", "eu-central").build();
/// let config = GcsConfig::new("acme-exports").region("eu-central", "EUROPE-WEST3");
/// let storage = GcsStorage::connect(&ctx, config).await?;
/// let key = ObjectKey::new("reports/2026.csv")?;
/// storage.write(&ctx, &key, "a;b;c").await?;
/// # Ok(())
/// # }
/// ```
///
/// Must be used within a Tokio runtime.
pub struct GcsStorage {
    descriptor: Descriptor,
    control: Control,
    data: Storage,
    signer: Option<Signer>,
    diagnosis: Diagnosis,
    config: GcsConfig,
}

impl GcsStorage {
    /// Asks the service about the bucket, and is ready to use when it is where it should be.
    ///
    /// What the adapter claims follows from what the bucket and the credentials can do: versions, locks, signing.
    /// Connect anew when the bucket's configuration changes.
    ///
    /// # Errors
    /// - [`InvalidInput`](ErrorKind::InvalidInput) for a name, an endpoint or a key that cannot be right.
    /// - [`WrongRegion`](ErrorKind::WrongRegion) when the bucket is not where it is pinned.
    /// - [`NotFound`](ErrorKind::NotFound) when there is no such bucket,
    ///   [`PermissionDenied`](ErrorKind::PermissionDenied) when its description may not be read.
    /// - Those of the credentials and of the connection.
    pub async fn connect(ctx: &Context, config: GcsConfig) -> Result<Self, Error> {
        config.check()?;
        let (credentials, signer) = config.credentials.build()?;
        let control = Control::new(&config, credentials.clone())?;
        let wanted = Call::new("describing the bucket", Method::GET, "")
            .query("fields", "location,versioning,objectRetention,retentionPolicy,defaultEventBasedHold");
        let bucket: Bucket = control.call(ctx, wanted).await?;
        if let Some(pin) = &config.pin
            && !bucket.location.eq_ignore_ascii_case(&pin.location)
        {
            let (name, found) = (&config.bucket, bucket.location.to_ascii_uppercase());
            let why = format!("the bucket {name} is in {found}, not in {}", pin.location);
            return Err(Error::new(ErrorKind::WrongRegion, why));
        }
        let built = Storage::builder()
            .with_endpoint(&config.endpoint)
            .with_credentials(credentials)
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(Recommended.with_attempt_limit(ATTEMPTS))
            .with_resumable_upload_threshold(config.resumable_threshold)
            .build();
        let data =
            within(ctx, &config, config.stall_timeout, "connecting", built).await?.map_err(|cause| {
                let what = "the Cloud Storage client cannot be built";
                Error::new(ErrorKind::Unavailable, what).with_outcome(Outcome::NotSent).with_source(cause)
            })?;
        let descriptor = describe(&config, &bucket, signer.is_some());
        Ok(Self { descriptor, control, data, signer, diagnosis: config.diagnosis(), config })
    }

    /// Describes an object.
    async fn stat(&self, ctx: &Context, name: &str, version: Option<&VersionId>) -> Result<Resource, Error> {
        let generation = version.map(resource::generation_of).transpose()?;
        let call = Call::new("describing an object", Method::GET, object(name));
        self.control.call(ctx, call.query_some("generation", generation)).await
    }

    fn keeps_versions(&self) -> bool {
        self.descriptor.has(Capability::Versions)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.config.clock
    }
}

/// What an adapter for this bucket offers.
fn describe(config: &GcsConfig, bucket: &Bucket, signs: bool) -> Descriptor {
    let retains = bucket.object_retention.as_ref().is_some_and(|retention| retention.mode == "Enabled");
    // A bucket that holds on to all it is given would hold on to the parts of uploads too.
    let lets_go = bucket.retention_policy.is_none() && !bucket.default_event_based_hold;
    let bound = [
        (lets_go, Capability::Multipart),
        (signs, Capability::Presign),
        (bucket.versioning.enabled, Capability::Versions),
        (retains, Capability::ObjectLock),
    ];
    let always = [
        Capability::ConditionalCreate,
        Capability::ConditionalUpdate,
        Capability::Copy,
        Capability::StorageClasses,
        Capability::Checksums,
        Capability::KmsEncryption,
    ];
    let bound = bound.into_iter().filter_map(|(holds, capability)| holds.then_some(capability));
    let descriptor = Descriptor::new("gcs", env!("CARGO_PKG_VERSION"))
        .with_capabilities(always.into_iter().chain(bound))
        .with_limits(
            Limits::default()
                .max_object_bytes(config.max_object_bytes)
                .parts(PartLimits::default().bytes(1, config.max_object_bytes))
                .storage_classes(CLASSES.map(StorageClass::new))
                .checksums([ChecksumAlgorithm::Md5]),
        );
    match &config.pin {
        Some(pin) => descriptor.with_region(&pin.region),
        None => descriptor,
    }
}

/// Waits for the official client as long as the deadline and `limit` allow; it has no bounds of its own.
async fn within<T>(
    ctx: &Context,
    config: &GcsConfig,
    limit: Duration,
    doing: &str,
    work: impl Future<Output = T>,
) -> Result<T, Error> {
    ctx.check_deadline(config.clock.now())?;
    let left = ctx.remaining(config.clock.now());
    let by_deadline = left.is_some_and(|left| left < limit);
    timeout(left.map_or(limit, |left| left.min(limit)), work).await.map_err(|_| late(by_deadline, doing))
}

/// The time ran out after something may have been sent.
fn late(by_deadline: bool, doing: &str) -> Error {
    if by_deadline {
        // Permanent, because the same deadline passes only once.
        Error::new(ErrorKind::DeadlineExceeded, format!("the deadline passed while {doing}"))
            .with_retry(RetryClass::Permanent)
    } else {
        Error::new(ErrorKind::Unavailable, format!("{doing} took too long"))
    }
}

impl fmt::Debug for GcsStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsStorage")
            .field("descriptor", &self.descriptor)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
