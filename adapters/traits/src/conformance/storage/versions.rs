//! Histories.

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind, expect_unsupported};
use crate::storage::{
    CopyOptions, DeleteOptions, GetOptions, HeadOptions, ListOptions, ObjectKey, ObjectMeta, ObjectVersion,
    VersionId, operations,
};
use crate::{Capability, ErrorKind};

pub(super) async fn versions_are_kept_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, storage, ctx) = (subject.key("object")?, subject.storage, &subject.ctx);
    if !subject.claims(Capability::Versions) {
        return unsupported(subject, &key).await;
    }
    let (old, old_id) = put(subject, &key, 1).await?;
    let (new, new_id) = put(subject, &key, 2).await?;
    ensure!(old_id != new_id, "two versions have the id {old_id}");
    ensure!(read(subject, &key, &old_id).await? == Some(body(1, 100)), "the old version does not read back");
    ensure!(read(subject, &key, &new_id).await? == Some(body(2, 100)), "the new version does not read back");
    ensure!(subject.read(&key).await? == Some(body(2, 100)), "a read without a version is not of the newest");
    let head = storage.head(ctx, &key, &HeadOptions::default().version(old_id.clone())).await?;
    ensure!(head.meta.etag == old.etag, "head of the old version answers entity tag {}", head.meta.etag);
    let history = history(subject, 1000).await?;
    let objects: Vec<_> = history.iter().filter_map(object).collect();
    ensure!(objects.len() == 2, "a history of two versions lists {}", objects.len());
    for (meta, latest) in [(&old, false), (&new, true)] {
        let listed = objects.iter().any(|(listed, is)| listed.version == meta.version && *is == latest);
        ensure!(listed, "the history does not list {} with latest = {latest}", meta.etag);
    }
    Ok(())
}

pub(super) async fn a_deleted_object_keeps_its_versions(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::Versions)?;
    let (key, storage, ctx) = (subject.key("object")?, subject.storage, &subject.ctx);
    let (_, first) = put(subject, &key, 1).await?;
    let (_, second) = put(subject, &key, 2).await?;
    storage.delete(ctx, &key, &DeleteOptions::default()).await?;
    ensure!(subject.read(&key).await?.is_none(), "a deleted object can be read");
    ensure!(read(subject, &key, &first).await? == Some(body(1, 100)), "a version went with the object");
    let latest = history(subject, 1000).await?.iter().filter_map(object).any(|(_, latest)| latest);
    ensure!(!latest, "a version of a deleted object is listed as the latest");
    for _ in 0..2 {
        storage.delete(ctx, &key, &DeleteOptions::default().version(first.clone())).await?;
        ensure!(read(subject, &key, &first).await?.is_none(), "a removed version can be read");
    }
    ensure!(read(subject, &key, &second).await? == Some(body(2, 100)), "another version was removed with it");
    if subject.claims(Capability::Copy) {
        storage.copy(ctx, &key, &key, &CopyOptions::default().version(second)).await?;
        ensure!(
            subject.read(&key).await? == Some(body(2, 100)),
            "a version copied over its key is not restored"
        );
    }
    Ok(())
}

pub(super) async fn pages_of_a_history_neither_repeat_nor_skip(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::Versions)?;
    let mut written = Vec::new();
    for seed in 0..3 {
        for name in ["a", "b"] {
            written.push(put(subject, &subject.key(name)?, seed).await?.1);
        }
    }
    for size in [1, 2, 5] {
        let listed = history(subject, size).await?;
        let keys: Vec<_> = listed.iter().map(ObjectVersion::key).collect();
        ensure!(keys.is_sorted(), "pages of {size} list keys in the order {keys:?}");
        let mut ids: Vec<_> =
            listed.iter().filter_map(ObjectVersion::version).map(VersionId::as_str).collect();
        let mut expected: Vec<_> = written.iter().map(VersionId::as_str).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        ensure!(ids == expected, "pages of {size} hold {ids:?}, expected {expected:?}");
    }
    Ok(())
}

async fn unsupported(subject: &Subject<'_>, key: &ObjectKey) -> Result<(), Stop> {
    let (storage, ctx, version) = (subject.storage, &subject.ctx, VersionId::new("1"));
    subject.put(key, body(1, 100)).await?;
    let what = "a version, which is not claimed,";
    let listed = storage.list_versions(ctx, &ListOptions::prefix(&subject.prefix)).await;
    expect_unsupported(subject, listed, "a history, which is not claimed,", operations::LIST_VERSIONS)?;
    let got = storage.get(ctx, key, &GetOptions::default().version(version.clone())).await;
    expect_unsupported(subject, got, what, operations::VERSIONS)?;
    let head = storage.head(ctx, key, &HeadOptions::default().version(version.clone())).await;
    expect_unsupported(subject, head, what, operations::VERSIONS)?;
    let deleted = storage.delete(ctx, key, &DeleteOptions::default().version(version)).await;
    expect_unsupported(subject, deleted, what, operations::VERSIONS)?;
    ensure!(subject.read(key).await? == Some(body(1, 100)), "a version that is not claimed was deleted");
    Ok(())
}

/// Writes an object and returns the version it became.
async fn put(subject: &Subject<'_>, key: &ObjectKey, seed: u8) -> Result<(ObjectMeta, VersionId), Stop> {
    let meta = subject.put(key, body(seed, 100)).await?;
    let version = meta.version.clone();
    let version =
        version.ok_or_else(|| Stop::Failed("put names no version, and versions are claimed".to_owned()))?;
    Ok((meta, version))
}

/// Reads a version; `None` when there is none.
async fn read(
    subject: &Subject<'_>,
    key: &ObjectKey,
    version: &VersionId,
) -> Result<Option<bytes::Bytes>, Stop> {
    let options = GetOptions::default().version(version.clone());
    match subject.storage.get(&subject.ctx, key, &options).await {
        Ok(object) => Ok(Some(object.bytes().await?)),
        error => expect_kind(error, "a read of a removed version", &ErrorKind::NotFound).map(|_| None),
    }
}

fn object(version: &ObjectVersion) -> Option<(&ObjectMeta, bool)> {
    match version {
        ObjectVersion::Object { meta, latest } => Some((meta, *latest)),
        ObjectVersion::DeleteMarker { .. } => None,
    }
}

/// The history of the subject's keys, page after page.
async fn history(subject: &Subject<'_>, size: usize) -> Result<Vec<ObjectVersion>, Stop> {
    let mut options = ListOptions::prefix(&subject.prefix).max(size);
    let mut versions = Vec::new();
    loop {
        let page = subject.storage.list_versions(&subject.ctx, &options).await?;
        ensure!(page.versions.len() <= size, "a page of at most {size} holds {}", page.versions.len());
        versions.extend(page.versions);
        ensure!(versions.len() < 100, "the pages of a short history have no end");
        match page.next {
            Some(next) => options.page = Some(next),
            None => return Ok(versions),
        }
    }
}
