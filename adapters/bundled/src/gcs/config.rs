//! Which bucket, where, as whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::{Error, ErrorKind, Limits};
use url::Url;

use super::GcsCredentials;
use super::error::Diagnosis;
use crate::http::HttpConfig;

const ENDPOINT: &str = "https://storage.googleapis.com";

/// The bucket a [`GcsStorage`](super::GcsStorage) stores in, and how it reaches it.
///
/// ```
/// use companyos_adapters::gcs::{GcsConfig, GcsCredentials};
///
/// let config = GcsConfig::new("acme-exports")
///     .region("eu-central", "EUROPE-WEST3")
///     .credentials(GcsCredentials::application_default());
/// ```
#[derive(Clone)]
#[must_use]
pub struct GcsConfig {
    pub(super) bucket: String,
    pub(super) endpoint: String,
    pub(super) credentials: GcsCredentials,
    pub(super) pin: Option<Pin>,
    pub(super) http: HttpConfig,
    pub(super) stall_timeout: Duration,
    pub(super) resumable_threshold: usize,
    pub(super) max_object_bytes: u64,
    pub(super) clock: Arc<dyn Clock>,
}

/// A region of the caller's, and the location a bucket must be in to serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) region: String,
    pub(super) location: String,
}

impl GcsConfig {
    /// The bucket of that name, at Google, with Application Default Credentials, for any region.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            endpoint: ENDPOINT.to_owned(),
            credentials: GcsCredentials::application_default(),
            pin: None,
            // A page of a listing is larger than what an API usually answers.
            http: HttpConfig::default().max_response_bytes(16 << 20),
            stall_timeout: Duration::from_secs(30),
            resumable_threshold: 8 << 20,
            max_object_bytes: Limits::default().max_object_bytes,
            clock: Arc::new(SystemClock),
        }
    }

    /// Talks to another server than Google's: an emulator on the own machine, or a Private Service Connect endpoint.
    /// An origin without a path, as in `http://127.0.0.1:9023`.
    pub fn endpoint(mut self, origin: impl Into<String>) -> Self {
        self.endpoint = origin.into();
        self
    }

    /// Sets who the adapter is to the service.
    pub fn credentials(mut self, credentials: GcsCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Pins the adapter to `region`, the caller's own name of it, and insists that the bucket is in `location`, the
    /// service's name, as in `EUROPE-WEST3` or `EU`. The case does not matter.
    pub fn region(mut self, region: impl Into<String>, location: impl Into<String>) -> Self {
        self.pin = Some(Pin { region: region.into(), location: location.into() });
        self
    }

    /// Sets the bounds of control calls. Its timeouts and trust roots do not apply to bodies, which the official
    /// client moves with its own connections; see [`stall_timeout`](Self::stall_timeout).
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }

    /// Sets how long a body may stand still while it is read, and how long an answer may take beyond the time the
    /// upload itself needs at 128 KiB/s. The default is 30 s.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets from which size, in bytes, an object is written in a session that can be taken up again where it broke
    /// off, which costs a round trip. The default is 8 MiB.
    pub fn resumable_threshold(mut self, bytes: usize) -> Self {
        self.resumable_threshold = bytes;
        self
    }

    /// Sets the largest object one call may write, in bytes. The default is 5 GiB.
    pub fn max_object_bytes(mut self, bytes: u64) -> Self {
        self.max_object_bytes = bytes;
        self
    }

    /// Reads the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Refuses what can be seen to be wrong without asking the service.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        // The official client puts the name into paths as it is.
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        if !(3..=222).contains(&self.bucket.len()) || !self.bucket.bytes().all(allowed) {
            return refuse(format!("{:?} is not the name of a bucket", self.bucket));
        }
        if !is_origin(&self.endpoint) {
            return refuse(format!("the endpoint {:?} is not an origin without a path", self.endpoint));
        }
        if self.pin.as_ref().is_some_and(|pin| pin.region.is_empty() || pin.location.is_empty()) {
            return refuse("a region is pinned without naming it or its location".to_owned());
        }
        Ok(())
    }

    pub(super) fn diagnosis(&self) -> Diagnosis {
        Diagnosis { clock: Arc::clone(&self.clock), token: self.credentials.token() }
    }

    /// The bucket's name as the official client wants it.
    pub(super) fn resource_name(&self) -> String {
        format!("projects/_/buckets/{}", self.bucket)
    }
}

/// Whether the text is scheme and authority alone, and safe to send credentials and bodies to: https, or http to the
/// own machine, which the shared HTTP client holds to as well.
fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let safe = match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(ip))) => ip.is_loopback(),
        ("http", Some(url::Host::Ipv6(ip))) => ip.is_loopback(),
        _ => false,
    };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    safe && bare && !text.ends_with('/') && url.username().is_empty() && url.password().is_none()
}

impl fmt::Debug for GcsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsConfig")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_endpoint_is_an_origin_that_is_encrypted_or_the_own_machine() {
        for good in
            ["https://storage.googleapis.com", "http://127.0.0.1:9023", "http://[::1]:1", "http://localhost"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "http://storage.googleapis.com",
            "https://storage.googleapis.com/",
            "https://storage.googleapis.com/path",
            "https://user@storage.googleapis.com",
            "https://storage.googleapis.com?a=b",
            "ftp://127.0.0.1",
            "storage.googleapis.com",
            "",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
