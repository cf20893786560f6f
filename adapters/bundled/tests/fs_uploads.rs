//! Uploads in parts to the store of files: durable, atomic, and swept up.

use std::error::Error as StdError;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::storage::{
    Attributes, CompleteUploadOptions, HeadOptions, ListOptions, ListPartsOptions, ObjectKey, Part, PutMode,
    StartUploadOptions, Upload, UploadOptions, UploadPartOptions, stream_of,
};
use companyos_adapter_traits::{
    Conflict, Context, Error, ErrorKind, Limits, ObjectStorage, ObjectStorageExt, PartLimits,
};
use companyos_adapters::fs::FsStorage;

type Test = Result<(), Box<dyn StdError>>;

const FOLDER: &str = "COMPANYOS_TEST_UPLOAD_FOLDER";

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key() -> Result<ObjectKey, Error> {
    ObjectKey::new("backups/2026.tar")
}

async fn part(store: &FsStorage, upload: &Upload, number: u32, body: &str) -> Result<Part, Error> {
    let options = UploadPartOptions::default();
    store.upload_part(&ctx(), upload, number, body.to_owned().into(), &options).await
}

async fn complete(store: &FsStorage, upload: &Upload, parts: &[Part], mode: PutMode) -> Result<(), Error> {
    let options = CompleteUploadOptions::default().mode(mode);
    store.complete_upload(&ctx(), upload, parts, &options).await.map(|_| ())
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}

/// How many entries a folder of the store has.
fn entries(folder: &Path, name: &str) -> io::Result<usize> {
    Ok(fs::read_dir(folder.join(name))?.count())
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_leaves_nothing_but_the_object() -> Test {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(7)));
    let store = FsStorage::builder(folder.path()).clock(Arc::clone(&clock) as Arc<dyn Clock>).open()?;
    let attributes = Attributes::default().content_type("text/plain");
    let options = StartUploadOptions::default().attributes(attributes.clone());
    let upload = store.start_upload(&ctx(), &key()?, &options).await?;
    let first = part(&store, &upload, 1, "first ").await?;
    drop(store);

    let store = FsStorage::builder(folder.path()).clock(Arc::clone(&clock) as Arc<dyn Clock>).open()?;
    let pending = store.list_uploads(&ctx(), &ListOptions::prefix("backups/")).await?.uploads;
    assert_eq!(
        (&pending[0].upload, pending[0].started),
        (&upload, SystemTime::UNIX_EPOCH + Duration::from_secs(7))
    );
    let held = store.list_parts(&ctx(), &upload, &ListPartsOptions::default()).await?.parts;
    assert_eq!(held, std::slice::from_ref(&first));
    let second = part(&store, &upload, 2, "second").await?;
    clock.advance(Duration::from_secs(3));
    complete(&store, &upload, &[first, second], PutMode::Create).await?;
    assert_eq!(store.read(&ctx(), &key()?).await?, "first second");
    let head = store.head(&ctx(), &key()?, &HeadOptions::default()).await?;
    assert_eq!(head.attributes, attributes);
    assert_eq!(head.meta.modified, SystemTime::UNIX_EPOCH + Duration::from_secs(10), "when it was completed");
    assert_eq!((entries(folder.path(), "uploads")?, entries(folder.path(), "staging")?), (0, 0));
    Ok(())
}

#[tokio::test]
async fn the_object_of_an_upload_is_as_any_other() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let parts = [part(&store, &upload, 1, "a").await?, part(&store, &upload, 9, "bc").await?];
    let meta = store.complete_upload(&ctx(), &upload, &parts, &CompleteUploadOptions::default()).await?;
    // FIPS 180-4's own example: the tag is that of the whole, not of the parts.
    assert_eq!(meta.etag.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let other = ObjectKey::new("copy")?;
    store.copy(&ctx(), &key()?, &other, &Default::default()).await?;
    assert_eq!(store.read(&ctx(), &other).await?, "abc");
    Ok(())
}

