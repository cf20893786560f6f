//! Objects written in parts.

use bytes::Bytes;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind, expect_unsupported};
use crate::storage::{
    AbortUploadOptions, Attributes, CompleteUploadOptions, ETag, HeadOptions, ListOptions, ListPartsOptions,
    ObjectKey, Part, PutMode, StartUploadOptions, Upload, UploadOptions, UploadPartOptions, operations,
    stream_of,
};
use crate::{Capability, Conflict, Error, ErrorKind, ObjectStorageExt};

/// The largest part the suite makes.
const AFFORDABLE: u64 = 64 << 20;

pub(super) async fn an_object_is_written_in_parts_or_not_at_all(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    if !subject.claims(Capability::Multipart) {
        return unsupported(subject, &key).await;
    }
    let attributes = Attributes { content_type: Some("text/csv".to_owned()), ..Attributes::default() };
    let (first, last) = (body(1, part_len(subject)?), body(2, 7));
    let options = StartUploadOptions::default().attributes(attributes.clone());
    let upload = subject.storage.start_upload(&subject.ctx, &key, &options).await?;
    ensure!(upload.key == key, "the upload is to {}", upload.key);
    let parts = [put(subject, &upload, 1, &first).await?, put(subject, &upload, 2, &last).await?];
    ensure!(subject.read(&key).await?.is_none(), "the object can be read before the upload is completed");
    let listed = subject.storage.list_all(&subject.ctx, &subject.prefix).await?;
    ensure!(listed.is_empty(), "{} is listed before the upload is completed", listed[0].key);
    let meta = complete(subject, &upload, &parts, PutMode::Overwrite).await?;
    let whole = [first, last].concat();
    ensure!(meta.key == key && meta.size == whole.len() as u64, "completed {} of {}", meta.key, meta.size);
    ensure!(subject.read(&key).await? == Some(whole.into()), "the object is not its parts in order");
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?;
    ensure!(
        head.meta.etag == meta.etag,
        "complete answers entity tag {}, head {}",
        meta.etag,
        head.meta.etag
    );
    ensure!(head.attributes == attributes, "the object has the attributes {:?}", head.attributes);
    ensure!(pending(subject).await?.is_empty(), "a completed upload is listed as pending");
    let gone = subject.storage.list_parts(&subject.ctx, &upload, &ListPartsOptions::default()).await;
    expect_kind(gone, "listing the parts of a completed upload", &ErrorKind::NotFound)?;
    Ok(())
}

pub(super) async fn parts_come_in_any_order_and_can_be_replaced(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    if subject.storage.descriptor().limits.parts.in_order {
        return Err(Stop::Skipped("the adapter takes parts in order only".to_owned()));
    }
    let (key, len) = (subject.key("object")?, part_len(subject)?);
    let upload = start(subject, &key).await?;
    let last = put(subject, &upload, 7, &body(7, 10)).await?;
    put(subject, &upload, 2, &body(9, len)).await?;
    put(subject, &upload, 5, &body(8, len)).await?;
    let first = put(subject, &upload, 2, &body(2, len)).await?;
    // Part 5 is not named, and so not part of the object.
    complete(subject, &upload, &[first, last], PutMode::Overwrite).await?;
    let whole = [body(2, len), body(7, 10)].concat();
    ensure!(
        subject.read(&key).await? == Some(whole.into()),
        "the object is not the parts named, in their order"
    );
    Ok(())
}

pub(super) async fn an_upload_goes_on_where_it_stopped(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let (key, len) = (subject.key("object")?, part_len(subject)?);
    let whole: Bytes = [body(1, len), body(2, len), body(3, 9)].concat().into();
    let upload = start(subject, &key).await?;
    let sent =
        [put(subject, &upload, 1, &body(1, len)).await?, put(subject, &upload, 2, &body(2, len)).await?];
    // All that a process which resumes the upload knows of it.
    let upload = Upload::new(key.clone(), upload.id);
    let mut held = Vec::new();
    let mut options = ListPartsOptions::default().max(1);
    loop {
        let page = subject.storage.list_parts(&subject.ctx, &upload, &options).await?;
        ensure!(page.parts.len() <= 1, "a page of at most one part holds {}", page.parts.len());
        held.extend(page.parts);
        ensure!(held.len() <= sent.len(), "more parts are listed than were uploaded");
        match page.next {
            Some(next) => options.page = Some(next),
            None => break,
        }
    }
    let seen = |parts: &[Part]| -> Vec<_> {
        parts.iter().map(|part| (part.number, part.size, part.etag.clone())).collect()
    };
    ensure!(seen(&held) == seen(&sent), "{:?} were uploaded, {:?} are listed", seen(&sent), seen(&held));
    let options = UploadOptions::default().part_bytes(len as u64);
    let meta = subject.storage.send(&subject.ctx, &upload, stream_of(whole.clone()), &options).await?;
    ensure!(meta.size == whole.len() as u64, "the resumed upload made an object of {} bytes", meta.size);
    ensure!(subject.read(&key).await? == Some(whole), "the object of the resumed upload differs");
    Ok(())
}

