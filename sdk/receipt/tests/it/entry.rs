//! What every fuzz target calls (`fuzz/`), and what the tests here run over spoilt seeds, so that it is exercised without
//! a fuzzer too.
//!
//! A function must return for any input. Where something was accepted, it checks that it reads back unchanged.

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::{KeySet, Signer, SoftwareSigner};
use companyos_receipt::proof::TlogProof;
use companyos_receipt::range::RangeExport;
use companyos_receipt::sdjwt::{Disclosure, SdJwt, present};
use companyos_receipt::tlog::TilePath;
use companyos_receipt::verify::Verifier;

fn keys() -> KeySet {
    KeySet::from_public_keys(&[*SoftwareSigner::from_seed([7; 32]).public_key()]).unwrap_or_default()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A receipt, verified, opened without keys, and presented in part.
pub(crate) fn sd_jwt(bytes: &[u8]) {
    let text = text(bytes);
    let _ = Verifier::new(keys()).verify_receipt(text, None);
    if let Ok(parsed) = SdJwt::parse(text) {
        let _ = parsed.open_unverified();
    }
    if let Ok(presented) = present(text, &["actor"]) {
        assert!(SdJwt::parse(&presented).is_ok());
    }
}

/// One disclosure.
pub(crate) fn disclosure(bytes: &[u8]) {
    let _ = Disclosure::parse(text(bytes));
}

/// A tlog-proof.
pub(crate) fn proof(bytes: &[u8]) {
    if let Ok(proof) = text(bytes).parse::<TlogProof>() {
        assert_eq!(proof.to_text(), text(bytes));
    }
}

/// A checkpoint, signed and bare.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let _ = Checkpoint::verify(text(bytes), &keys());
    let _ = text(bytes).parse::<Checkpoint>();
}

/// An exported range.
pub(crate) fn range(bytes: &[u8]) {
    if let Ok(export) = RangeExport::parse(bytes) {
        let receipts: String = export.receipts().flat_map(|line| [line, "\n"]).collect();
        assert_eq!([export.head(), &receipts].concat().as_bytes(), bytes);
    }
    let report = Verifier::new(keys()).verify_range(bytes);
    assert_eq!(report.is_valid(), report.first_failure().is_none());
}

/// A JWK set.
pub(crate) fn jwks(bytes: &[u8]) {
    if let Ok(keys) = KeySet::from_jwks(bytes) {
        let again = KeySet::from_jwks(keys.to_jwks().as_bytes()).map(|again| again.to_jwks()).ok();
        assert_eq!(again, Some(keys.to_jwks()));
    }
}

/// A tile path.
pub(crate) fn tile_path(bytes: &[u8]) {
    if let Ok(path) = text(bytes).parse::<TilePath>() {
        assert_eq!(path.to_string(), text(bytes));
    }
}
