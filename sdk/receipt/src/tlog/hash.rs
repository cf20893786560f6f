use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::b64;
use crate::verify::{Check, Failure};

/// Length of a log entry in bytes.
pub const ENTRY_LEN: usize = 33;

/// First byte of the log entry of a receipt. Other bytes are kept for other kinds of entries.
const RECEIPT_ENTRY: u8 = 0x01;

/// A SHA-256 hash of a tree.
///
/// `Display` and `FromStr` use padded standard base64, as the C2SP formats do; `Debug` prints hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 32 bytes; `None` when there are more or fewer.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64::std(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Hash {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        b64::std_decode(text)
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or_else(|| Failure::new(Check::Format, "a hash is not canonical base64 of 32 bytes"))
    }
}

/// The log entry of a receipt: `0x01` and the SHA-256 of the issuer-signed JWT, without disclosures.
///
/// Content never enters the log, so that nothing has to be purged from it.
#[must_use]
pub fn entry(jwt: &str) -> [u8; ENTRY_LEN] {
    let mut entry = [RECEIPT_ENTRY; ENTRY_LEN];
    entry[1..].copy_from_slice(&Sha256::digest(jwt));
    entry
}

/// The leaf hash of an entry: SHA-256 of `0x00` and the entry (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0x00]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// The leaf hash of a receipt's [`entry`].
#[must_use]
pub fn receipt_leaf_hash(jwt: &str) -> Hash {
    leaf_hash(&entry(jwt))
}

/// The hash of an inner node: SHA-256 of `0x01`, the left hash and the right hash (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut message = [0x01; 65];
    message[1..33].copy_from_slice(&left.0);
    message[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(message).into())
}

/// The root of the empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The root of the tree over these leaf hashes, or over the hashes of any one level of a tree.
#[must_use]
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut frontier = super::Frontier::new();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier.root()
}
