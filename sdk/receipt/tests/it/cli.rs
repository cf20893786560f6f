//! The binary, as a user runs it.

use std::path::PathBuf;
use std::process::{Command, Output};

use companyos_receipt::key::{KeySet, Signer};
use companyos_receipt::receipt::{Private, issue};
use companyos_receipt::sdjwt::present;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Log, ORIGIN, claims, keys, salts, signer, stranger};

/// A folder with a key set, a receipt, its proof and an export.
struct Folder {
    dir: TempDir,
    log: Log,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap(), log: Log::of(6) };
        folder.write("keys.json", keys().to_jwks());
        folder.write("receipt.sdjwt", folder.log.receipts[4].sd_jwt() + "\n");
        folder.write("receipt.tlog-proof", folder.log.proof(4).to_text());
        folder.write("range.txt", folder.log.export(1, 5));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_companyos-receipt"))
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("NO_COLOR")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn verify(&self, args: &[&str]) -> (i32, String, String) {
        self.run(&[&["verify", "--keys", "keys.json"], args].concat())
    }

    fn verify_json(&self, args: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.verify(&[&["--json"], args].concat());
        assert_eq!(err, "");
        (code, serde_json::from_str(&out).unwrap())
    }
}

#[test]
fn a_receipt_with_its_proof_is_verified() {
    let folder = Folder::new();
    let (code, out, err) = folder.verify(&["--proof", "receipt.tlog-proof", "receipt.sdjwt"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("verified  receipt.sdjwt\n"), "{out}");
    assert!(out.contains("  receipt    rcp_0004\n  action     tenant.create, outcome ok\n"), "{out}");
    assert!(out.contains("  issued     2026-01-16T09:30:04Z by https://eu.companyos.example\n"), "{out}");
    assert!(out.contains("  disclosed  actor, amount, reason, resource, trace_id\n"), "{out}");
    assert!(out.contains(&format!("  log        index 4 of 6 in {ORIGIN}\n")), "{out}");
    assert!(!out.contains('\x1b'), "no colours where no terminal is");
}

#[test]
fn a_receipt_alone_is_verified_and_its_log_is_said_to_be_unchecked() {
    let (code, out, _) = Folder::new().verify(&["receipt.sdjwt"]);
    assert_eq!(code, 0);
    assert!(out.contains("log        not checked: no --proof was given"), "{out}");
}

#[test]
fn an_export_is_verified() {
    let (code, out, _) = Folder::new().verify(&["range.txt"]);
    assert_eq!(code, 0);
    assert!(out.contains("  range      [1, 5), 4 receipts checked\n"), "{out}");
    assert!(out.contains(&format!("  log        {ORIGIN}, checkpoint of 6 receipts\n")), "{out}");
}

#[test]
fn a_spoilt_receipt_exits_1_and_names_the_check_and_its_meaning() {
    let folder = Folder::new();
    let spoilt = folder.log.receipts[4].sd_jwt().replacen("~W", "~X", 1);
    folder.write("spoilt.sdjwt", spoilt);
    let (code, out, _) = folder.verify(&["spoilt.sdjwt"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("NOT VALID  spoilt.sdjwt\n  check      disclosure-unreferenced\n"), "{out}");
    assert!(
        out.contains("  meaning    A disclosed member was altered or never belonged to this receipt.\n"),
        "{out}"
    );
    let (code, out, _) = folder.verify(&["--proof", "range.txt", "receipt.sdjwt"]);
    assert!(code == 1 && out.contains("  check      proof-format\n"), "{out}");
}

#[test]
fn a_spoilt_export_exits_1_wherever_the_damage_is() {
    let folder = Folder::new();
    let good = folder.log.export(1, 5).into_bytes();
    // The binary starts once for each; the library sweeps over every bit.
    for n in 0..24 {
        let mut spoilt = good.clone();
        let at = n * good.len() / 24;
        spoilt[at] ^= 1 << (n % 8);
        folder.write("spoilt.txt", spoilt);
        let (code, out, _) = folder.verify(&["spoilt.txt"]);
        assert_eq!(code, 1, "byte {at}: {out}");
        assert!(out.contains("  check      ") && !out.contains("[0, 0)"), "byte {at}: {out}");
    }
}

#[test]
fn what_is_neither_is_not_valid() {
    let folder = Folder::new();
    for content in [&b""[..], b"two\nlines\n", b"\xff\xfe", b"\n"] {
        folder.write("odd", content);
        let (code, out, _) = folder.verify(&["odd"]);
        assert!(code == 1 && out.contains("  check      format\n"), "{content:?}: {out}");
    }
}

#[test]
fn the_report_is_there_as_json() {
    let folder = Folder::new();
    let (code, report) = folder.verify_json(&["--proof", "receipt.tlog-proof", "receipt.sdjwt"]);
    assert_eq!(code, 0);
    assert_eq!(report["valid"], true);
    let file = &report["files"][0];
    assert_eq!(file["receipt_id"], "rcp_0004");
    assert_eq!(file["verdict"], "verified");
    assert_eq!(file["inclusion"], json!({ "index": 4, "origin": ORIGIN, "size": 6 }));
    assert_eq!(file["disclosed"]["amount"], json!({ "currency": "EUR", "minor_units": 4 }));

    let genuine = folder.log.receipts[3].sd_jwt();
    folder.write("spoilt.txt", folder.log.export(1, 5).replace(&genuine, &genuine.replacen("~W", "~X", 1)));
    let (code, report) = folder.verify_json(&["range.txt", "spoilt.txt"]);
    assert_eq!(code, 1);
    assert_eq!(report["valid"], false);
    assert_eq!(report["files"][0]["valid"], true);
    assert_eq!(report["files"][0]["checked"], 4);
    let spoilt = &report["files"][1];
    assert_eq!((&spoilt["verdict"], &spoilt["forged"]), (&json!("forged"), &json!(1)));
    assert_eq!(spoilt["receipts"][0]["index"], 3);
    assert_eq!(spoilt["receipts"][0]["check"], "disclosure-unreferenced");
}

#[test]
fn a_redacted_receipt_is_told_apart() {
    let folder = Folder::new();
    folder.write("redacted.sdjwt", present(&folder.log.receipts[4].sd_jwt(), &["actor"]).unwrap());
    let (code, report) = folder.verify_json(&["redacted.sdjwt"]);
    assert_eq!((code, &report["files"][0]["verdict"]), (0, &json!("redacted")));
}

#[test]
fn another_origin_exits_1() {
    let folder = Folder::new();
    for file in ["receipt.sdjwt", "range.txt"] {
        assert_eq!(folder.verify(&["--origin", ORIGIN, file]).0, 0);
        let (code, out, _) = folder.verify(&["--origin", "elsewhere", file]);
        assert!(code == 1 && out.contains("  check      origin\n"), "{out}");
    }
}

#[test]
fn what_cannot_be_checked_exits_2() {
    let folder = Folder::new();
    folder.write("private.json", keys().to_jwks().replace(r#""use":"sig""#, r#""d":"AA""#));
    let (code, out, _) = folder.verify(&["absent.sdjwt"]);
    assert!(code == 2 && out.contains("problem    cannot read absent.sdjwt: "), "{out}");
    let table: [(&[&str], &str); 8] = [
        (&["verify", "--keys", "absent.json", "receipt.sdjwt"], "cannot read absent.json: "),
        (&["verify", "--keys", "receipt.sdjwt", "receipt.sdjwt"], "cannot use the keys in receipt.sdjwt: "),
        (&["verify", "--keys", "private.json", "receipt.sdjwt"], "it holds a private key"),
        (&["verify", "receipt.sdjwt"], "--keys <JWKS>"),
        (&["verify", "--keys", "keys.json"], "<FILE>..."),
        (
            &["verify", "--keys", "keys.json", "--proof", "receipt.tlog-proof", "range.txt"],
            "carries its own proof",
        ),
        (
            &["verify", "--keys", "keys.json", "--proof", "x", "a", "b"],
            "--proof goes with exactly one receipt",
        ),
        (&["veryfi"], "unrecognized subcommand"),
    ];
    for (args, message) in table {
        let (code, out, err) = folder.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.starts_with("companyos-receipt: ") && err.contains(message), "{args:?}: {err}");
    }
}

#[test]
fn what_cannot_be_checked_is_there_as_json() {
    let folder = Folder::new();
    let table: [(&[&str], &str); 4] = [
        (&["verify", "--json", "--keys", "absent.json", "receipt.sdjwt"], "cannot read absent.json: "),
        (
            &["verify", "--keys", "receipt.sdjwt", "receipt.sdjwt", "--json"],
            "cannot use the keys in receipt.sdjwt: ",
        ),
        (&["verify", "--json", "receipt.sdjwt"], "--keys <JWKS>"),
        (&["verify", "--json", "--keys", "keys.json", "--proof", "x", "a", "b"], "exactly one receipt"),
    ];
    for (args, message) in table {
        let (code, out, err) = folder.run(args);
        assert_eq!((code, err.as_str()), (2, ""), "{args:?}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&report["valid"], &report["files"]), (&json!(false), &json!([])), "{args:?}");
        assert!(report["problem"].as_str().unwrap().contains(message), "{args:?}: {out}");
    }
    let (code, report) = folder.verify_json(&["receipt.sdjwt", "absent"]);
    assert_eq!((code, &report["valid"], &report["files"][0]["valid"]), (2, &json!(false), &json!(true)));
    let absent = &report["files"][1];
    assert_eq!(absent["verdict"], "not checked");
    assert!(absent["problem"].as_str().unwrap().starts_with("cannot read absent: "), "{absent}");
}

#[test]
fn a_finding_outweighs_what_could_not_be_read() {
    let folder = Folder::new();
    folder.write("strangers.json", KeySet::from_public_keys(&[*stranger().public_key()]).unwrap().to_jwks());
    let (code, out, _) = folder.run(&["verify", "--keys", "strangers.json", "absent", "receipt.sdjwt"]);
    assert_eq!(code, 1);
    assert!(out.contains("not checked  absent") && out.contains("  check      unknown-key\n"), "{out}");
    assert_eq!(folder.verify(&["receipt.sdjwt", "absent"]).0, 2);
}

#[test]
fn a_receipt_is_shown_without_keys_and_marked_as_unverified() {
    let folder = Folder::new();
    let (code, out, _) = folder.run(&["show", "receipt.sdjwt"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("not verified\n  receipt    rcp_0004\n"), "{out}");
    assert!(
        out.contains("  reason     agreed\n") && out.contains(r#"{"currency":"EUR","minor_units":4}"#),
        "{out}"
    );
    assert!(out.contains("hidden\n  3 (withheld or padding)\n"), "{out}");
    let (code, out, _) = folder.run(&["show", "range.txt"]);
    assert_eq!((code, out.lines().count()), (0, 3 + 4), "{out}");
    assert!(
        out.contains("  1          2026-01-16T09:30:01Z  rcp_0001  outcome ok  tenant.create\n"),
        "{out}"
    );
    folder.write("odd", "eyJ9.e30.AA~");
    assert_eq!(folder.run(&["show", "odd"]).0, 1);
    assert_eq!(folder.run(&["show", "keys.json"]).0, 1);
    assert_eq!(folder.run(&["show", "absent"]).0, 2);
}

#[test]
fn a_receipt_cannot_write_on_the_terminal() {
    let folder = Folder::new();
    let private = Private::new().reason("fine\x1b[2J\nverified  everything");
    folder.write("odd", issue(&claims(1), &private, &salts(), &signer()).unwrap().sd_jwt());
    let (code, out, _) = folder.run(&["show", "odd"]);
    assert_eq!(code, 0);
    assert!(out.contains(r"  reason     fine\u{1b}[2J\u{a}verified  everything"), "{out}");
}

#[test]
fn a_redacted_file_keeps_what_was_named_and_still_verifies() {
    let folder = Folder::new();
    let (code, out, _) = folder.run(&["redact", "--keep", "actor,reason", "receipt.sdjwt"]);
    assert_eq!(code, 0);
    assert_eq!(out, present(&folder.log.receipts[4].sd_jwt(), &["actor", "reason"]).unwrap() + "\n");
    let (_, export, _) = folder.run(&["redact", "--keep", "actor", "--keep", "resource", "range.txt"]);
    folder.write("redacted.txt", &export);
    assert_eq!(folder.verify(&["redacted.txt"]).0, 0);
    assert!(export.len() < folder.log.export(1, 5).len());
    let (code, bare, _) = folder.run(&["redact", "receipt.sdjwt"]);
    assert_eq!((code, bare), (0, format!("{}~\n", folder.log.receipts[4].jwt)));
    let (code, out, err) = folder.run(&["redact", "--keep", "aktor", "receipt.sdjwt"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("nothing named `aktor` is disclosed; there is: actor, amount, "), "{err}");
}

#[test]
fn help_and_version_are_results() {
    let folder = Folder::new();
    let (code, out, err) = folder.run(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains("verify") && out.contains("Exit codes: 0 valid, 1 not valid, 2 could not check."),
        "{out}"
    );
    let (code, out, _) = folder.run(&["--version"]);
    assert_eq!((code, out), (0, format!("companyos-receipt {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn standard_input_is_a_file_named_dash() {
    let folder = Folder::new();
    let input = std::fs::File::open(folder.path("range.txt")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_companyos-receipt"))
        .args(["verify", "--keys", "keys.json", "-"])
        .current_dir(folder.dir.path())
        .stdin(input)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}
