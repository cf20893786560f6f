//! The adapter: the trait of object stores, on the file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock as _, SystemClock};
use companyos_adapter_traits::storage::{
    Attributes, Checksum, DeleteOptions, ETag, GetOptions, Head, HeadOptions, ListOptions, ListPage, Object,
    ObjectKey, ObjectMeta, PutMode, PutOptions,
};
use companyos_adapter_traits::{
    Capability, Conflict, Context, Descriptor, Error, ErrorKind, Limits, ObjectStorage,
};
use serde_json::json;

use crate::journal::{Entry, Journal};

/// Objects in one file that only grows.
pub(crate) struct JournalStorage {
    descriptor: Descriptor,
    journal: Arc<Mutex<Journal>>,
}

impl JournalStorage {
    /// Opens the file, or makes it. What is claimed here is what the suite will hold the adapter to.
    pub(crate) fn open(path: &Path, region: &str) -> Result<Self, Error> {
        let descriptor = Descriptor::new("journal", env!("CARGO_PKG_VERSION"))
            .with_region(region)
            .with_capabilities([
                Capability::ConditionalCreate,
                Capability::ConditionalUpdate,
                Capability::Checksums,
            ])
            .with_limits(Limits::default().max_object_bytes(16 << 20));
        descriptor.check()?;
        Ok(Self { descriptor, journal: Arc::new(Mutex::new(Journal::open(path)?)) })
    }

    /// Works on the file on a thread that may block. Dropping the future does not stop it halfway.
    async fn with<T: Send + 'static>(
        &self,
        ctx: &Context,
        work: impl FnOnce(&mut Journal) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        ctx.check_deadline(SystemClock.now())?;
        let journal = Arc::clone(&self.journal);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut journal.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await
            .map_err(|cause| Error::new(ErrorKind::Internal, "the file's thread ended").with_source(cause))?
    }
}

#[async_trait]
impl ObjectStorage for JournalStorage {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        options.check(&self.descriptor)?;
        let limit = self.descriptor.limits.max_object_bytes;
        if body.len() as u64 > limit {
            let why = format!("an object holds at most {limit} bytes");
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        if options.checksum.as_ref().is_some_and(|named| *named != Checksum::crc32c(&body)) {
            return Err(Error::new(ErrorKind::Corrupt, "the body does not have the checksum named"));
        }
        let (key, mode, attributes) = (key.clone(), options.mode.clone(), options.attributes.clone());
        self.with(ctx, move |journal| {
            let found = journal.objects.get(&key);
            let holds = match &mode {
                PutMode::Overwrite => true,
                PutMode::Create => found.is_none(),
                PutMode::Update(etag) => found.is_some_and(|entry| etag_of(entry) == *etag),
            };
            if !holds {
                return Err(conflict(&key));
            }
            let now = SystemClock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
            let header = json!({
                "put": key.as_str(),
                "at": now.as_micros() as u64,
                "type": attributes.content_type,
                "metadata": attributes.metadata,
            });
            journal.append(header, &body)?;
            Ok(head(&key, find(journal, &key)?).meta)
        })
        .await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        options.check(&self.descriptor)?;
        let (key, options) = (key.clone(), options.clone());
        self.with(ctx, move |journal| {
            let entry = find(journal, &key)?;
            if options.if_match.as_ref().is_some_and(|etag| etag_of(entry) != *etag) {
                return Err(conflict(&key));
            }
            let range = options.range.map_or(Ok(0..entry.size), |range| range.resolve(entry.size))?;
            let body = journal.read(entry.at + range.start, range.end - range.start)?;
            if range == (0..entry.size) && Checksum::crc32c(&body) != entry.checksum {
                return Err(Error::new(ErrorKind::Corrupt, format!("the object {key} is damaged")));
            }
            Ok(Object::from_bytes(head(&key, entry), range, body.into()))
        })
        .await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        options.check(&self.descriptor)?;
        let key = key.clone();
        self.with(ctx, move |journal| Ok(head(&key, find(journal, &key)?))).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        options.check(&self.descriptor)?;
        let key = key.clone();
        self.with(ctx, move |journal| match journal.objects.contains_key(&key) {
            true => journal.append(json!({ "delete": key.as_str() }), &[]),
            false => Ok(()),
        })
        .await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let (options, size) = (options.clone(), options.page_size(self.descriptor.limits.max_page));
        self.with(ctx, move |journal| {
            // The page token is the last key of the page before.
            let after = options.page.as_deref().unwrap_or_default();
            let matching =
                journal.objects.iter().filter(|(key, _)| key.as_str().starts_with(&options.prefix));
            let mut rest =
                matching.filter(|(key, _)| key.as_str() > after).map(|(key, entry)| head(key, entry).meta);
            let page: Vec<ObjectMeta> = rest.by_ref().take(size).collect();
            let next = rest.next().and(page.last()).map(|last| last.key.to_string());
            Ok(ListPage::new(page, next))
        })
        .await
    }
}

