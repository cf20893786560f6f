//! The suite for [`ObjectStorage`].

mod conditions;
mod listing;
mod objects;
mod optional;
mod ranges;
mod refusals;

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use super::{CheckResult, Report, Stop, ensure};
use crate::storage::{DeleteOptions, GetOptions, ObjectKey, PutOptions};
use crate::{Context, Error, ErrorKind, ObjectStorage, ObjectStorageExt};

/// Runs every check against `storage`, under keys that start with `prefix`, and removes what it wrote.
///
/// `prefix` is a key prefix that nothing else uses, at most 100 bytes, as in `conformance/`. The deadline of `ctx`
/// applies to the whole run.
pub async fn run(storage: &dyn ObjectStorage, ctx: Context, prefix: &str) -> Report {
    let descriptor = storage.descriptor();
    let mut report =
        Report { adapter: format!("{} {}", descriptor.name, descriptor.version), results: Vec::new() };
    for check in CHECKS {
        let subject = Subject { storage, ctx: ctx.clone(), prefix: format!("{prefix}{}/", check.name) };
        let mut verdict = (check.run)(&subject).await;
        if let Err(error) = subject.clean().await {
            // A failure of the check itself says more than what it left behind.
            verdict = verdict.and(Err(Stop::Failed(format!("cleaning up failed: {error}"))));
        }
        report.results.push(CheckResult { name: check.name, verdict: verdict.into() });
    }
    report
}

/// The store under test, seen by one check.
struct Subject<'s> {
    storage: &'s dyn ObjectStorage,
    ctx: Context,
    prefix: String,
}

type Outcome<'s> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 's>>;

struct Check {
    name: &'static str,
    run: for<'s> fn(&'s Subject<'s>) -> Outcome<'s>,
}

macro_rules! checks {
    ($($module:ident::$check:ident,)+) => {
        const CHECKS: &[Check] = &[$(Check {
            name: stringify!($check),
            run: |subject| Box::pin($module::$check(subject)),
        }),+];
    };
}

checks! {
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
    refusals::a_passed_deadline_is_refused_before_anything_is_done,
    refusals::an_object_over_the_limit_is_refused,
}

impl Subject<'_> {
    fn key(&self, name: &str) -> Result<ObjectKey, Error> {
        ObjectKey::new(format!("{}{name}", self.prefix))
    }

    async fn put(
        &self,
        key: &ObjectKey,
        body: impl Into<Bytes>,
    ) -> Result<crate::storage::ObjectMeta, Error> {
        self.storage.put(&self.ctx, key, body.into(), &PutOptions::overwrite()).await
    }

    /// Reads an object; `None` when there is none.
    async fn read(&self, key: &ObjectKey) -> Result<Option<Bytes>, Error> {
        match self.storage.get(&self.ctx, key, &GetOptions::default()).await {
            Ok(object) => object.bytes().await.map(Some),
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn clean(&self) -> Result<(), Error> {
        for object in self.storage.list_all(&self.ctx, &self.prefix).await? {
            self.storage.delete(&self.ctx, &object.key, &DeleteOptions::default()).await?;
        }
        Ok(())
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

/// Bytes that differ at every position from those of another seed, so that a mixed-up body shows.
fn body(seed: u8, len: usize) -> Bytes {
    (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8).wrapping_add(seed)).collect()
}
