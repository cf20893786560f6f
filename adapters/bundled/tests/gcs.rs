//! The adapter for Google Cloud Storage against an emulator, bodies through the official client.
//!
//! What the emulator cannot show: credentials and permissions, quotas, that a bucket is where it says, customer-managed
//! keys (it records their names), durability, and whether what is remembered of the service here is true of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gcs_key;
mod gcs_peer;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use companyos_adapters::gcs::{GcsCredentials, GcsStorage};
use companyos_adapters::traits::conformance::faults::{FaultPlan, FaultProxy};
use companyos_adapters::traits::conformance::storage::network::{self, Network};
use companyos_adapters::traits::conformance::storage::{self, Settings, presigned};
use companyos_adapters::traits::storage::{
    Checksum, CompleteUploadOptions, CopyOptions, HeadOptions, ListOptions, ListPartsOptions, ObjectKey,
    Placement, PresignOptions, Presigned, PutOptions, StartUploadOptions, StorageClass, Upload,
    UploadPartOptions,
};
use companyos_adapters::traits::{Capability, Error, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome};
use gcs_peer::{Bucket, ctx};
use reqwest::{Client, StatusCode};
use serde_json::json;

const KMS_KEY: &str = "projects/p/locations/eu/keyRings/r/cryptoKeys/k";

fn key(key: &str) -> ObjectKey {
    ObjectKey::new(key).unwrap()
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}

fn versioned() -> serde_json::Value {
    json!({ "versioning": { "enabled": true }, "objectRetention": { "mode": "Enabled" } })
}

#[tokio::test]
async fn a_plain_bucket_conforms() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let storage = bucket.connect().await.unwrap();
    for capability in [Capability::Versions, Capability::ObjectLock, Capability::Presign] {
        assert!(!storage.descriptor().has(capability), "{capability} is claimed");
    }
    let report = storage::run_watched(&storage, &Settings::default().kms_key(KMS_KEY), &()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(bucket.everything().await, [json!(null); 0], "the suite left something");
}

#[tokio::test]
async fn a_bucket_with_versions_and_locks_conforms_without_a_skip() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let builder = bucket.builder().credentials(bucket.service_account().await);
    // Large objects in sessions, the way they are written in production.
    let builder = builder.resumable_threshold(1 << 20).max_object_bytes(6 << 20);
    let storage = builder.connect().await.unwrap();
    let report = storage::run_watched(&storage, &Settings::default().kms_key(KMS_KEY), &()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), [""; 0], "{report}");
}

#[tokio::test]
async fn presigned_requests_are_held_to_what_was_signed() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let storage = bucket.builder().credentials(bucket.service_account().await).connect().await.unwrap();
    let report = presigned::run(&storage, &Settings::default(), &()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), [""; 0], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_network_loses_nothing_and_doubles_nothing() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let direct = bucket.connect().await.unwrap();
    let address = bucket.peer.strip_prefix("http://").unwrap();
    let proxy = FaultProxy::start(address, FaultPlan::none()).await.unwrap();
    let builder =
        bucket.builder().endpoint(proxy.url().trim_end_matches('/')).timeout(Duration::from_secs(5));
    let through = builder.connect().await.unwrap();
    let report = network::run(&Network::new(&through, &direct, &proxy), &()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), [""; 0], "{report}");
    assert!(proxy.counts().faults() > 0);
}

