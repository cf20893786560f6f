//! Signed URLs, by the [V4 signing process](https://cloud.google.com/storage/docs/access-control/signed-urls).
//!
//! The official client can build them too. Its builder reads the machine's clock and leaves an asterisk in a parameter
//! as it is, where the canonical request has it encoded; and the name of a download begins with `filename*=`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companyos_adapter_traits::storage::{
    ChecksumAlgorithm, ObjectKey, PresignOptions, Presigned, PresignedMethod, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass};
use google_cloud_auth::signer::{Signer, SigningError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::control::encode;
use super::resource::generation_of;
use super::{Shared, within};

/// The longest the service accepts.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

const DOING: &str = "signing a URL";

const ALGORITHM: &str = "GOOG4-RSA-SHA256";

impl Shared {
    pub(super) async fn sign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        let Some(signer) = &self.signer else {
            return Err(Error::unsupported(operations::PRESIGN, &self.descriptor.name));
        };
        // The service counts whole seconds, and a URL must not outlive what was asked for.
        let expires_in = Duration::from_secs(options.expires_in.as_secs());
        if expires_in.is_zero() || expires_in > LONGEST {
            let why = "a URL is signed for at least a second and at most seven days";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let method = match options.method {
            PresignedMethod::Get => "GET",
            PresignedMethod::Put => "PUT",
            _ => return Err(Error::unsupported(operations::PRESIGN, &self.descriptor.name)),
        };
        let headers = signed_headers(options)?;
        let mut query = BTreeMap::new();
        if let Some(version) = &options.version {
            query.insert("generation", generation_of(version)?.to_string());
        }
        if let Some(name) = &options.download_as {
            query.insert("response-content-disposition", disposition(name));
        }
        let now = Timestamp::try_from(self.clock().wall()).map_err(|cause| {
            let what = "the clock shows a time that cannot be written";
            Error::new(ErrorKind::Internal, what).with_outcome(Outcome::NotSent).with_source(cause)
        })?;
        let path = key.segments().map(encode).collect::<Vec<_>>().join("/");
        let request = Request {
            method,
            endpoint: &self.config.endpoint,
            path: format!("/{}/{path}", self.config.bucket),
            query,
            headers: &headers,
            expires_in,
            now,
        };
        // Signing can ask IAM.
        let signed = within(ctx, &self.config, self.config.timeout, DOING, request.sign(signer)).await;
        let url = signed.map_err(|error| error.with_outcome(Outcome::NotSent))?.map_err(|cause| {
            let retry = if cause.is_transport() { RetryClass::Temporary } else { RetryClass::Permanent };
            let kind =
                if cause.is_transport() { ErrorKind::Unavailable } else { ErrorKind::PermissionDenied };
            Error::new(kind, format!("{DOING} failed"))
                .with_outcome(Outcome::NotSent)
                .with_retry(retry)
                .with_source(cause)
        })?;
        Ok(Presigned::new(url, headers, expires_in))
    }
}

/// A request that is to be signed.
struct Request<'r> {
    method: &'r str,
    endpoint: &'r str,
    /// Encoded.
    path: String,
    query: BTreeMap<&'static str, String>,
    /// In ascending order of their names.
    headers: &'r [(String, String)],
    expires_in: Duration,
    now: Timestamp,
}

impl Request<'_> {
    async fn sign(mut self, signer: &Signer) -> Result<String, SigningError> {
        let now = self.now.to_zoned(TimeZone::UTC);
        let (date, time) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let scope = format!("{date}/auto/storage/goog4_request");
        // The port is not part of what is signed.
        let host = Url::parse(self.endpoint).ok().and_then(|url| url.host().map(|host| host.to_string()));
        let mut headers = vec![("host", host.unwrap_or_default())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();

        self.query.insert("X-Goog-Algorithm", ALGORITHM.to_owned());
        self.query.insert("X-Goog-Credential", format!("{}/{scope}", signer.client_email().await?));
        self.query.insert("X-Goog-Date", time.clone());
        self.query.insert("X-Goog-Expires", self.expires_in.as_secs().to_string());
        self.query.insert("X-Goog-SignedHeaders", names.clone());
        let pairs = self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let query = pairs.collect::<Vec<_>>().join("&");

        let canonical = [self.method, &self.path, &query, &lines, &names, "UNSIGNED-PAYLOAD"].join("\n");
        let digest = hex(&Sha256::digest(canonical));
        let signature = signer.sign([ALGORITHM, &time, &scope, &digest].join("\n")).await?;
        Ok(format!("{}{}?{query}&X-Goog-Signature={}", self.endpoint, self.path, hex(&signature)))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The constraints on a write. The service holds a request to the header fields that were signed.
fn signed_headers(options: &PresignOptions) -> Result<Vec<(String, String)>, Error> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(content_type) = &options.content_type {
        // A value is signed with its white space folded, so it must have none that can be.
        let folded = content_type.split(' ').all(|word| !word.is_empty());
        if !folded || content_type.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Error::new(ErrorKind::InvalidInput, "the media type cannot be a header field"));
        }
        add("content-type", content_type.clone());
    }
    if let Some(bytes) = options.content_length {
        add("x-goog-content-length-range", format!("{bytes},{bytes}"));
    }
    if let Some(checksum) = &options.checksum {
        let name = match checksum.algorithm {
            ChecksumAlgorithm::Md5 => "md5",
            _ => "crc32c",
        };
        add("x-goog-hash", format!("{name}={}", BASE64_STANDARD.encode(&checksum.value)));
    }
    if options.create {
        add("x-goog-if-generation-match", "0".to_owned());
    }
    Ok(headers)
}

/// RFC 6266 section 4: any name, as UTF-8 encoded by RFC 8187, so that no quoting is needed.
fn disposition(name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", encode(name))
}
