//! What a connection is tested by: the part of each conformance suite that needs nobody's help and moves no money.

use std::time::Duration;

use companyos_adapters::catalog::Opened;
use companyos_adapters::traits::conformance::{Verdict, storage};
use companyos_adapters::traits::identity::{DiscoverOptions, VerifyOptions};
use companyos_adapters::traits::payment::{GetPaymentOptions, PaymentId};
use companyos_adapters::traits::{
    Context, Error, ErrorKind, IdentityProvider, ObjectStorage, PaymentProvider, Secret,
};
use companyos_types::adapters::AdapterCheck;

/// How long a test may take.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Writing, reading, listing, removing, and the conditions that exactly-once stands on.
const STORAGE: &[&str] = &[
    "the_descriptor_is_in_order",
    "what_was_put_is_got_back",
    "an_absent_object_is_not_found",
    "a_deleted_object_is_gone_and_may_be_deleted_again",
    "a_range_is_exactly_the_bytes_asked_for",
    "a_listing_is_complete_and_in_key_order",
    "create_never_replaces",
    "update_replaces_only_the_version_named",
    "a_passed_deadline_is_refused_before_anything_is_done",
];

/// Runs the checks of the adapter's family.
pub(super) async fn run(adapter: &Opened, ctx: &Context, unique: &str) -> Vec<AdapterCheck> {
    match adapter {
        Opened::Storage(adapter) => of_storage(adapter.as_ref(), ctx, unique).await,
        Opened::Identity(adapter) => of_identity(adapter.as_ref(), ctx).await,
        Opened::Payment(adapter) => of_payment(adapter.as_ref(), ctx, unique).await,
        _ => Vec::new(),
    }
}

async fn of_storage(adapter: &dyn ObjectStorage, ctx: &Context, unique: &str) -> Vec<AdapterCheck> {
    let settings = storage::Settings::default().ctx(ctx.clone()).prefix(format!("companyos-test/{unique}/"));
    let mut checks = Vec::with_capacity(STORAGE.len());
    for name in STORAGE {
        let result = storage::check(adapter, &settings, name).await;
        checks.push(check(name, result.verdict.as_str(), result.verdict.reason()));
    }
    checks
}

async fn of_identity(adapter: &dyn IdentityProvider, ctx: &Context) -> Vec<AdapterCheck> {
    let descriptor = adapter.descriptor().check();
    let discovered = adapter.discover(ctx, &DiscoverOptions::default()).await.map(drop);
    let forged = adapter.verify_token(ctx, &Secret::new("not.a.token"), &VerifyOptions::id_token()).await;
    vec![
        verdict("the_descriptor_is_in_order", descriptor),
        verdict("the_issuer_says_where_everything_is", discovered),
        refusal("what_is_no_token_is_refused", forged, |kind| matches!(kind, ErrorKind::Token(_))),
    ]
}

async fn of_payment(adapter: &dyn PaymentProvider, ctx: &Context, unique: &str) -> Vec<AdapterCheck> {
    let descriptor = adapter.descriptor().check();
    let id = PaymentId::new(format!("companyos-test-{unique}"));
    let absent = adapter.get_payment(ctx, &id, &GetPaymentOptions::default()).await;
    vec![
        verdict("the_descriptor_is_in_order", descriptor),
        refusal("an_absent_payment_is_not_found", absent, |kind| *kind == ErrorKind::NotFound),
    ]
}

fn verdict(name: &str, result: Result<(), Error>) -> AdapterCheck {
    let verdict = match result {
        Ok(()) => Verdict::Passed,
        Err(error) => Verdict::Failed(error.to_string()),
    };
    check(name, verdict.as_str(), verdict.reason())
}

/// A call that must fail, and how.
fn refusal<T>(name: &str, result: Result<T, Error>, right: impl FnOnce(&ErrorKind) -> bool) -> AdapterCheck {
    match result {
        Err(error) if right(error.kind()) => check(name, Verdict::Passed.as_str(), None),
        Err(error) => check(name, "failed", Some(&format!("refused for another reason: {error}"))),
        Ok(_) => check(name, "failed", Some("accepted")),
    }
}

fn check(name: &str, verdict: &str, detail: Option<&str>) -> AdapterCheck {
    AdapterCheck { name: name.to_owned(), verdict: verdict.into(), detail: detail.map(str::to_owned) }
}

/// A check that failed with an error.
pub(super) fn failed(name: &str, error: &dyn std::fmt::Display) -> AdapterCheck {
    check(name, "failed", Some(&error.to_string()))
}
