//! Whose tokens are accepted, for whom, and until when.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use companyos_server::kernel::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Stage, assert_unknown, audience_of};

/// Seconds since 1970, so many from now.
fn seconds_from_now(seconds: i64) -> i64 {
    SystemClock.now().as_micros() / 1_000_000 + seconds
}

/// A token with other claims and the signature it had.
fn tampered(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
}

#[tokio::test]
async fn a_token_acts_for_the_tenant_it_names_within_its_scopes() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, _) = stage.trusting_tenant("acme").await;
    stage.tenant("elsewhere").await;

    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    let listed = stage.list(&token).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let seen = listed.json();
    let seen: Vec<&Value> = seen["items"].as_array().unwrap().iter().map(|tenant| &tenant["id"]).collect();
    assert_eq!(seen, [acme.id.as_str()]);

    let call = stage.api.anonymous("POST", "/tenants").bearer(&token).unique();
    let refused = call.json(&json!({ "external_id": "sub", "name": "Sub" })).send().await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &"scope.missing:tenants:write".into()));
    assert!(refused.header("receipt-id").starts_with("rcp_"), "the refusal has a receipt");

    let other = stage.realm.access_token(&audience_of(&acme), &["api:read"]).await;
    let refused = stage.list(&other).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &"scope.missing:tenants:read".into()));
}

#[tokio::test]
async fn a_token_is_believed_until_it_expires() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, _) = stage.trusting_tenant("acme").await;
    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    assert_eq!(stage.list(&token).await.status, 200);
    stage.api.clock().advance(Duration::from_secs(200));
    assert_eq!(stage.list(&token).await.status, 200);
    stage.api.clock().advance(Duration::from_secs(101));
    assert_unknown(&stage.list(&token).await, "by the server's clock");
}

#[tokio::test]
async fn what_is_not_an_access_token_for_the_tenant_is_refused() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, _) = stage.trusting_tenant("acme").await;
    let elsewhere = stage.tenant("elsewhere").await;
    let (own, foreign) = (audience_of(&acme), audience_of(&elsewhere));
    let signed = async |typ: &str, more: Value| {
        let mut claims = json!({
            "iss": stage.realm.issuer, "aud": own, "sub": "service", "client_id": "service", "jti": "1",
            "scope": "tenants:read", "iat": seconds_from_now(-600), "exp": seconds_from_now(300),
        });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.realm.sign(typ, &claims).await
    };
    // The others differ from this one in one thing each.
    let good = signed("at+jwt", json!({})).await;
    assert_eq!(stage.list(&good).await.status, 200, "{}", stage.list(&good).await.text());

    let issued = stage.realm.access_token(&own, &["api:read"]).await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let another_signature = issued.rsplit_once('.').unwrap().1;
    assert_ne!(signature, another_signature);
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let unsigned = format!("{unsigned}.{}.", good.split('.').nth(1).unwrap());
    for (what, token) in [
        ("a token for another tenant", stage.realm.access_token(&foreign, &["tenants:read"]).await),
        ("a token for another API", stage.realm.access_token("https://api.test", &["tenants:read"]).await),
        ("a token for two tenants", signed("at+jwt", json!({ "aud": [own, foreign] })).await),
        ("an ID token", stage.realm.id_token().await),
        ("an ID token that names the tenant", signed("JWT", json!({})).await),
        ("an expired token", signed("at+jwt", json!({ "exp": seconds_from_now(-300) })).await),
        ("a token of another issuer", signed("at+jwt", json!({ "iss": "https://id.example.com" })).await),
        ("scopes that were added", tampered(&issued, |claims| claims["scope"] = "tenants:read".into())),
        ("a life that was prolonged", tampered(&good, |claims| claims["exp"] = json!(u32::MAX))),
        ("the signature of another token", format!("{head}.{another_signature}")),
        ("half a signature", format!("{head}.{}", &signature[..signature.len() / 2])),
        ("no signature", format!("{head}.")),
        ("a token that is not signed", unsigned),
        ("nonsense", "non.sen.se".to_owned()),
    ] {
        assert_unknown(&stage.list(&token).await, what);
    }
}

