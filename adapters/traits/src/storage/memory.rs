//! A store in memory, for unit tests.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Attributes, CopyOptions, DeleteOptions, ETag, GetOptions, Head, HeadOptions, ListOptions, ListPage,
    Object, ObjectKey, ObjectMeta, ObjectStorage, PutMode, PutOptions,
};
use crate::clock::{Clock, SystemClock};
use crate::{Capability, Conflict, Context, Descriptor, Error, ErrorKind, Limits};

/// An [`ObjectStorage`] that keeps everything in memory and forgets it when dropped.
///
/// It behaves as a real one does: entity tags, preconditions, ranges, ordered pages, attributes, limits, deadlines.
/// What the unit under test must not rely on can be taken away with
/// [`with_capabilities`](MemoryStorage::with_capabilities). Clones share their objects.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use companyos_adapter_traits::Context;
/// use companyos_adapter_traits::storage::{MemoryStorage, ObjectKey, ObjectStorageExt};
///
/// let storage = MemoryStorage::new();
/// let ctx = Context::builder("acme", "eu-central").build();
/// let key = ObjectKey::new("reports/2026.csv")?;
/// storage.write(&ctx, &key, "a;b;c").await?;
/// assert_eq!(storage.read(&ctx, &key).await?, "a;b;c");
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryStorage {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Stored>,
    versions: u64,
}

#[derive(Clone)]
struct Stored {
    head: Head,
    body: Bytes,
}

impl MemoryStorage {
    /// An empty store that serves any region and claims all it can do.
    #[must_use]
    pub fn new() -> Self {
        let descriptor = Descriptor::new("memory", env!("CARGO_PKG_VERSION"))
            .with_capabilities([
                Capability::ConditionalCreate,
                Capability::ConditionalUpdate,
                Capability::Copy,
            ])
            .with_limits(Limits::default().max_object_bytes(64 << 20));
        Self { descriptor, clock: Arc::new(SystemClock), state: Arc::default() }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Pins the store to a region, which its descriptor then names.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.descriptor = self.descriptor.with_region(region);
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.descriptor = self.descriptor.with_limits(limits);
        self
    }

    /// Offers only these of its capabilities, and answers `Unsupported` to the rest.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let offered = capabilities.into_iter().filter(|capability| self.descriptor.has(*capability));
        let offered: Vec<_> = offered.collect();
        self.descriptor = self.descriptor.with_capabilities(offered);
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, and every change under it is a single insert or remove.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("descriptor", &self.descriptor)
            .field("objects", &self.lock().objects.len())
            .finish_non_exhaustive()
    }
}

impl State {
    fn find(&self, key: &ObjectKey) -> Result<&Stored, Error> {
        self.objects
            .get(key)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no object {key}")))
    }

    fn check_mode(&self, key: &ObjectKey, mode: &PutMode) -> Result<(), Error> {
        let current = self.objects.get(key).map(|stored| &stored.head.meta.etag);
        match (mode, current) {
            (PutMode::Overwrite, _) | (PutMode::Create, None) => Ok(()),
            (PutMode::Update(expected), Some(current)) if expected == current => Ok(()),
            (PutMode::Create, Some(_)) => Err(conflict(format!("the object {key} exists"))),
            (PutMode::Update(_), _) => Err(conflict(format!("the object {key} is not the version named"))),
        }
    }

    fn insert(
        &mut self,
        key: &ObjectKey,
        body: Bytes,
        attributes: Attributes,
        clock: &dyn Clock,
    ) -> ObjectMeta {
        self.versions += 1;
        let etag = ETag::new(self.versions.to_string());
        let meta = ObjectMeta::new(key.clone(), body.len() as u64, etag, clock.wall());
        let head = Head::new(meta.clone(), attributes);
        self.objects.insert(key.clone(), Stored { head, body });
        meta
    }
}

fn conflict(message: String) -> Error {
    Error::new(ErrorKind::Conflict(Conflict::Settled), message)
}

#[async_trait]
impl ObjectStorage for MemoryStorage {
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
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let limit = self.descriptor.limits.max_object_bytes;
        if body.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("an object holds at most {limit} bytes"),
            ));
        }
        let mut state = self.lock();
        state.check_mode(key, &options.mode)?;
        Ok(state.insert(key, body, options.attributes.clone(), &*self.clock))
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let Stored { head, body } = self.lock().find(key)?.clone();
        if options.if_match.as_ref().is_some_and(|etag| *etag != head.meta.etag) {
            return Err(conflict(format!("the object {key} is not the version named")));
        }
        let range = match options.range {
            Some(range) => range.resolve(head.meta.size)?,
            None => 0..head.meta.size,
        };
        // The range lies within a body that is in memory, so it fits a usize.
        let body = body.slice(range.start as usize..range.end as usize);
        Ok(Object::from_bytes(head, range, body))
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        Ok(self.lock().find(key)?.head.clone())
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        self.lock().objects.remove(key);
        Ok(())
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        ctx.check_deadline(self.clock.now())?;
        let size = options.page_size(self.descriptor.limits.max_page);
        // The page token is the last key of the page before.
        let start = match options.page.as_deref() {
            Some(last) if last >= options.prefix.as_str() => Bound::Excluded(last),
            _ => Bound::Included(options.prefix.as_str()),
        };
        let state = self.lock();
        let mut objects: Vec<ObjectMeta> = state
            .objects
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(_, stored)| &stored.head.meta)
            .take_while(|meta| meta.key.as_str().starts_with(&options.prefix))
            .take(size + 1)
            .cloned()
            .collect();
        let more = objects.len() > size;
        objects.truncate(size);
        let next = objects.last().filter(|_| more).map(|meta| meta.key.to_string());
        Ok(ListPage::new(objects, next))
    }

    async fn copy(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        ctx.check_deadline(self.clock.now())?;
        options.check(&self.descriptor)?;
        let mut state = self.lock();
        let Stored { head, body } = state.find(from)?.clone();
        Ok(state.insert(to, body, head.attributes, &*self.clock))
    }
}
