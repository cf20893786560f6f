//! A database that cannot be trusted is refused, with the file's name and what to do.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};

use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::*;

async fn open(url: &str) -> Result<Store, StoreError> {
    Store::open(StoreOptions::new(url), deps()).await
}

async fn refusal(url: &str) -> String {
    open(url).await.err().map(|error| error.to_string()).unwrap_or_default()
}

/// Changes a database behind the store's back.
async fn tamper(url: &str, sql: &'static str) {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    on_every_database(async |options| {
        if options.url == "sqlite::memory:" {
            return;
        }
        for round in 0..3 {
            let store = open(&options.url).await.unwrap();
            assert_eq!(indices(&store, "tnt_a").await, (0..round).collect::<Vec<_>>());
            leave(&store, draft("tnt_a")).await.unwrap();
            store.shutdown().await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_data_folder_serves_one_server() {
    let folder = Folder::create();
    let first = open(&folder.url()).await.unwrap();
    let text = refusal(&folder.url()).await;
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("another server"), "{text}");
    leave(&first, draft("tnt_a")).await.unwrap();
    first.shutdown().await;
    drop(first);
    open(&folder.url()).await.unwrap();
}

#[tokio::test]
async fn databases_in_memory_are_strangers_to_each_other() {
    let (one, two) = (in_memory().await, in_memory().await);
    leave(&one, draft("tnt_a")).await.unwrap();
    assert_eq!(indices(&one, "tnt_a").await, [0]);
    assert_eq!(indices(&two, "tnt_a").await, [0; 0]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = Folder::create();
    let file = folder.path().join("companyos.db");
    fs::create_dir_all(folder.path()).unwrap();
    for content in ["x", "SQLite format 2\0 and more", &"not a database ".repeat(1_000)] {
        fs::write(&file, content).unwrap();
        let text = refusal(&folder.url()).await;
        assert!(text.contains(file.to_str().unwrap()) && text.contains("backup"), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    // An empty file is a new database to SQLite, and so it is here.
    fs::write(&file, "").unwrap();
    open(&folder.url()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let folder = Folder::create();
    let file = folder.path().join("companyos.db");
    let store = open(&folder.url()).await.unwrap();
    let writes = at_once((0..300).map(|_| leave(&store, draft("tnt_a")))).await;
    writes.into_iter().collect::<Result<(), _>>().unwrap();
    store.shutdown().await;
    drop(store);
    let whole = fs::read(&file).unwrap();
    assert!(whole.len() > 40_000);
    for (offset, garbage) in
        [(0, &b"garbage"[..]), (100, &[0xff; 600]), (4_096, &[0xff; 4_096]), (20_480, &[0; 8_192])]
    {
        fs::write(&file, &whole).unwrap();
        let mut damaged = fs::File::options().write(true).open(&file).unwrap();
        damaged.seek(SeekFrom::Start(offset)).unwrap();
        damaged.write_all(garbage).unwrap();
        let text = refusal(&folder.url()).await;
        assert!(text.contains(file.to_str().unwrap()) && text.contains("damaged"), "at {offset}: {text:?}");
    }
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(refusal(&folder.url()).await.contains("damaged"));
    fs::write(&file, &whole).unwrap();
    open(&folder.url()).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_not_this_programs_is_refused() {
    on_every_database(async |options| {
        if options.url == "sqlite::memory:" {
            return;
        }
        let store = open(&options.url).await.unwrap();
        store.shutdown().await;
        drop(store);
        let url = options.url.as_str();
        tamper(url, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1").await;
        let text = refusal(url).await;
        assert!(text.contains("0001_store_core was changed after it had been applied"), "{text}");
        tamper(url, "DELETE FROM schema_migrations WHERE version = 1").await;
        let text = refusal(url).await;
        assert!(text.contains("0001_store_core failed"), "{text}");
        tamper(url, "INSERT INTO schema_migrations VALUES (9000, '9000_from_the_future', 'x', 0)").await;
        let text = refusal(url).await;
        assert!(text.contains("9000_from_the_future") && text.contains("newer program"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn logs_that_another_key_signed_are_not_continued() {
    on_every_database(async |options| {
        let store = open(&options.url).await.unwrap();
        leave(&store, draft("tnt_a")).await.unwrap();
        store.shutdown().await;
        drop(store);
        if options.url == "sqlite::memory:" {
            return;
        }
        let signer = Arc::new(companyos_receipt::key::SoftwareSigner::from_seed([8; 32]));
        let other = Store::open(options.clone(), StoreDeps { signer, ..deps() }).await;
        let text = other.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("start the server with the keys that belong to this database"), "{text}");
        open(&options.url).await.unwrap().shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_out_of_reach_is_named_without_its_password() {
    let text = refusal("postgres://me:hunter2@127.0.0.1:1/db").await;
    assert!(text.contains("postgres://me:***@127.0.0.1:1/db") && !text.contains("hunter2"), "{text}");
    assert!(text.contains("refused"), "{text}");
    let text = refusal("sqlite:/proc/nowhere/companyos.db").await;
    assert!(text.contains("/proc/nowhere"), "{text}");
    let text = refusal("mysql://me:hunter2@localhost/db").await;
    assert!(text.contains("sqlite:PATH") && !text.contains("hunter2"), "{text}");
}
