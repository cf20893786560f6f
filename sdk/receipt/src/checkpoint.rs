//! Signed checkpoints of a log: C2SP tlog-checkpoint in a C2SP signed note, with Ed25519 signatures.

use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::key::{KeySet, Signer};
use crate::tlog::Hash;
use crate::verify::{Check, Failure};
use crate::{Error, b64};

/// Signature type of plain Ed25519 in C2SP signed-note.
const ED25519: u8 = 0x01;

/// More lines than anybody needs, and few enough that checking them is cheap (signed-note asks for at least 16).
const MAX_SIGNATURES: usize = 64;

/// The origin of a log: the issuer without its scheme, the region and the log's id.
///
/// ```
/// let origin = companyos_receipt::checkpoint::origin("https://eu.companyos.example/", "eu", "log_1");
/// assert_eq!(origin, "eu.companyos.example/eu/log_1");
/// ```
#[must_use]
pub fn origin(issuer: &str, region: &str, log_id: &str) -> String {
    let host = issuer.split_once("://").map_or(issuer, |(_, host)| host).trim_end_matches('/');
    format!("{host}/{region}/{log_id}")
}

/// A tree's head: which log, how many leaves, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// Whether signatures by unknown keys may stand on a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownSignatures {
    /// As C2SP signed-note asks: witnesses and rotated keys may have signed as well.
    Ignore,
    /// For files in which every byte must be authenticated.
    Refuse,
}

impl Checkpoint {
    /// A checkpoint to sign.
    ///
    /// # Errors
    ///
    /// When the origin cannot be a key name: empty, or with white space, a control character or `+`.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Result<Self, Error> {
        let origin = origin.into();
        if !is_key_name(&origin) {
            return Err(Error::checkpoint("an origin must not be empty nor contain white space or `+`"));
        }
        Ok(Self { origin, size, root })
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The signed note, one signature line per signer; the key name is the origin.
    ///
    /// # Errors
    ///
    /// When a signer refuses, or there is none.
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<String, Error> {
        if signers.is_empty() {
            return Err(Error::checkpoint("a checkpoint needs a signature"));
        }
        let mut note = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        let text_len = note.len();
        note.push('\n');
        for signer in signers {
            let signature = signer.sign(&note.as_bytes()[..text_len])?;
            let mut line = [0; 68];
            line[..4].copy_from_slice(&note_key_id(&self.origin, signer.public_key()));
            line[4..].copy_from_slice(&signature);
            note.push_str("— ");
            note.push_str(&self.origin);
            note.push(' ');
            note.push_str(&b64::std(&line));
            note.push('\n');
        }
        Ok(note)
    }

    /// Reads a signed note and checks its signatures by trusted keys, of which there must be one at least.
    ///
    /// Signatures by unknown keys are ignored, as C2SP signed-note asks; a wrong signature by a known key refuses the
    /// note. Which log the checkpoint is of remains for the caller to compare ([`Self::origin`]).
    ///
    /// # Errors
    ///
    /// [`Check::CheckpointFormat`], [`Check::CheckpointKey`] or [`Check::CheckpointSignature`].
    pub fn verify(note: &str, keys: &KeySet) -> Result<Self, Failure> {
        Self::verify_with(note, keys, UnknownSignatures::Ignore)
    }

    pub(crate) fn verify_with(
        note: &str,
        keys: &KeySet,
        unknown: UnknownSignatures,
    ) -> Result<Self, Failure> {
        let (text, signatures) = split_note(note)?;
        let checkpoint: Self = text.parse()?;
        let ids: Vec<[u8; 4]> = keys
            .trusted_keys()
            .iter()
            .map(|key| note_key_id(&checkpoint.origin, key.jwk.public_key()))
            .collect();
        let mut signed_by = Vec::new();
        for line in signatures.split_terminator('\n') {
            let (name, signature) = parse_signature(line)?;
            let known = keys.trusted_keys().iter().zip(&ids).find(|(_, id)| signature.starts_with(&id[..]));
            match known {
                Some((key, _)) if name == checkpoint.origin => {
                    let valid =
                        signature[4..].try_into().is_ok_and(|bytes| key.verifies(text.as_bytes(), bytes));
                    if !valid {
                        let detail = format!("the signature by key `{}` does not verify", key.jwk.key_id());
                        return Err(Failure::new(Check::CheckpointSignature, detail));
                    }
                    if unknown == UnknownSignatures::Refuse && signed_by.contains(&key.jwk.key_id()) {
                        return Err(malformed("one key signed it twice"));
                    }
                    signed_by.push(key.jwk.key_id());
                }
                _ if unknown == UnknownSignatures::Refuse => {
                    let detail = format!("there is a signature by an unknown key of `{name}`");
                    return Err(Failure::new(Check::CheckpointKey, detail));
                }
                _ => {}
            }
        }
        if signed_by.is_empty() {
            let detail = format!("no trusted key of `{}` signed it", checkpoint.origin);
            return Err(Failure::new(Check::CheckpointKey, detail));
        }
        Ok(checkpoint)
    }
}

impl FromStr for Checkpoint {
    type Err = Failure;

    /// Reads the note text alone: origin, size and root. Nothing is authenticated by this.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut lines =
            text.strip_suffix('\n').ok_or_else(|| malformed("it does not end in a newline"))?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed("it has fewer than three lines"));
        };
        if !is_key_name(origin) {
            return Err(malformed("the origin is empty or has white space or `+`"));
        }
        let size =
            parse_decimal(size).ok_or_else(|| malformed("the tree size is not a plain decimal number"))?;
        let root = root.parse().map_err(|_| malformed("the root is not canonical base64 of 32 bytes"))?;
        if lines.any(str::is_empty) {
            return Err(malformed("an extension line is empty"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// The key ID of a note signature: SHA-256 over name, newline, type and key, the first four bytes.
fn note_key_id(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new_with_prefix(name);
    hasher.update([b'\n', ED25519]);
    hasher.update(public_key);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
    [a, b, c, d]
}

/// The note's text, with its last newline, and its signature lines.
pub(crate) fn split_note(note: &str) -> Result<(&str, &str), Failure> {
    if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(malformed("it has a control character"));
    }
    let blank = note.rfind("\n\n").ok_or_else(|| malformed("no empty line precedes the signatures"))?;
    let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
    if !signatures.ends_with('\n') {
        return Err(malformed("it does not end in a signature line and a newline"));
    }
    if signatures.matches('\n').count() > MAX_SIGNATURES {
        return Err(malformed("it has too many signatures"));
    }
    Ok((text, signatures))
}

fn parse_signature(line: &str) -> Result<(&str, Vec<u8>), Failure> {
    let parsed =
        line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).and_then(|(name, signature)| {
            let bytes = b64::std_decode(signature)?;
            (is_key_name(name) && bytes.len() > 4).then_some((name, bytes))
        });
    parsed.ok_or_else(|| malformed("a signature line is not an em dash, a key name and base64"))
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// A decimal number in its only form: digits, no sign, no leading zero.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn malformed(detail: &str) -> Failure {
    Failure::new(Check::CheckpointFormat, detail)
}
