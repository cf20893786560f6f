//! What the JSON API answers, as far as it is read.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ETag, Head, Lock, ObjectKey, ObjectMeta, Retention,
    RetentionMode, StorageClass, VersionId,
};
use companyos_adapter_traits::{Error, ErrorKind, Outcome};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// A bucket.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bucket {
    pub(super) location: String,
    #[serde(default)]
    pub(super) versioning: Versioning,
    pub(super) object_retention: Option<ObjectRetention>,
    /// Keeps every object for a time.
    pub(super) retention_policy: Option<IgnoredAny>,
    /// Keeps every object until further notice.
    #[serde(default)]
    pub(super) default_event_based_hold: bool,
}

/// Whether a bucket keeps versions.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Versioning {
    #[serde(default)]
    pub(super) enabled: bool,
}

/// Whether the objects of a bucket can be retained one by one.
#[derive(Debug, Deserialize)]
pub(super) struct ObjectRetention {
    pub(super) mode: String,
}

/// The fields of [`Resource`] that a listing asks for.
pub(super) const LISTED: &str =
    "name,generation,metageneration,size,timeCreated,timeDeleted,storageClass,crc32c,md5Hash";

/// An object.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) name: String,
    #[serde(deserialize_with = "number")]
    pub(super) generation: i64,
    #[serde(deserialize_with = "number")]
    pub(super) metageneration: i64,
    #[serde(deserialize_with = "number")]
    pub(super) size: u64,
    #[serde(deserialize_with = "instant")]
    pub(super) time_created: SystemTime,
    pub(super) time_deleted: Option<String>,
    pub(super) content_type: Option<String>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) storage_class: Option<String>,
    pub(super) kms_key_name: Option<String>,
    #[serde(default, deserialize_with = "bytes")]
    pub(super) crc32c: Option<Vec<u8>>,
    #[serde(default, deserialize_with = "bytes")]
    pub(super) md5_hash: Option<Vec<u8>>,
    pub(super) retention: Option<RetentionResource>,
    #[serde(default)]
    pub(super) temporary_hold: bool,
    #[serde(default)]
    pub(super) event_based_hold: bool,
}

/// A retention of one object.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetentionResource {
    pub(super) mode: String,
    #[serde(deserialize_with = "instant")]
    pub(super) retain_until_time: SystemTime,
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) items: Vec<Resource>,
    pub(super) next_page_token: Option<String>,
}

/// How far a rewrite has come.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rewrite {
    pub(super) done: bool,
    pub(super) rewrite_token: Option<String>,
    pub(super) resource: Option<Resource>,
}

/// 64-bit numbers are strings in this API.
fn number<'de, D: Deserializer<'de>, N: std::str::FromStr>(input: D) -> Result<N, D::Error> {
    let text = String::deserialize(input)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is not a number")))
}

/// Times are RFC 3339.
fn instant<'de, D: Deserializer<'de>>(input: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(input)?;
    text.parse().map(|time: Timestamp| time.into()).map_err(serde::de::Error::custom)
}

/// Checksums are in base64.
fn bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    text.map(|text| BASE64_STANDARD.decode(text)).transpose().map_err(serde::de::Error::custom)
}

/// One state of one object: its body by generation, what is beside it by metageneration. Both are in the entity tag,
/// because a write that insists on a tag must not undo a change of attributes either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) generation: i64,
    pub(super) metageneration: i64,
}

impl Generation {
    pub(super) fn etag(self) -> ETag {
        ETag::new(format!("{}-{}", self.generation, self.metageneration))
    }

    /// The state an entity tag names, if it is one of ours.
    pub(super) fn parse(etag: &ETag) -> Option<Self> {
        let (generation, metageneration) = etag.as_str().split_once('-')?;
        let found =
            Self { generation: generation.parse().ok()?, metageneration: metageneration.parse().ok()? };
        // There is one spelling only, as there is of any opaque name.
        (found.etag() == *etag).then_some(found)
    }
}

