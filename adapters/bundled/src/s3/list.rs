//! Listings.

use aws_sdk_s3::types::{DeleteMarkerEntry, MultipartUpload, Object, ObjectVersion as SdkVersion};
use companyos_adapter_traits::storage::{
    ListOptions, ListPage, ObjectKey, ObjectMeta, ObjectVersion, PendingUpload, StorageClass, Upload,
    UploadPage, VersionId, VersionPage, operations,
};
use companyos_adapter_traits::{Capability, Context, Error, ErrorKind};

use super::Shared;
use super::convert::{broken, etag, size, time};

impl Shared {
    pub(super) async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&options.prefix)
            .set_continuation_token(options.page.clone())
            .max_keys(self.page(options.page_size(self.descriptor.limits.max_page)))
            .send();
        let answer = self.send(ctx, operations::LIST, 0, request).await?;
        let objects = answer.contents.unwrap_or_default();
        let objects = objects.into_iter().filter_map(object).collect::<Result<_, _>>()?;
        let more = answer.is_truncated == Some(true);
        let next = more.then(|| answer.next_continuation_token.ok_or_else(|| broken("the next page")));
        Ok(ListPage::new(objects, next.transpose()?))
    }

    pub(super) async fn list_versions(
        &self,
        ctx: &Context,
        options: &ListOptions,
    ) -> Result<VersionPage, Error> {
        self.descriptor.require(Capability::Versions, operations::LIST_VERSIONS)?;
        let (key, version) = options.page.as_deref().map(split).transpose()?.unzip();
        let request = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(&options.prefix)
            .set_key_marker(key)
            .set_version_id_marker(version.filter(|version| !version.is_empty()))
            .max_keys(self.page(options.page_size(self.descriptor.limits.max_page)))
            .send();
        let answer = self.send(ctx, operations::LIST_VERSIONS, 0, request).await?;
        let kept = answer.versions.unwrap_or_default().into_iter().filter_map(version_of);
        let markers = answer.delete_markers.unwrap_or_default().into_iter().filter_map(marker);
        let mut versions = kept.chain(markers).collect::<Result<Vec<_>, _>>()?;
        // The provider lists versions and markers apart, each in order. The sort is stable, so it keeps theirs.
        versions.sort_by(|a, b| a.key().cmp(b.key()));
        let more = answer.is_truncated == Some(true);
        let next = more.then(|| join(answer.next_key_marker, answer.next_version_id_marker));
        Ok(VersionPage::new(versions, next.transpose()?))
    }

    pub(super) async fn list_uploads(
        &self,
        ctx: &Context,
        options: &ListOptions,
    ) -> Result<UploadPage, Error> {
        self.descriptor.require(Capability::Multipart, operations::LIST_UPLOADS)?;
        self.pending(ctx, options).await
    }

    /// As [`list_uploads`](Self::list_uploads), before it is known whether that can be claimed.
    pub(super) async fn pending(&self, ctx: &Context, options: &ListOptions) -> Result<UploadPage, Error> {
        let (key, id) = options.page.as_deref().map(split).transpose()?.unzip();
        let request = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(&options.prefix)
            .set_key_marker(key)
            .set_upload_id_marker(id.filter(|id| !id.is_empty()))
            .max_uploads(self.page(options.page_size(self.descriptor.limits.max_page)))
            .send();
        let answer = self.send(ctx, operations::LIST_UPLOADS, 0, request).await?;
        let uploads = answer.uploads.unwrap_or_default();
        let mut uploads = uploads.into_iter().filter_map(pending).collect::<Result<Vec<_>, _>>()?;
        uploads.sort_by(|a, b| a.upload.key.cmp(&b.upload.key));
        let more = answer.is_truncated == Some(true);
        let next = more.then(|| join(answer.next_key_marker, answer.next_upload_id_marker));
        Ok(UploadPage::new(uploads, next.transpose()?))
    }

    #[expect(clippy::unused_self, reason = "read as a part of the call it is in")]
    pub(super) fn page(&self, entries: usize) -> i32 {
        i32::try_from(entries).unwrap_or(i32::MAX)
    }
}

/// A key of the listing, unless others have put what is no key of ours into the bucket.
fn key(name: Option<String>) -> Option<ObjectKey> {
    ObjectKey::new(name?).ok()
}

fn object(object: Object) -> Option<Result<ObjectMeta, Error>> {
    let key = key(object.key)?;
    Some((|| {
        let (size, tag) = (size(object.size)?, etag(object.e_tag.as_deref())?);
        let mut meta = ObjectMeta::new(key, size, tag, time(object.last_modified.as_ref())?);
        meta.storage_class = object.storage_class.map(|class| StorageClass::new(class.as_str()));
        Ok(meta)
    })())
}

fn version_of(version: SdkVersion) -> Option<Result<ObjectVersion, Error>> {
    let key = key(version.key)?;
    Some((|| {
        let (size, tag) = (size(version.size)?, etag(version.e_tag.as_deref())?);
        let mut meta = ObjectMeta::new(key, size, tag, time(version.last_modified.as_ref())?);
        meta.version = Some(VersionId::new(version.version_id.ok_or_else(|| broken("a version"))?));
        meta.storage_class = version.storage_class.map(|class| StorageClass::new(class.as_str()));
        Ok(ObjectVersion::Object { meta, latest: version.is_latest == Some(true) })
    })())
}

fn marker(marker: DeleteMarkerEntry) -> Option<Result<ObjectVersion, Error>> {
    let key = key(marker.key)?;
    Some((|| {
        let version = VersionId::new(marker.version_id.ok_or_else(|| broken("a version"))?);
        let deleted = time(marker.last_modified.as_ref())?;
        Ok(ObjectVersion::DeleteMarker { key, version, deleted, latest: marker.is_latest == Some(true) })
    })())
}

fn pending(upload: MultipartUpload) -> Option<Result<PendingUpload, Error>> {
    let key = key(upload.key)?;
    Some((|| {
        let id = upload.upload_id.ok_or_else(|| broken("the id of an upload"))?;
        Ok(PendingUpload::new(Upload::new(key, id), time(upload.initiated.as_ref())?))
    })())
}

/// One token of the two marks that name a place in a listing: the length of the second comes first.
fn join(key: Option<String>, mark: Option<String>) -> Result<String, Error> {
    let (key, mark) = (key.ok_or_else(|| broken("the next page"))?, mark.unwrap_or_default());
    Ok(format!("{}.{mark}{key}", mark.len()))
}

fn split(token: &str) -> Result<(String, String), Error> {
    let parts = token.split_once('.').and_then(|(length, rest)| {
        let (mark, key) = rest.split_at_checked(length.parse().ok()?)?;
        Some((key.to_owned(), mark.to_owned()))
    });
    parts.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the page token is none of this adapter's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_both_marks_whatever_they_are_made_of() {
        for (key, mark) in [("a/b", "v1"), ("1.2", ""), ("\u{e9}", "3.\u{e9}")] {
            let token = join(Some(key.to_owned()), Some(mark.to_owned())).unwrap();
            assert_eq!(split(&token).unwrap(), (key.to_owned(), mark.to_owned()));
        }
        for wrong in ["", "a", "9.a", "-1.a", "1.\u{e9}"] {
            assert_eq!(*split(wrong).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
        }
    }
}
