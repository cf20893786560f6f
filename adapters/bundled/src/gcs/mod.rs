//! Google Cloud Storage, through Google's own client where bodies are concerned.
//!
//! Bodies are written and read by the official crate `google-cloud-storage`, over its JSON transport: it computes and
//! checks CRC-32C and MD5, and takes interrupted uploads and downloads up again where they broke off. Its control
//! client, which would describe, list, remove and copy, speaks gRPC and nothing else: a second transport and protocol
//! stack to the same service, with its own connections, and one that no emulator serves. So those calls are made over
//! the JSON API with the [HTTP client](crate::http) that our adapters share. What both see is the same: an object's
//! generation.
//!
//! # How the trait maps
//! - **Entity tag**: generation and metageneration. A version id is the generation; a bucket without versioning has no
//!   version ids and the adapter does not claim [`Versions`](Capability::Versions).
//! - **Conditional writes**: `ifGenerationMatch=0` creates, both numbers of an entity tag update. 412 is a settled
//!   conflict.
//! - **A read** is two requests, for the object's description and for the body of the same generation, because what the
//!   client tells beside a body lacks the time of writing. A plain one makes both at once. A whole read is checked
//!   against the service's checksum at its end; a part has none to be checked against.
//! - **Uploads in parts** are objects of their own, put together by `compose`. A resumable session was the alternative
//!   and does not fit: its address is a credential, which an [`Upload`](crate::traits::storage::Upload) may not carry,
//!   it takes bytes in order only, and nobody can list the sessions that were left over. See below for what lies where.
//!   Not claimed for a bucket that retains or holds all that is written to it, the parts included.
//! - **Locks**: a [`Governance`] retention is an *unlocked* object retention, a [`Compliance`] one is *locked*, a legal
//!   hold is a temporary hold. Claimed when object retention is enabled on the bucket.
//! - **Regions**: [`connect`](GcsStorageBuilder::connect) asks where the bucket is and refuses another location than
//!   the one it was told.
//! - The idempotency key of a [`Context`] is not passed on: the service documents no such key for callers. A repeated
//!   write is told apart by its precondition.
//!
//! # What is repeated
//! The official client repeats nothing of its own accord here, so that retries above it do not multiply, with two
//! exceptions that only it can make: an upload in a session, from the last byte the service has, and a download that
//! has begun, from the last byte that arrived, each at most twice. When those are used up the error is
//! [`Persistent`](RetryClass::Persistent).
//!
//! # Parts
//! The parts of an upload `ID` lie under `.companyos/parts<TAB>ID<TAB>NUMBER` and its description under
//! `.companyos/uploads<TAB>KEY<TAB>ID`. The tab keeps them apart from every [`ObjectKey`], none of which holds one, and
//! sorts below all that keys hold. Listings do not show them. A process that dies while it completes an upload can
//! leave parts behind that no upload lists any more: give the bucket a lifecycle rule that deletes what matches the
//! prefix `.companyos/parts` after a time that no upload takes. Composed objects have a CRC-32C and no MD5.
//!
//! # Permissions
//! `storage.buckets.get` and, on objects, `create`, `get`, `list`, `delete`, and `update` for locks (`setRetention` and,
//! to shorten one, `overrideUnlockedRetention`). Proxies named by environment variables apply to bodies and not to
//! control calls.
//!
//! [`Governance`]: crate::traits::storage::RetentionMode::Governance
//! [`Compliance`]: crate::traits::storage::RetentionMode::Compliance
//! [`ObjectKey`]: crate::traits::storage::ObjectKey

mod adapter;
mod config;
mod control;
mod copy;
mod credentials;
mod delete;
mod error;
mod list;
mod lock;
mod open;
mod presign;
mod read;
mod resource;
mod upload;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::storage::VersionId;
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ErrorKind, RetryClass};
use google_cloud_auth::signer::Signer;
use google_cloud_storage::client::Storage;
use http::Method;
use tokio::time::timeout;

pub use config::GcsStorageBuilder;
pub use credentials::GcsCredentials;

use control::{Call, Control, object};
use error::Diagnosis;
use resource::Resource;

/// The adapter's name.
const NAME: &str = "gcs";

const USER_AGENT: &str = concat!("companyos-adapters/", env!("CARGO_PKG_VERSION"));

/// The classes an object can be written in; the first is the usual one.
const CLASSES: [&str; 4] = ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"];

/// How often the official client begins a body, an interrupted one included.
const ATTEMPTS: u32 = 3;

/// The slowest upload that is waited for, in bytes per second.
const SLOWEST: u64 = 64 << 10;

/// An [`ObjectStorage`](crate::traits::ObjectStorage) in a bucket of Google Cloud Storage.
///
/// ```no_run
/// # async fn run() -> Result<(), companyos_adapters::traits::Error> {
/// use companyos_adapters::gcs::GcsStorage;
/// use companyos_adapters::traits::Context;
/// use companyos_adapters::traits::storage::{ObjectKey, ObjectStorageExt};
///
/// let storage = GcsStorage::builder("acme-exports", "EUROPE-WEST3").serves("eu-central").connect().await?;
/// let ctx = Context::builder("acme", "eu-central").build();
/// let key = ObjectKey::new("reports/2026.csv")?;
/// storage.write(&ctx, &key, "a;b;c").await?;
/// # Ok(())
/// # }
/// ```
///
/// The methods must be called within a Tokio runtime. Clones share the connections.
#[derive(Clone)]
pub struct GcsStorage {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: Descriptor,
    control: Control,
    data: Storage,
    signer: Option<Signer>,
    diagnosis: Diagnosis,
    config: GcsStorageBuilder,
}

impl GcsStorage {
    /// Chooses the bucket, and the location it must be in, by Google's name, as in `EUROPE-WEST3` or `EU`. The case
    /// does not matter.
    pub fn builder(bucket: impl Into<String>, location: impl Into<String>) -> GcsStorageBuilder {
        GcsStorageBuilder::new(bucket.into(), location.into())
    }
}

impl Shared {
    /// Describes an object.
    async fn stat(&self, ctx: &Context, name: &str, version: Option<&VersionId>) -> Result<Resource, Error> {
        let generation = version.map(resource::generation_of).transpose()?;
        let call = Call::new("describing an object", Method::GET, object(name));
        self.control.call(ctx, call.query_some("generation", generation)).await
    }

    /// The bucket's name as the official client wants it.
    fn bucket(&self) -> String {
        format!("projects/_/buckets/{}", self.config.bucket)
    }

    fn keeps_versions(&self) -> bool {
        self.descriptor.has(Capability::Versions)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.config.clock
    }
}

/// Waits for the official client as long as the deadline and `limit` allow; it has no bounds of its own.
async fn within<T>(
    ctx: &Context,
    config: &GcsStorageBuilder,
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
            .field("descriptor", &self.shared.descriptor)
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
