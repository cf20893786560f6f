//! Between the SDK's words and ours.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ChecksumAlgorithm as SdkAlgorithm, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ETag, Lock, Retention, RetentionMode,
};
use companyos_adapter_traits::{Error, ErrorKind};

/// An entity tag without the quotes of HTTP, which some servers leave out in some places.
pub(super) fn etag(tag: Option<&str>) -> Result<ETag, Error> {
    let tag = tag.ok_or_else(|| broken("an entity tag"))?;
    Ok(ETag::new(tag.trim_matches('"')))
}

/// An entity tag as a condition has it.
pub(super) fn quoted(tag: &ETag) -> String {
    format!("\"{}\"", tag.as_str())
}

/// The answer lacks what every answer of this operation has.
pub(super) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the provider's answer lacks {what}"))
}

pub(super) fn size(length: Option<i64>) -> Result<u64, Error> {
    length.and_then(|length| u64::try_from(length).ok()).ok_or_else(|| broken("a length"))
}

pub(super) fn time(at: Option<&DateTime>) -> Result<SystemTime, Error> {
    at.and_then(|at| SystemTime::try_from(*at).ok()).ok_or_else(|| broken("a time"))
}

/// The caller's pairs, if every one survives being a header field.
pub(super) fn metadata(attributes: &Attributes) -> Result<Option<HashMap<String, String>>, Error> {
    for (name, value) in &attributes.metadata {
        let named = !name.is_empty()
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        let kept = value.trim() == value && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !named || !kept {
            let why =
                format!("the metadata {name:?} cannot be kept: names are [a-z0-9-]+, values printable ASCII");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
    }
    if attributes.metadata.is_empty() {
        return Ok(None);
    }
    Ok(Some(attributes.metadata.clone().into_iter().collect()))
}

pub(super) fn attributes(
    content_type: Option<String>,
    metadata: Option<HashMap<String, String>>,
) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.content_type = content_type;
    attributes.metadata = metadata.into_iter().flatten().collect();
    attributes
}

pub(super) fn lock(
    mode: Option<&ObjectLockMode>,
    until: Option<&DateTime>,
    hold: Option<&ObjectLockLegalHoldStatus>,
) -> Lock {
    let mut lock = Lock::default().legal_hold(hold == Some(&ObjectLockLegalHoldStatus::On));
    let mode = match mode {
        Some(ObjectLockMode::Governance) => Some(RetentionMode::Governance),
        Some(ObjectLockMode::Compliance) => Some(RetentionMode::Compliance),
        _ => None,
    };
    lock.retention = mode.zip(time(until).ok()).map(|(mode, until)| Retention { mode, until });
    lock
}

pub(super) fn lock_mode(mode: RetentionMode) -> ObjectLockMode {
    match mode {
        RetentionMode::Compliance => ObjectLockMode::Compliance,
        // A mode we do not know yet is at least this.
        _ => ObjectLockMode::Governance,
    }
}

pub(super) fn hold(held: bool) -> ObjectLockLegalHoldStatus {
    if held { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off }
}

/// The key an object is encrypted with, if the customer manages it.
pub(super) fn kms_key(encryption: Option<&ServerSideEncryption>, key: Option<String>) -> Option<String> {
    let managed = matches!(encryption, Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse));
    key.filter(|_| managed)
}

pub(super) fn algorithm(algorithm: ChecksumAlgorithm) -> Option<SdkAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32c => Some(SdkAlgorithm::Crc32C),
        ChecksumAlgorithm::Crc32 => Some(SdkAlgorithm::Crc32),
        ChecksumAlgorithm::Crc64Nvme => Some(SdkAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 => Some(SdkAlgorithm::Sha1),
        ChecksumAlgorithm::Sha256 => Some(SdkAlgorithm::Sha256),
        _ => None,
    }
}

pub(super) fn encode(checksum: &Checksum) -> String {
    BASE64.encode(&checksum.value)
}

/// A checksum of the whole body. Of an object in parts there may be one of the parts' checksums, which says so by a
/// suffix and which nobody can compare with a body.
pub(super) fn decode(algorithm: ChecksumAlgorithm, text: Option<&str>) -> Option<Checksum> {
    let value = BASE64.decode(text?).ok()?;
    (value.len() == algorithm.len()).then(|| Checksum::new(algorithm, value))
}

/// The checksums in an answer of the SDK, whose answers have the same fields and no common type.
macro_rules! checksums {
    ($output:expr) => {{
        use companyos_adapter_traits::storage::ChecksumAlgorithm as Algorithm;
        let composite = $output.checksum_type == Some(aws_sdk_s3::types::ChecksumType::Composite);
        let found = [
            (Algorithm::Crc64Nvme, $output.checksum_crc64_nvme.as_deref()),
            (Algorithm::Crc32c, $output.checksum_crc32_c.as_deref()),
            (Algorithm::Crc32, $output.checksum_crc32.as_deref()),
            (Algorithm::Sha1, $output.checksum_sha1.as_deref()),
            (Algorithm::Sha256, $output.checksum_sha256.as_deref()),
        ];
        let decode = |(algorithm, text)| $crate::s3::convert::decode(algorithm, text);
        if composite { Vec::new() } else { found.into_iter().filter_map(decode).collect::<Vec<_>>() }
    }};
}
pub(super) use checksums;

/// Text as a part of a URL, RFC 3986 section 2.3; `keep` stays as it is beside letters, digits and `-._~`.
pub(super) fn percent_encoded(text: &str, keep: u8) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || byte == keep {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metadata_that_survives_a_header_field_is_taken() {
        let with = |name: &str, value: &str| {
            let mut attributes = Attributes::default();
            attributes.metadata.insert(name.to_owned(), value.to_owned());
            metadata(&attributes).is_ok()
        };
        assert!(with("owner", "Acme & Sons; 100%") && with("empty", ""));
        assert!(!with("Owner", "a"), "header field names lose their case");
        assert!(!with("owner", " padded") && !with("owner", "line\nbreak") && !with("owner", "caf\u{e9}"));
        assert!(!with("", "a") && !with("a b", "a"));
    }

    #[test]
    fn a_checksum_of_checksums_is_not_taken_for_one_of_the_body() {
        let whole = decode(ChecksumAlgorithm::Crc32c, Some("4waSgw=="));
        assert_eq!(whole, Some(Checksum::crc32c(b"123456789")));
        assert_eq!(decode(ChecksumAlgorithm::Crc32c, Some("4waSgw==-3")), None);
        assert_eq!(decode(ChecksumAlgorithm::Sha256, Some("4waSgw==")), None);
    }

    #[test]
    fn what_is_not_unreserved_is_escaped() {
        assert_eq!(percent_encoded("a b/\u{e9}~%", b'/'), "a%20b/%C3%A9~%25");
        assert_eq!(percent_encoded("a/b", 0), "a%2Fb");
    }
}
