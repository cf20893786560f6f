//! Where the bucket is, who asks, and what is claimed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::{ChecksumAlgorithm, StorageClass};
use companyos_adapter_traits::{Capability, Limits};

/// Keys to sign requests with. `Debug` shows only which they are.
#[derive(Clone)]
pub struct S3Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl S3Credentials {
    /// A pair of keys.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
        }
    }

    /// The token that comes with temporary keys.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Chooses how a bucket is reached; [`S3Storage::builder`](super::S3Storage::builder) starts one.
#[derive(Debug, Clone)]
#[must_use]
pub struct S3StorageBuilder {
    pub(super) bucket: String,
    pub(super) region: String,
    pub(super) label: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) path_style: bool,
    pub(super) credentials: Option<S3Credentials>,
    pub(super) claims: Option<Vec<Capability>>,
    pub(super) kms: bool,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
}

impl S3StorageBuilder {
    pub(super) fn new(bucket: String, region: String) -> Self {
        use ChecksumAlgorithm::{Crc32, Crc64Nvme, Sha1, Sha256};
        Self {
            bucket,
            region,
            label: None,
            endpoint: None,
            path_style: false,
            credentials: None,
            claims: None,
            kms: false,
            timeout: Duration::from_secs(30),
            attempts: 1,
            limits: Limits::default().checksums([Crc64Nvme, Sha256, Crc32, Sha1]),
            clock: Arc::new(SystemClock),
        }
    }

    /// Names the region as the host's contexts do, as in `eu-central` for AWS's `eu-central-1`. The descriptor names
    /// the provider's region otherwise.
    pub fn serves(mut self, region: impl Into<String>) -> Self {
        self.label = Some(region.into());
        self
    }

    /// Asks this server instead of AWS, as in `http://127.0.0.1:9000`, with the bucket in the path.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self.path_style = true;
        self
    }

    /// Has the bucket in the host name although an endpoint is given, for servers that want it there.
    pub fn virtual_hosted(mut self) -> Self {
        self.path_style = false;
        self
    }

    /// Signs with these keys instead of those of the standard chain: environment, shared files, web identity,
    /// container, instance.
    pub fn credentials(mut self, credentials: S3Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Claims exactly these capabilities instead of probing for them: for a server one knows, and for credentials
    /// that may not write. [`AMAZON`](super::AMAZON) is what Amazon's own S3 offers. Nothing is checked: what is
    /// claimed and does not work is for the conformance suite to find.
    pub fn claims(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.claims = Some(capabilities.into_iter().collect());
        self
    }

    /// Offers these classes of storage, the first being the usual one. None is offered otherwise.
    pub fn storage_classes(mut self, classes: impl IntoIterator<Item = StorageClass>) -> Self {
        self.limits = self.limits.storage_classes(classes);
        self
    }

    /// Offers encryption with keys the customer manages (SSE-KMS), which cannot be probed for.
    pub fn kms_encryption(mut self) -> Self {
        self.kms = true;
        self
    }

    /// How long the provider may take to answer, beyond the time the body takes at 64 KiB/s; 30 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the SDK try a request so many times: 1 unless set, because a retrying wrapper around the adapter would
    /// multiply with it. Beyond 1 an error that is still there is
    /// [`Persistent`](companyos_adapter_traits::RetryClass::Persistent), and no wrapper repeats it. Conditional writes
    /// are tried once in any case: the second try would meet the first one's object and call it a conflict.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Holds objects to at most so many bytes in one call, below the 5 GiB of the protocol.
    pub fn max_object_bytes(mut self, bytes: u64) -> Self {
        let bytes = bytes.min(Limits::default().max_object_bytes);
        self.limits = self.limits.max_object_bytes(bytes);
        self
    }

    /// Reads the time from `clock`: requests are signed with it.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// The clock of the adapter, for the SDK.
#[derive(Debug)]
pub(super) struct SdkClock(pub(super) Arc<dyn Clock>);

impl aws_smithy_async::time::TimeSource for SdkClock {
    fn now(&self) -> std::time::SystemTime {
        self.0.wall()
    }
}
