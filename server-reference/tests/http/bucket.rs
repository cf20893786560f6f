//! A tenant's own bucket, against moto.

use std::sync::Arc;

use companyos_server::kernel::clock::{Clock, SystemClock};
use companyos_server::testing::{ManualClock, TestServer};
use serde_json::json;

use crate::support::Api;

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
async fn a_bucket_is_tested_and_every_write_has_its_receipts() {
    let Ok(url) = std::env::var("COMPANYOS_TEST_MOTO") else {
        eprintln!("skipped: COMPANYOS_TEST_MOTO is not set; `cargo contract test --only test` sets it");
        return;
    };
    let bucket = format!("server-{}", std::process::id());
    let made = reqwest::Client::new().put(format!("{url}/{bucket}")).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.status());
    // Signatures are of the time of day.
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let api = Api::from(TestServer::builder().clock(clock)).await;
    let body = json!({
        "name": "exports",
        "kind": "s3",
        "settings": { "bucket": bucket, "region": "us-east-1", "endpoint": url },
        "secrets": { "access_key_id": "AKIAEXAMPLE", "secret_access_key": "only tests know it" },
    });
    let registered = api.operator("POST", "/adapters").unique().json(&body).send().await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    assert!(!registered.text().contains("only tests know it"));

    let path = format!("/adapters/{}/test", registered.json()["id"].as_str().unwrap());
    api.clock().advance(SystemClock.now().since(api.clock().now()));
    let tested = api.operator("POST", &path).unique().send().await;
    assert_eq!((tested.status, &tested.json()["outcome"]), (200, &"passed".into()), "{}", tested.text());

    let receipts = api.receipts().await;
    let puts = |phase: &str| {
        let of =
            |receipt: &&serde_json::Value| receipt["action"] == "storage.put" && receipt["phase"] == phase;
        receipts.iter().filter(of).count()
    };
    assert!(puts("intent") >= 4, "{receipts:?}");
    assert_eq!(puts("intent"), puts("outcome"), "each write was concluded");
}
