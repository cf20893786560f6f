use std::fmt;

use super::DIGEST_MULTIPLE;
use crate::civil;
use crate::sha256::HmacKey;

/// Bytes of a salt: 128 bits, as RFC 9901 section 9.3 recommends.
const SALT_LEN: usize = 16;

/// The numbers that decoys are told apart by.
const NUMBERS: [u8; DIGEST_MULTIPLE] = {
    let mut numbers = [0; DIGEST_MULTIPLE];
    let mut n = 0;
    while n < numbers.len() {
        numbers[n] = n as u8;
        n += 1;
    }
    numbers
};

/// The secret from which the salts of one log's receipts in one month are derived.
///
/// Salts come from HMAC-SHA-256 over the receipt's id and the member's name, so a receipt that is issued again has the
/// same bytes. Whoever destroys this key shreds every undisclosed member of the receipts issued under it: their
/// digests stay in place and can never be matched again.
///
/// `Debug` does not print it.
#[derive(Clone)]
pub struct SaltKey(HmacKey);

impl SaltKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self(HmacKey::new(&key))
    }

    /// The key for the month (UTC) of `iat`, derived from the secret of a log.
    ///
    /// `iat` is in seconds since 1970, as in [`Claims`](super::Claims). All receipts of a log and month share the key.
    #[must_use]
    pub fn for_month(log_secret: &[u8; 32], iat: i64) -> Self {
        let (year, month, _) = civil::date(iat);
        let purpose = format!("companyos receipt salt {year:04}-{month:02}");
        Self::from_bytes(HmacKey::new(log_secret).mac(purpose.as_bytes()))
    }

    /// The secrets of one receipt.
    pub(super) fn of_receipt<'a>(
        &self,
        jti: &'a str,
        members: impl ExactSizeIterator<Item = &'a str>,
    ) -> Secrets {
        let count = members.len();
        let decoys = &NUMBERS[..count.next_multiple_of(DIGEST_MULTIPLE) - count];
        let salts = members.map(|name| [jti.as_bytes(), b"\0", name.as_bytes()]);
        let decoys = decoys.iter().map(|n| [jti.as_bytes(), b"\0\0decoy", std::slice::from_ref(n)]);
        Secrets { members: count, codes: self.0.macs(salts.chain(decoys)) }
    }
}

/// What the salt key gives for one receipt.
pub(super) struct Secrets {
    members: usize,
    codes: Vec<[u8; 32]>,
}

impl Secrets {
    /// The salts of the members, in their order.
    pub(super) fn salts(&self) -> impl Iterator<Item = &[u8]> {
        self.codes[..self.members].iter().map(|code| &code[..SALT_LEN])
    }

    /// Digests that match no disclosure, told from real ones by nobody without the key. They fill the receipt's digests
    /// up to a multiple of [`DIGEST_MULTIPLE`].
    pub(super) fn decoys(&self) -> &[[u8; 32]] {
        &self.codes[self.members..]
    }
}

impl fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::SaltKey;

    /// The salt of one member.
    fn salt(key: &SaltKey, jti: &str, member: &str) -> Vec<u8> {
        key.of_receipt(jti, [member].into_iter()).salts().next().unwrap().to_vec()
    }

    #[test]
    fn salts_differ_by_key_receipt_and_member() {
        let key = SaltKey::from_bytes([1; 32]);
        let actor = salt(&key, "rcp_1", "actor");
        assert_eq!(actor.len(), 16);
        assert_eq!(actor, salt(&SaltKey::from_bytes([1; 32]), "rcp_1", "actor"));
        assert_ne!(actor, salt(&SaltKey::from_bytes([2; 32]), "rcp_1", "actor"));
        assert_ne!(actor, salt(&key, "rcp_2", "actor"));
        assert_ne!(actor, salt(&key, "rcp_1", "reason"));
        let january = salt(&SaltKey::for_month(&[1; 32], 1_767_225_600), "rcp_1", "actor");
        assert_ne!(january, salt(&SaltKey::for_month(&[1; 32], 1_767_225_599), "rcp_1", "actor"));
        assert_eq!(january, salt(&SaltKey::for_month(&[1; 32], 1_767_312_000), "rcp_1", "actor"));
    }

    #[test]
    fn decoys_fill_up_to_a_multiple_and_are_all_different() {
        let key = SaltKey::from_bytes([1; 32]);
        for (members, decoys) in [(0, 0), (1, 3), (2, 2), (3, 1), (4, 0), (6, 2)] {
            let names = ["a", "b", "c", "d", "e", "f"];
            let secrets = key.of_receipt("rcp_1", names[..members].iter().copied());
            assert_eq!((secrets.salts().count(), secrets.decoys().len()), (members, decoys));
            let mut all = secrets.codes.clone();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), members + decoys);
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", SaltKey::from_bytes([1; 32])), "SaltKey(***)");
    }
}
