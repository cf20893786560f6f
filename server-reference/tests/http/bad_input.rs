//! Bad input gets a problem with the right status and code, never a 500.

use http::HeaderValue;
use serde_json::json;

use crate::support::{Answer, Api};

const KEYS: &str = "/api-keys";
const TENANT: &str = "/tenants/tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";

async fn issue(api: &Api, body: impl Into<bytes::Bytes>) -> Answer {
    api.operator("POST", KEYS).unique().body("application/json", body).send().await
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let api = Api::start().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let deeper = "[".repeat(200_000);
    for body in [
        b"".as_slice(),
        b"{",
        b"{\"name\":\"a\",\"name\":\"b\",\"scopes\":[\"tenants:read\"]}",
        b"{\"name\":\"\xff\xfe\",\"scopes\":[\"tenants:read\"]}",
        b"{\"name\":\"\\ud800\",\"scopes\":[\"tenants:read\"]}",
        b"{\"name\":1e999}",
        b"{} trailing",
        b"\xef\xbb\xbf{}",
        b"\x00",
        deep.as_bytes(),
        deeper.as_bytes(),
    ] {
        let answer = issue(&api, bytes::Bytes::copy_from_slice(body)).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
        assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"), "{shown}");
    }
}

#[tokio::test]
async fn json_that_breaks_its_schema_is_invalid_with_every_finding() {
    let api = Api::start().await;
    let answer = issue(&api, r#"{"name":"","scopes":["x",7,"x"],"extra":1,"expires_at":"soon"}"#).await;
    assert_eq!((answer.status, &*answer.code()), (422, "validation-failed"));
    let findings = answer.findings();
    for (place, code) in [
        ("#/name", "minLength"),
        ("#/scopes/0", "pattern"),
        ("#/scopes/1", "type"),
        ("#/scopes", "uniqueItems"),
        ("#/extra", "additionalProperties"),
        ("#/expires_at", "format"),
    ] {
        assert!(findings.contains(&(place.to_owned(), code.to_owned())), "{place} {code} in {findings:?}");
    }
    for body in ["[]", "null", "\"text\"", "7"] {
        let answer = issue(&api, body).await;
        assert_eq!(answer.findings(), [("#".to_owned(), "type".to_owned())], "{body}");
    }
    let missing = issue(&api, "{}").await.findings();
    assert_eq!(missing.len(), 2);
    assert!(missing.iter().all(|(_, code)| code == "required"));
}

#[tokio::test]
async fn rules_beyond_the_schema_are_findings_too() {
    let api = Api::start().await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"], "expires_at": "2020-01-01T00:00:00Z" });
    let answer = issue(&api, body.to_string()).await;
    assert_eq!(answer.findings(), [("#/expires_at".to_owned(), "past".to_owned())]);
    let body = json!({ "name": "a", "scopes": ["tenants:read"], "expires_at": "2030-01-01T00:00:00+02:00" });
    assert_eq!(
        issue(&api, body.to_string()).await.findings(),
        [("#/expires_at".to_owned(), "format".to_owned())]
    );
}

#[tokio::test]
async fn bodies_are_bounded() {
    let api = Api::start().await;
    let answer = issue(&api, vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((answer.status, &*answer.code()), (413, "content-too-large"));
    let answer = issue(&api, vec![b' '; 1 << 20]).await;
    assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"));
    let answer = api.operator("GET", KEYS).body("text/plain", "a body nobody asked for").send().await;
    assert_eq!((answer.status, &*answer.code()), (413, "content-too-large"));
}

#[tokio::test]
async fn media_types_are_checked_both_ways() {
    let api = Api::start().await;
    let body = || json!({ "name": "a", "scopes": ["tenants:read"] }).to_string();
    for media_type in ["text/plain", "application/xml", "application/jsonx", "", "json"] {
        let answer = api.operator("POST", KEYS).unique().body(media_type, body()).send().await;
        assert_eq!((answer.status, &*answer.code()), (415, "unsupported-media-type"), "{media_type}");
    }
    for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let answer = api.operator("POST", KEYS).unique().body(media_type, body()).send().await;
        assert_eq!(answer.status, 201, "{media_type}");
    }
    let packed = api.operator("POST", KEYS).unique().header("content-encoding", "gzip");
    let answer = packed.body("application/json", body()).send().await;
    assert_eq!((answer.status, &*answer.code()), (415, "unsupported-media-type"));
    let answer = api.operator("GET", KEYS).header("accept", "text/html").send().await;
    assert_eq!((answer.status, &*answer.code()), (406, "not-acceptable"));
}

#[tokio::test]
async fn an_empty_body_of_an_unknown_media_type_is_refused_as_such() {
    let api = Api::start().await;
    let answer = api.operator("POST", "/retry-tests").body("image/png", "").send().await;
    assert_eq!((answer.status, &*answer.code()), (415, "unsupported-media-type"));
    let answer = api.operator("POST", "/retry-tests").body("application/json", "").send().await;
    assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"));
}

#[tokio::test]
async fn parameters_are_checked() {
    let api = Api::start().await;
    for (path, code, finding) in [
        ("/api-keys?colour=red", "unknown-parameter", ("colour", "unknown")),
        ("/api-keys?limit=0", "invalid-parameter", ("limit", "minimum")),
        ("/api-keys?limit=ten", "invalid-parameter", ("limit", "type")),
        ("/api-keys?limit=99999999999999999999", "invalid-parameter", ("limit", "type")),
        ("/api-keys?limit=1&limit=2", "invalid-parameter", ("limit", "duplicate")),
        ("/api-keys?status=gone", "invalid-parameter", ("status", "enum")),
        ("/api-keys?tenant_id=me", "invalid-parameter", ("tenant_id", "pattern")),
        ("/api-keys/key_1", "invalid-parameter", ("api_key_id", "pattern")),
        ("/logs/log_1/tile/9/000", "invalid-parameter", ("level", "maximum")),
    ] {
        let answer = api.operator("GET", path).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, code), "{path}");
        let expected = (finding.0.to_owned(), finding.1.to_owned());
        assert!(answer.findings().contains(&expected), "{path}: {}", answer.text());
    }
    for path in ["/api-keys?limit=%", "/api-keys?status=%ff", "/api-keys/%ff"] {
        let answer = api.operator("GET", path).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"), "{path}");
    }
    for cursor in ["AAAA", "x", &"A".repeat(400)] {
        let answer = api.operator("GET", &format!("/api-keys?cursor={cursor}")).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, "invalid-cursor"), "{cursor}");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let api = Api::start().await;
    for _ in 0..3 {
        api.key(None, &["tenants:read"]).await;
    }
    let page = api.operator("GET", "/api-keys?limit=2&status=active").send().await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = api.operator("GET", &format!("/api-keys?limit=1&status=active&cursor={cursor}")).send().await;
    assert_eq!((next.status, next.json()["items"].as_array().unwrap().len()), (200, 1));
    for path in [format!("/api-keys?cursor={cursor}"), format!("/receipts?cursor={cursor}")] {
        let answer = api.operator("GET", &path).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, "invalid-cursor"), "{path}");
    }
}