pub(super) async fn an_aborted_upload_leaves_nothing(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let key = subject.key("object")?;
    let upload = start(subject, &key).await?;
    put(subject, &upload, 1, &body(1, 10)).await?;
    for _ in 0..2 {
        subject.storage.abort_upload(&subject.ctx, &upload, &AbortUploadOptions::default()).await?;
    }
    ensure!(pending(subject).await?.is_empty(), "an aborted upload is listed as pending");
    ensure!(subject.read(&key).await?.is_none(), "an aborted upload left an object");
    let late = put(subject, &upload, 1, &body(1, 10)).await;
    expect_kind(late, "a part of an aborted upload", &ErrorKind::NotFound)?;
    Ok(())
}

pub(super) async fn leftovers_are_found_and_aborted(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let mut started = Vec::new();
    for name in ["left/c", "left/a", "left/b", "other"] {
        started.push(start(subject, &subject.key(name)?).await?);
    }
    let (other, mut left) = (started.pop(), started);
    left.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let prefix = format!("{}left/", subject.prefix);
    let mut options = ListOptions::prefix(&prefix).max(1);
    let mut found = Vec::new();
    loop {
        let page = subject.storage.list_uploads(&subject.ctx, &options).await?;
        ensure!(page.uploads.len() <= 1, "a page of at most one upload holds {}", page.uploads.len());
        found.extend(page.uploads);
        ensure!(found.len() <= left.len(), "more uploads are listed than were started");
        match page.next {
            Some(next) => options.page = Some(next),
            None => break,
        }
    }
    let found_uploads: Vec<_> = found.iter().map(|pending| pending.upload.clone()).collect();
    ensure!(found_uploads == left, "the uploads listed are not those started, in the order of their keys");
    let newest = found.iter().map(|pending| pending.started).max();
    let after = newest.and_then(|newest| newest.checked_add(std::time::Duration::from_secs(1)));
    let after = after.ok_or_else(|| Stop::Failed("the uploads were started at no time".to_owned()))?;
    let aborted = subject.storage.abort_leftovers(&subject.ctx, &prefix, after).await?;
    ensure!(aborted == left.len(), "{aborted} leftovers were aborted, expected {}", left.len());
    ensure!(pending(subject).await? == Vec::from_iter(other), "the wrong uploads are left");
    Ok(())
}

pub(super) async fn completing_obeys_its_condition(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let (key, fresh) = (subject.key("object")?, subject.key("fresh")?);
    subject.put(&key, body(1, 100)).await?;
    let upload = start(subject, &key).await?;
    let part = put(subject, &upload, 1, &body(2, 50)).await?;
    let completed = complete(subject, &upload, &[part], PutMode::Create).await;
    if subject.claims(Capability::ConditionalCreate) {
        let settled = ErrorKind::Conflict(Conflict::Settled);
        expect_kind(completed, "completing over an object that must not be there", &settled)?;
    } else {
        expect_unsupported(
            subject,
            completed,
            "a condition that is not claimed",
            operations::CONDITIONAL_CREATE,
        )?;
    }
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "a refused completion changed the object");
    subject.storage.abort_upload(&subject.ctx, &upload, &AbortUploadOptions::default()).await?;
    if subject.claims(Capability::ConditionalCreate) {
        let upload = start(subject, &fresh).await?;
        let part = put(subject, &upload, 1, &body(3, 50)).await?;
        complete(subject, &upload, &[part], PutMode::Create).await?;
        ensure!(subject.read(&fresh).await? == Some(body(3, 50)), "a conditional completion wrote nothing");
    }
    Ok(())
}

