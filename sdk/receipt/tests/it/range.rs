//! Exports: complete, authentic to the last bit, or refused.

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::{KeySet, Signer};
use companyos_receipt::range::{RangeExport, RangeWriter};
use companyos_receipt::sdjwt::present;
use companyos_receipt::tlog::root_of;
use companyos_receipt::verify::{Check, RangeReport, Verifier};

use crate::fixture::{Log, ORIGIN, signer, stranger, verifier};

fn verify(export: &str) -> RangeReport {
    verifier().verify_range(export.as_bytes())
}

#[test]
fn every_range_of_a_log_verifies() {
    let log = Log::of(13);
    for from in 0..13 {
        for to in from + 1..=13 {
            let report = verify(&log.export(from, to));
            assert!(report.is_valid(), "[{from}, {to}): {report:?}");
            assert_eq!((report.from, report.to, report.checked), (from, to, to - from));
            assert_eq!(report.checkpoint.unwrap().size(), 13);
        }
    }
}

#[test]
fn any_single_flipped_bit_fails_a_named_check() {
    let export = Log::of(4).export(1, 2).into_bytes();
    for position in 0..export.len() * 8 {
        let mut flipped = export.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        let report = verifier().verify_range(&flipped);
        assert!(!report.is_valid(), "bit {} of byte {}", position % 8, position / 8);
        assert!(report.first_failure().is_some_and(|failure| !failure.check.name().is_empty()));
    }
}

#[test]
fn a_sweep_of_2000_flipped_bits_over_a_larger_export_finds_each() {
    let export = Log::of(40).export(11, 27).into_bytes();
    let bits = export.len() * 8;
    for n in 0..2000 {
        // A stride that shares no factor with 8 visits every bit of a byte.
        let position = (n * (bits / 2000) + n % 8) % bits;
        let mut flipped = export.clone();
        flipped[position / 8] ^= 1 << (position % 8);
        let report = verifier().verify_range(&flipped);
        assert!(report.first_failure().is_some(), "bit {} of byte {}", position % 8, position / 8);
    }
}

#[test]
fn any_byte_added_or_removed_fails() {
    let export = Log::of(5).export(1, 4);
    for at in 0..export.len() {
        if !export.is_char_boundary(at) {
            continue;
        }
        let mut shorter = export.clone();
        shorter.remove(at);
        assert!(!verify(&shorter).is_valid(), "without byte {at}");
        for added in ["\n", " ", "~", "A", "0"] {
            let mut longer = export.clone();
            longer.insert_str(at, added);
            assert!(!verify(&longer).is_valid(), "with {added:?} at {at}");
        }
    }
    assert!(!verify(&format!("{export}\n")).is_valid());
}

#[test]
fn receipts_that_are_moved_left_out_or_added_are_missed() {
    let log = Log::of(9);
    let export = log.export(2, 6);
    let (head, tail) =
        export.split_at(export.len() - export.lines().rev().take(4).map(|l| l.len() + 1).sum::<usize>());
    let lines: Vec<&str> = tail.lines().collect();
    let joined = |lines: &[&str]| format!("{head}{}\n", lines.join("\n"));
    assert!(verify(&joined(&lines)).is_valid());

    let moved = verify(&joined(&[lines[1], lines[0], lines[2], lines[3]]));
    assert_eq!(moved.failure.unwrap().check, Check::RangeRoot);
    assert_eq!(moved.forged, 0, "each of them is genuine");
    let left_out = verify(&joined(&lines[..3]));
    assert_eq!(left_out.failure.unwrap().check, Check::RangeFormat);
    let replaced = verify(&joined(&[lines[0], lines[0], lines[2], lines[3]]));
    assert_eq!(replaced.failure.unwrap().check, Check::RangeRoot);
    let narrowed = verify(&joined(&lines[..3]).replace("\nto 6\n", "\nto 5\n"));
    assert_eq!(narrowed.failure.unwrap().check, Check::RangeFormat, "more hashes stand right of it");
    let shifted = verify(&export.replace("\nfrom 2\nto 6\n", "\nfrom 4\nto 8\n"));
    assert!(!shifted.is_valid());
}

