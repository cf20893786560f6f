//! Verifying for a caller what anybody can verify offline.

use companyos_receipt::key::KeySet;
use companyos_receipt::verify::{Failure, RangeReport, Verifier};
use companyos_types::receipts as wire;

/// A verifier that trusts the keys of this server.
pub(super) fn verifier(public_keys: &[[u8; 32]]) -> Result<Verifier, companyos_receipt::Error> {
    KeySet::from_public_keys(public_keys).map(Verifier::new)
}

/// Verifies receipts, each by itself.
pub(super) fn receipts(verifier: &Verifier, receipts: &[wire::ReceiptWithProof]) -> wire::VerifyReport {
    let results: Vec<wire::VerifyResult> = receipts.iter().map(|receipt| one(verifier, receipt)).collect();
    wire::VerifyReport {
        valid: results.iter().all(|result| result.verdict != wire::VerifyVerdict::Forged),
        checked: results.len() as u64,
        results,
        failed_check: None,
        detail: None,
    }
}

fn one(verifier: &Verifier, receipt: &wire::ReceiptWithProof) -> wire::VerifyResult {
    match verifier.verify_receipt(&receipt.sd_jwt, receipt.proof.as_deref()) {
        Ok(verified) => wire::VerifyResult {
            verdict: verified.verdict().as_str().into(),
            included: Some(verified.inclusion.is_some()),
            receipt_id: Some(verified.claims.jti),
            failed_check: None,
            detail: None,
        },
        Err(failure) => forged(&failure, None),
    }
}

fn forged(failure: &Failure, index: Option<u64>) -> wire::VerifyResult {
    let detail = match index {
        Some(index) => format!("index {index}: {}", failure.detail),
        None => failure.detail.clone(),
    };
    wire::VerifyResult {
        // What a forged receipt says its id is means nothing.
        receipt_id: None,
        verdict: wire::VerifyVerdict::Forged,
        included: None,
        failed_check: Some(failure.check.name().to_owned()),
        detail: Some(detail),
    }
}

/// Verifies an exported range.
pub(super) fn range(verifier: &Verifier, export: &[u8]) -> wire::VerifyReport {
    let report: RangeReport = verifier.verify_range(export);
    let first = report.first_failure();
    wire::VerifyReport {
        valid: report.is_valid(),
        checked: report.checked,
        results: report.receipts.iter().map(|(index, failure)| forged(failure, Some(*index))).collect(),
        failed_check: first.map(|failure| failure.check.name().to_owned()),
        detail: first.map(|failure| failure.detail.clone()),
    }
}
