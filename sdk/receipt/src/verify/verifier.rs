use super::{Check, Failure, RangeReport};
use crate::checkpoint::Checkpoint;
use crate::json::{Map, Value};
use crate::key::KeySet;
use crate::proof::TlogProof;
use crate::receipt::{Claims, DIGEST_MULTIPLE};
use crate::sdjwt::SdJwt;
use crate::tlog::{receipt_leaf_hash, verify_inclusion};

/// Checks receipts, proofs and exports against trusted keys, offline.
///
/// ```
/// use companyos_receipt::key::{KeySet, Signer, SoftwareSigner};
/// use companyos_receipt::verify::{Check, Verifier};
///
/// # fn main() -> Result<(), companyos_receipt::Error> {
/// let signer = SoftwareSigner::from_seed([7; 32]);
/// let verifier = Verifier::new(KeySet::from_public_keys(&[*signer.public_key()])?);
/// let failure = verifier.verify_receipt("eyJhbGciOiJub25lIn0.e30.~", None).unwrap_err();
/// assert_eq!(failure.check, Check::SdJwtAlgorithm);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: KeySet,
    origin: Option<String>,
}

/// What a receipt that verified came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything that was presented verified.
    Verified,
    /// The same, and members were withheld for certain. (Withholding one or two can look like padding, on purpose.)
    Redacted,
}

impl Verdict {
    /// The word for reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Redacted => "redacted",
        }
    }
}

/// A receipt that verified.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The clear claims.
    pub claims: Claims,
    /// The disclosed members.
    pub disclosed: Map<String, Value>,
    /// Digests without a disclosure: withheld members and decoys.
    pub undisclosed: usize,
    /// The `kid` of the key that signed.
    pub key_id: String,
    /// Where the receipt is in its log, when a proof was given and checked.
    pub inclusion: Option<Inclusion>,
}

/// Where a receipt is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The receipt's index.
    pub index: u64,
    /// The checkpoint that commits to it.
    pub checkpoint: Checkpoint,
}

impl Verified {
    /// Whether members were certainly withheld.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.undisclosed >= DIGEST_MULTIPLE { Verdict::Redacted } else { Verdict::Verified }
    }
}

impl Verifier {
    /// A verifier that trusts these keys and no others.
    #[must_use]
    pub const fn new(keys: KeySet) -> Self {
        Self { keys, origin: None }
    }

    /// Accepts only what belongs to the log with this origin.
    #[must_use]
    pub fn expect_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// The trusted keys.
    #[must_use]
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Verifies a receipt: its signature and disclosures and, when there is a proof (the text of a C2SP tlog-proof),
    /// that the log of its tenant and region holds it.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn verify_receipt(&self, sd_jwt: &str, proof: Option<&str>) -> Result<Verified, Failure> {
        let sd_jwt = SdJwt::parse(sd_jwt)?;
        let mut verified = self.verify_parsed(&sd_jwt)?;
        if self.origin.is_none() && proof.is_none() {
            return Ok(verified);
        }
        let origin = verified.claims.origin();
        self.check_origin(&origin)?;
        if let Some(proof) = proof {
            let proof: TlogProof = proof.parse()?;
            let checkpoint = Checkpoint::verify(proof.checkpoint(), &self.keys)?;
            same_origin(checkpoint.origin(), &origin)?;
            let leaf = receipt_leaf_hash(sd_jwt.jwt());
            verify_inclusion(&leaf, proof.index(), checkpoint.size(), proof.hashes(), checkpoint.root())?;
            verified.inclusion = Some(Inclusion { index: proof.index(), checkpoint });
        }
        Ok(verified)
    }

    /// Verifies an exported range: its form, the checkpoint, every receipt, and that they are all leaves of the log from
    /// the first index to the last, none altered, left out, added or moved.
    #[must_use]
    pub fn verify_range(&self, export: &[u8]) -> RangeReport {
        self.verify_range_with(export, |_, _| {})
    }

    pub(super) fn verify_parsed(&self, sd_jwt: &SdJwt<'_>) -> Result<Verified, Failure> {
        let opened = sd_jwt.verify(&self.keys)?;
        Ok(Verified {
            claims: opened.claims,
            disclosed: opened.disclosed,
            undisclosed: opened.undisclosed,
            key_id: opened.key_id,
            inclusion: None,
        })
    }

    pub(super) fn check_origin(&self, origin: &str) -> Result<(), Failure> {
        self.origin.as_deref().map_or(Ok(()), |expected| same_origin(origin, expected))
    }
}

pub(super) fn same_origin(found: &str, expected: &str) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(Check::Origin, format!("it is of `{found}`, not of `{expected}`")))
}
