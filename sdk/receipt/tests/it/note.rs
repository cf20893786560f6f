//! Checkpoints and proofs as text.

use companyos_receipt::checkpoint::{Checkpoint, origin};
use companyos_receipt::key::{KeySet, Signer};
use companyos_receipt::proof::TlogProof;
use companyos_receipt::tlog::{Hash, empty_root};
use companyos_receipt::verify::{Check, Failure};

use crate::fixture::{Log, ORIGIN, keys, signer, stranger};

fn note(signers: &[&dyn Signer]) -> String {
    Checkpoint::new(ORIGIN, 42, Hash([5; 32])).unwrap().sign(signers).unwrap()
}

fn verify(note: &str) -> Result<Checkpoint, Check> {
    Checkpoint::verify(note, &keys()).map_err(|failure| failure.check)
}

#[test]
fn a_checkpoint_has_the_lines_of_its_standard() {
    let note = note(&[&signer()]);
    let lines: Vec<&str> = note.split('\n').collect();
    assert_eq!(lines[..4], [ORIGIN, "42", "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=", ""]);
    assert!(lines[4].starts_with(&format!("— {ORIGIN} ")));
    assert_eq!(lines[5..], [""]);
    let read = verify(&note).unwrap();
    assert_eq!((read.origin(), read.size(), read.root()), (ORIGIN, 42, &Hash([5; 32])));
}

#[test]
fn signatures_by_strangers_are_ignored_beside_a_trusted_one() {
    assert!(verify(&note(&[&stranger(), &signer()])).is_ok());
    assert!(verify(&note(&[&signer(), &stranger()])).is_ok());
    assert_eq!(verify(&note(&[&stranger()])), Err(Check::CheckpointKey));
    assert_eq!(
        Checkpoint::verify(&note(&[&signer()]), &KeySet::default()).unwrap_err().check,
        Check::CheckpointKey
    );
}

#[test]
fn a_trusted_key_signs_only_under_the_name_of_the_log() {
    let renamed = note(&[&signer()]).replace(&format!("— {ORIGIN}"), "— other.example/log");
    assert_eq!(verify(&renamed), Err(Check::CheckpointKey));
}

#[test]
fn an_altered_checkpoint_is_refused() {
    let note = note(&[&signer()]);
    assert_eq!(verify(&note.replace("\n42\n", "\n43\n")), Err(Check::CheckpointSignature));
    assert_eq!(verify(&note.replace("BQUF", "BQUG")), Err(Check::CheckpointSignature));
    // Another origin is another key name, which nobody trusts.
    assert_eq!(verify(&note.replace("/eu/", "/us/")), Err(Check::CheckpointKey));
    // A wrong signature by a known key spoils the note, whatever else is on it.
    let wrong = note.replace("\n42\n", "\n43\n").rsplit_once("\n\n").unwrap().1.to_owned();
    let other = Checkpoint::new(ORIGIN, 43, Hash([5; 32])).unwrap().sign(&[&signer()]).unwrap();
    assert_eq!(verify(&format!("{other}{wrong}")), Err(Check::CheckpointSignature));
}

#[test]
fn malformed_notes_are_refused() {
    let good = note(&[&signer()]);
    let (text, signature) = good.split_once("\n\n").unwrap();
    let table = [
        String::new(),
        "\n\n".into(),
        text.into(),
        format!("{text}\n"),
        format!("{text}\n\n"),
        good.trim_end().into(),
        format!("{good}\n"),
        good.replace('\n', "\r\n"),
        good.replace("\n42\n", "\n042\n"),
        good.replace("\n42\n", "\n+42\n"),
        good.replace("\n42\n", "\n\n42\n"),
        good.replace("\n42\n", "\n18446744073709551616\n"),
        good.replace("BQU=", "BQU"),
        good.replace("BQU=", "BQV="),
        good.replace("— ", "- "),
        good.replace("— ", "—  "),
        good.replace(ORIGIN, "two words"),
        good.replace(ORIGIN, ""),
        format!("{text}\n\n{}", signature.repeat(65)),
        format!("{text}\n\n— {ORIGIN} AAAA\n"),
    ];
    for note in table {
        assert_eq!(verify(&note), Err(Check::CheckpointFormat), "{note:?}");
    }
}

#[test]
fn extension_lines_are_signed_like_the_rest() {
    let text = format!("{ORIGIN}\n1\n{}\nextension\n", empty_root());
    assert_eq!(text.parse::<Checkpoint>().unwrap().size(), 1);
    let plain = Checkpoint::new(ORIGIN, 1, empty_root()).unwrap().sign(&[&signer()]).unwrap();
    let extended = plain.replacen("\n\n", "\nextension\n\n", 1);
    assert_eq!(verify(&extended), Err(Check::CheckpointSignature));
}

#[test]
fn an_origin_is_the_issuer_the_region_and_the_log() {
    assert_eq!(origin("http://127.0.0.1:8080", "eu", "log_1"), "127.0.0.1:8080/eu/log_1");
    assert_eq!(origin("https://a.example/base/", "eu", "log_1"), "a.example/base/eu/log_1");
    for name in ["", "a b", "a+b", "a\n", "a\u{a0}b", "a\u{7}"] {
        assert!(Checkpoint::new(name, 0, empty_root()).is_err(), "{name:?}");
    }
    assert!(Checkpoint::new(ORIGIN, 0, empty_root()).unwrap().sign(&[]).is_err(), "nobody signed");
}

#[test]
fn a_proof_reads_back() {
    let log = Log::of(7);
    for index in 0..7 {
        let proof = log.proof(index);
        assert_eq!(proof.to_text().parse(), Ok(proof));
    }
    let text = log.proof(0).to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n"), "{text}");
    assert!(text.ends_with(&log.note), "{text}");
}

#[test]
fn extra_data_is_carried_and_not_trusted() {
    let text = Log::of(2).proof(1).to_text().replacen("\nindex", "\nextra AQID\nindex", 1);
    let proof: TlogProof = text.parse().unwrap();
    assert_eq!(proof.extra(), Some(&[1, 2, 3][..]));
    assert_eq!(proof.to_text(), text);
}

#[test]
fn malformed_proofs_are_refused() {
    let good = Log::of(3).proof(1).to_text();
    let table = [
        String::new(),
        good.replace("@v1", "@v2"),
        good.replacen("index 1\n", "", 1),
        good.replacen("index 1", "index 01", 1),
        good.replacen("index 1", "index -1", 1),
        good.replacen("index 1", "index  1", 1),
        good.replacen("\nindex", "\nextra A\nindex", 1),
        good.replacen("\nindex", "\nextra AQID\nextra AQID\nindex", 1),
        good.replacen("\n\n", "\nAAAA\n\n", 1),
        good.replacen(
            "\n\n",
            &format!("\n{}\n", "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=\n".repeat(65)),
            1,
        ),
        good.replace('\n', "\r\n"),
        good.replace("\n\n", "\n"),
    ];
    for text in table {
        let refused: Result<TlogProof, Failure> = text.parse();
        assert_eq!(refused.unwrap_err().check, Check::ProofFormat, "{text}");
    }
}
