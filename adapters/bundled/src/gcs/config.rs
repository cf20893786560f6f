//! Where the bucket is, and who asks.

use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::{Error, ErrorKind, Limits};
use url::Url;

use super::GcsCredentials;
use super::error::Diagnosis;

/// Chooses how a bucket is reached; [`GcsStorage::builder`](super::GcsStorage::builder) starts one.
#[derive(Debug, Clone)]
#[must_use]
pub struct GcsStorageBuilder {
    pub(super) bucket: String,
    pub(super) location: String,
    pub(super) label: Option<String>,
    pub(super) endpoint: String,
    pub(super) credentials: GcsCredentials,
    pub(super) timeout: Duration,
    pub(super) resumable_threshold: usize,
    pub(super) max_object_bytes: u64,
    pub(super) clock: Arc<dyn Clock>,
}

impl GcsStorageBuilder {
    pub(super) fn new(bucket: String, location: String) -> Self {
        Self {
            bucket,
            location,
            label: None,
            endpoint: "https://storage.googleapis.com".to_owned(),
            credentials: GcsCredentials::application_default(),
            timeout: Duration::from_secs(30),
            resumable_threshold: 8 << 20,
            max_object_bytes: Limits::default().max_object_bytes,
            clock: Arc::new(SystemClock),
        }
    }

    /// Names the region as the host's contexts do, as in `eu-central` for Google's `EUROPE-WEST3`. The descriptor
    /// names the location otherwise, in capitals.
    pub fn serves(mut self, region: impl Into<String>) -> Self {
        self.label = Some(region.into());
        self
    }

    /// Asks another server than Google's: an emulator on the own machine, or a Private Service Connect endpoint. An
    /// origin without a path, as in `http://127.0.0.1:9023`; plain HTTP only to the own machine.
    pub fn endpoint(mut self, origin: impl Into<String>) -> Self {
        self.endpoint = origin.into();
        self
    }

    /// Asks with these credentials instead of Application Default Credentials.
    pub fn credentials(mut self, credentials: GcsCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// How long the provider may take to answer, beyond the time the body takes at 64 KiB/s, and how long a body that
    /// is read may stand still; 30 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// From which size, in bytes, an object is written in a session that can be taken up again where it broke off,
    /// which costs a round trip; 8 MiB unless set.
    pub fn resumable_threshold(mut self, bytes: usize) -> Self {
        self.resumable_threshold = bytes;
        self
    }

    /// Holds objects to at most so many bytes in one call; 5 GiB unless set.
    pub fn max_object_bytes(mut self, bytes: u64) -> Self {
        self.max_object_bytes = bytes;
        self
    }

    /// Reads the time from `clock`: URLs are signed with it.
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
        if self.location.is_empty() || self.label.as_deref() == Some("") {
            return refuse("a bucket's location and region have names that are not empty".to_owned());
        }
        if !is_origin(&self.endpoint) {
            return refuse(format!("the endpoint {:?} is not a safe origin without a path", self.endpoint));
        }
        Ok(())
    }

    pub(super) fn diagnosis(&self) -> Diagnosis {
        Diagnosis { clock: Arc::clone(&self.clock), token: self.credentials.token() }
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