#[tokio::test]
async fn a_refused_completion_can_be_tried_again() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &key()?, "there").await?;
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let parts = [part(&store, &upload, 1, "new").await?];
    let refused = complete(&store, &upload, &parts, PutMode::Create).await;
    assert_eq!(kind(refused), Some(ErrorKind::Conflict(Conflict::Settled)));
    assert_eq!(store.read(&ctx(), &key()?).await?, "there");
    assert_eq!(entries(folder.path(), "staging")?, 0);
    complete(&store, &upload, &parts, PutMode::Overwrite).await?;
    assert_eq!(store.read(&ctx(), &key()?).await?, "new");
    Ok(())
}

#[tokio::test]
async fn limits_of_parts_are_kept() -> Test {
    let folder = tempfile::tempdir()?;
    let parts = PartLimits::default().bytes(4, 8).multiple_of(2).max_parts(3);
    let store = FsStorage::builder(folder.path()).limits(Limits::default().parts(parts)).open()?;
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    assert_eq!(kind(part(&store, &upload, 4, "abcd").await), Some(ErrorKind::LimitExceeded));
    assert_eq!(kind(part(&store, &upload, 1, "123456789").await), Some(ErrorKind::LimitExceeded));
    let (small, odd, last) = (
        part(&store, &upload, 1, "ab").await?,
        part(&store, &upload, 2, "abcde").await?,
        part(&store, &upload, 3, "x").await?,
    );
    for parts in [[small.clone(), last.clone()], [odd, last.clone()]] {
        assert_eq!(
            kind(complete(&store, &upload, &parts, PutMode::Overwrite).await),
            Some(ErrorKind::InvalidInput)
        );
    }
    let first = part(&store, &upload, 1, "abcd").await?;
    complete(&store, &upload, &[first, last], PutMode::Overwrite).await?;
    assert_eq!(store.read(&ctx(), &key()?).await?, "abcdx");
    Ok(())
}

#[tokio::test]
async fn an_id_leads_nowhere_but_to_an_upload_of_its_key() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &ObjectKey::new("a")?, "kept").await?;
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let ids = ["", ".", "..", "../objects", "../staging", "/etc", "0/..", "A", "0\0"];
    let strangers =
        ids.map(|id| (key(), id)).into_iter().chain([(ObjectKey::new("other"), upload.id.as_str())]);
    for (key, id) in strangers {
        let stranger = Upload::new(key?, id);
        assert_eq!(kind(part(&store, &stranger, 1, "x").await), Some(ErrorKind::NotFound), "{id:?}");
        store.abort_upload(&ctx(), &stranger, &Default::default()).await?;
    }
    assert_eq!(store.read(&ctx(), &ObjectKey::new("a")?).await?, "kept");
    assert_eq!(entries(folder.path(), "uploads")?, 1, "the upload is still there");
    Ok(())
}

#[tokio::test]
async fn a_damaged_part_does_not_become_an_object() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
    let parts = [part(&store, &upload, 1, "the part").await?];
    let path = folder.path().join("uploads").join(&upload.id).join("1");
    let mut damaged = fs::read(&path)?;
    if let Some(last) = damaged.last_mut() {
        *last ^= 1;
    }
    fs::write(&path, damaged)?;
    assert_eq!(kind(complete(&store, &upload, &parts, PutMode::Overwrite).await), Some(ErrorKind::Corrupt));
    assert!(!store.exists(&ctx(), &key()?).await?);
    assert_eq!(entries(folder.path(), "staging")?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parts_that_race_an_abort_leave_nothing() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    for _ in 0..20 {
        let upload = store.start_upload(&ctx(), &key()?, &StartUploadOptions::default()).await?;
        let writers: Vec<_> = (1..6)
            .map(|number| {
                let (store, upload) = (store.clone(), upload.clone());
                tokio::spawn(async move { part(&store, &upload, number, "part").await })
            })
            .collect();
        store.abort_upload(&ctx(), &upload, &Default::default()).await?;
        for writer in writers {
            let failed = kind(writer.await?);
            assert!(failed.is_none() || failed == Some(ErrorKind::NotFound), "{failed:?}");
        }
        assert_eq!(entries(folder.path(), "uploads")?, 0);
    }
    assert_eq!(entries(folder.path(), "staging")?, 0);
    Ok(())
}