#[test]
fn a_forged_receipt_is_named_by_its_index() {
    let log = Log::of(9);
    let genuine = log.receipts[3].sd_jwt();
    let export = log.export(2, 6).replace(&genuine, &genuine.replacen("~W", "~X", 1));
    let report = verify(&export);
    assert_eq!((report.forged, report.checked), (1, 4));
    let (index, failure) = &report.receipts[0];
    assert_eq!((*index, failure.check), (3, Check::DisclosureUnreferenced));
    assert!(report.failure.is_none(), "the log does not commit to disclosures");
    assert_eq!(report.first_failure(), Some(failure));
}

#[test]
fn redacted_receipts_still_make_a_range() {
    let export = Log::of(9).export(2, 6);
    let parsed = RangeExport::parse(export.as_bytes()).unwrap();
    let mut redacted = parsed.head().to_owned();
    for receipt in parsed.receipts() {
        redacted.push_str(&present(receipt, &["actor"]).unwrap());
        redacted.push('\n');
    }
    assert!(redacted.len() < export.len());
    assert!(verify(&redacted).is_valid());
}

#[test]
fn a_checkpoint_with_a_signature_that_nobody_can_check_is_refused_here() {
    let log = Log::of(4);
    let tree = Checkpoint::new(ORIGIN, 4, root_of(&log.leaves)).unwrap();
    let cosigned = tree.sign(&[&signer() as &dyn Signer, &stranger()]).unwrap();
    assert!(Checkpoint::verify(&cosigned, verifier().keys()).is_ok());
    let export = log.export_under(&cosigned, 0, 4);
    assert_eq!(verify(&export).failure.unwrap().check, Check::CheckpointKey);
    let both = KeySet::from_public_keys(&[*signer().public_key(), *stranger().public_key()]).unwrap();
    assert!(Verifier::new(both).verify_range(export.as_bytes()).is_valid());
    let twice = log.note.clone() + log.note.rsplit_once("\n\n").unwrap().1;
    assert_eq!(verify(&log.export_under(&twice, 0, 4)).failure.unwrap().check, Check::CheckpointFormat);
}

#[test]
fn another_log_or_another_key_is_refused() {
    let log = Log::of(4);
    let export = log.export(0, 4);
    let expecting = |origin: &str| verifier().expect_origin(origin).verify_range(export.as_bytes());
    assert!(expecting(ORIGIN).is_valid());
    assert_eq!(expecting("eu.companyos.example/eu/log_2").failure.unwrap().check, Check::Origin);
    let strangers = Verifier::new(KeySet::from_public_keys(&[*stranger().public_key()]).unwrap());
    assert_eq!(strangers.verify_range(export.as_bytes()).failure.unwrap().check, Check::CheckpointKey);
    // Genuine receipts in a genuine tree, but of a log that is not theirs.
    let tree = Checkpoint::new("eu.companyos.example/eu/log_2", 4, root_of(&log.leaves)).unwrap();
    let elsewhere = log.export_under(&tree.sign(&[&signer() as &dyn Signer]).unwrap(), 0, 4);
    let report = verify(&elsewhere);
    assert_eq!((report.forged, report.receipts[0].1.check), (4, Check::Origin));
}

#[test]
fn the_writer_writes_whole_ranges_only() {
    let log = Log::of(4);
    assert!(RangeWriter::new(0, 5, &log.note, Vec::new()).is_err(), "past the tree");
    assert!(RangeWriter::new(1, 4, &log.note, Vec::new()).is_err(), "a hash is missing");
    assert!(RangeWriter::new(0, 4, "not a note", Vec::new()).is_err());
    let mut writer = RangeWriter::new(0, 4, &log.note, Vec::new()).unwrap();
    let mut out = String::new();
    assert!(writer.receipt("two\nlines", &mut out).is_err());
    assert!(writer.receipt("", &mut out).is_err());
    writer.receipt("one", &mut out).unwrap();
    assert!(writer.clone().finish().is_err(), "three are missing");
    for _ in 0..3 {
        writer.receipt("one", &mut out).unwrap();
    }
    assert!(writer.receipt("one too many", &mut out).is_err());
    assert_eq!(out, "one\n".repeat(4));
    assert!(writer.finish().is_ok());
}

#[test]
fn progress_is_told_receipt_by_receipt() {
    let mut told = Vec::new();
    let export = Log::of(5).export(1, 4);
    assert!(verifier().verify_range_with(export.as_bytes(), |done, of| told.push((done, of))).is_valid());
    assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
}
