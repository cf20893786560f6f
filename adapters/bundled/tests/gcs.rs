//! The adapter for Google Cloud Storage against an emulator, bodies through the official client.
//!
//! What the emulator cannot show: credentials and permissions, quotas, that a bucket is where it says, customer-managed
//! keys (it records their names), durability, and whether what is remembered of the service here is true of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gcs_peer;

use companyos_adapters::gcs::GcsStorage;
use companyos_adapters::traits::conformance::storage;
use companyos_adapters::traits::{Capability, ObjectStorage};
use gcs_peer::{Bucket, ctx};
use serde_json::json;

#[tokio::test]
async fn a_plain_bucket_conforms() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let storage = bucket.connect().await.unwrap();
    for capability in [Capability::Versions, Capability::ObjectLock, Capability::Presign] {
        assert!(!storage.descriptor().has(capability), "{capability} is claimed");
    }
    let report = storage::run(&storage, ctx(), "suite/").await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn a_bucket_with_versions_and_locks_conforms() {
    let wanted = json!({ "versioning": { "enabled": true }, "objectRetention": { "mode": "Enabled" } });
    let Some(bucket) = Bucket::create(wanted).await else { return };
    let config = bucket.config().credentials(bucket.service_account().await);
    // Large objects in sessions, the way they are written in production.
    let config = config.resumable_threshold(1 << 20).max_object_bytes(6 << 20);
    let storage = GcsStorage::connect(&ctx(), config).await.unwrap();
    for capability in [Capability::Versions, Capability::ObjectLock, Capability::Presign] {
        assert!(storage.descriptor().has(capability), "{capability} is not claimed");
    }
    let report = storage::run(&storage, ctx(), "suite/").await;
    assert!(report.passed(), "{report}");
}
