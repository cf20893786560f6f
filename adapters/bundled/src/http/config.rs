//! The bounds a client works in.

use std::fmt;
use std::time::Duration;

/// How an [`HttpClient`](super::HttpClient) connects and what it accepts.
#[derive(Clone)]
#[must_use]
pub struct HttpConfig {
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    pub(super) total_timeout: Duration,
    pub(super) max_response_bytes: usize,
    pub(super) https_only: bool,
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) platform_roots: bool,
}

impl Default for HttpConfig {
    /// 3.1 s to connect, 30 s for each read, 60 s for the whole call, 1 MiB of answer, plain HTTP to loopback allowed,
    /// the platform's roots.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3100),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            max_response_bytes: 1 << 20,
            https_only: false,
            roots: Vec::new(),
            platform_roots: true,
        }
    }
}

impl HttpConfig {
    /// Sets how long name resolution, TCP and the TLS handshake may take together.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the peer may stay silent.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Sets how long a call may take from start to the last byte of the answer; of a streamed answer, to the end of
    /// its head. At most a day.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// Sets the largest answer that is read into memory, in bytes.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Refuses plain HTTP to the own machine too. For a service whose users choose the URLs: it keeps them away from
    /// what listens on the service's loopback.
    pub fn https_only(mut self, only: bool) -> Self {
        self.https_only = only;
        self
    }

    /// Trusts the certificate authorities in a PEM file besides the platform's.
    pub fn add_roots_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Trusts only the authorities that were [added](Self::add_roots_pem), not the platform's: for a provider in one's
    /// own network, and where the platform has none.
    pub fn without_platform_roots(mut self) -> Self {
        self.platform_roots = false;
        self
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("https_only", &self.https_only)
            .field("roots", &self.roots.len())
            .field("platform_roots", &self.platform_roots)
            .finish()
    }
}
