//! The store in memory passes its own family's suite, alone and wrapped.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::Report;
use companyos_adapter_traits::conformance::storage::{self, Settings};
use companyos_adapter_traits::govern::{
    Decision, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::storage::MemoryStorage;
use companyos_adapter_traits::wrappers::{LimitPolicy, Limited, RetryPolicy, Retrying};
use companyos_adapter_traits::{Context, Error, Governed, Limits, ObjectStorage, PartLimits};

async fn report(storage: &dyn ObjectStorage) -> Report {
    storage::run(storage, Context::builder("suite", "local").build(), "suite/").await
}

fn skips(report: &Report) -> Vec<&str> {
    report.skips().collect()
}

/// One test per check, as any author gets them.
mod each {
    use super::{MemoryStorage, Settings};

    companyos_adapter_traits::storage_conformance!(
        async || MemoryStorage::versioned(),
        Settings::default().kms_key("key-1")
    );
}

#[tokio::test]
async fn the_store_in_memory_conforms() {
    let report = report(&MemoryStorage::new()).await;
    assert!(report.passed(), "{report}");
    let skipped = [
        "a_customer_key_is_used_or_unsupported",
        "a_deleted_object_keeps_its_versions",
        "pages_of_a_history_neither_repeat_nor_skip",
        "a_retention_holds_until_it_is_bypassed",
        "an_object_over_the_limit_is_refused",
    ];
    assert_eq!(skips(&report), skipped, "{report}");
}

#[tokio::test]
async fn it_conforms_with_all_it_has_and_limits_that_can_be_tested() {
    let parts = PartLimits::default().bytes(1, 6 << 20).multiple_of(256).in_order();
    let limits = Limits::default().max_object_bytes(6 << 20).max_page(2).parts(parts);
    let storage = MemoryStorage::versioned().with_limits(limits);
    let report = storage::run_watched(&storage, &Settings::default().kms_key("key-1"), &()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(skips(&report), ["parts_come_in_any_order_and_can_be_replaced"], "{report}");
}

#[tokio::test]
async fn it_conforms_without_any_capability() {
    let report = report(&MemoryStorage::new().with_capabilities([])).await;
    assert!(report.passed(), "{report}");
    let races = ["of_racing_creates_exactly_one_wins", "of_racing_updates_exactly_one_wins"];
    assert_eq!(skips(&report)[..2], races, "{report}");
}

#[tokio::test]
async fn it_conforms_behind_pointers_governance_retries_and_limits() {
    let shared: Arc<dyn ObjectStorage> = Arc::new(MemoryStorage::versioned().with_region("local"));
    let limited =
        Limited::new(Box::new(shared), LimitPolicy::default().concurrency(4).per_second(1 << 20, 1 << 20));
    let retrying = Retrying::new(limited, RetryPolicy::default());
    let governed = Governed::new(retrying, Arc::new(AllowAll), Arc::new(Nowhere));
    let report = report(&governed).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_suite_removes_what_it_wrote() -> Result<(), Error> {
    use companyos_adapter_traits::ObjectStorageExt;
    let storage = MemoryStorage::new();
    let report = report(&storage).await;
    assert!(report.passed(), "{report}");
    assert_eq!(storage.list_all(&Context::builder("suite", "local").build(), "").await?, []);
    Ok(())
}

struct AllowAll;

#[async_trait]
impl PolicyHook for AllowAll {
    async fn decide(&self, _: &Context, _: &Question<'_>) -> Result<Decision, Error> {
        Ok(Decision::allow("allow-all", ""))
    }
}

struct Nowhere;

#[async_trait]
impl ReceiptSink for Nowhere {
    async fn record(&self, _: &Context, _: &ReceiptDraft) -> Result<ReceiptId, Error> {
        Ok(ReceiptId("rcp".to_owned()))
    }
}
