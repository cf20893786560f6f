//! How a key becomes a path, and back.
//!
//! A key's segments become folders and its last segment a file. Every byte other than `a-z 0-9 _ -`, and `.` after the
//! first byte, is spelled `%xx`, so that
//! - no name is `.`, `..` or hidden;
//! - file systems that fold case or normalise Unicode keep different keys apart;
//! - a suffix can tell the kinds of entry apart: `@` ends an object, `~` a folder that holds only the first
//!   [`PIECE`] bytes of a segment too long for one name, and a folder that is a whole segment has none. So `a` and
//!   `a/b` do not get in each other's way.
//!
//! All pieces but the last of a long segment have the same length. Therefore every entry of a folder covers a
//! contiguous run of keys, and a walk in the order of the entries' decoded names visits keys in order.

use std::path::{Path, PathBuf};

use companyos_adapter_traits::storage::ObjectKey;

/// The bytes of a segment that one name holds: spelled out in full they stay below the 255 bytes of `NAME_MAX`.
const PIECE: usize = 80;
const OBJECT: char = '@';
const PARTIAL: char = '~';
/// The name of no bytes: what is left of a segment whose length is a multiple of [`PIECE`].
const EMPTY: &str = "%";

/// Where the object of `key` lies.
pub(super) fn path_of(root: &Path, key: &ObjectKey) -> PathBuf {
    let mut path = root.to_owned();
    let mut segments = key.segments().peekable();
    while let Some(segment) = segments.next() {
        let mut rest = segment.as_bytes();
        while let Some((piece, after)) = rest.split_at_checked(PIECE) {
            let mut name = encode(piece);
            name.push(PARTIAL);
            path.push(name);
            rest = after;
        }
        let mut name = encode(rest);
        if segments.peek().is_none() {
            name.push(OBJECT);
        }
        path.push(name);
    }
    path
}

/// What a name in a folder stands for, as the bytes it adds to the key of that folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An object whose key ends with these bytes.
    Object(Vec<u8>),
    /// A folder of keys that go on after these bytes.
    Folder(Vec<u8>),
}

/// Reads a name that [`path_of`] wrote. `None` for anything else, which is none of ours.
pub(super) fn parse(name: &str) -> Option<Entry> {
    if let Some(name) = name.strip_suffix(OBJECT) {
        decode(name).filter(|bytes| bytes.len() < PIECE).map(Entry::Object)
    } else if let Some(name) = name.strip_suffix(PARTIAL) {
        decode(name).filter(|bytes| bytes.len() == PIECE).map(Entry::Folder)
    } else {
        let mut bytes = decode(name).filter(|bytes| bytes.len() < PIECE)?;
        bytes.push(b'/');
        Some(Entry::Folder(bytes))
    }
}

fn encode(bytes: &[u8]) -> String {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    if bytes.is_empty() {
        return EMPTY.to_owned();
    }
    let mut name = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(byte.into()),
            b'.' if at > 0 => name.push('.'),
            _ => {
                name.push('%');
                name.push(HEX[usize::from(byte >> 4)].into());
                name.push(HEX[usize::from(byte & 15)].into());
            }
        }
    }
    name
}

/// Accepts only what [`encode`] writes: a second spelling of the same bytes would be a second file of the same key.
fn decode(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    if name != EMPTY {
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            if first == b'%' {
                let (hex, after) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok()?);
                rest = after;
            } else {
                bytes.push(first);
            }
        }
    }
    (encode(&bytes) == name).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    /// Keys of the characters that are spelled differently, with segments on both sides of every length limit.
    fn keys() -> impl Strategy<Value = ObjectKey> {
        let segment = prop_oneof![
            "[a-cA-C./@~%é\\\\ -]{1,8}".prop_map(|text| text.replace('/', "x")),
            (78_usize..=82, "[a.é%]").prop_map(|(len, end)| "a".repeat(len) + &end),
            (150_usize..=170, "[.A]").prop_map(|(len, all)| all.repeat(len)),
            any::<String>(),
        ];
        prop::collection::vec(segment, 1..4)
            .prop_filter_map("not a key", |parts| ObjectKey::new(parts.join("/")).ok())
    }

    /// The key of a path, read back entry by entry.
    fn key_of(path: &Path) -> Option<String> {
        let mut key = Vec::new();
        for component in path.components() {
            let Component::Normal(name) = component else { return None };
            match parse(name.to_str()?)? {
                Entry::Object(bytes) | Entry::Folder(bytes) => key.extend(bytes),
            }
        }
        String::from_utf8(key).ok()
    }

    proptest! {
        #[test]
        fn every_key_has_a_path_and_is_read_back_from_it(key in keys()) {
            let read = key_of(&path_of(Path::new(""), &key));
            prop_assert_eq!(read.as_deref(), Some(key.as_str()));
        }

        #[test]
        fn a_path_stays_below_its_root_and_its_names_are_short_and_plain(key in keys()) {
            let path = path_of(Path::new(""), &key);
            for component in path.components() {
                let Component::Normal(name) = component else {
                    return Err(TestCaseError::fail(format!("{component:?}")));
                };
                let name = name.to_string_lossy();
                prop_assert!(name.len() <= 255 && !name.starts_with('.'), "{}", name);
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.%@~".contains(c);
                prop_assert!(name.chars().all(plain), "{}", name);
            }
        }

        #[test]
        fn different_keys_have_paths_that_do_not_meet(one in keys(), other in keys()) {
            let (a, b) = (path_of(Path::new(""), &one), path_of(Path::new(""), &other));
            prop_assert_eq!(a == b, one == other);
            prop_assert!(one == other || !a.starts_with(&b), "{:?} would have to be a folder and a file", b);
        }

        #[test]
        fn a_name_is_read_only_as_it_is_written(name in "[a-c.%0-9A-F@~]{0,8}") {
            if let Some(Entry::Object(bytes)) = parse(&name) {
                prop_assert_eq!(encode(&bytes) + "@", name);
            }
        }
    }

    #[test]
    fn paths_look_as_documented() {
        let table = [
            ("reports/2026.csv", "reports/2026.csv@"),
            ("A/.b/c d", "%41/%2eb/c%20d@"),
            ("...", "%2e..@"),
            (&"k".repeat(80), &format!("{}~/%@", "k".repeat(80))),
            (&format!("{}/x", "k".repeat(81)), &format!("{}~/k/x@", "k".repeat(80))),
        ];
        for (key, path) in table {
            let key = ObjectKey::new(key).map(|key| path_of(Path::new("r"), &key));
            assert_eq!(key.ok(), Some(Path::new("r").join(path)));
        }
    }
}
