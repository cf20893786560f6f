//! `companyos-receipt` on an export of the real server.

use std::ffi::OsStr;
use std::path::Path;

use companyos_receipt::key::KeySet;
use companyos_receipt::verify::Verifier;
use companyos_types::tenants::TenantCreate;

use crate::programs::{Server, verifier};

/// Exports a log of the real server and its keys to files; returns the export.
async fn export(folder: &Path) -> (Vec<u8>, KeySet) {
    let server = Server::start(folder, None);
    let client = server.client().build().unwrap();
    for number in 0..12 {
        client.tenants().create(&TenantCreate::new(format!("t{number}"), "A tenant")).send().await.unwrap();
    }
    let export = client.receipts().export().send().await.unwrap().into_inner().to_vec();
    let jwks = serde_json::to_vec(&client.meta().jwks().send().await.unwrap().into_inner()).unwrap();
    std::fs::write(folder.join("keys.json"), &jwks).unwrap();
    std::fs::write(folder.join("log.range"), &export).unwrap();
    (export, KeySet::from_jwks(&jwks).unwrap())
}

/// Verifies a file of the folder; returns the exit code and what was printed.
fn verify(folder: &Path, keys: &str, file: &str) -> (Option<i32>, String) {
    let (keys, file) = (folder.join(keys), folder.join(file));
    let output =
        verifier(&["verify".as_ref(), "--keys".as_ref(), keys.as_os_str(), file.as_os_str() as &OsStr]);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verifier_accepts_the_servers_export_and_names_what_is_wrong_with_an_altered_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (export, keys) = export(folder).await;
    let (code, said) = verify(folder, "keys.json", "log.range");
    assert_eq!(code, Some(0), "{said}");

    let library = Verifier::new(keys);
    for number in 0..20_usize {
        let (position, bit) = (number * export.len() / 20, (number * 3) % 8);
        let mut altered = export.clone();
        altered[position] ^= 1 << bit;
        std::fs::write(folder.join("altered.range"), &altered).unwrap();
        let (code, said) = verify(folder, "keys.json", "altered.range");
        assert_eq!(code, Some(1), "bit {bit} of byte {position}: {said}");
        // Damage to its first line makes the file no export at all, which the program says before it verifies.
        let report = library.verify_range(&altered);
        let check = report.first_failure().expect("a failure").check.name();
        assert!(
            said.contains(check) || (position < 64 && said.contains("format")),
            "{check} is not named: {said}"
        );
    }

    let (code, said) = verify(folder, "no-such-keys.json", "log.range");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no-such-keys.json"), "{said}");
    let (code, said) = verify(folder, "keys.json", "no-such.range");
    assert_eq!(code, Some(2), "{said}");
    std::fs::write(folder.join("broken.json"), b"{\"keys\": [").unwrap();
    let (code, said) = verify(folder, "broken.json", "log.range");
    assert_eq!(code, Some(2), "{said}");
    std::fs::write(folder.join("none.json"), b"{\"keys\": []}").unwrap();
    let (code, said) = verify(folder, "none.json", "log.range");
    assert!(code != Some(0), "nobody's keys were trusted: {said}");
}
