//! Identifiers and randomness, as an argument.
//!
//! An id is a prefix and a UUIDv7 (RFC 9562), such as `tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab`: sorted by text it is
//! sorted by creation time, to the microsecond. [`RandomIds`] is the one place that draws random bytes; clippy forbids
//! it elsewhere.

use std::fmt;

use uuid::Uuid;

use super::clock::Timestamp;

/// Where identifiers and key material come from.
pub trait Ids: Send + Sync + fmt::Debug {
    /// Fills `bytes` with bytes nobody can predict. Key material comes from here.
    fn fill(&self, bytes: &mut [u8]);

    /// A UUIDv7 of the time `now`. Its 12 bits after the version are the fraction of the millisecond
    /// (RFC 9562 section 6.2, method 3), the 62 after the variant are random.
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut tail = [0_u8; 10];
        self.fill(&mut tail[2..]);
        let fraction = u16::try_from(now.as_micros().rem_euclid(1_000) * 4_096 / 1_000).unwrap_or(0);
        tail[..2].copy_from_slice(&fraction.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &tail).into_uuid()
    }
}

impl dyn Ids {
    /// A new id: `prefix`, an underscore and a UUIDv7 of the time `now`.
    #[must_use]
    pub fn new_id(&self, prefix: &str, now: Timestamp) -> String {
        new_id(self, prefix, now)
    }
}

/// A new id: `prefix`, an underscore and a UUIDv7 of the time `now`.
#[must_use]
pub fn new_id(ids: &dyn Ids, prefix: &str, now: Timestamp) -> String {
    format!("{prefix}_{}", ids.uuid(now))
}

/// The operating system's randomness, through AWS-LC's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // The operating system has no entropy to give. Going on would hand out ids and keys that can be guessed.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_prefix_and_a_uuid_of_version_7() {
        let id = new_id(&RandomIds, "tnt", Timestamp::from_micros(1_768_555_800_123_456));
        let uuid: Uuid = id.strip_prefix("tnt_").and_then(|text| text.parse().ok()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert!(id.starts_with("tnt_019b"), "{id}");
    }

    #[test]
    fn ids_of_later_microseconds_sort_later() {
        let ids: Vec<_> = (0..2_000)
            .map(|n| new_id(&RandomIds, "x", Timestamp::from_micros(1_768_555_800_000_000 + n)))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ids_of_one_instant_differ() {
        let now = Timestamp::from_micros(1_768_555_800_000_000);
        assert_ne!(RandomIds.uuid(now), RandomIds.uuid(now));
    }
}