#[tokio::test]
async fn an_issuer_says_whose_its_tokens_are_whoever_else_registers_it() {
    let Some(stage) = Stage::start().await else { return };
    let stranger = stage.tenant("stranger").await;
    let acme = stage.tenant("acme").await;
    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    // Registered for itself, and in the name of acme.
    stage.register(&stranger, "own", stage.settings(&audience_of(&stranger))).await;
    stage.register(&stranger, "stolen", stage.settings(&audience_of(&acme))).await;
    assert_unknown(&stage.list(&token).await, "only a stranger has registered the issuer");

    let own = stage.register(&acme, "sign-in", stage.settings(&audience_of(&acme))).await;
    let listed = stage.list(&token).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    assert_eq!(listed.json()["items"][0]["id"], acme.id);
    let path = format!("/tenants/{}", stranger.id);
    assert_eq!(stage.api.anonymous("GET", &path).bearer(&token).send().await.status, 404);

    let call = stage.api.anonymous("DELETE", &own).bearer(&acme.key).header("if-match", "\"1\"");
    assert_eq!(call.unique().send().await.status, 204);
    assert_unknown(&stage.list(&token).await, "the stranger's adapters do not stand in");
}

#[tokio::test]
async fn the_tokens_of_a_suspended_tenant_may_do_nothing_until_it_is_back_in_use() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, _) = stage.trusting_tenant("acme").await;
    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    let set = async |status: &str, etag: &str| {
        let call = stage.api.operator("PATCH", &format!("/tenants/{}", acme.id)).header("if-match", etag);
        let patch = json!({ "status": status }).to_string();
        let changed = call.body("application/merge-patch+json", patch).send().await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        changed.header("etag").to_owned()
    };
    assert_eq!(stage.list(&token).await.status, 200);
    let etag = set("suspended", &acme.etag).await;
    let refused = stage.list(&token).await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &"tenant.suspended".into()));
    set("active", &etag).await;
    assert_eq!(stage.list(&token).await.status, 200);
}

#[tokio::test]
async fn a_token_ends_with_the_adapter_or_when_it_is_changed() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, path) = stage.trusting_tenant("acme").await;
    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    let change = async |audience: &str, etag: &str| {
        let patch = json!({ "settings": { "audience": audience } }).to_string();
        let call = stage.api.anonymous("PATCH", &path).bearer(&acme.key).header("if-match", etag);
        let changed = call.body("application/merge-patch+json", patch).send().await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    assert_eq!(stage.list(&token).await.status, 200);
    change("https://elsewhere.example.test", "\"1\"").await;
    assert_unknown(&stage.list(&token).await, "at once");
    change(&audience_of(&acme), "\"2\"").await;
    assert_eq!(stage.list(&token).await.status, 200);

    let call = stage.api.anonymous("DELETE", &path).bearer(&acme.key).header("if-match", "\"3\"");
    assert_eq!(call.unique().send().await.status, 204);
    assert_unknown(&stage.list(&token).await, "at once");
    stage.api.clock().advance(Duration::from_secs(2));
    assert_unknown(&stage.list(&token).await, "after the time for which it was believed");
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_nobody_is_refused_for_good() {
    let Some(stage) = Stage::start().await else { return };
    let (acme, _) = stage.trusting_tenant("acme").await;
    let token = stage.realm.access_token(&audience_of(&acme), &["tenants:read"]).await;
    stage.realm.down("/jwks").await;
    let refused = stage.list(&token).await;
    assert_eq!((refused.status, &*refused.code()), (503, "unavailable"), "{}", refused.text());
    assert!(!refused.header("retry-after").is_empty());
}
