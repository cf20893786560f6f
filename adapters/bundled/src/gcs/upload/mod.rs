//! Uploads in parts: objects of their own that are composed in the end. The module's parent says why.

mod complete;
mod name;
mod parts;

use bytes::Bytes;
use companyos_adapter_traits::storage::{
    Attributes, ListOptions, ObjectKey, PendingUpload, Placement, StartUploadOptions, StorageClass, Upload,
    UploadPage, operations,
};
use companyos_adapter_traits::{Capability, Context, Error, ErrorKind, Outcome};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::control::{Call, object};
use super::copy::place;
use super::delete::gone;
use super::resource::Resource;
use super::write::{Condition, Write};
use super::{CLASSES, Shared};

/// How many objects of an upload are worked on at a time.
const AT_A_TIME: usize = 8;

/// What an upload will make, kept as the body of an object until it is completed or aborted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    /// The object, in the words of `compose`.
    destination: Map<String, Value>,
    /// The customer-managed key of the object, which its parts are encrypted with as well.
    kms_key: Option<String>,
}

impl Manifest {
    /// How the objects that the upload consists of are kept. The usual class, because the others charge for what is
    /// removed soon.
    fn placement(&self) -> Placement {
        let mut placement = Placement::default();
        placement.storage_class = Some(StorageClass::new(CLASSES[0]));
        placement.kms_key.clone_from(&self.kms_key);
        placement
    }
}

impl Shared {
    pub(super) async fn start(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        ctx.check_deadline(self.clock().now())?;
        if key.as_str().len() > name::LONGEST_KEY {
            let why = format!("the key of an upload is at most {} bytes long", name::LONGEST_KEY);
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        let Attributes { content_type, metadata, .. } = &options.attributes;
        let mut destination = Map::new();
        if let Some(content_type) = content_type {
            destination.insert("contentType".to_owned(), json!(content_type));
        }
        destination.insert("metadata".to_owned(), json!(metadata));
        place(&mut destination, &options.placement)?;
        let manifest = Manifest { destination, kms_key: options.placement.kms_key.clone() };
        let body = serde_json::to_vec(&manifest).map_err(|cause| {
            let what = "the upload cannot be described";
            Error::new(ErrorKind::Internal, what).with_outcome(Outcome::NotSent).with_source(cause)
        })?;
        let upload = Upload::new(key.clone(), name::random_id()?);
        let write = Write {
            name: &name::manifest(&upload)?,
            body: Bytes::from(body),
            attributes: &Attributes::default(),
            placement: &manifest.placement(),
            checksum: None,
            condition: Condition::Absent,
        };
        self.write(ctx, write).await?;
        Ok(upload)
    }

    pub(super) async fn abort(&self, ctx: &Context, upload: &Upload) -> Result<(), Error> {
        self.descriptor.require(Capability::Multipart, operations::ABORT_UPLOAD)?;
        // First of all, so that no part comes after the others are gone.
        match name::manifest(upload) {
            Ok(manifest) => gone(self.remove_all(ctx, &manifest).await)?,
            // An id that was never given out has nothing to remove.
            Err(_) => return Ok(()),
        }
        let components = self.components(ctx, upload).await?;
        self.remove_components(ctx, components).await
    }

    pub(super) async fn uploads_page(
        &self,
        ctx: &Context,
        options: &ListOptions,
    ) -> Result<UploadPage, Error> {
        self.descriptor.require(Capability::Multipart, operations::LIST_UPLOADS)?;
        let size = options.page_size(self.descriptor.limits.max_page);
        let prefix = name::manifests(&options.prefix);
        let page = self.list_names(ctx, &prefix, options.page.as_deref(), size, false).await?;
        let pending =
            |item: Resource| Some(PendingUpload::new(name::parse_manifest(&item.name)?, item.time_created));
        Ok(UploadPage::new(page.items.into_iter().filter_map(pending).collect(), page.next_page_token))
    }

    /// What an upload will make.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not there any more, or never was.
    async fn manifest(&self, ctx: &Context, upload: &Upload) -> Result<Manifest, Error> {
        let path = object(&name::manifest(upload)?);
        self.control.call(ctx, Call::new("finding the upload", Method::GET, path).query("alt", "media")).await
    }

    /// All that an upload has written beside its manifest, what was replaced included.
    async fn components(&self, ctx: &Context, upload: &Upload) -> Result<Vec<Resource>, Error> {
        let prefix = name::components(upload)?;
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let limit = self.descriptor.limits.max_page;
            let listing =
                self.list_names(ctx, &prefix, page.as_deref(), limit, self.keeps_versions()).await?;
            found.extend(listing.items);
            page = listing.next_page_token;
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// Removes objects for good: a generation that is named is not kept as a version.
    async fn remove_components(&self, ctx: &Context, components: Vec<Resource>) -> Result<(), Error> {
        stream::iter(components)
            .map(|found| async move { gone(self.remove(ctx, &found.name, Some(found.generation)).await) })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    /// Removes an object and what is kept of it.
    async fn remove_all(&self, ctx: &Context, name: &str) -> Result<(), Error> {
        let found = self.stat(ctx, name, None).await?;
        self.remove(ctx, name, Some(found.generation)).await
    }
}
