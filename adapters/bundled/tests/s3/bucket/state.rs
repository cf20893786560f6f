//! What is in the bucket.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Stored>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    pub(crate) started: u64,
    /// How many puts took effect.
    pub(crate) puts: u64,
}

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) body: Bytes,
    pub(crate) tag: String,
    pub(crate) modified: Timestamp,
    pub(crate) content_type: Option<ContentType>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) checksum: Checksum,
}

pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) content_type: Option<ContentType>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) started: Timestamp,
    pub(crate) parts: BTreeMap<i32, (Bytes, String, Checksum)>,
}

impl Stored {
    pub(crate) fn new(
        body: Bytes,
        content_type: Option<ContentType>,
        metadata: Option<Metadata>,
        checksum: Checksum,
    ) -> Self {
        Self { tag: md5(&body), body, modified: now(), content_type, metadata, checksum }
    }
}

impl State {
    pub(crate) fn find(&self, key: &str) -> S3Result<Stored> {
        self.objects.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    pub(crate) fn upload(&mut self, id: &str) -> S3Result<&mut Upload> {
        self.uploads.get_mut(id).ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

impl Upload {
    /// The object that these parts make.
    pub(crate) fn assemble(&self, named: &[CompletedPart], size: Option<i64>) -> S3Result<Stored> {
        let mut body = Vec::new();
        let mut last = 0;
        for (at, part) in named.iter().enumerate() {
            let number = part.part_number.unwrap_or_default();
            if number <= last {
                return Err(s3_error!(InvalidPartOrder));
            }
            last = number;
            let (held, tag, _) = self.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
            if part.e_tag.as_ref().is_none_or(|named| *named != ETag::Strong(tag.clone())) {
                return Err(s3_error!(InvalidPart));
            }
            if at + 1 < named.len() && held.len() < 5 << 20 {
                return Err(s3_error!(EntityTooSmall));
            }
            body.extend_from_slice(held);
        }
        if size.is_some_and(|size| size != body.len() as i64) {
            return Err(s3_error!(InvalidRequest, "the object is not as long as it was said to be"));
        }
        let body = Bytes::from(body);
        let algorithm = ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC32C);
        let checksum = digests(&body, Checksum::default(), Some(&algorithm))?;
        let mut stored = Stored::new(body, self.content_type.clone(), self.metadata.clone(), checksum);
        let _ = write!(stored.tag, "-{}", named.len());
        Ok(stored)
    }
}

/// The checksums of a body, if it has those that were sent with it.
pub(crate) fn digests(
    body: &[u8],
    expected: Checksum,
    algorithm: Option<&ChecksumAlgorithm>,
) -> S3Result<Checksum> {
    let asked = |name| algorithm.is_some_and(|algorithm| algorithm.as_str() == name);
    let mut hasher = ChecksumHasher::default();
    if expected.checksum_crc32c.is_some() || asked(ChecksumAlgorithm::CRC32C) {
        hasher.crc32c = Some(Default::default());
    }
    if expected.checksum_crc32.is_some() || asked(ChecksumAlgorithm::CRC32) {
        hasher.crc32 = Some(Default::default());
    }
    if expected.checksum_crc64nvme.is_some() || asked(ChecksumAlgorithm::CRC64NVME) {
        hasher.crc64nvme = Some(Default::default());
    }
    if expected.checksum_sha1.is_some() || asked(ChecksumAlgorithm::SHA1) {
        hasher.sha1 = Some(Default::default());
    }
    if expected.checksum_sha256.is_some() || asked(ChecksumAlgorithm::SHA256) {
        hasher.sha256 = Some(Default::default());
    }
    hasher.update(body);
    let found = hasher.finalize();
    let differs = |sent: &Option<String>, found: &Option<String>| sent.is_some() && sent != found;
    if differs(&expected.checksum_crc32c, &found.checksum_crc32c)
        || differs(&expected.checksum_crc32, &found.checksum_crc32)
        || differs(&expected.checksum_crc64nvme, &found.checksum_crc64nvme)
        || differs(&expected.checksum_sha1, &found.checksum_sha1)
        || differs(&expected.checksum_sha256, &found.checksum_sha256)
    {
        return Err(s3_error!(BadDigest));
    }
    Ok(found)
}

/// The checksums a request brings.
macro_rules! expected {
    ($input:expr) => {
        Checksum {
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            ..Default::default()
        }
    };
}
pub(crate) use expected;

/// The checksums an answer brings.
macro_rules! entity {
    ($output:expr, $checksum:expr) => {
        let checksum: Checksum = $checksum;
        $output.checksum_crc32c = checksum.checksum_crc32c;
        $output.checksum_crc32 = checksum.checksum_crc32;
        $output.checksum_crc64nvme = checksum.checksum_crc64nvme;
        $output.checksum_sha1 = checksum.checksum_sha1;
        $output.checksum_sha256 = checksum.checksum_sha256;
    };
}
pub(crate) use entity;

pub(crate) fn md5(body: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(body);
    let mut text = String::new();
    for byte in md5.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(crate) fn holds(condition: &ETagCondition, found: &Stored) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => *tag == ETag::Strong(found.tag.clone()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's own clock")]
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
