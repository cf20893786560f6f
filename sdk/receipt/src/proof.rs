//! Inclusion proofs as text that verifies offline: C2SP tlog-proof v1.

use std::str::FromStr;

use crate::b64;
use crate::checkpoint::parse_decimal;
use crate::tlog::Hash;
use crate::verify::{Check, Failure};

/// The first line.
const FORMAT: &str = "c2sp.org/tlog-proof@v1";

/// Hashes in the proof of the deepest possible leaf.
const MAX_HASHES: usize = 64;

/// An inclusion proof and the signed checkpoint of the tree that it is for.
///
/// Reading one checks its form only. `verify_receipt` of the [`Verifier`](crate::verify::Verifier) checks the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    index: u64,
    hashes: Vec<Hash>,
    checkpoint: String,
    extra: Option<Vec<u8>>,
}

impl TlogProof {
    /// A proof for the leaf at `index`: hashes from the leaf's sibling upwards, and the signed note.
    #[must_use]
    pub fn new(index: u64, hashes: Vec<Hash>, checkpoint: String) -> Self {
        Self { index, hashes, checkpoint, extra: None }
    }

    /// The leaf's index in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes, from the leaf's sibling upwards.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The checkpoint, a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Opaque data that travelled with the proof. **Nothing authenticates it**, and this crate writes none.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The text, ending in the checkpoint.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        if let Some(extra) = &self.extra {
            text.push_str("extra ");
            text.push_str(&b64::std(extra));
            text.push('\n');
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            text.push_str(&b64::std(&hash.0));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }
}

impl FromStr for TlogProof {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let malformed = |detail: &str| Failure::new(Check::ProofFormat, detail);
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| malformed("no empty line precedes the checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FORMAT) {
            return Err(malformed("the first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let mut line = lines.next();
        let extra = match line.and_then(|line| line.strip_prefix("extra ")) {
            Some(text) => {
                line = lines.next();
                Some(b64::std_decode(text).ok_or_else(|| malformed("`extra` is not canonical base64"))?)
            }
            None => None,
        };
        let index = line
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_decimal)
            .ok_or_else(|| malformed("there is no `index` line with a plain decimal number"))?;
        let hashes: Vec<Hash> = lines
            .map(|line| line.parse().map_err(|_| malformed("a hash is not canonical base64 of 32 bytes")))
            .collect::<Result<_, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(malformed("there are more hashes than a tree has levels"));
        }
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned(), extra })
    }
}
