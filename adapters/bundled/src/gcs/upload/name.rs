//! Under which names the objects of an upload lie.
//!
//! A tab separates the parts of a name. No key holds one, so these names are no keys and a key cannot be mistaken for
//! one of them; and it sorts below all that keys hold, so uploads are listed in the order of their keys.

use companyos_adapter_traits::storage::{ObjectKey, Upload};
use companyos_adapter_traits::{Error, ErrorKind, Outcome};

const MANIFESTS: &str = ".companyos/uploads\t";
const COMPONENTS: &str = ".companyos/parts\t";
const ID_LENGTH: usize = 32;

/// The longest key whose manifest's name is one that the service takes, in bytes.
pub(super) const LONGEST_KEY: usize = ObjectKey::MAX_BYTES - MANIFESTS.len() - 1 - ID_LENGTH;

/// A new id. The one place of this crate that draws random numbers for Cloud Storage.
pub(super) fn random_id() -> Result<String, Error> {
    let mut random = [0; ID_LENGTH / 2];
    getrandom::fill(&mut random).map_err(|cause| {
        let what = "the system has no random numbers";
        Error::new(ErrorKind::Unavailable, what).with_outcome(Outcome::NotSent).with_source(cause)
    })?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The id of an upload, if it can be one of ours.
fn id(upload: &Upload) -> Result<&str, Error> {
    if is_id(&upload.id) {
        return Ok(&upload.id);
    }
    let why = format!("there is no upload {:?}", upload.id);
    Err(Error::new(ErrorKind::NotFound, why).with_outcome(Outcome::NotSent))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The start of the names of the manifests of all uploads to keys with a prefix.
pub(super) fn manifests(prefix: &str) -> String {
    format!("{MANIFESTS}{prefix}")
}

/// The name of an upload's manifest.
pub(super) fn manifest(upload: &Upload) -> Result<String, Error> {
    Ok(format!("{MANIFESTS}{}\t{}", upload.key, id(upload)?))
}

/// The upload whose manifest has this name.
pub(super) fn parse_manifest(name: &str) -> Option<Upload> {
    let (key, id) = name.strip_prefix(MANIFESTS)?.rsplit_once('\t')?;
    is_id(id).then_some(Upload::new(ObjectKey::new(key).ok()?, id))
}

/// The start of the names of all other objects of an upload.
pub(super) fn components(upload: &Upload) -> Result<String, Error> {
    Ok(format!("{COMPONENTS}{}\t", id(upload)?))
}

/// The name of a part.
pub(super) fn part(upload: &Upload, number: u32) -> Result<String, Error> {
    Ok(format!("{}{number:05}", components(upload)?))
}

/// The number of the part with this name; `None` for what was composed of parts on the way.
pub(super) fn parse_part(upload: &Upload, name: &str) -> Option<u32> {
    name.strip_prefix(&components(upload).ok()?)?.parse().ok()
}

/// The name of what some parts are composed to on the way to the object: the `index`-th on that `level`.
pub(super) fn composed(upload: &Upload, level: u32, index: usize) -> Result<String, Error> {
    Ok(format!("{}composed-{level}-{index}", components(upload)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(key: &str) -> Upload {
        Upload::new(ObjectKey::new(key).unwrap(), random_id().unwrap())
    }

    #[test]
    fn names_lead_back_to_what_they_name() {
        let upload = upload("a b/c");
        assert_eq!(parse_manifest(&manifest(&upload).unwrap()), Some(upload.clone()));
        assert_eq!(parse_part(&upload, &part(&upload, 42).unwrap()), Some(42));
        assert_eq!(parse_part(&upload, &composed(&upload, 1, 2).unwrap()), None);
    }

    #[test]
    fn no_name_is_a_key_and_none_is_too_long() {
        let upload = upload(&"k".repeat(LONGEST_KEY));
        let names = [manifest(&upload), part(&upload, 10_000), composed(&upload, 3, 400)];
        for name in names.map(Result::unwrap) {
            assert!(ObjectKey::new(&name).is_err(), "{name:?} is a key");
            assert!(name.len() <= ObjectKey::MAX_BYTES, "{name:?} is {} bytes long", name.len());
        }
    }

    #[test]
    fn manifests_sort_as_their_keys_do() {
        let mut keys = ["a", "a b", "a!", "a-b", "a/b", "a0", "aa"];
        keys.sort_unstable();
        let names = keys.map(|key| manifest(&upload(key)).unwrap());
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn an_id_that_was_never_given_out_is_not_found() {
        for foreign in ["", "x", "../../../../../../../../../../..", &"A".repeat(32), &"a".repeat(33)] {
            let upload = Upload::new(ObjectKey::new("key").unwrap(), foreign);
            assert_eq!(*manifest(&upload).unwrap_err().kind(), ErrorKind::NotFound, "{foreign}");
        }
    }
}
