//! The suite for [`ObjectStorage`].

mod checksums;
mod conditions;
mod listing;
mod locks;
pub mod network;
mod objects;
mod optional;
mod placement;
pub mod presigned;
mod ranges;
mod refusals;
mod uploads;
mod versions;

use bytes::Bytes;

use super::{CheckResult, Report, Stop, Verdict, Watcher, checks, ensure};
use crate::storage::{DeleteOptions, GetOptions, ListOptions, ObjectKey, ObjectMeta, PutOptions};
use crate::{Capability, Context, Error, ErrorKind, ObjectStorage, ObjectStorageExt};

/// What the suite needs to know beyond the adapter.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// For whom, where and until when every call is made. Its deadline applies to the whole run.
    pub ctx: Context,
    /// A key prefix that nothing else uses, at most 100 bytes.
    pub prefix: String,
    /// A customer-managed key, by the provider's name of it, that the adapter may encrypt with. Without one the check
    /// of [`KmsEncryption`](Capability::KmsEncryption) is skipped.
    pub kms_key: Option<String>,
}

impl Default for Settings {
    /// The tenant `conformance` in the region `local`, with no deadline, under `conformance/`.
    fn default() -> Self {
        Self {
            ctx: Context::builder("conformance", "local").build(),
            prefix: "conformance/".to_owned(),
            kms_key: None,
        }
    }
}

impl Settings {
    /// Makes every call for `ctx`.
    #[must_use]
    pub fn ctx(mut self, ctx: Context) -> Self {
        self.ctx = ctx;
        self
    }

    /// Keeps to keys that start with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Tests encryption with this customer-managed key.
    #[must_use]
    pub fn kms_key(mut self, key: impl Into<String>) -> Self {
        self.kms_key = Some(key.into());
        self
    }
}

/// Runs every check against `storage`, under keys that start with `prefix`, and removes what it wrote.
///
/// The other [`Settings`] are the defaults.
pub async fn run(storage: &dyn ObjectStorage, ctx: Context, prefix: &str) -> Report {
    run_watched(storage, &Settings::default().ctx(ctx).prefix(prefix), &()).await
}

/// Runs every check against `storage`, tells `watcher` of each, and removes what it wrote.
pub async fn run_watched(storage: &dyn ObjectStorage, settings: &Settings, watcher: &dyn Watcher) -> Report {
    let mut report = Report::new("storage", storage.descriptor());
    for check in CHECKS {
        let result = make(storage, settings, check).await;
        report.results.push(result);
        if let Some(result) = report.results.last() {
            watcher.checked(result, report.results.len(), CHECKS.len());
        }
    }
    report
}

/// The names of the checks, in the order in which they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes one check, by its name, and removes what it wrote. A name that there is not is a failure.
pub async fn check(storage: &dyn ObjectStorage, settings: &Settings, name: &'static str) -> CheckResult {
    match CHECKS.iter().find(|check| check.name == name) {
        Some(check) => make(storage, settings, check).await,
        None => CheckResult {
            name,
            verdict: Verdict::Failed("there is no such check".to_owned()),
            elapsed: std::time::Duration::ZERO,
        },
    }
}

async fn make(storage: &dyn ObjectStorage, settings: &Settings, check: &Check) -> CheckResult {
    let subject = subject_of(storage, settings, check.name);
    CheckResult::of(check.name, async {
        let verdict = (check.run)(&subject).await;
        subject.clean_after(verdict).await
    })
    .await
}

fn subject_of<'s>(storage: &'s dyn ObjectStorage, settings: &'s Settings, check: &str) -> Subject<'s> {
    let prefix = format!("{}{check}/", settings.prefix);
    Subject { storage, ctx: settings.ctx.clone(), prefix, settings }
}

/// The store under test, seen by one check.
struct Subject<'s> {
    storage: &'s dyn ObjectStorage,
    ctx: Context,
    prefix: String,
    settings: &'s Settings,
}

checks! { $
    /// Makes a `#[tokio::test]` of every check of the suite for object stores.
    ///
    /// The argument is a function (or a closure) without arguments that returns a future of a store; it is called once
    /// per test, so every test can have a store of its own. A second argument is the
    /// [`Settings`](crate::conformance::storage::Settings). The crate that uses it needs `tokio` with the features
    /// `macros` and `rt`. A skipped check passes, and says on standard error that it was skipped and why.
    ///
    /// ```
    /// mod conformance {
    ///     use companyos_adapter_traits::conformance::storage::Settings;
    ///     use companyos_adapter_traits::storage::MemoryStorage;
    ///
    ///     companyos_adapter_traits::storage_conformance!(
    ///         async || MemoryStorage::versioned(),
    ///         Settings::default().kms_key("key-1")
    ///     );
    /// }
    /// # fn main() {}
    /// ```
    storage as storage_conformance;
    refusals::the_descriptor_is_in_order,
    objects::what_was_put_is_got_back,
    objects::attributes_are_kept_and_replaced_with_the_body,
    objects::an_empty_object_is_an_object,
    objects::a_large_object_comes_back_whole,
    objects::an_absent_object_is_not_found,
    objects::a_put_replaces_the_object_and_its_entity_tag,
    objects::a_deleted_object_is_gone_and_may_be_deleted_again,
    objects::keys_are_opaque,
    ranges::a_range_is_exactly_the_bytes_asked_for,
    ranges::a_range_outside_the_object_is_refused,
    ranges::a_read_can_insist_on_a_version,
    listing::a_listing_is_complete_and_in_key_order,
    listing::pages_neither_repeat_nor_skip,
    listing::a_prefix_is_plain_text,
    conditions::create_never_replaces,
    conditions::of_racing_creates_exactly_one_wins,
    conditions::update_replaces_only_the_version_named,
    conditions::of_racing_updates_exactly_one_wins,
    optional::copy_copies_or_is_unsupported,
    optional::presign_signs_or_is_unsupported,
    uploads::an_object_is_written_in_parts_or_not_at_all,
    uploads::parts_come_in_any_order_and_can_be_replaced,
    uploads::an_upload_goes_on_where_it_stopped,
    uploads::an_aborted_upload_leaves_nothing,
    uploads::leftovers_are_found_and_aborted,
    uploads::completing_obeys_its_condition,
    uploads::only_parts_that_were_uploaded_make_an_object,
    uploads::a_stream_of_any_length_is_written_whole,
    checksums::a_body_that_arrives_damaged_is_refused,
    checksums::a_part_that_arrives_damaged_is_refused,
    checksums::a_checksum_reported_is_that_of_the_body,
    placement::a_storage_class_is_kept_or_unsupported,
    placement::a_customer_key_is_used_or_unsupported,
    versions::versions_are_kept_or_unsupported,
    versions::a_deleted_object_keeps_its_versions,
    versions::pages_of_a_history_neither_repeat_nor_skip,
    locks::a_legal_hold_holds_or_is_unsupported,
    locks::a_retention_holds_until_it_is_bypassed,
    refusals::a_passed_deadline_is_refused_before_anything_is_done,
    refusals::an_object_over_the_limit_is_refused,
}

