//! The form of an API key: `cos_<env>_<8 id><30 secret><6 CRC32>` in base62.
//!
//! The CRC-32 (ISO-HDLC, as in zip) is over everything before it. It turns a mistyped or cut-off key away before any
//! look-up, and lets secret scanners tell keys from look-alikes. It protects nothing; the 30 characters (178 bits) do.

use std::fmt;

use zeroize::Zeroizing;

use super::ids::Ids;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID: usize = 8;
const SECRET: usize = 30;
const CHECK: usize = 6;
const BODY: usize = ID + SECRET + CHECK;

/// A well-formed API key that passed its checksum; nothing says yet that it exists.
pub struct ApiKey<'a> {
    body: &'a str,
}

impl fmt::Debug for ApiKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}***)", self.lookup_id())
    }
}

impl<'a> ApiKey<'a> {
    /// Reads a key; `None` when its form or checksum is wrong.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (environment, body) = text.strip_prefix("cos_")?.split_once('_')?;
        let environment_ok =
            matches!(environment.len(), 1..=16) && environment.bytes().all(|b| b.is_ascii_lowercase());
        let body_ok = body.len() == BODY && body.bytes().all(|b| b.is_ascii_alphanumeric());
        if !(environment_ok && body_ok) {
            return None;
        }
        let (covered, check) = text.split_at(text.len() - CHECK);
        (checksum(covered.as_bytes()) == check.as_bytes()).then_some(Self { body })
    }

    /// The public part a key is found by.
    #[must_use]
    pub fn lookup_id(&self) -> &'a str {
        &self.body[..ID]
    }
}

/// A new key of an environment such as `test`, `live` or `dev`. The text is wiped when dropped.
#[must_use]
pub fn generate(environment: &str, ids: &dyn Ids) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(environment.len() + BODY + 5));
    text.push_str("cos_");
    text.push_str(environment);
    text.push('_');
    for _ in 0..ID + SECRET {
        text.push(random_digit(ids));
    }
    let check = checksum(text.as_bytes());
    text.extend(check.iter().map(|&digit| char::from(digit)));
    text
}

/// The clear start of a key, to recognise it by: everything up to and with the public part.
#[must_use]
pub fn clear_prefix(key: &str) -> &str {
    &key[..key.len().saturating_sub(SECRET + CHECK)]
}

/// One base62 digit, every one equally likely: bytes of 248 and more are drawn again, because 248 = 4 * 62.
fn random_digit(ids: &dyn Ids) -> char {
    loop {
        let mut byte = [0_u8; 1];
        ids.fill(&mut byte);
        if byte[0] < 248 {
            return char::from(DIGITS[usize::from(byte[0] % 62)]);
        }
    }
}

/// CRC-32 in six base62 digits, most significant first. 62^6 > 2^32, so every checksum fits.
fn checksum(bytes: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32(bytes) as usize;
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % 62];
        rest /= 62;
    }
    digits
}

/// CRC-32/ISO-HDLC, bit by bit: 44 bytes are not worth a table.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::RandomIds;

    #[test]
    fn the_checksum_is_that_of_zip() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_generated_key_reads_back_and_names_its_id() {
        let key = generate("test", &RandomIds);
        assert_eq!(key.len(), "cos_test_".len() + 44);
        let parsed = ApiKey::parse(&key).unwrap();
        assert_eq!(clear_prefix(&key), format!("cos_test_{}", parsed.lookup_id()));
        assert!(!format!("{parsed:?}").contains(&key[17..47]), "Debug shows the secret");
    }

    #[test]
    fn any_single_changed_character_is_noticed() {
        let key = generate("test", &RandomIds);
        for position in 0..key.len() {
            let mut altered = key.as_bytes().to_vec();
            altered[position] = if altered[position] == b'a' { b'b' } else { b'a' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(ApiKey::parse(&altered).is_none(), "position {position} was not noticed");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = generate("test", &RandomIds);
        for text in [
            "",
            "cos_",
            "cos__",
            "cos_test_",
            &key[1..],
            &key[..key.len() - 1],
            &format!("{}0", *key),
            "cos_tést_x",
        ] {
            assert!(ApiKey::parse(text).is_none(), "{text:?}");
        }
    }
}
