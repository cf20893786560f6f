//! The store of files, through its public interface and against real files.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::conformance::storage;
use companyos_adapter_traits::storage::{
    ByteRange, Created, DeleteOptions, GetOptions, HeadOptions, ListOptions, ObjectKey, PutOptions,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Limits, ObjectStorage, ObjectStorageExt, Outcome};
use companyos_adapters::fs::FsStorage;
use proptest::prelude::*;

type Test = Result<(), Box<dyn StdError>>;

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn key(key: &str) -> Result<ObjectKey, Error> {
    ObjectKey::new(key)
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}

/// Every file below a folder.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_files_conforms() -> Test {
    let folder = tempfile::tempdir()?;
    let limits = Limits::default().max_object_bytes(6 << 20);
    let store = FsStorage::builder(folder.path()).limits(limits).open()?;
    let report = storage::run(&store, ctx(), "suite/").await;
    assert!(report.passed(), "{report}");
    let skipped = [
        "a_deleted_object_keeps_its_versions",
        "pages_of_a_history_neither_repeat_nor_skip",
        "a_retention_holds_until_it_is_bypassed",
    ];
    assert_eq!(report.skips().collect::<Vec<_>>(), skipped, "{report}");
    assert_eq!(files(&folder.path().join("staging"))?, [] as [PathBuf; 0]);
    Ok(())
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() -> Test {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_micros(1_234_567)));
    let store = FsStorage::builder(folder.path()).clock(Arc::clone(&clock) as Arc<dyn Clock>).open()?;
    let attributes = BTreeMap::from([("line\nbreak %".to_owned(), "a\u{7f}b".to_owned())]);
    let options = PutOptions::create().content_type("text/plain").metadata(attributes);
    let meta = store.put(&ctx(), &key("a/b")?, "abc".into(), &options).await?;
    // FIPS 180-4's own example: anybody's sha256sum confirms the tag.
    assert_eq!(meta.etag.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    drop(store);

    let store = FsStorage::open(folder.path())?;
    let head = store.head(&ctx(), &key("a/b")?, &HeadOptions::default()).await?;
    assert_eq!((head.meta, head.attributes), (meta, options.attributes));
    assert_eq!(store.read(&ctx(), &key("a/b")?).await?, "abc");
    Ok(())
}

#[tokio::test]
async fn no_flipped_bit_is_ever_served() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &key("k")?, "the body").await?;
    let path = folder.path().join("objects/k@");
    let intact = fs::read(&path)?;
    for at in 0..intact.len() {
        for bit in 0..8 {
            let mut damaged = intact.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&path, &damaged)?;
            let read = store.read(&ctx(), &key("k")?).await;
            assert_eq!(kind(read), Some(ErrorKind::Corrupt), "bit {bit} of byte {at}");
        }
    }
    for len in 0..intact.len() {
        fs::write(&path, &intact[..len])?;
        assert_eq!(
            kind(store.head(&ctx(), &key("k")?, &HeadOptions::default()).await),
            Some(ErrorKind::Corrupt)
        );
    }
    assert_eq!(kind(store.list_all(&ctx(), "").await), Some(ErrorKind::Corrupt), "a listing hides no damage");
    // What is damaged can be written over.
    store.write(&ctx(), &key("k")?, "new").await?;
    assert_eq!(store.read(&ctx(), &key("k")?).await?, "new");
    Ok(())
}

#[tokio::test]
async fn damage_in_a_large_body_ends_it_with_an_error() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &key("k")?, vec![7; 1 << 20]).await?;
    let path = folder.path().join("objects/k@");
    let mut damaged = fs::read(&path)?;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&path, damaged)?;
    assert_eq!(kind(store.read(&ctx(), &key("k")?).await), Some(ErrorKind::Corrupt));
    let copied = store.copy(&ctx(), &key("k")?, &key("copy")?, &Default::default()).await;
    assert_eq!(kind(copied), Some(ErrorKind::Corrupt));
    assert!(!store.exists(&ctx(), &key("copy")?).await?, "damage is not given a new header");
    Ok(())
}

#[tokio::test]
async fn a_file_in_the_place_of_another_is_noticed() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &key("a")?, "of a").await?;
    fs::copy(folder.path().join("objects/a@"), folder.path().join("objects/b@"))?;
    assert_eq!(kind(store.read(&ctx(), &key("b")?).await), Some(ErrorKind::Corrupt));
    Ok(())
}

#[tokio::test]
async fn a_body_is_of_one_version_whatever_is_written_meanwhile() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let (old, new) = (vec![1; 3 << 20], vec![2; 3 << 20]);
    store.write(&ctx(), &key("k")?, old.clone()).await?;
    let open = store.get(&ctx(), &key("k")?, &GetOptions::default()).await?;
    let tail = store.get(&ctx(), &key("k")?, &GetOptions::default().range(ByteRange::From(1 << 20))).await?;
    store.write(&ctx(), &key("k")?, new).await?;
    assert_eq!(open.bytes().await?, old);
    store.delete(&ctx(), &key("k")?, &DeleteOptions::default()).await?;
    assert_eq!(tail.bytes().await?, old[1 << 20..]);
    Ok(())
}

