//! Listing objects and their versions.

use companyos_adapter_traits::storage::{ListOptions, ListPage, ObjectKey, ObjectVersion, VersionPage};
use companyos_adapter_traits::{Capability, Context, Error};
use http::Method;

use super::Shared;
use super::control::Call;
use super::resource::{LISTED, Listing, Resource};

impl Shared {
    pub(super) async fn list_objects(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let page = self.page(ctx, options, false).await?;
        let kept = self.keeps_versions();
        let objects =
            page.items.into_iter().filter_map(|item| Some(item.meta(key_of(&item)?, kept))).collect();
        Ok(ListPage::new(objects, page.next_page_token))
    }

    pub(super) async fn versions_page(
        &self,
        ctx: &Context,
        options: &ListOptions,
    ) -> Result<VersionPage, Error> {
        let operation = companyos_adapter_traits::storage::operations::LIST_VERSIONS;
        self.descriptor.require(Capability::Versions, operation)?;
        let page = self.page(ctx, options, true).await?;
        // There are no markers of deletion: when nothing is the latest, the object is deleted.
        let version = |item: Resource| {
            let (meta, latest) = (item.meta(key_of(&item)?, true), item.time_deleted.is_none());
            Some(ObjectVersion::Object { meta, latest })
        };
        let versions = page.items.into_iter().filter_map(version).collect();
        Ok(VersionPage::new(versions, page.next_page_token))
    }

    async fn page(&self, ctx: &Context, options: &ListOptions, versions: bool) -> Result<Listing, Error> {
        let size = options.page_size(self.descriptor.limits.max_page);
        self.list_names(ctx, &options.prefix, options.page.as_deref(), size, versions).await
    }

    /// One page of all the names with a prefix, those that are no keys included.
    pub(super) async fn list_names(
        &self,
        ctx: &Context,
        prefix: &str,
        page: Option<&str>,
        size: usize,
        versions: bool,
    ) -> Result<Listing, Error> {
        let call = Call::new("listing objects", Method::GET, "/o")
            .query("prefix", prefix)
            .query("maxResults", size)
            .query("fields", format_args!("items({LISTED}),nextPageToken"))
            .query_some("pageToken", page)
            .query_some("versions", versions.then_some(true));
        self.control.call(ctx, call).await
    }
}

/// The key of an object. `None` for names that are no keys: the parts of uploads, and what others put into the bucket
/// under names that not every store could hold.
fn key_of(item: &Resource) -> Option<ObjectKey> {
    ObjectKey::new(&item.name).ok()
}
