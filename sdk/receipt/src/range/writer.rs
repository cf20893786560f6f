use std::fmt::Write as _;

use super::FORMAT;
use crate::Error;
use crate::checkpoint::Checkpoint;
use crate::tlog::{Hash, RangePlan};

/// Writes an export piece by piece, so that a server can stream it: [`Self::header`], then one [`Self::receipt`] for
/// every index, then [`Self::finish`].
///
/// ```
/// # use companyos_receipt::{Error, checkpoint::Checkpoint, key::*, range::RangeWriter, receipt::*, tlog::*};
/// # use companyos_receipt::verify::Verifier;
/// # fn main() -> Result<(), Error> {
/// # let signer = SoftwareSigner::from_seed([7; 32]);
/// # let claims = Claims {
/// #     iss: "https://eu.companyos.example".into(), jti: "rcp_1".into(), iat: 0, region: "eu".into(),
/// #     tenant: "log_1".into(), act: "tenant.create".into(), phase: Phase::Outcome, out: Outcome::Ok,
/// #     reference: None, pol: "sha256:00".into(),
/// # };
/// # let issued = issue(&claims, &Private::new().actor("key_1"), &SaltKey::from_bytes([1; 32]), &signer)?;
/// # let mut log = Frontier::new();
/// # log.push(issued.leaf_hash());
/// # let note = Checkpoint::new(claims.origin(), 1, log.root())?.sign(&[&signer as &dyn Signer])?;
/// let plan = RangePlan::new(0, 1, 1)?;
/// let hashes = plan.finish(|node| unreachable!("a whole log has nothing around it: {node:?}"))?;
/// let mut writer = RangeWriter::new(0, 1, &note, hashes)?;
/// let mut file = writer.header();
/// writer.receipt(&issued.sd_jwt(), &mut file)?;
/// writer.finish()?;
///
/// let report = Verifier::new(KeySet::from_public_keys(&[*signer.public_key()])?).verify_range(file.as_bytes());
/// assert!(report.is_valid());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RangeWriter {
    header: String,
    remaining: u64,
}

impl RangeWriter {
    /// An export of `[from, to)` under a signed checkpoint; `hashes` are what [`RangePlan::finish`] gave for its size.
    ///
    /// # Errors
    ///
    /// When the note is not a checkpoint, the range is empty or reaches past its tree, or the hashes do not fit.
    pub fn new(from: u64, to: u64, checkpoint: &str, hashes: Vec<Hash>) -> Result<Self, Error> {
        let (text, _) = crate::checkpoint::split_note(checkpoint)?;
        let tree: Checkpoint = text.parse()?;
        let plan = RangePlan::new(from, to, tree.size())?;
        if hashes.len() != plan.left_len() + plan.right_len() {
            return Err(Error::tree("the hashes are not those around the range"));
        }
        let mut header = String::with_capacity(256 + 52 * hashes.len() + checkpoint.len());
        // Writing to a string cannot fail.
        let _ = writeln!(header, "{FORMAT}\norigin {}\nfrom {from}\nto {to}", tree.origin());
        for (i, hash) in hashes.iter().enumerate() {
            let _ = writeln!(header, "{} {hash}", if i < plan.left_len() { "left" } else { "right" });
        }
        header.push('\n');
        header.push_str(checkpoint);
        header.push('\n');
        Ok(Self { header, remaining: to - from })
    }

    /// The text before the receipts.
    #[must_use]
    pub fn header(&self) -> String {
        self.header.clone()
    }

    /// Appends the line of the next receipt to `out`.
    ///
    /// # Errors
    ///
    /// When all receipts of the range were written, or this is not one line of text.
    pub fn receipt(&mut self, sd_jwt: &str, out: &mut String) -> Result<(), Error> {
        if sd_jwt.is_empty() || sd_jwt.contains('\n') {
            return Err(Error::tree("a receipt of a range is one line"));
        }
        self.remaining =
            self.remaining.checked_sub(1).ok_or_else(|| Error::tree("the range has no further receipts"))?;
        out.push_str(sd_jwt);
        out.push('\n');
        Ok(())
    }

    /// Checks that the export is complete.
    ///
    /// # Errors
    ///
    /// When receipts are missing.
    pub fn finish(self) -> Result<(), Error> {
        if self.remaining == 0 { Ok(()) } else { Err(Error::tree("receipts of the range are missing")) }
    }
}
