//! Signed URLs, by the V4 signing process.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companyos_adapter_traits::storage::{
    ChecksumAlgorithm, ObjectKey, PresignOptions, Presigned, PresignedMethod, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass};
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use http::Method;
use std::time::Duration;

use super::resource::generation_of;
use super::{GcsStorage, within};

/// The longest the service accepts.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

const DOING: &str = "signing a URL";

impl GcsStorage {
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
            PresignedMethod::Get => Method::GET,
            PresignedMethod::Put => Method::PUT,
            _ => return Err(Error::unsupported(operations::PRESIGN, &self.descriptor.name)),
        };
        let headers = signed_headers(options)?;
        let mut builder = SignedUrlBuilder::for_object(self.config.resource_name(), key.as_str())
            .with_endpoint(&self.config.endpoint)
            .with_method(method)
            .with_expiration(expires_in);
        for (name, value) in &headers {
            builder = builder.with_header(name, value);
        }
        if let Some(version) = &options.version {
            builder = builder.with_query_param("generation", generation_of(version)?.to_string());
        }
        if let Some(name) = &options.download_as {
            builder = builder.with_query_param("response-content-disposition", disposition(name));
        }
        // Signing can ask IAM.
        let signed =
            within(ctx, &self.config, self.config.stall_timeout, DOING, builder.sign_with(signer)).await;
        let signed = signed.map_err(|error| error.with_outcome(Outcome::NotSent))?;
        let url = signed.map_err(|cause| {
            // IAM refuses, or cannot be reached: the client does not say which.
            let kind = if cause.is_signing() { ErrorKind::Unavailable } else { ErrorKind::InvalidInput };
            let retry = if cause.is_signing() { RetryClass::Temporary } else { RetryClass::Permanent };
            Error::new(kind, format!("{DOING} failed"))
                .with_outcome(Outcome::NotSent)
                .with_retry(retry)
                .with_source(cause)
        })?;
        Ok(Presigned::new(url, headers, expires_in))
    }
}

/// The constraints on a write. The service holds a request to the header fields that were signed.
fn signed_headers(options: &PresignOptions) -> Result<Vec<(String, String)>, Error> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(content_type) = &options.content_type {
        if content_type.is_empty() || content_type.bytes().any(|byte| byte.is_ascii_control()) {
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
    format!("attachment; filename*=UTF-8''{}", super::control::encode(name))
}
