//! The text that stands before the body in the file of an object.
//!
//! ```text
//! companyos-object 1
//! key reports/2026.csv
//! size 5
//! sha256 <64 hexadecimal digits, of the body>
//! modified 1767225600000000
//! type text/csv
//! meta owner acme
//! check <64 hexadecimal digits, of the lines above>
//! ```
//!
//! One line each, ended by LF, in this order; `type` only when there is one, `meta` once per pair. `modified` counts
//! microseconds since 1970. Control characters and `%` in values, and spaces in a name of `meta`, are spelled `%xx`.
//! The body follows the last line. The key makes a file that came to the wrong place show.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ETag, Head, ObjectKey, ObjectMeta,
};
use companyos_adapter_traits::{Error, ErrorKind};
use sha2::{Digest, Sha256};

use super::error::corrupt;

const FORMAT: &str = "companyos-object 1";
/// The longest header, in bytes: room for the longest key and 8 KiB of attributes, even spelled out.
const MAX_BYTES: usize = 32 * 1024;

pub(super) struct Header {
    pub(super) key: ObjectKey,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) modified: SystemTime,
    pub(super) attributes: Attributes,
}

impl Header {
    pub(super) fn etag(&self) -> ETag {
        ETag::new(self.sha256.as_str())
    }

    pub(super) fn meta(&self) -> ObjectMeta {
        let meta = ObjectMeta::new(self.key.clone(), self.size, self.etag(), self.modified);
        match unhex(&self.sha256) {
            Some(digest) => meta.with_checksum(Checksum::new(ChecksumAlgorithm::Sha256, digest)),
            None => meta,
        }
    }

    pub(super) fn into_head(self) -> Head {
        Head::new(self.meta(), self.attributes)
    }

    /// The header as it stands in the file.
    pub(super) fn encode(&self) -> Result<String, Error> {
        let Self { key, size, sha256, modified, attributes } = self;
        let micros = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
        let key = escape(key.as_str(), false);
        let mut text = format!("{FORMAT}\nkey {key}\nsize {size}\nsha256 {sha256}\nmodified {micros}\n");
        if let Some(content_type) = &attributes.content_type {
            text.extend(["type ", &escape(content_type, false), "\n"]);
        }
        for (name, value) in &attributes.metadata {
            text.extend(["meta ", &escape(name, true), " ", &escape(value, false), "\n"]);
        }
        let check = hex(&Sha256::digest(&text));
        text.extend(["check ", &check, "\n"]);
        if text.len() > MAX_BYTES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "the attributes of an object hold at most 8 KiB",
            ));
        }
        Ok(text)
    }

    /// Reads a header and its length in bytes from the start of a file.
    pub(super) fn read(file: impl Read) -> io::Result<Result<(Self, u64), Error>> {
        let mut file = io::BufReader::with_capacity(2048, file.take(MAX_BYTES as u64));
        let mut text = Vec::new();
        loop {
            let line = text.len();
            if file.read_until(b'\n', &mut text)? == 0 || !text.ends_with(b"\n") {
                return Ok(Err(corrupt("the header of an object has no end".to_owned())));
            }
            if text[line..].starts_with(b"check ") {
                let parsed = str::from_utf8(&text).ok().and_then(|text| parse(text, line));
                let parsed = parsed.map(|header| (header, text.len() as u64));
                return Ok(parsed.ok_or_else(|| corrupt("the header of an object is damaged".to_owned())));
            }
        }
    }
}

/// Reads a header whose last line starts at `check`.
fn parse(text: &str, check: usize) -> Option<Header> {
    let (text, check) = text.split_at_checked(check)?;
    if check.trim_end().strip_prefix("check ")? != hex(&Sha256::digest(text)) {
        return None;
    }
    let mut lines = text.lines().peekable();
    let mut field = |name: &str| {
        let line = lines.next_if(|line| line.starts_with(name))?;
        line.strip_prefix(name)?.strip_prefix(' ')
    };
    if field("companyos-object")? != "1" {
        return None;
    }
    let key = ObjectKey::new(unescape(field("key")?)?).ok()?;
    let size = field("size")?.parse().ok()?;
    let sha256 = field("sha256")?.to_owned();
    let modified =
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(field("modified")?.parse().ok()?))?;
    let mut attributes = Attributes::default();
    if let Some(content_type) = field("type") {
        attributes.content_type = Some(unescape(content_type)?);
    }
    while let Some(pair) = field("meta") {
        let (name, value) = pair.split_once(' ')?;
        attributes.metadata.insert(unescape(name)?, unescape(value)?);
    }
    lines.next().is_none().then_some(Header { key, size, sha256, modified, attributes })
}

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn escape(value: &str, spaces: bool) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c == '%' || c.is_ascii_control() || (spaces && c == ' ') {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{:02x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

fn unescape(text: &str) -> Option<String> {
    let (first, rest) = text.split_once('%').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let mut value = first.to_owned();
    for part in rest.into_iter().flat_map(|rest| rest.split('%')) {
        let (digits, plain) = part.split_at_checked(2)?;
        value.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        value.push_str(plain);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written(
            size: u64,
            micros in 0_u64..1 << 50,
            content_type in prop::option::of(any::<String>()),
            metadata in prop::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        ) {
            let mut attributes = Attributes::default();
            attributes.content_type = content_type;
            attributes.metadata = metadata;
            let header = Header {
                key: ObjectKey::new("a/100% b").map_err(|e| TestCaseError::fail(e.to_string()))?,
                size,
                sha256: hex(&Sha256::digest(b"")),
                modified: SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
                attributes: attributes.clone(),
            };
            let mut file = header.encode().map_err(|e| TestCaseError::fail(e.to_string()))?.into_bytes();
            let len = file.len() as u64;
            file.extend(b"body\ncheck ");
            let (read, end) = Header::read(&file[..])?.map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(end, len);
            prop_assert_eq!(read.meta(), header.meta());
            prop_assert_eq!(read.attributes, attributes);
        }

        #[test]
        fn anything_else_is_refused_not_misread(file: Vec<u8>) {
            prop_assert!(Header::read(&file[..])?.is_err());
        }
    }

    #[test]
    fn attributes_that_would_not_be_read_back_are_not_written() -> io::Result<()> {
        let mut attributes = Attributes::default();
        attributes.metadata.insert("a".to_owned(), "b".repeat(MAX_BYTES));
        let Ok(key) = ObjectKey::new("k") else { return Ok(()) };
        let header =
            Header { key, size: 0, sha256: String::new(), modified: SystemTime::UNIX_EPOCH, attributes };
        let kind = header.encode().map_err(|error| error.kind().clone());
        assert_eq!(kind, Err(ErrorKind::LimitExceeded));
        Ok(())
    }
}
