//! Streams into objects.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    AbortUploadOptions, Attributes, ByteStream, Checksum, ChecksumAlgorithm, CompleteUploadOptions,
    ListPartsOptions, ObjectKey, ObjectMeta, ObjectStorage, Part, Placement, PutMode, PutOptions,
    StartUploadOptions, Upload, UploadPartOptions,
};
use crate::{Capability, Context, Error, ErrorKind};

/// How [`upload`](super::ObjectStorageExt::upload) and [`send`](super::ObjectStorageExt::send) write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadOptions {
    /// What may be replaced.
    pub mode: PutMode,
    /// What is kept beside the body.
    pub attributes: Attributes,
    /// How the object is kept.
    pub placement: Placement,
    /// The size of a part in bytes, raised to what the adapter's limits ask for; 8 MiB unless set. A body of up to that
    /// size is written in one call.
    pub part_bytes: u64,
    /// How many parts are sent at a time; 4 unless set. One where parts must be in order.
    pub concurrency: usize,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            mode: PutMode::Overwrite,
            attributes: Attributes::default(),
            placement: Placement::default(),
            part_bytes: 8 << 20,
            concurrency: 4,
        }
    }
}

impl UploadOptions {
    /// Chooses what may be replaced.
    #[must_use]
    pub fn mode(mut self, mode: PutMode) -> Self {
        self.mode = mode;
        self
    }

    /// Keeps these beside the body.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Chooses how the object is kept.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets the size of a part, in bytes.
    #[must_use]
    pub fn part_bytes(mut self, bytes: u64) -> Self {
        self.part_bytes = bytes;
        self
    }

    /// Sets how many parts are sent at a time.
    #[must_use]
    pub fn concurrency(mut self, parts: usize) -> Self {
        self.concurrency = parts;
        self
    }
}

/// A body that is at hand, as a stream.
pub fn stream_of(body: impl Into<Bytes>) -> ByteStream {
    let body = body.into();
    Box::pin(stream::once(async move { Ok(body) }))
}

pub(super) async fn upload<S: ObjectStorage + ?Sized>(
    storage: &S,
    ctx: &Context,
    key: &ObjectKey,
    body: ByteStream,
    options: &UploadOptions,
) -> Result<ObjectMeta, Error> {
    let descriptor = storage.descriptor();
    let multipart = descriptor.has(Capability::Multipart);
    let most = descriptor.limits.max_object_bytes;
    let mut cutter = Cutter::new(body, if multipart { part_bytes(storage, options).min(most) } else { most });
    let first = cutter.next().await?.unwrap_or_default();
    if cutter.is_at_end().await? {
        let mut put = PutOptions::overwrite().placement(options.placement.clone());
        put.checksum = checksum(storage, &first);
        (put.mode, put.attributes) = (options.mode.clone(), options.attributes.clone());
        return storage.put(ctx, key, first, &put).await;
    }
    if !multipart {
        let why = format!("an object holds at most {most} bytes, and the adapter has no uploads in parts");
        return Err(Error::new(ErrorKind::LimitExceeded, why));
    }
    let start = StartUploadOptions::default()
        .attributes(options.attributes.clone())
        .placement(options.placement.clone());
    let upload = storage.start_upload(ctx, key, &start).await?;
    cutter.give_back(first);
    let sent = send_parts(storage, ctx, &upload, cutter, BTreeMap::new(), options).await;
    if sent.is_err() {
        // What the caller has to know is why the upload failed. A leftover can be found by a listing.
        let _ = storage.abort_upload(ctx, &upload, &AbortUploadOptions::default()).await;
    }
    sent
}

pub(super) async fn send<S: ObjectStorage + ?Sized>(
    storage: &S,
    ctx: &Context,
    upload: &Upload,
    body: ByteStream,
    options: &UploadOptions,
) -> Result<ObjectMeta, Error> {
    let mut held = BTreeMap::new();
    let mut list = ListPartsOptions::default();
    loop {
        let page = storage.list_parts(ctx, upload, &list).await?;
        held.extend(page.parts.into_iter().map(|part| (part.number, part)));
        match page.next {
            Some(next) => list.page = Some(next),
            None => break,
        }
    }
    let cutter = Cutter::new(body, part_bytes(storage, options));
    send_parts(storage, ctx, upload, cutter, held, options).await
}