fn find<'j>(journal: &'j Journal, key: &ObjectKey) -> Result<&'j Entry, Error> {
    let missing = || Error::new(ErrorKind::NotFound, format!("there is no object {key}"));
    journal.objects.get(key).ok_or_else(missing)
}

/// The file only grows, so no two versions begin at the same byte.
fn etag_of(entry: &Entry) -> ETag {
    ETag::new(entry.at.to_string())
}

fn head(key: &ObjectKey, entry: &Entry) -> Head {
    let header = &entry.header;
    let modified = UNIX_EPOCH + Duration::from_micros(header["at"].as_u64().unwrap_or_default());
    let meta = ObjectMeta::new(key.clone(), entry.size, etag_of(entry), modified)
        .with_checksum(entry.checksum.clone());
    let pairs = header["metadata"].as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let mut attributes = Attributes::default().metadata(pairs.collect());
    attributes.content_type = header["type"].as_str().map(str::to_owned);
    Head::new(meta, attributes)
}

/// The other write is done, so repeating the call cannot help.
fn conflict(key: &ObjectKey) -> Error {
    let why = format!("the object {key} is not what the caller expects");
    Error::new(ErrorKind::Conflict(Conflict::Settled), why)
}

#[cfg(test)]
mod tests {
    use companyos_adapter_traits::ObjectStorageExt as _;

    use super::*;

    /// The conformance test: one `#[tokio::test]` for every check of the suite. All it takes is how to make the adapter.
    mod conformance {
        async fn adapter() -> super::JournalStorage {
            let folder = tempfile::tempdir().unwrap();
            // The file stays while it is open, with or without its folder.
            super::JournalStorage::open(&folder.path().join("objects"), "local").unwrap()
        }

        companyos_adapter_traits::storage_conformance!(adapter);
    }

    /// What the suite cannot know: how this store comes back after a crash.
    #[tokio::test]
    async fn a_torn_write_is_cut_off_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects");
        let ctx = Context::builder("acme", "local").build();
        let keys = ["a", "b"].map(|key| ObjectKey::new(key).unwrap());
        let store = JournalStorage::open(&path, "local").unwrap();
        for key in &keys {
            store.write(&ctx, key, "figures").await.unwrap();
        }
        let second = JournalStorage::open(&path, "local").err().unwrap();
        assert_eq!(*second.kind(), ErrorKind::Unavailable, "two processes write into one file");
        drop(store);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let store = JournalStorage::open(&path, "local").unwrap();
        assert_eq!(store.read(&ctx, &keys[0]).await.unwrap(), "figures");
        assert!(!store.exists(&ctx, &keys[1]).await.unwrap(), "an unfinished write came back");
        store.write(&ctx, &keys[1], "other figures").await.unwrap();
        drop(store);
        let store = JournalStorage::open(&path, "local").unwrap();
        assert_eq!(store.read(&ctx, &keys[1]).await.unwrap(), "other figures");
        drop(store);

        for at in [0, 14, 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            let error = JournalStorage::open(&path, "local").err().unwrap();
            assert_eq!(*error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
        }
    }
}