/// A body that says which upload it is of, in parts that a kill can come between.
fn body(number: u64) -> Vec<u8> {
    let mut body = format!("upload {number} ").into_bytes();
    body.resize(60_000, b'.');
    body
}

fn nth(number: u64) -> Result<ObjectKey, Error> {
    ObjectKey::new(format!("uploads/{number:06}"))
}

fn options() -> UploadOptions {
    UploadOptions::default().part_bytes(10_000).mode(PutMode::Create)
}

#[tokio::test]
async fn uploads_survive_kill_9_and_go_on_where_they_stopped() -> Test {
    let folder = tempfile::tempdir()?;
    let mut acknowledged = 0;
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["the_process_to_kill", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let mut seen = 0;
        while seen < 2 + round {
            let Some(line) = lines.next().transpose()? else { break };
            seen += usize::from(line.starts_with("done "));
        }
        // Somewhere within the next uploads.
        std::thread::sleep(Duration::from_millis(3 * round as u64));
        child.kill()?; // SIGKILL
        let rest = lines.map_while(Result::ok).filter(|line| line.starts_with("done ")).count();
        assert!(!child.wait()?.success(), "the process ended before it was killed");
        acknowledged += seen + rest;

        let store = FsStorage::open(folder.path())?;
        assert_eq!(entries(folder.path(), "staging")?, 0, "leftovers are swept");
        for pending in store.list_uploads(&ctx(), &ListOptions::prefix("")).await?.uploads {
            let number: u64 = pending.upload.key.as_str().trim_start_matches("uploads/").parse()?;
            let sent = store.send(&ctx(), &pending.upload, stream_of(body(number)), &options()).await;
            // The kill came between the object and the removal of its parts.
            if kind(sent) == Some(ErrorKind::Conflict(Conflict::Settled)) {
                store.abort_upload(&ctx(), &pending.upload, &Default::default()).await?;
            }
        }
        assert_eq!(entries(folder.path(), "uploads")?, 0, "every upload was brought to its end");
    }
    let store = FsStorage::open(folder.path())?;
    let objects = store.list_all(&ctx(), "").await?;
    assert!(
        objects.len() >= acknowledged && acknowledged >= 10,
        "{acknowledged} done, {} there",
        objects.len()
    );
    for (number, object) in objects.iter().enumerate() {
        assert_eq!(object.key, nth(number as u64)?, "none is missing");
        assert!(store.read(&ctx(), &object.key).await? == body(number as u64), "{} is not whole", object.key);
    }
    Ok(())
}

/// Uploads for ever, but only as the child of the test above.
#[tokio::test]
async fn the_process_to_kill() -> Test {
    let Some(folder) = std::env::var_os(FOLDER) else { return Ok(()) };
    let store = FsStorage::open(folder)?;
    let first = store.list_all(&ctx(), "").await?.len() as u64;
    for number in first.. {
        // Started and sent apart, so that a kill leaves something to go on with.
        let upload = store.start_upload(&ctx(), &nth(number)?, &StartUploadOptions::default()).await?;
        store.send(&ctx(), &upload, stream_of(body(number)), &options()).await?;
        // One write per line, so that a kill cannot cut it; on a line of its own, whatever the harness has printed.
        io::stdout().lock().write_all(format!("\ndone {number}\n").as_bytes())?;
        io::stdout().flush()?;
    }
    Ok(())
}
