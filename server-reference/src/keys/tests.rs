//! The key store as the one who starts the server meets it.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::kernel::clock::SystemClock;
use crate::kernel::ids::RandomIds;

fn ids() -> Arc<dyn Ids> {
    Arc::new(RandomIds)
}

fn open(folder: &Path) -> Result<KeyStore, KeyError> {
    KeyStore::open(folder, &SystemClock, &ids())
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let keys = parent.path().join("keys");
    (parent, keys)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_created_once_and_read_back() {
    let (_parent, keys) = folder();
    assert!(!exists(&keys));
    let first = open(&keys).unwrap();
    assert!(exists(&keys));
    let second = open(&keys).unwrap();
    assert_eq!(first.signer().key_id(), second.signer().key_id());
    assert_eq!(first.signer().sign(b"m").unwrap(), second.signer().sign(b"m").unwrap());
    assert!(second.cursors().verify(b"cursor", &first.cursors().tag(b"cursor")));
    assert_eq!(second.sealer().open(b"p", &first.sealer().seal(b"p", b"m").unwrap()).unwrap(), b"m");
}

#[test]
fn only_the_owner_may_read_them() {
    let (_parent, keys) = folder();
    open(&keys).unwrap();
    assert_eq!(mode(&keys), 0o700);
    for file in ["signing.json", "cursor.json", "sealing.json"] {
        assert_eq!(mode(&keys.join(file)), 0o600, "{file}");
    }
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 3, "nothing else is left behind");
}

#[test]
fn a_signature_verifies_with_the_pure_rust_verifier() {
    let (_parent, keys) = folder();
    let signer = open(&keys).unwrap().signer();
    let note = companyos_receipt::checkpoint::Checkpoint::new(
        "example/log",
        0,
        companyos_receipt::tlog::empty_root(),
    )
    .and_then(|checkpoint| checkpoint.sign(&[signer.as_ref()]))
    .unwrap();
    let set = companyos_receipt::key::KeySet::from_public_keys(&[*signer.public_key()]).unwrap();
    assert!(companyos_receipt::checkpoint::Checkpoint::verify(&note, &set).is_ok());
}

#[test]
fn a_key_others_may_read_stops_the_server() {
    let (_parent, keys) = folder();
    open(&keys).unwrap();
    let file = keys.join("signing.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = open(&keys).unwrap_err();
    assert_eq!(error.file(), file);
    assert!(error.to_string().ends_with("(mode 644); chmod 600 it"), "{error}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(open(&keys).unwrap_err().file(), keys);
}

#[test]
fn a_damaged_key_stops_the_server_and_is_named_without_its_secret() {
    for file in ["signing.json", "cursor.json", "sealing.json"] {
        let (_parent, keys) = folder();
        open(&keys).unwrap();
        let path = keys.join(file);
        let whole = fs::read_to_string(&path).unwrap();
        let content: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let secret = content["secret"].as_str().unwrap();
        let other_secret = secret.chars().rev().collect::<String>().replacen(&secret[..1], "A", 1);
        for damaged in [
            String::new(),
            whole[..whole.len() / 2].to_owned(),
            whole.replace("\"alg\"", "\"algorithm\""),
            whole.replace(secret, "AAAA"),
            whole.replace(secret, &format!("B{}", &other_secret[1..])),
            whole.replace("Ed25519", "none").replace("HS256", "none").replace("XA256GCM", "none"),
            whole.replace("\"created\": \"2", "\"created\": \"x"),
            "x".repeat(10_000),
        ] {
            fs::write(&path, &damaged).unwrap();
            let error = open(&keys).expect_err(&damaged);
            assert_eq!(error.file(), path, "{error}");
            assert!(!error.to_string().contains(secret), "{error}");
            assert!(error.to_string().contains("backup"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "a damaged key was overwritten");
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let (_parent, keys) = folder();
    let store = open(&keys).unwrap();
    let shown = format!("{store:?}");
    assert!(
        shown.contains("Sealer(***)")
            && shown.contains("MacKey(***)")
            && shown.contains(store.signer().key_id())
    );
}
