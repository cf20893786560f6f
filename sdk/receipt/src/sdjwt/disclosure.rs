use sha2::{Digest, Sha256};

use super::CONTROL_MEMBERS;
use crate::b64;
use crate::json::{self, Value};
use crate::receipt::is_reserved;
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
        let malformed = |detail: &str| Failure::new(Check::DisclosureFormat, detail);
        let bytes = b64::url_decode(text).ok_or_else(|| malformed("it is not canonical base64url"))?;
        let value = json::parse(&bytes).map_err(|e| malformed(&e.to_string()))?;
        let Value::Array(items) = value else {
            return Err(malformed("it is not a JSON array"));
        };
        let Ok([Value::String(salt), Value::String(name), value]) = <[Value; 3]>::try_from(items) else {
            return Err(malformed("it is not an array of salt, name and value"));
        };
        if is_reserved(&name) {
            return Err(Failure::new(Check::ClaimReserved, format!("`{name}` cannot be disclosed")));
        }
        if json::mentions(&value, &CONTROL_MEMBERS) {
            return Err(Failure::new(Check::SdMisplaced, format!("`{name}` has a member `_sd` or `...`")));
        }
        Ok(Self { salt, name, value })
    }

    /// The digest of a disclosure's text, as it stands in `_sd`.
    #[must_use]
    pub fn digest(text: &str) -> String {
        b64::url(&Sha256::digest(text))
    }
}
