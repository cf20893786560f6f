use super::CONTROL_MEMBERS;
use crate::b64;
use crate::json::{Json, Value};
use crate::receipt::is_reserved;
use crate::sha256::Hasher;
use crate::verify::{Check, Failure};

/// One disclosed member: `["salt", "name", value]` (RFC 9901 section 4.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    /// The salt, as it stands in the disclosure.
    pub salt: String,
    /// The member's name.
    pub name: String,
    /// The member's value.
    pub value: Value,
}

impl Disclosure {
    /// Reads a disclosure. That it belongs to a receipt is not checked by this.
    ///
    /// # Errors
    ///
    /// [`Check::DisclosureFormat`], [`Check::ClaimReserved`] or [`Check::SdMisplaced`].
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Self::parse_with(text, &mut Vec::new())
    }

    /// [`Self::parse`] with a buffer to decode into.
    pub(super) fn parse_with(text: &str, buffer: &mut Vec<u8>) -> Result<Self, Failure> {
        let malformed = |detail: &str| Failure::new(Check::DisclosureFormat, detail);
        let json = b64::url_decode_text(text, buffer);
        let json = json.ok_or_else(|| malformed("it is not canonical base64url of UTF-8"))?;
        let Json::Array(items) = Json::parse(json).map_err(|e| malformed(&e.to_string()))? else {
            return Err(malformed("it is not a JSON array"));
        };
        let Ok([Json::String(salt), Json::String(name), value]) = <[Json<'_>; 3]>::try_from(items) else {
            return Err(malformed("it is not an array of salt, name and value"));
        };
        if is_reserved(&name) {
            return Err(Failure::new(Check::ClaimReserved, format!("`{name}` cannot be disclosed")));
        }
        if value.mentions(&CONTROL_MEMBERS) {
            return Err(Failure::new(Check::SdMisplaced, format!("`{name}` has a member `_sd` or `...`")));
        }
        Ok(Self { salt: salt.into_owned(), name: name.into_owned(), value: value.into_value() })
    }

    /// The digest of a disclosure's text, as it stands in `_sd`.
    #[must_use]
    pub fn digest(text: &str) -> String {
        b64::url(&Hasher::new().digest(text.as_bytes()))
    }

    /// [`Self::digest`] with a hasher to use.
    pub(super) fn digest_with(text: &str, hasher: &mut Hasher) -> [u8; b64::DIGEST_TEXT] {
        b64::url_digest(&hasher.digest(text.as_bytes()))
    }
}