impl Subject<'_> {
    fn key(&self, name: &str) -> Result<ObjectKey, Error> {
        ObjectKey::new(format!("{}{name}", self.prefix))
    }

    fn claims(&self, capability: Capability) -> bool {
        self.storage.descriptor().has(capability)
    }

    fn skip_unless(&self, capability: Capability) -> Result<(), Stop> {
        if self.claims(capability) {
            Ok(())
        } else {
            Err(Stop::Skipped(format!("{capability} is not claimed")))
        }
    }

    async fn put(&self, key: &ObjectKey, body: impl Into<Bytes>) -> Result<ObjectMeta, Error> {
        self.storage.put(&self.ctx, key, body.into(), &PutOptions::overwrite()).await
    }

    /// Reads an object; `None` when there is none.
    async fn read(&self, key: &ObjectKey) -> Result<Option<Bytes>, Error> {
        read(self.storage, &self.ctx, key).await
    }

    /// Removes what the check wrote. A failure of the check itself says more than what it left behind.
    async fn clean_after(&self, verdict: Result<(), Stop>) -> Result<(), Stop> {
        match self.clean().await {
            Err(error) => verdict.and(Err(Stop::Failed(format!("cleaning up failed: {error}")))),
            Ok(()) => verdict,
        }
    }

    async fn clean(&self) -> Result<(), Error> {
        let (storage, ctx) = (self.storage, &self.ctx);
        if self.claims(Capability::Multipart) {
            let ever = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 40);
            storage.abort_leftovers(ctx, &self.prefix, ever).await?;
        }
        for object in storage.list_all(ctx, &self.prefix).await? {
            storage.delete(ctx, &object.key, &DeleteOptions::default()).await?;
        }
        if self.claims(Capability::Versions) {
            self.clean_history().await?;
        }
        Ok(())
    }

    async fn clean_history(&self) -> Result<(), Error> {
        // Always the first page: what it named is gone when the next is asked for.
        let options = ListOptions::prefix(&self.prefix);
        loop {
            let page = self.storage.list_versions(&self.ctx, &options).await?;
            for version in &page.versions {
                let options = DeleteOptions { version: version.version().cloned(), ..Default::default() };
                self.storage.delete(&self.ctx, version.key(), &options).await?;
            }
            if page.next.is_none() || page.versions.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Reads an object; `None` when there is none.
async fn read(storage: &dyn ObjectStorage, ctx: &Context, key: &ObjectKey) -> Result<Option<Bytes>, Error> {
    match storage.get(ctx, key, &GetOptions::default()).await {
        Ok(object) => object.bytes().await.map(Some),
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error of a call that must fail with a certain kind.
fn expect_kind<T>(result: Result<T, Error>, what: &str, expected: &ErrorKind) -> Result<Error, Stop> {
    match result {
        Ok(_) => Err(Stop::Failed(format!("{what} succeeded, expected {}", expected.as_str()))),
        Err(error) => {
            ensure!(
                error.kind() == expected,
                "{what} failed with \"{error}\", expected {}",
                expected.as_str()
            );
            Ok(error)
        }
    }
}

/// What was asked for is not claimed, and so must be refused under the name of what is missing.
fn expect_unsupported<T>(
    subject: &Subject<'_>,
    result: Result<T, Error>,
    what: &str,
    operation: &'static str,
) -> Result<(), Stop> {
    let adapter = subject.storage.descriptor().name.clone();
    let error = expect_kind(result, what, &ErrorKind::Unsupported { operation, adapter })?;
    let outcome = error.outcome();
    ensure!(outcome == crate::Outcome::NotSent, "{what} is unsupported with the outcome {outcome:?}");
    Ok(())
}

/// Bytes that differ at every position from those of another seed, so that a mixed-up body shows. No two blocks of one
/// body are the same either, so that swapped blocks show.
fn body(seed: u8, len: usize) -> Bytes {
    const BLOCK: usize = 1 << 16;
    let byte = |at: usize| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8).wrapping_add(seed);
    let block: Vec<u8> = (0..len.min(BLOCK)).map(byte).collect();
    let mut body = Vec::with_capacity(len);
    for number in 0..len.div_ceil(BLOCK) {
        let start = body.len();
        body.extend_from_slice(&block[..block.len().min(len - start)]);
        body[start] = body[start].wrapping_add(number as u8);
    }
    body.into()
}
