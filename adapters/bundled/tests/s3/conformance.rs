//! The suite that every store must pass.

use companyos_adapter_traits::conformance::storage::{self, Settings, presigned};
use companyos_adapter_traits::{Capability, ObjectStorage};

use super::served::{Served, bucket, moto};
use super::{Test, ctx};

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_on_moto_with_all_a_bucket_can_have() -> Test {
    let Some(url) = moto() else { return Ok(()) };
    let store = bucket(&url, "conformance").await?.max_object_bytes(6 << 20).connect().await?;
    for capability in [
        Capability::ConditionalCreate,
        Capability::ConditionalUpdate,
        Capability::Multipart,
        Capability::StorageClasses,
        Capability::Versions,
        Capability::ObjectLock,
        Capability::KmsEncryption,
    ] {
        assert!(store.descriptor().has(capability), "{capability} was not found");
    }
    assert!(
        !store.descriptor().has(Capability::Checksums),
        "moto does not check digests, and this was not seen"
    );
    let settings = Settings::default().ctx(ctx()).kms_key("alias/aws/s3");
    let report = storage::run_watched(&store, &settings, &()).await;
    assert!(report.passed() && report.skips().next().is_none(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_on_s3s_which_checks_signatures_and_digests() -> Test {
    let served = Served::start().await?;
    let store = served.builder().max_object_bytes(6 << 20).connect().await?;
    for capability in companyos_adapters::s3::AMAZON {
        assert!(store.descriptor().has(capability), "{capability} was not found");
    }
    let report = storage::run_watched(&store, &Settings::default().ctx(ctx()), &()).await;
    let skipped: Vec<_> = report.skips().collect();
    let of_versions = [
        "a_deleted_object_keeps_its_versions",
        "pages_of_a_history_neither_repeat_nor_skip",
        "a_retention_holds_until_it_is_bypassed",
    ];
    assert!(report.passed() && skipped == of_versions, "{report}");
    assert!(served.bucket.state().objects.is_empty(), "the probe or the suite left something");
    assert!(served.bucket.state().uploads.is_empty(), "the probe or the suite left an upload");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_signs_is_kept_by_a_server_that_checks_signatures() -> Test {
    let served = Served::start().await?;
    let report = presigned::run(&served.store().await?, &Settings::default().ctx(ctx()), &()).await;
    assert!(report.passed() && report.skips().next().is_none(), "{report}");
    Ok(())
}
