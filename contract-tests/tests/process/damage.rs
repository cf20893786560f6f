//! Files that are damaged: the server says which and what to do, and does not start.

use std::path::{Path, PathBuf};

use companyos_types::tenants::TenantCreate;

use crate::programs::Server;

/// A folder that a server has worked in and was stopped.
async fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), None);
    let client = server.client().build().unwrap();
    for number in 0..40 {
        client.tenants().create(&TenantCreate::new(format!("t{number}"), "A tenant")).send().await.unwrap();
    }
    server.kill();
    // Starting once more writes what was left in the journal into the database itself.
    Server::start(folder.path(), None).kill();
    folder
}

/// Fails unless the server refuses to start, names the file and says what to do.
#[track_caller]
fn expect_refusal(folder: &Path, file: &str, how: &str) {
    let output = Server::refuse(folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{file} {how}: {said}");
    assert!(said.contains(file), "{file} {how} is not named: {said}");
    let advice = ["restore", "backup", "start with", "move", "delete", "remove"];
    assert!(advice.iter().any(|word| said.contains(word)), "{file} {how}: nothing is advised: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_key_file_is_named_and_stops_the_start() {
    let folder = used().await;
    let keys = files(&folder.path().join("keys"));
    assert!(!keys.is_empty());
    for file in keys {
        let name = file.file_name().unwrap().to_str().unwrap();
        let whole = std::fs::read(&file).unwrap();
        for (how, damaged) in [
            ("cut in half", whole[..whole.len() / 2].to_vec()),
            ("emptied", Vec::new()),
            ("overwritten", vec![0xa5; whole.len()]),
        ] {
            std::fs::write(&file, damaged).unwrap();
            expect_refusal(folder.path(), name, how);
        }
        std::fs::write(&file, &whole).unwrap();
    }
    Server::start(folder.path(), None).kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_named_and_stops_the_start() {
    let folder = used().await;
    let file = folder.path().join("companyos.db");
    let journals = ["companyos.db-wal", "companyos.db-shm"].map(|name| folder.path().join(name));
    let whole = std::fs::read(&file).unwrap();
    let rest: Vec<Option<Vec<u8>>> = journals.iter().map(|journal| std::fs::read(journal).ok()).collect();
    let overwritten = |from: usize, to: usize| {
        let mut damaged = whole.clone();
        damaged[from..to].fill(0xa5);
        damaged
    };
    for (how, damaged) in [
        ("overwritten at its start", overwritten(0, 512)),
        ("overwritten in its schema", overwritten(120, 4_096)),
        ("overwritten in the middle", overwritten(4_096, whole.len() - 4_096)),
        ("cut in half", whole[..whole.len() / 2].to_vec()),
    ] {
        for journal in &journals {
            let _absent = std::fs::remove_file(journal);
        }
        std::fs::write(&file, damaged).unwrap();
        expect_refusal(folder.path(), "companyos.db", how);
    }
    std::fs::write(&file, &whole).unwrap();
    for (journal, content) in journals.iter().zip(rest) {
        let _absent = std::fs::remove_file(journal);
        if let Some(content) = content {
            std::fs::write(journal, content).unwrap();
        }
    }
    Server::start(folder.path(), None).kill();
}
