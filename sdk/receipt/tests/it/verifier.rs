use companyos_receipt::key::KeySet;
use companyos_receipt::sdjwt::present;
use companyos_receipt::verify::{Check, Verdict, Verifier};

use crate::fixture::{Log, ORIGIN, issued, verifier};

#[test]
fn a_receipt_with_its_proof_verifies_at_every_place_of_every_log() {
    for size in 1..=17 {
        let log = Log::of(size);
        for index in 0..size {
            let sd_jwt = log.receipts[index as usize].sd_jwt();
            let verified = verifier().verify_receipt(&sd_jwt, Some(&log.proof(index).to_text())).unwrap();
            let inclusion = verified.inclusion.unwrap();
            assert_eq!((inclusion.index, inclusion.checkpoint.size()), (index, size));
            assert_eq!(inclusion.checkpoint.origin(), ORIGIN);
        }
    }
}

#[test]
fn a_proof_of_another_receipt_is_refused() {
    let log = Log::of(5);
    let refused =
        |proof: &str| verifier().verify_receipt(&log.receipts[2].sd_jwt(), Some(proof)).unwrap_err().check;
    assert_eq!(refused(&log.proof(3).to_text()), Check::InclusionProof);
    assert_eq!(refused(&log.proof(2).to_text().replace("index 2", "index 3")), Check::InclusionProof);
    assert_eq!(refused(&log.proof(2).to_text().replace("index 2", "index 9")), Check::InclusionProof);
    assert_eq!(refused(&Log::of(4).proof(3).to_text()), Check::InclusionProof);
    assert_eq!(refused("nonsense"), Check::ProofFormat);
    assert_eq!(refused(&log.proof(2).to_text().replace("\n5\n", "\n6\n")), Check::CheckpointSignature);
}

#[test]
fn any_flipped_bit_of_a_receipt_fails_a_check() {
    let sd_jwt = issued(1).sd_jwt().into_bytes();
    for position in 0..sd_jwt.len() * 8 {
        let mut flipped = sd_jwt.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        let Ok(text) = String::from_utf8(flipped) else { continue };
        assert!(
            verifier().verify_receipt(&text, None).is_err(),
            "bit {} of byte {}",
            position % 8,
            position / 8
        );
    }
}

#[test]
fn any_flipped_bit_of_a_proof_fails_a_check() {
    let log = Log::of(6);
    let (sd_jwt, proof) = (log.receipts[2].sd_jwt(), log.proof(2).to_text().into_bytes());
    for position in 0..proof.len() * 8 {
        let mut flipped = proof.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        let text = String::from_utf8_lossy(&flipped);
        assert!(
            verifier().verify_receipt(&sd_jwt, Some(&text)).is_err(),
            "bit {} of byte {}",
            position % 8,
            position / 8
        );
    }
}

#[test]
fn the_origin_can_be_demanded() {
    let log = Log::of(2);
    let (sd_jwt, proof) = (log.receipts[0].sd_jwt(), log.proof(0).to_text());
    assert!(verifier().expect_origin(ORIGIN).verify_receipt(&sd_jwt, Some(&proof)).is_ok());
    let elsewhere = verifier().expect_origin("us.companyos.example/us/log_1");
    assert_eq!(elsewhere.verify_receipt(&sd_jwt, None).unwrap_err().check, Check::Origin);
}

#[test]
fn withholding_is_told_when_it_is_certain() {
    let full = issued(1).sd_jwt();
    let verdict = |sd_jwt: &str| verifier().verify_receipt(sd_jwt, None).unwrap().verdict();
    assert_eq!(verdict(&full), Verdict::Verified);
    assert_eq!(verdict(&present(&full, &[]).unwrap()), Verdict::Redacted);
    let verified = verifier().verify_receipt(&present(&full, &["actor"]).unwrap(), None).unwrap();
    assert_eq!((verified.verdict(), verified.undisclosed), (Verdict::Redacted, 7));
    assert_eq!(Verdict::Redacted.as_str(), "redacted");
}

#[test]
fn nothing_verifies_without_keys() {
    let failure = Verifier::new(KeySet::default()).verify_receipt(&issued(1).sd_jwt(), None).unwrap_err();
    assert_eq!(failure.check, Check::UnknownKey);
    assert!(failure.to_string().starts_with("unknown-key: no trusted key has the id "), "{failure}");
}

#[test]
fn every_check_has_a_name_of_its_own_and_a_meaning() {
    let mut names: Vec<&str> = Check::ALL.iter().map(|check| check.name()).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
    assert!(Check::ALL.iter().all(|check| check.meaning().ends_with('.')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Check::ALL.len());
}