/// Sends the parts that are not `held`, several at a time, and completes the upload.
async fn send_parts<S: ObjectStorage + ?Sized>(
    storage: &S,
    ctx: &Context,
    upload: &Upload,
    cutter: Cutter,
    mut held: BTreeMap<u32, Part>,
    options: &UploadOptions,
) -> Result<ObjectMeta, Error> {
    let in_order = storage.descriptor().limits.parts.in_order;
    let numbered = stream::try_unfold((cutter, 1), |(mut cutter, number)| async move {
        match cutter.next().await? {
            Some(body) => Ok(Some(((number, body), (cutter, number + 1)))),
            // An object without a byte is made of one part without a byte.
            None if number == 1 => Ok(Some(((number, Bytes::new()), (cutter, number + 1)))),
            None => Ok::<_, Error>(None),
        }
    });
    let sending = numbered.map_ok(|(number, body)| {
        let held = held.remove(&number).filter(|part| is_same(part, &body));
        async move {
            match held {
                Some(part) => Ok(part),
                None => {
                    let options = UploadPartOptions { checksum: checksum(storage, &body) };
                    storage.upload_part(ctx, upload, number, body, &options).await
                }
            }
        }
    });
    let concurrency = if in_order { 1 } else { options.concurrency.max(1) };
    // Boxed, because the compiler cannot otherwise prove that a future which borrows this much is `Send`.
    let mut sending = sending.try_buffer_unordered(concurrency).boxed();
    let mut parts = Vec::new();
    while let Some(part) = sending.try_next().await? {
        parts.push(part);
    }
    drop(sending);
    parts.sort_unstable_by_key(|part| part.number);
    let complete = CompleteUploadOptions::default().mode(options.mode.clone());
    storage.complete_upload(ctx, upload, &parts, &complete).await
}

/// The size of the parts: the same on every attempt with the same options, or nothing could be resumed.
fn part_bytes<S: ObjectStorage + ?Sized>(storage: &S, options: &UploadOptions) -> u64 {
    let limits = &storage.descriptor().limits.parts;
    let wanted = options.part_bytes.max(limits.min_bytes).max(1);
    let rounded = wanted.checked_next_multiple_of(limits.multiple_of.max(1)).unwrap_or(wanted);
    if rounded <= limits.max_bytes {
        rounded
    } else {
        limits.max_bytes - limits.max_bytes % limits.multiple_of.max(1)
    }
}

fn checksum<S: ObjectStorage + ?Sized>(storage: &S, body: &[u8]) -> Option<Checksum> {
    storage.descriptor().has(Capability::Checksums).then(|| Checksum::crc32c(body))
}

/// Whether the part that the provider holds is this one, as far as the provider tells.
fn is_same(part: &Part, body: &[u8]) -> bool {
    let checksum = part.checksum.as_ref().filter(|held| held.algorithm == ChecksumAlgorithm::Crc32c);
    part.size == body.len() as u64 && checksum.is_none_or(|held| *held == Checksum::crc32c(body))
}

/// Cuts a stream into pieces of one size.
struct Cutter {
    body: stream::Fuse<ByteStream>,
    size: usize,
    /// What has been read beyond the last piece.
    ahead: Bytes,
    /// A piece that was handed out and given back.
    returned: Option<Bytes>,
}

impl Cutter {
    fn new(body: ByteStream, size: u64) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Self { body: body.fuse(), size, ahead: Bytes::new(), returned: None }
    }

    /// The next piece, shorter than the others only if it is the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(piece) = self.returned.take() {
            return Ok(Some(piece));
        }
        if self.is_at_end().await? {
            return Ok(None);
        }
        if self.ahead.len() >= self.size {
            return Ok(Some(self.ahead.split_to(self.size)));
        }
        let mut piece = BytesMut::from(std::mem::take(&mut self.ahead));
        while piece.len() < self.size {
            let Some(more) = self.body.try_next().await? else { break };
            piece.extend_from_slice(&more);
        }
        let mut piece = piece.freeze();
        self.ahead = piece.split_off(piece.len().min(self.size));
        Ok(Some(piece))
    }

    /// Whether nothing follows; looks ahead to know.
    async fn is_at_end(&mut self) -> Result<bool, Error> {
        while self.ahead.is_empty() {
            match self.body.try_next().await? {
                Some(more) => self.ahead = more,
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    fn give_back(&mut self, piece: Bytes) {
        self.returned = Some(piece);
    }
}
