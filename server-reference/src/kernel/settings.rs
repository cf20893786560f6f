//! What the kernel is told about the server it serves.

use std::time::Duration;

/// Whether this server may be made to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The retry-test API is mounted.
    Development,
    /// Only what the contract offers everywhere is mounted.
    Production,
}

impl Mode {
    /// `development` or `production`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// Who this server is and what it refuses to exceed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Development or production.
    pub mode: Mode,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// The `iss` of receipts.
    pub issuer: String,
    /// The origins browsers may call from; none means no CORS headers at all.
    pub cors_origins: Vec<String>,
    /// What it refuses to exceed.
    pub limits: Limits,
}

/// What the server refuses to exceed.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: u64,
    /// The largest body of an operation with the `import` body class, in bytes.
    pub import_bytes: u64,
    /// The largest request header, in bytes: names and values.
    pub header_bytes: usize,
    /// The longest request target, in bytes.
    pub uri_bytes: usize,
    /// How long a whole body may take to arrive; for an import, how long its next piece may take.
    pub body_timeout: Duration,
    /// How long an operation may take.
    pub request_timeout: Duration,
    /// How long an import may take, its body included.
    pub import_timeout: Duration,
    /// How long the rows of an import can be listed after it has ended.
    pub import_rows_kept: Duration,
    /// Requests answered at once; more are refused with 503.
    pub concurrency: usize,
    /// Requests per second and credential; 0 for no limit.
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            import_bytes: 512 << 20,
            header_bytes: 32 << 10,
            uri_bytes: 8 << 10,
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(60),
            import_timeout: Duration::from_secs(15 * 60),
            import_rows_kept: Duration::from_secs(30 * 24 * 60 * 60),
            concurrency: 2_048,
            requests_per_second: 20_000,
        }
    }
}