#[tokio::test]
async fn a_bucket_elsewhere_is_refused() {
    let Some(bucket) = Bucket::create(json!({ "location": "europe-west3" })).await else { return };
    let error = bucket.builder_at("EUROPE-WEST1").connect().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::WrongRegion, Outcome::Answered));
    assert!(error.to_string().contains("EUROPE-WEST3"), "{error}");
    let storage = bucket.builder_at("Europe-West3").connect().await.unwrap();
    assert_eq!(storage.descriptor().region.as_deref(), Some("EUROPE-WEST3"));
    let storage = bucket.builder_at("Europe-West3").serves("eu-central").connect().await.unwrap();
    assert_eq!(storage.descriptor().region.as_deref(), Some("eu-central"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_found() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let builder = GcsStorage::builder("no-such-bucket", "US").endpoint(&bucket.peer);
    let builder = builder.credentials(GcsCredentials::anonymous());
    assert_eq!(kind(builder.connect().await), Some(ErrorKind::NotFound));
    for name in ["", "a/b", "UPPER", "..%2f"] {
        let builder = GcsStorage::builder(name, "US").endpoint(&bucket.peer);
        assert_eq!(kind(builder.connect().await), Some(ErrorKind::InvalidInput), "{name:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_lets_nothing_go_takes_no_parts() {
    let Some(bucket) = Bucket::create(json!({ "retentionPolicy": { "retentionPeriod": "60" } })).await else {
        return;
    };
    let storage = bucket.connect().await.unwrap();
    assert!(!storage.descriptor().has(Capability::Multipart));
}

#[tokio::test]
async fn a_signed_url_does_what_it_was_signed_for_and_no_more() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let builder = bucket.builder().credentials(bucket.service_account().await);
    let storage = builder.connect().await.unwrap();
    let (name, minute) = (key("a b/\u{e9}~(1)'.csv"), Duration::from_secs(60));
    storage.write(&ctx(), &name, "signed").await.unwrap();
    let signed = async |options: PresignOptions| storage.presign(&ctx(), &name, &options).await.unwrap();

    let get = signed(PresignOptions::get(minute).download_as("r\u{e9}port \"1\".csv")).await;
    assert!(!format!("{get:?}").contains("Signature"), "{get:?}");
    let read = send(Client::new().get(&get.url), &get).await;
    assert_eq!(
        read.headers()["content-disposition"],
        "attachment; filename*=UTF-8''r%C3%A9port%20%221%22.csv"
    );
    assert_eq!((read.status(), read.text().await.unwrap()), (StatusCode::OK, "signed".to_owned()));
    assert_eq!(send(Client::new().put(&get.url).body("x"), &get).await.status(), StatusCode::FORBIDDEN);
    let tampered = get.url.replace("X-Goog-Expires=60", "X-Goog-Expires=61");
    assert_eq!(send(Client::new().get(tampered), &get).await.status(), StatusCode::FORBIDDEN);

    let body = Bytes::from_static(b"a;b;c");
    let options = PresignOptions::put(minute).content_type("text/csv").content_length(5);
    let put = signed(options.checksum(Checksum::crc32c(&body))).await;
    assert_eq!(send(Client::new().put(&put.url).body("a;b;d"), &put).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        send(Client::new().put(&put.url).body("a;b;c;d"), &put).await.status(),
        StatusCode::BAD_REQUEST
    );
    let unsigned = Client::new().put(&put.url).body(body.clone()).send().await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::FORBIDDEN, "without the header fields that were signed");
    assert_eq!(send(Client::new().put(&put.url).body(body.clone()), &put).await.status(), StatusCode::OK);
    assert_eq!(storage.read(&ctx(), &name).await.unwrap(), body);

    let create = signed(PresignOptions::put(minute).create()).await;
    let refused = send(Client::new().put(&create.url).body("x"), &create).await;
    assert_eq!(refused.status(), StatusCode::PRECONDITION_FAILED);
}

async fn send(request: reqwest::RequestBuilder, signed: &Presigned) -> reqwest::Response {
    signed
        .headers
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_url_is_signed_for_at_most_a_week_and_not_without_a_key() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let builder = bucket.builder().credentials(bucket.service_account().await);
    let storage = builder.connect().await.unwrap();
    for seconds in [0, 604_801] {
        let options = PresignOptions::get(Duration::from_secs(seconds));
        let signed = storage.presign(&ctx(), &key("a"), &options).await;
        assert_eq!(kind(signed), Some(ErrorKind::InvalidInput), "{seconds} s");
    }
    let first = storage.write(&ctx(), &key("a"), "first").await.unwrap();
    storage.write(&ctx(), &key("a"), "second").await.unwrap();
    let options = PresignOptions::get(Duration::from_secs(60)).version(first.version.unwrap());
    let signed = storage.presign(&ctx(), &key("a"), &options).await.unwrap();
    assert_eq!(send(Client::new().get(&signed.url), &signed).await.text().await.unwrap(), "first");

    let builder = bucket.builder().credentials(GcsCredentials::access_token("token"));
    let storage = builder.connect().await.unwrap();
    let signed = storage.presign(&ctx(), &key("a"), &PresignOptions::get(Duration::from_secs(60))).await;
    assert!(matches!(kind(signed), Some(ErrorKind::Unsupported { .. })));
}

#[tokio::test]
async fn many_parts_are_composed_in_order_and_leave_nothing() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let storage = bucket.connect().await.unwrap();
    let mut options = StartUploadOptions::default();
    options.attributes.content_type = Some("text/csv".to_owned());
    options.placement.storage_class = Some(StorageClass::new("NEARLINE"));
    options.placement.kms_key = Some(KMS_KEY.to_owned());
    let upload = storage.start_upload(&ctx(), &key("big"), &options).await.unwrap();
    let (mut parts, mut whole) = (Vec::new(), Vec::new());
    // More than one call composes, and with gaps in the numbers.
    for number in (2..=140).step_by(2) {
        let body = format!("part {number};");
        whole.extend_from_slice(body.as_bytes());
        parts.push(part(&storage, &upload, number, body).await.unwrap());
    }
    part(&storage, &upload, 3, "not chosen").await.unwrap();
    for resource in bucket.everything().await {
        assert_eq!(resource["kmsKeyName"], format!("{KMS_KEY}/cryptoKeyVersions/1"), "{resource}");
        assert_eq!(resource["storageClass"], "STANDARD", "{resource}");
    }
    let listed = storage.list_all(&ctx(), "").await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    let made =
        storage.complete_upload(&ctx(), &upload, &parts, &CompleteUploadOptions::default()).await.unwrap();
    assert_eq!(storage.read(&ctx(), &key("big")).await.unwrap(), whole);
    assert!(made.checksums.contains(&Checksum::crc32c(&whole)), "{:?}", made.checksums);
    let head = storage.head(&ctx(), &key("big"), &HeadOptions::default()).await.unwrap();
    assert_eq!(head.attributes, options.attributes);
    assert_eq!(head.kms_key.as_deref(), Some(KMS_KEY));
    assert_eq!(head.meta.storage_class, Some(StorageClass::new("NEARLINE")));
    let names: Vec<_> =
        bucket.everything().await.into_iter().map(|resource| resource["name"].clone()).collect();
    assert_eq!(names, ["big"]);
}