/// The generation a version names.
pub(super) fn generation_of(version: &VersionId) -> Result<i64, Error> {
    let number = version.as_str().parse().ok().filter(|number: &i64| *number > 0);
    number.filter(|number| number.to_string() == version.as_str()).ok_or_else(|| {
        // A name that is none of the service's names nothing.
        Error::new(ErrorKind::NotFound, format!("there is no version {version}"))
            .with_outcome(Outcome::NotSent)
    })
}

impl Resource {
    pub(super) fn state(&self) -> Generation {
        Generation { generation: self.generation, metageneration: self.metageneration }
    }

    /// What identifies the object; `kept` says whether the bucket keeps versions.
    pub(super) fn meta(&self, key: ObjectKey, kept: bool) -> ObjectMeta {
        let mut meta = ObjectMeta::new(key, self.size, self.state().etag(), self.time_created);
        if kept {
            meta = meta.with_version(VersionId::new(self.generation.to_string()));
        }
        if let Some(class) = &self.storage_class {
            meta = meta.with_storage_class(StorageClass::new(class));
        }
        let sums = [(ChecksumAlgorithm::Crc32c, &self.crc32c), (ChecksumAlgorithm::Md5, &self.md5_hash)];
        for (algorithm, value) in sums {
            if let Some(value) = value.as_ref().filter(|value| value.len() == algorithm.len()) {
                meta = meta.with_checksum(Checksum::new(algorithm, value.as_slice()));
            }
        }
        meta
    }

    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.content_type.clone_from(&self.content_type);
        attributes.metadata.clone_from(&self.metadata);
        attributes
    }

    pub(super) fn head(&self, key: ObjectKey, kept: bool) -> Head {
        let head = Head::new(self.meta(key, kept), self.attributes()).with_lock(self.lock());
        match &self.kms_key_name {
            // The service adds which version of the key it was.
            Some(name) => head.with_kms_key(name.split("/cryptoKeyVersions/").next().unwrap_or(name)),
            None => head,
        }
    }

    fn lock(&self) -> Lock {
        let lock = match &self.retention {
            Some(retention) => {
                let Retention { mode, until } = retention.into();
                Lock::until(mode, until)
            }
            None => Lock::default(),
        };
        lock.legal_hold(self.temporary_hold || self.event_based_hold)
    }
}

impl From<&RetentionResource> for Retention {
    fn from(resource: &RetentionResource) -> Self {
        // What is not known to be open is taken for closed.
        let mode = match resource.mode.as_str() {
            "Unlocked" => RetentionMode::Governance,
            _ => RetentionMode::Compliance,
        };
        Self { mode, until: resource.retain_until_time }
    }
}

/// A retention in the words of the API: `Unlocked` may be shortened by those who say so, `Locked` by nobody.
pub(super) fn retention_json(retention: &Retention) -> Result<serde_json::Value, Error> {
    let mode = match retention.mode {
        RetentionMode::Governance => "Unlocked",
        _ => "Locked",
    };
    let until = Timestamp::try_from(retention.until).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "the retention ends at a time that cannot be written")
            .with_source(cause)
    })?;
    Ok(serde_json::json!({ "mode": mode, "retainUntilTime": until.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_has_one_spelling() {
        let state = Generation { generation: 1_700_000_000_000_000, metageneration: 2 };
        assert_eq!(Generation::parse(&state.etag()), Some(state));
        for foreign in ["", "1", "1-", "-1", "1-2-3", "+1-2", "01-2", "1-2 ", "\"abc\""] {
            assert_eq!(Generation::parse(&ETag::new(foreign)), None, "{foreign}");
        }
    }

    #[test]
    fn a_version_that_is_none_of_the_services_is_not_found() {
        assert_eq!(generation_of(&VersionId::new("17")).unwrap(), 17);
        for foreign in ["", "0", "-1", "1x", "+1", "null"] {
            let error = generation_of(&VersionId::new(foreign)).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::NotFound, "{foreign}");
        }
    }
}
