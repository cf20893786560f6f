//! What a test of an issuer's adapter finds.

use serde_json::{Value, json};

use super::{Stage, audience_of};

/// Tests an issuer, and returns the outcome and what failed, with its reasons.
async fn outcome(stage: &Stage, issuer: &str) -> (Value, Vec<(String, String)>) {
    let acme = stage.tenant("acme").await;
    let settings = json!({ "issuer": issuer, "client_id": "companyos", "audience": audience_of(&acme) });
    let path = stage.register(&acme, "sign-in", settings).await;
    stage.keep_time();
    let call = stage.api.anonymous("POST", &format!("{path}/test")).bearer(&acme.key);
    let tested = call.unique().send().await;
    assert_eq!(tested.status, 200, "{}", tested.text());
    let report = tested.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap();
    assert!(!checks.is_empty());
    let failed = checks.iter().filter(|check| check["verdict"] != "passed");
    (report["outcome"].clone(), failed.map(|check| (text(&check["name"]), text(&check["detail"]))).collect())
}

#[tokio::test]
async fn an_issuer_that_is_there_passes() {
    let Some(stage) = Stage::start().await else { return };
    let issuer = stage.realm.issuer.clone();
    assert_eq!(outcome(&stage, &issuer).await, ("passed".into(), vec![]));
}

#[tokio::test]
async fn an_issuer_that_is_not_there_fails_the_test_and_not_the_request() {
    let Some(stage) = Stage::start().await else { return };
    let (outcome, failed) = outcome(&stage, "http://127.0.0.1:9").await;
    assert_eq!((outcome, failed.len()), ("failed".into(), 1), "{failed:?}");
    assert_eq!(failed[0].0, "the_adapter_opens");
    assert!(failed[0].1.contains("cannot be connected to"), "{failed:?}");
}

#[tokio::test]
async fn an_issuer_that_says_it_is_another_fails_the_test() {
    let Some(stage) = Stage::start().await else { return };
    // The same provider, by a name it does not call itself.
    let alias = stage.realm.issuer.replace("127.0.0.1", "localhost");
    assert_ne!(alias, stage.realm.issuer);
    let (outcome, failed) = outcome(&stage, &alias).await;
    assert_eq!((outcome, failed.len()), ("failed".into(), 1), "{failed:?}");
    assert_eq!(failed[0].0, "the_adapter_opens");
    assert!(failed[0].1.contains("issuer"), "{failed:?}");
}
