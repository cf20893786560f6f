//! What a caller can set for the whole client or for one call.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{Error, Kind};

/// Time limits. Each is a `Duration`; the defaults suit an API call of at most a few megabytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// To connect, TLS included. Default 3.1 s: a little over three seconds, so that one lost SYN is survived.
    pub connect: Duration,
    /// From one piece of the response to the next, its head being the first. Default 30 s.
    pub read: Duration,
    /// For one attempt, from connecting to the last byte. Default 30 s.
    pub attempt: Duration,
    /// For the whole call, all attempts and pauses. Default 60 s.
    pub operation: Duration,
    /// For the attempt and for the whole call when the body is a bulk import. Default 15 min.
    pub import: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(3_100),
            read: Duration::from_secs(30),
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(60),
            import: Duration::from_secs(15 * 60),
        }
    }
}

/// The largest response bodies that are read, in bytes. A larger one is an error, and is not read to its end.
///
/// Bodies are never decompressed, so what is counted is what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseLimits {
    /// JSON and text. Default 32 MiB.
    pub text: usize,
    /// Binary downloads, such as an exported range of a log. Default 512 MiB.
    pub binary: usize,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self { text: 32 << 20, binary: 512 << 20 }
    }
}

/// Settings of one call, over those of its client.
///
/// ```
/// use std::time::Duration;
/// use companyos_sdk::CallOptions;
///
/// let options = CallOptions::new().timeout(Duration::from_secs(5)).max_attempts(1);
/// # drop(options);
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) headers: HeaderMap,
    pub(crate) defect: Option<&'static str>,
}

impl CallOptions {
    /// Returns options that change nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the whole call, all attempts and pauses, and each attempt with it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits the number of attempts; 1 means no retry.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Continues the caller's trace: a W3C `traceparent` value.
    ///
    /// Without it the client starts a trace of its own for every call.
    #[must_use]
    pub fn traceparent(self, traceparent: &str) -> Self {
        self.header("traceparent", traceparent)
    }

    /// Adds a header to every attempt.
    ///
    /// The headers that the client itself writes (`Authorization`, `Idempotency-Key`, `Host`, `Content-Length`) cannot
    /// be set this way; the call is refused when it is sent.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) if !is_reserved(&name) => {
                self.headers.insert(name, value);
            }
            (Ok(name), Ok(_)) if is_reserved(&name) => {
                self.defect = Some("a header that the client writes itself")
            }
            (Err(_), _) => self.defect = Some("a header name that is not valid"),
            (_, _) => self.defect = Some("a header value that is not valid"),
        }
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.defect {
            None => Ok(()),
            Some(defect) => Err(Error::new(Kind::Request, format!("the options hold {defect}"))),
        }
    }
}

/// Whether only the client may write this header.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    use http::header;
    matches!(
        *name,
        header::AUTHORIZATION
            | header::HOST
            | header::CONTENT_LENGTH
            | header::TRANSFER_ENCODING
            | header::CONNECTION
    ) || name.as_str() == "idempotency-key"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_the_client_writes_are_refused() {
        for name in ["Authorization", "idempotency-key", "HOST", "content-length"] {
            assert!(CallOptions::new().header(name, "x").check().is_err(), "{name}");
        }
        assert!(CallOptions::new().header("Retry-Test-Id", "rtt_1").check().is_ok());
    }

    #[test]
    fn headers_cannot_be_split() {
        assert!(CallOptions::new().header("x-a", "1\r\nx-b: 2").check().is_err());
        assert!(CallOptions::new().header("x a", "1").check().is_err());
    }
}