#[tokio::test]
async fn a_folder_is_open_once_at_a_time() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let second = FsStorage::open(folder.path()).err().ok_or("the folder was opened twice")?;
    assert_eq!((second.kind(), second.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    let clone = store.clone();
    drop(store);
    assert!(FsStorage::open(folder.path()).is_err(), "a clone keeps it open");
    drop(clone);
    FsStorage::open(folder.path())?;
    Ok(())
}

#[tokio::test]
async fn missing_folders_above_are_made_and_a_file_in_the_way_is_an_error() -> Test {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("not/yet/there");
    FsStorage::open(&root)?.write(&ctx(), &key("k")?, "a").await?;
    assert!(root.join("objects/k@").exists());
    fs::write(folder.path().join("file"), "in the way")?;
    let error = FsStorage::open(folder.path().join("file")).err().ok_or("a file was opened as a folder")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    Ok(())
}

#[tokio::test]
async fn leftovers_of_crashed_writes_are_not_objects_and_are_swept() -> Test {
    let folder = tempfile::tempdir()?;
    drop(FsStorage::open(folder.path())?);
    fs::write(folder.path().join("staging/17"), "companyos-object 1\nhalf of a hea")?;
    fs::write(folder.path().join("objects/README"), "not ours")?;
    let store = FsStorage::open(folder.path())?;
    assert_eq!(store.list_all(&ctx(), "").await?, []);
    assert_eq!(files(&folder.path().join("staging"))?, [] as [PathBuf; 0]);
    assert!(folder.path().join("objects/README").exists(), "what is not ours is left alone");
    Ok(())
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    store.write(&ctx(), &key("a/b")?, "secret").await?;
    let mode =
        |path: &str| fs::metadata(folder.path().join(path)).map(|meta| meta.permissions().mode() & 0o777);
    assert_eq!(mode("objects/a/b@")?, 0o600);
    assert_eq!((mode("objects")?, mode("objects/a")?), (0o700, 0o700));
    Ok(())
}

#[tokio::test]
async fn a_full_or_broken_disk_is_an_error_that_says_so() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    fs::remove_dir(folder.path().join("staging"))?;
    let error =
        store.write(&ctx(), &key("k")?, "a").await.err().ok_or("a write without staging succeeded")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));
    assert_eq!(error.provider_code(), Some("errno 2"));
    assert_eq!(error.to_string(), "unavailable: writing the object failed (provider code errno 2)");
    Ok(())
}

#[tokio::test]
async fn a_region_that_is_no_name_is_refused() -> Test {
    let folder = tempfile::tempdir()?;
    assert_eq!(kind(FsStorage::builder(folder.path()).region("").open()), Some(ErrorKind::InvalidInput));
    let store = FsStorage::builder(folder.path()).region("eu").open()?;
    assert_eq!(store.descriptor().region.as_deref(), Some("eu"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_creates_of_many_keys_each_key_has_one_winner() -> Test {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let racers = (0..200_usize).map(|racer| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = key(&format!("deep/{}/er/k", racer % 20))?;
            let created = store.create(&ctx(), &key, racer.to_string()).await?;
            Ok::<_, Error>((key, racer, created != Created::Existed))
        })
    });
    let mut winners = BTreeMap::new();
    for racer in racers.collect::<Vec<_>>() {
        let (key, racer, won) = racer.await??;
        if won {
            assert_eq!(winners.insert(key, racer), None, "a key has two winners");
        }
    }
    assert_eq!(winners.len(), 20);
    for (key, racer) in winners {
        assert_eq!(store.read(&ctx(), &key).await?, racer.to_string());
    }
    Ok(())
}

/// Lists `keys` through the store in pages of `size` and through a sorted map, and compares.
async fn compare_listing(keys: &[String], prefix: &str, size: usize) -> Result<(), Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let store = FsStorage::open(folder.path())?;
    let mut expected = BTreeMap::new();
    for name in keys {
        if let Ok(key) = key(name) {
            store.write(&ctx(), &key, name.clone()).await?;
            expected.insert(name.as_str(), ());
        }
    }
    let mut expected: Vec<&str> = expected.into_keys().collect();
    expected.retain(|key| key.starts_with(prefix));
    let mut options = ListOptions::prefix(prefix).max(size);
    let mut listed = Vec::new();
    loop {
        let page = store.list(&ctx(), &options).await?;
        assert!(page.objects.len() <= size, "a page is too long");
        listed.extend(page.objects.into_iter().map(|meta| meta.key.to_string()));
        match page.next {
            Some(next) => options.page = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, expected, "prefix {prefix:?}, pages of {size}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_listing_is_that_of_a_sorted_map(
        keys in prop::collection::vec(
            prop_oneof![
                "[ab.A]{1,3}(/[ab-]{1,2}){0,2}",
                // Segments on both sides of what one file name holds, that go on before and after '/'.
                "k{78,82}[!/0a]{0,2}k{0,1}",
            ],
            1..12,
        ),
        prefix in "[abk]{0,2}/?",
        size in 1_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(compare_listing(&keys, &prefix, size)).map_err(|e| TestCaseError::fail(e.to_string()))?;
    }
}
