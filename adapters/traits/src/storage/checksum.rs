//! What tells a body from a damaged one.

use std::fmt;

/// How a [`Checksum`] is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// CRC-32C (Castagnoli), RFC 3720 appendix B.4. The one that every adapter with
    /// [`Checksums`](crate::Capability::Checksums) accepts.
    Crc32c,
    /// CRC-32 (ISO-HDLC), as in zip.
    Crc32,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// MD5, RFC 1321. Against accidents only.
    Md5,
    /// SHA-1. Against accidents only.
    Sha1,
    /// SHA-256, FIPS 180-4.
    Sha256,
}

impl ChecksumAlgorithm {
    /// The stable name, as it appears in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32c => "crc32c",
            Self::Crc32 => "crc32",
            Self::Crc64Nvme => "crc64nvme",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The length of a value, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is the length of a value, and none is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Crc32c | Self::Crc32 => 4,
            Self::Crc64Nvme => 8,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The checksum of one whole body, never of the checksums of its parts.
///
/// ```
/// use companyos_adapter_traits::storage::Checksum;
///
/// assert_eq!(Checksum::crc32c(b"123456789").to_string(), "crc32c:e3069283");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: ChecksumAlgorithm,
    /// The value; a CRC in big-endian order, as providers write it.
    pub value: Vec<u8>,
}

impl Checksum {
    /// A checksum that somebody else computed.
    pub fn new(algorithm: ChecksumAlgorithm, value: impl Into<Vec<u8>>) -> Self {
        Self { algorithm, value: value.into() }
    }

    /// Computes the CRC-32C of a body that is at hand.
    #[must_use]
    pub fn crc32c(body: &[u8]) -> Self {
        let mut crc = Crc32c::new();
        crc.update(body);
        crc.finish()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.as_str())?;
        self.value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Computes a CRC-32C of a body that comes in pieces.
///
/// ```
/// use companyos_adapter_traits::storage::{Checksum, Crc32c};
///
/// let mut crc = Crc32c::new();
/// crc.update(b"1234");
/// crc.update(b"56789");
/// assert_eq!(crc.finish(), Checksum::crc32c(b"123456789"));
/// ```
#[derive(Debug, Clone)]
pub struct Crc32c {
    state: u32,
}

impl Crc32c {
    /// The checksum of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: !0 }
    }

    /// Adds the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let mut crc = self.state;
        let mut words = piece.chunks_exact(8);
        for word in &mut words {
            let [a, b, c, d, e, f, g, h] = *word else { continue };
            let low = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            crc = at(7, low[0])
                ^ at(6, low[1])
                ^ at(5, low[2])
                ^ at(4, low[3])
                ^ at(3, e)
                ^ at(2, f)
                ^ at(1, g)
                ^ at(0, h);
        }
        for byte in words.remainder() {
            crc = (crc >> 8) ^ at(0, crc.to_le_bytes()[0] ^ byte);
        }
        self.state = crc;
    }

    /// The checksum of everything added.
    #[must_use]
    pub fn finish(self) -> Checksum {
        Checksum::new(ChecksumAlgorithm::Crc32c, (!self.state).to_be_bytes())
    }
}

impl Default for Crc32c {
    fn default() -> Self {
        Self::new()
    }
}

/// Row `n` holds, for every byte, what it contributes when `n` more bytes follow it: eight bytes are then eight
/// look-ups with no dependency among them.
static TABLE: [[u32; 256]; 8] = table();

fn at(row: usize, byte: u8) -> u32 {
    TABLE[row][usize::from(byte)]
}

const fn table() -> [[u32; 256]; 8] {
    // The Castagnoli polynomial, bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[0][byte] = crc;
        byte += 1;
    }
    let mut row = 1;
    while row < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before: u32 = table[row - 1][byte];
            table[row][byte] = (before >> 8) ^ table[0][(before & 255) as usize];
            byte += 1;
        }
        row += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Checksum, Crc32c};

    #[test]
    fn the_vectors_of_rfc_3720_come_out() {
        // Appendix B.4, whose bytes are in wire order, that is reversed.
        let ascending: Vec<u8> = (0..32).collect();
        let table: [(&[u8], &str); 4] = [
            (&[0; 32], "crc32c:8a9136aa"),
            (&[0xff; 32], "crc32c:62a8ab43"),
            (&ascending, "crc32c:46dd794e"),
            (b"", "crc32c:00000000"),
        ];
        for (body, expected) in table {
            assert_eq!(Checksum::crc32c(body).to_string(), expected);
        }
    }

    #[test]
    fn where_a_body_is_cut_does_not_matter() {
        let body: Vec<u8> = (0..100_u8).map(|at| at.wrapping_mul(7)).collect();
        for cut in 0..body.len() {
            let mut crc = Crc32c::new();
            crc.update(&body[..cut]);
            crc.update(&body[cut..]);
            assert_eq!(crc.finish(), Checksum::crc32c(&body), "cut at {cut}");
        }
    }
}
