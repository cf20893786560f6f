use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::civil;

/// Bytes of a salt: 128 bits, as RFC 9901 section 9.3 recommends.
pub(super) const SALT_LEN: usize = 16;

/// The secret from which the salts of one log's receipts in one month are derived.
///
/// Salts come from HMAC-SHA-256 over the receipt's id and the member's name, so a receipt that is issued again has the
/// same bytes. Whoever destroys this key shreds every undisclosed member of the receipts issued under it: their
/// digests stay in place and can never be matched again.
///
/// `Debug` does not print it.
#[derive(Clone)]
pub struct SaltKey {
    // The keyed state, so that a salt costs two blocks of SHA-256 instead of four.
    mac: Hmac<Sha256>,
}

impl SaltKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self { mac: keyed(&key) }
    }

    /// The key for the month (UTC) of `iat`, derived from the secret of a log.
    ///
    /// `iat` is in seconds since 1970, as in [`Claims`](super::Claims). All receipts of a log and month share the key.
    #[must_use]
    pub fn for_month(log_secret: &[u8; 32], iat: i64) -> Self {
        let (year, month, _) = civil::date(iat);
        let mut mac = keyed(log_secret);
        mac.update(format!("companyos receipt salt {year:04}-{month:02}").as_bytes());
        Self::from_bytes(mac.finalize().into_bytes().into())
    }

    pub(super) fn salt(&self, jti: &str, member: &str) -> [u8; SALT_LEN] {
        let [salt @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.derive(jti, b"\0", member.as_bytes());
        salt
    }

    /// A digest that matches no disclosure, told from a real one by nobody without the key.
    pub(super) fn decoy(&self, jti: &str, n: u8) -> [u8; 32] {
        self.derive(jti, b"\0\0decoy", &[n])
    }

    fn derive(&self, jti: &str, separator: &[u8], rest: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(jti.as_bytes());
        mac.update(separator);
        mac.update(rest);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltKey(***)")
    }
}

/// HMAC pads a short key with zeros to one block of SHA-256; doing it here makes the key's length a type.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::SaltKey;

    #[test]
    fn salts_differ_by_key_receipt_and_member() {
        let key = SaltKey::from_bytes([1; 32]);
        let salt = key.salt("rcp_1", "actor");
        assert_eq!(salt, SaltKey::from_bytes([1; 32]).salt("rcp_1", "actor"));
        assert_ne!(salt, SaltKey::from_bytes([2; 32]).salt("rcp_1", "actor"));
        assert_ne!(salt, key.salt("rcp_2", "actor"));
        assert_ne!(salt, key.salt("rcp_1", "reason"));
        let january = SaltKey::for_month(&[1; 32], 1_767_225_600);
        assert_ne!(
            january.salt("rcp_1", "actor"),
            SaltKey::for_month(&[1; 32], 1_767_225_599).salt("rcp_1", "actor")
        );
        assert_eq!(
            january.salt("rcp_1", "actor"),
            SaltKey::for_month(&[1; 32], 1_767_312_000).salt("rcp_1", "actor")
        );
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", SaltKey::from_bytes([1; 32])), "SaltKey(***)");
    }
}