#[tokio::test]
async fn credentials_are_checked() {
    let api = Api::start().await;
    let good = api.operator_key().to_owned();
    let stranger = TestKey::of_another_server().await;
    let flipped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    for header in [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {good}")),
        Some(good.clone()),
        Some(format!("Bearer {flipped}")),
        Some(format!("Bearer {stranger}")),
        Some(format!("Bearer {good} {good}")),
    ] {
        let mut call = api.anonymous("GET", KEYS);
        if let Some(header) = &header {
            call = call.header("authorization", header);
        }
        let answer = call.send().await;
        assert_eq!((answer.status, &*answer.code()), (401, "unauthenticated"), "{header:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{header:?}");
        assert!(!answer.text().contains(&good), "the key is in the answer");
    }
    let answer = api.anonymous("GET", KEYS).header("authorization", format!("bearer   {good}")).send().await;
    assert_eq!(answer.status, 200, "the scheme is not case-sensitive (RFC 9110 section 11.1)");
}

struct TestKey;

impl TestKey {
    async fn of_another_server() -> String {
        Api::start().await.operator_key().to_owned()
    }
}

#[tokio::test]
async fn idempotency_keys_and_preconditions_are_asked_for() {
    let api = Api::start().await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    let answer = api.operator("POST", KEYS).json(&body).send().await;
    assert_eq!((answer.status, &*answer.code()), (400, "idempotency-key-missing"));
    for key in ["", "a b", "\"a", "k\u{e9}y", &"k".repeat(256)] {
        let answer = api.operator("POST", KEYS).idempotency_key(key).json(&body).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, "idempotency-key-invalid"), "{key}");
    }
    let answer = api.operator("DELETE", TENANT).send().await;
    assert_eq!((answer.status, &*answer.code()), (428, "precondition-required"));
}

#[tokio::test]
async fn a_header_given_twice_is_refused() {
    let api = Api::start().await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    for (name, value) in [
        ("idempotency-key", "k1"),
        ("authorization", "Bearer x"),
        ("content-type", "application/json"),
        ("if-match", "\"1\""),
        ("content-encoding", "identity"),
    ] {
        let call = api.operator("POST", KEYS).idempotency_key("k0").json(&body);
        let answer = call.header(name, value).header(name, value).send().await;
        assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"), "{name}");
        assert_eq!(answer.findings(), [(name.to_owned(), "duplicate".to_owned())]);
    }
}

#[tokio::test]
async fn unknown_places_and_methods_are_problems() {
    let api = Api::start().await;
    for path in ["/", "/nope", "/api-keys/", "/api-keys/a/b/c", "/%2e%2e/etc/passwd"] {
        let answer = api.operator("GET", path).send().await;
        assert_eq!((answer.status, &*answer.code()), (404, "not-found"), "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = api.operator(method, KEYS).send().await;
        assert_eq!((answer.status, &*answer.code()), (405, "method-not-allowed"), "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn sizes_of_target_and_header_are_bounded() {
    let api = Api::start().await;
    let answer = api.operator("GET", &format!("/api-keys?{}", "a".repeat(9_000))).send().await;
    assert_eq!((answer.status, &*answer.code()), (414, "uri-too-long"));
    let answer = api.operator("GET", KEYS).header("x-big", "a".repeat(33_000)).send().await;
    assert_eq!((answer.status, &*answer.code()), (431, "header-fields-too-large"));
}

#[tokio::test]
async fn headers_of_strange_bytes_are_refused() {
    let api = Api::start().await;
    let strange = HeaderValue::from_bytes(b"application/json\xff").unwrap();
    let call = api.operator("POST", KEYS).unique().header("content-type", strange.as_bytes());
    let answer = call.send().await;
    assert_eq!((answer.status, &*answer.code()), (400, "malformed-request"));
    let answer = api.operator("POST", KEYS).header("idempotency-key", b"\xff\xfe").send().await;
    assert_eq!((answer.status, &*answer.code()), (400, "idempotency-key-invalid"));
}