pub(super) async fn only_parts_that_were_uploaded_make_an_object(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let (key, len) = (subject.key("object")?, part_len(subject)?);
    let upload = start(subject, &key).await?;
    let zero = put(subject, &upload, 0, &body(1, 10)).await;
    expect_kind(zero, "a part with the number 0", &ErrorKind::InvalidInput)?;
    let first = put(subject, &upload, 1, &body(1, len)).await?;
    let last = put(subject, &upload, 2, &body(2, 10)).await?;
    let forged = Part { etag: ETag::new("00000000000000000000000000000000"), ..last.clone() };
    let absent = Part { number: 3, ..last.clone() };
    let attempts = [
        ("completing with no part", vec![]),
        ("completing with a part of another entity tag", vec![first.clone(), forged]),
        ("completing with a part that was not uploaded", vec![first.clone(), last.clone(), absent]),
        ("completing with parts out of order", vec![last.clone(), first.clone()]),
    ];
    for (what, parts) in attempts {
        let completed = complete(subject, &upload, &parts, PutMode::Overwrite).await;
        expect_kind(completed, what, &ErrorKind::InvalidInput)?;
        ensure!(subject.read(&key).await?.is_none(), "{what} left an object");
    }
    complete(subject, &upload, &[first, last], PutMode::Overwrite).await?;
    Ok(())
}

pub(super) async fn a_stream_of_any_length_is_written_whole(subject: &Subject<'_>) -> Result<(), Stop> {
    claimed(subject)?;
    let len = part_len(subject)?;
    for (name, len) in [("empty", 0), ("short", 10), ("one", len), ("over", len + 1), ("three", 3 * len)] {
        let (key, whole) = (subject.key(name)?, body(5, len));
        let options = UploadOptions::default().part_bytes(part_len(subject)? as u64);
        let meta = subject.storage.upload(&subject.ctx, &key, stream_of(whole.clone()), &options).await?;
        ensure!(meta.size == len as u64, "a stream of {len} bytes became an object of {}", meta.size);
        ensure!(subject.read(&key).await? == Some(whole), "the object of a stream of {len} bytes differs");
    }
    Ok(())
}

async fn unsupported(subject: &Subject<'_>, key: &ObjectKey) -> Result<(), Stop> {
    let (storage, ctx) = (subject.storage, &subject.ctx);
    let what = "an upload in parts, which is not claimed,";
    let start = storage.start_upload(ctx, key, &StartUploadOptions::default()).await;
    expect_unsupported(subject, start, what, operations::START_UPLOAD)?;
    let upload = Upload::new(key.clone(), "1");
    let put = storage.upload_part(ctx, &upload, 1, body(1, 10), &UploadPartOptions::default()).await;
    expect_unsupported(subject, put, what, operations::UPLOAD_PART)?;
    let parts = storage.list_parts(ctx, &upload, &ListPartsOptions::default()).await;
    expect_unsupported(subject, parts, what, operations::LIST_PARTS)?;
    let part = Part::new(1, 10, ETag::new("1"));
    let complete = storage.complete_upload(ctx, &upload, &[part], &CompleteUploadOptions::default()).await;
    expect_unsupported(subject, complete, what, operations::COMPLETE_UPLOAD)?;
    let abort = storage.abort_upload(ctx, &upload, &AbortUploadOptions::default()).await;
    expect_unsupported(subject, abort, what, operations::ABORT_UPLOAD)?;
    let uploads = storage.list_uploads(ctx, &ListOptions::prefix(&subject.prefix)).await;
    expect_unsupported(subject, uploads, what, operations::LIST_UPLOADS)?;
    ensure!(subject.read(key).await?.is_none(), "{what} left an object");
    Ok(())
}

fn claimed(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::Multipart)
}

/// The length of a part that is not the last.
fn part_len(subject: &Subject<'_>) -> Result<usize, Stop> {
    let limits = &subject.storage.descriptor().limits.parts;
    let bytes = limits.min_bytes.max(1000).next_multiple_of(limits.multiple_of);
    if bytes > AFFORDABLE {
        return Err(Stop::Skipped(format!("parts of {bytes} bytes are too large for a test")));
    }
    Ok(bytes as usize)
}

async fn start(subject: &Subject<'_>, key: &ObjectKey) -> Result<Upload, Error> {
    subject.storage.start_upload(&subject.ctx, key, &StartUploadOptions::default()).await
}

async fn put(subject: &Subject<'_>, upload: &Upload, number: u32, body: &Bytes) -> Result<Part, Error> {
    let options = UploadPartOptions::default();
    subject.storage.upload_part(&subject.ctx, upload, number, body.clone(), &options).await
}

async fn complete(
    subject: &Subject<'_>,
    upload: &Upload,
    parts: &[Part],
    mode: PutMode,
) -> Result<crate::storage::ObjectMeta, Error> {
    let options = CompleteUploadOptions::default().mode(mode);
    subject.storage.complete_upload(&subject.ctx, upload, parts, &options).await
}

/// The uploads under way to keys of the subject.
async fn pending(subject: &Subject<'_>) -> Result<Vec<Upload>, Error> {
    let page = subject.storage.list_uploads(&subject.ctx, &ListOptions::prefix(&subject.prefix)).await?;
    Ok(page.uploads.into_iter().map(|pending| pending.upload).collect())
}