#[tokio::test]
async fn a_part_that_was_replaced_is_not_mistaken_for_the_new_one() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let storage = bucket.connect().await.unwrap();
    let upload = storage.start_upload(&ctx(), &key("a"), &StartUploadOptions::default()).await.unwrap();
    let old = part(&storage, &upload, 1, "old").await.unwrap();
    part(&storage, &upload, 1, "new").await.unwrap();
    let made = storage.complete_upload(&ctx(), &upload, &[old], &CompleteUploadOptions::default()).await;
    assert_eq!(kind(made), Some(ErrorKind::InvalidInput));
    assert!(!storage.exists(&ctx(), &key("a")).await.unwrap());
}

#[tokio::test]
async fn an_upload_that_was_never_started_is_not_found() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let storage = bucket.connect().await.unwrap();
    for id in ["", "x", "0123456789abcdef0123456789abcdef"] {
        let upload = Upload::new(key("a"), id);
        assert_eq!(kind(part(&storage, &upload, 1, "x").await), Some(ErrorKind::NotFound), "{id}");
        let listed = storage.list_parts(&ctx(), &upload, &ListPartsOptions::default()).await;
        assert_eq!(kind(listed), Some(ErrorKind::NotFound), "{id}");
    }
    let long = key(&"k".repeat(ObjectKey::MAX_BYTES));
    let started = storage.start_upload(&ctx(), &long, &StartUploadOptions::default()).await;
    assert_eq!(kind(started), Some(ErrorKind::LimitExceeded));
    storage.write(&ctx(), &long, "as long as a key can be").await.unwrap();
}

async fn part(
    storage: &GcsStorage,
    upload: &Upload,
    number: u32,
    body: impl Into<Bytes>,
) -> Result<companyos_adapters::traits::storage::Part, Error> {
    storage.upload_part(&ctx(), upload, number, body.into(), &UploadPartOptions::default()).await
}

#[tokio::test]
async fn a_copy_with_a_placement_keeps_the_attributes_and_a_version_can_be_restored() {
    let Some(bucket) = Bucket::create(versioned()).await else { return };
    let storage = bucket.connect().await.unwrap();
    let metadata = BTreeMap::from([("owner".to_owned(), "acme".to_owned())]);
    let options = PutOptions::overwrite().content_type("text/csv").metadata(metadata);
    let first = storage.put(&ctx(), &key("a"), Bytes::from_static(b"first"), &options).await.unwrap();
    storage.write(&ctx(), &key("a"), "second").await.unwrap();

    let mut placement = Placement::default();
    placement.storage_class = Some(StorageClass::new("ARCHIVE"));
    placement.kms_key = Some(KMS_KEY.to_owned());
    let version = first.version.unwrap();
    let restore = CopyOptions::default().version(version.clone());
    storage.copy(&ctx(), &key("a"), &key("b"), &restore.clone().placement(placement)).await.unwrap();
    let head = storage.head(&ctx(), &key("b"), &HeadOptions::default()).await.unwrap();
    assert_eq!(head.attributes, options.attributes);
    assert_eq!(head.meta.storage_class, Some(StorageClass::new("ARCHIVE")));
    assert_eq!(head.kms_key.as_deref(), Some(KMS_KEY));

    storage.copy(&ctx(), &key("a"), &key("a"), &restore).await.unwrap();
    assert_eq!(storage.read(&ctx(), &key("a")).await.unwrap(), "first");
}

#[tokio::test]
async fn names_that_are_no_keys_are_not_listed() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let storage = bucket.connect().await.unwrap();
    for name in ["a/", "a//b", "/a", "a"] {
        bucket.upload(name).await;
    }
    let listed = storage.list_all(&ctx(), "").await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), ["a"]);
    let page = storage.list(&ctx(), &ListOptions::default().page("no-such-token")).await;
    assert_eq!(kind(page), Some(ErrorKind::InvalidInput));
}

#[tokio::test]
async fn a_change_of_attributes_makes_an_update_conflict() {
    let Some(bucket) = Bucket::create(json!({})).await else { return };
    let storage = bucket.connect().await.unwrap();
    let before = storage.write(&ctx(), &key("a"), "first").await.unwrap();
    bucket.patch("a", json!({ "metadata": { "owner": "somebody else" } })).await;
    let update = PutOptions::update(before.etag);
    let error = storage.put(&ctx(), &key("a"), Bytes::from_static(b"second"), &update).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict(_)), "{error}");
    assert_eq!(storage.read(&ctx(), &key("a")).await.unwrap(), "first");
}
