//! Page cursors: opaque, authenticated, bound to the list they continue.
//!
//! A cursor is base64url of HMAC-SHA-256(key, binding, position) and the position as JSON. The binding holds operation,
//! tenant, object and filters, so a cursor taken to another list, or altered, is refused rather than obeyed.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use companyos_types::problems;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::keys::MacKey;

/// Items on a page when the caller does not say.
pub const DEFAULT_ITEMS: u64 = 50;
/// Items on a page at most; a larger `limit` is treated as this.
pub const MAX_ITEMS: u64 = 200;

const TAG: usize = 32;

/// Makes and opens cursors with one secret key.
#[derive(Debug, Clone)]
pub(crate) struct Cursors(MacKey);

impl Cursors {
    /// Cursors under this key. Servers that share a database share it, so that any of them continues a list.
    pub(crate) fn new(key: MacKey) -> Self {
        Self(key)
    }

    /// The cursor that stands for `position` in the list named by `binding`.
    ///
    /// # Errors
    /// An internal problem when the position cannot be written as JSON.
    pub(crate) fn seal<T: Serialize>(&self, position: &T, binding: &[u8]) -> Result<String, Problem> {
        let position = serde_json::to_vec(position).map_err(Problem::internal)?;
        let mut sealed = self.0.tag(&bound(&position, binding)).to_vec();
        sealed.extend_from_slice(&position);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The position `cursor` stands for.
    ///
    /// # Errors
    /// 400 `invalid-cursor` when it was not made by [`seal`](Self::seal) with this key and binding.
    pub(crate) fn open<T: DeserializeOwned>(&self, cursor: &str, binding: &[u8]) -> Result<T, Problem> {
        let invalid = || Problem::new(&problems::INVALID_CURSOR);
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (tag, position) = sealed.split_at_checked(TAG).ok_or_else(invalid)?;
        if !self.0.verify(&bound(position, binding), tag) {
            return Err(invalid());
        }
        serde_json::from_slice(position).map_err(|_| invalid())
    }
}

/// What the tag is over: binding and position, told apart by the binding's length.
fn bound(position: &[u8], binding: &[u8]) -> Vec<u8> {
    let length = (binding.len() as u64).to_be_bytes();
    [length.as_slice(), binding, position].concat()
}

/// What a cursor is bound to, in one unambiguous run of bytes.
pub(crate) fn binding(
    operation: &str,
    caller: &str,
    tenant: &str,
    path: &[(String, String)],
    filters: &Map<String, Value>,
) -> Vec<u8> {
    // serde_json's map is sorted, so equal filters give equal bytes.
    serde_json::to_vec(&(operation, caller, tenant, path, filters)).unwrap_or_default()
}

/// The JSON Pointer, as a URI fragment, of a place serde found fault with.
pub(crate) fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::from("#");
    for segment in path {
        match segment {
            Segment::Seq { index } => push_segment(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_segment(&mut pointer, key),
            Segment::Enum { variant } => push_segment(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Adds one reference token, escaped for JSON Pointer (RFC 6901 section 3) and for a fragment (RFC 3986 section 3.5).
pub(crate) fn push_segment(pointer: &mut String, token: &str) {
    pointer.push('/');
    for byte in token.bytes() {
        match byte {
            b'~' => pointer.push_str("~0"),
            b'/' => pointer.push_str("~1"),
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@'
            | b'?' => pointer.push(char::from(byte)),
            other => {
                pointer.push('%');
                pointer.push_str(&super::policy::hex(&[other]).to_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors() -> Cursors {
        Cursors::new(MacKey::new(&[7; 32]))
    }

    #[test]
    fn a_cursor_comes_back_as_the_position_it_was_made_of() {
        let cursor = cursors().seal(&("tnt_1", 42), b"list").unwrap();
        assert_eq!(cursors().open::<(String, i64)>(&cursor, b"list").unwrap(), ("tnt_1".to_owned(), 42));
    }

    #[test]
    fn a_cursor_of_another_list_key_or_hand_is_refused() {
        let cursor = cursors().seal(&42, b"list").unwrap();
        assert!(cursors().open::<i64>(&cursor, b"other").is_err());
        assert!(Cursors::new(MacKey::new(&[8; 32])).open::<i64>(&cursor, b"list").is_err());
        for position in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(
                cursors().open::<i64>(&altered, b"list").map_err(|problem| problem.code()),
                Err("invalid-cursor"),
                "position {position}"
            );
        }
        for text in ["", "AAAA", "not base64!"] {
            assert_eq!(cursors().open::<i64>(text, b"list").unwrap_err().code(), "invalid-cursor");
        }
    }

    #[test]
    fn a_pointer_is_escaped_twice() {
        let mut pointer = String::from("#");
        push_segment(&mut pointer, "a/b~c d\"é");
        assert_eq!(pointer, "#/a~1b~0c%20d%22%C3%A9");
    }
}
