use super::verifier::{Verifier, same_origin};
use super::{Check, Failure};
use crate::checkpoint::{Checkpoint, UnknownSignatures};
use crate::range::RangeExport;
use crate::sdjwt::SdJwt;
use crate::tlog::{Hash, receipt_leaf_hash};

/// Receipts that are named one by one in a report; more than this are only counted.
const MAX_NAMED: usize = 1000;

/// What became of an exported range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RangeReport {
    /// The checkpoint, once its signature was checked.
    pub checkpoint: Option<Checkpoint>,
    /// The first index.
    pub from: u64,
    /// One past the last index.
    pub to: u64,
    /// Receipts that were checked.
    pub checked: u64,
    /// Receipts that did not verify.
    pub forged: u64,
    /// What failed about the range as a whole.
    pub failure: Option<Failure>,
    /// Receipts that did not verify, with their index, in order; the first thousand of them.
    pub receipts: Vec<(u64, Failure)>,
}

impl RangeReport {
    /// Whether everything verified.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.failure.is_none() && self.forged == 0
    }

    /// The check to name when only one can be named.
    ///
    /// An altered receipt breaks its own signature and the range's root; its own check says more, so it comes first.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Failure> {
        self.receipts.first().map(|(_, failure)| failure).or(self.failure.as_ref())
    }
}

impl Verifier {
    /// [`Self::verify_range`], telling after every receipt how many were checked, and of how many.
    #[must_use]
    pub fn verify_range_with(&self, export: &[u8], mut progress: impl FnMut(u64, u64)) -> RangeReport {
        let mut report = RangeReport::default();
        if let Err(failure) = self.run(export, &mut report, &mut progress) {
            report.failure = Some(failure);
        }
        report
    }

    fn run(
        &self,
        export: &[u8],
        report: &mut RangeReport,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Failure> {
        let export = RangeExport::parse(export)?;
        (report.from, report.to) = (export.from(), export.to());
        // Every byte of an export is authenticated, so no signature may stand there that nobody can check.
        let checkpoint =
            Checkpoint::verify_with(export.checkpoint(), self.keys(), UnknownSignatures::Refuse)?;
        same_origin(export.origin(), checkpoint.origin())?;
        self.check_origin(checkpoint.origin())?;
        let plan = export.plan(checkpoint.size())?;
        let origin = report.checkpoint.insert(checkpoint).origin().to_owned();

        let mut leaves: Vec<Hash> = Vec::new();
        for (index, line) in (export.from()..).zip(export.receipts()) {
            match self.check_line(line, &origin) {
                Ok(()) => {}
                Err(failure) => {
                    report.forged += 1;
                    if report.receipts.len() < MAX_NAMED {
                        report.receipts.push((index, failure));
                    }
                }
            }
            leaves.push(receipt_leaf_hash(line.split_once('~').map_or(line, |(jwt, _)| jwt)));
            report.checked += 1;
            progress(report.checked, report.to - report.from);
        }
        let root = plan.root(export.hashes(), leaves);
        if root.is_none() || root.as_ref() != report.checkpoint.as_ref().map(Checkpoint::root) {
            let detail =
                format!("indexes {} to {} do not give the root of the checkpoint", report.from, report.to);
            return Err(Failure::new(Check::RangeRoot, detail));
        }
        Ok(())
    }

    fn check_line(&self, line: &str, origin: &str) -> Result<(), Failure> {
        let verified = self.verify_parsed(&SdJwt::parse(line)?)?;
        same_origin(&verified.claims.origin(), origin)
    }
}
