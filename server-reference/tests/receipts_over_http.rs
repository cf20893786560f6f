//! The receipts area as a client sees it: what the server says about itself verifies with nothing but its JWK set.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::Bytes;
use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::{Hash, leaf_hash, root_of, verify_consistency};
use companyos_receipt::verify::Verifier;
use companyos_server::testing::TestServer;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

struct Client {
    server: TestServer,
    key: String,
}

impl Client {
    /// A server whose platform tenant has issued that many API keys, and its first operator.
    async fn start(issued: usize) -> Self {
        let server = TestServer::start().await.unwrap();
        let client = Self { key: server.operator_key().to_owned(), server };
        for number in 0..issued {
            client.issue(&format!("key {number}"), &["receipts:read"]).await;
        }
        client
    }

    async fn issue(&self, name: &str, scopes: &[&str]) -> (String, String) {
        self.issue_for(None, name, scopes).await
    }

    /// Issues a key, perhaps for another tenant, and returns it with the id of the receipt that this left.
    async fn issue_for(&self, tenant: Option<&str>, name: &str, scopes: &[&str]) -> (String, String) {
        let mut body = json!({ "name": name, "scopes": scopes });
        if let Some(tenant) = tenant {
            body["tenant_id"] = json!(tenant);
        }
        let request = Request::post("/api-keys")
            .header("idempotency-key", name.replace(' ', "-"))
            .header("content-type", "application/json");
        let response = self.send(request, body.to_string()).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{:?}", response.body());
        let receipt = response.headers()["receipt-id"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        (body["secret"].as_str().unwrap().to_owned(), receipt)
    }

    async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Bytes> {
        let request = request.header("authorization", format!("Bearer {}", self.key));
        self.server.call(request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path), "").await
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}: {:?}", response.body());
        serde_json::from_slice(response.body()).unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}: {:?}", response.body());
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    /// The code of the problem a request is answered with.
    async fn problem(&self, path: &str, status: StatusCode) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), status, "{path}: {:?}", response.body());
        code(&response)
    }

    async fn verify(&self, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        self.send(Request::post("/receipts/verify").header("content-type", content_type), body).await
    }

    async fn keys(&self) -> KeySet {
        KeySet::from_jwks(self.get("/.well-known/jwks.json").await.body()).unwrap()
    }

    async fn log_id(&self) -> String {
        let page = self.json("/logs").await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        page["items"][0]["id"].as_str().unwrap().to_owned()
    }
}

fn code(response: &Response<Bytes>) -> String {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_slice(response.body()).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_receipt_of_an_action_verifies_with_its_proof() {
    let client = Client::start(3).await;
    let (_, id) = client.issue("the one", &["receipts:read"]).await;
    let receipt = client.json(&format!("/receipts/{id}")).await;
    assert_eq!((&receipt["id"], &receipt["action"]), (&json!(id), &json!("api_key.issue")));
    assert_eq!((&receipt["phase"], &receipt["outcome"]), (&json!("outcome"), &json!("ok")));
    let proof = client.text(&format!("/receipts/{id}/proof")).await;
    let verifier = Verifier::new(client.keys().await);
    let verified = verifier.verify_receipt(receipt["sd_jwt"].as_str().unwrap(), Some(&proof)).unwrap();
    assert_eq!(verified.claims.jti, id);
    assert_eq!(json!(verified.claims.tenant), receipt["log_id"]);
    assert_eq!(json!(verified.inclusion.unwrap().index), receipt["index"]);
    let unknown = "/receipts/rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
    assert_eq!(client.problem(unknown, StatusCode::NOT_FOUND).await, "not-found");
    assert_eq!(client.problem(&format!("{unknown}/proof"), StatusCode::NOT_FOUND).await, "not-found");
    assert_eq!(client.problem("/receipts/nonsense", StatusCode::BAD_REQUEST).await, "invalid-parameter");
}

#[tokio::test]
async fn receipts_are_listed_oldest_first_page_by_page() {
    let client = Client::start(7).await;
    let (mut path, mut seen) = ("/receipts?limit=3".to_owned(), Vec::new());
    loop {
        let page = client.json(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["index"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/receipts?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert!(seen.len() >= 7);
    assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
    let issued = client.json("/receipts?action=api_key.issue&outcome=ok&limit=200").await;
    assert!(issued["items"].as_array().unwrap().len() >= 7);
    let none = client.json("/receipts?issued_before=2020-01-01T00:00:00.000000Z").await;
    assert_eq!(none["items"], json!([]));

    let cursor = client.json("/receipts?limit=3").await["next_cursor"].as_str().unwrap().to_owned();
    let moved = format!("/receipts?action=api_key.issue&cursor={cursor}");
    assert_eq!(client.problem(&moved, StatusCode::BAD_REQUEST).await, "invalid-cursor");
    for bad in
        ["limit=0", "action=NOT", "outcome=maybe", "issued_from=yesterday", "issued_from=2026-01-16", "x=1"]
    {
        let code = client.problem(&format!("/receipts?{bad}"), StatusCode::BAD_REQUEST).await;
        assert!(matches!(code.as_str(), "invalid-parameter" | "unknown-parameter"), "{bad}: {code}");
    }
}

#[tokio::test]
async fn checkpoint_tiles_and_consistency_agree() {
    let client = Client::start(2).await;
    let keys = client.keys().await;
    let log = client.log_id().await;
    let old = Checkpoint::verify(&client.text(&format!("/logs/{log}/checkpoint")).await, &keys).unwrap();
    client.issue("one more", &["receipts:read"]).await;
    client.issue("and another", &["receipts:read"]).await;
    let new = Checkpoint::verify(&client.text(&format!("/logs/{log}/checkpoint")).await, &keys).unwrap();
    let (from, to) = (old.size(), new.size());
    assert_eq!(to, from + 2);
    let proof = client.json(&format!("/logs/{log}/consistency?from={from}&to={to}")).await;
    let hashes =
        proof["hashes"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap());
    verify_consistency(from, old.root(), to, new.root(), &hashes.collect::<Vec<Hash>>()).unwrap();

    let tile = client.get(&format!("/logs/{log}/tile/0/000.p/{to}")).await;
    assert_eq!(tile.headers()["content-type"], "application/octet-stream");
    let leaves: Vec<Hash> = tile.body().chunks(32).map(|hash| Hash::from_slice(hash).unwrap()).collect();
    assert_eq!(root_of(&leaves), *new.root());
    let bundle = client.get(&format!("/logs/{log}/tile/entries/000.p/{to}")).await;
    assert_eq!(bundle.body().chunks(35).map(|entry| leaf_hash(&entry[2..])).collect::<Vec<_>>(), leaves);

    for missing in ["tile/0/000", "tile/1/000.p/1", "tile/0/000.p/200", "tile/entries/001", "tile/0/x000/001"]
    {
        let path = format!("/logs/{log}/{missing}");
        assert_eq!(client.problem(&path, StatusCode::NOT_FOUND).await, "not-found", "{missing}");
    }
    for bad in ["from=1&to=1000", "from=3&to=2", "from=0&to=2", "to=2"] {
        let path = format!("/logs/{log}/consistency?{bad}");
        assert_eq!(client.problem(&path, StatusCode::BAD_REQUEST).await, "invalid-parameter", "{bad}");
    }
}

#[tokio::test]
async fn an_export_leaves_a_receipt_and_verifies_offline_and_online() {
    let client = Client::start(5).await;
    let response = client.get("/receipts/export?from=1").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/vnd.companyos.receipt-range");
    let file = response.body().clone();
    let report = Verifier::new(client.keys().await).verify_range(&file);
    assert!(report.is_valid(), "{:?}", report.first_failure());
    assert_eq!(report.from, 1);
    let id = response.headers()["receipt-id"].to_str().unwrap();
    let receipt = client.json(&format!("/receipts/{id}")).await;
    assert_eq!(receipt["action"], "receipts.export");
    assert_eq!(receipt["index"], report.to, "the export's own receipt is the next in the log");

    let media_type = "application/vnd.companyos.receipt-range";
    let verified: Value =
        serde_json::from_slice(client.verify(media_type, file.clone()).await.body()).unwrap();
    assert_eq!(verified, json!({ "valid": true, "checked": report.checked, "results": [] }));
    let mut flipped = file.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let refused: Value = serde_json::from_slice(client.verify(media_type, flipped).await.body()).unwrap();
    assert_eq!(refused["valid"], false);
    assert!(refused["failed_check"].is_string());

    assert_eq!(
        client.problem("/receipts/export?from=999", StatusCode::BAD_REQUEST).await,
        "invalid-parameter"
    );
    assert_eq!(client.problem("/receipts/export?to=999", StatusCode::BAD_REQUEST).await, "invalid-parameter");
    let refused = client.json("/receipts?action=receipts.export&outcome=error").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 2, "a refused export leaves its receipt, too");
}

#[tokio::test]
async fn receipts_that_are_sent_in_are_judged() {
    let client = Client::start(2).await;
    let receipts = client.json("/receipts").await;
    let first = &receipts["items"][0];
    let sd_jwt = first["sd_jwt"].as_str().unwrap();
    let proof = client.text(&format!("/receipts/{}/proof", first["id"].as_str().unwrap())).await;
    let body = json!({ "receipts": [
        { "sd_jwt": sd_jwt, "proof": proof },
        { "sd_jwt": receipts["items"][1]["sd_jwt"], "proof": proof },
        { "sd_jwt": "forged" },
    ] });
    let response = client.verify("application/json", body.to_string()).await;
    assert_eq!(response.status(), StatusCode::OK, "{:?}", response.body());
    let report: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((&report["valid"], &report["checked"]), (&json!(false), &json!(3)));
    assert_eq!(
        report["results"][0],
        json!({ "receipt_id": first["id"], "verdict": "verified", "included": true })
    );
    assert_eq!(report["results"][1]["failed_check"], "inclusion-proof");
    assert_eq!(report["results"][2]["verdict"], "forged");

    for (body, status, expected) in [
        ("{", StatusCode::BAD_REQUEST, "malformed-request"),
        ("", StatusCode::BAD_REQUEST, "malformed-request"),
        ("{\"receipts\":[],\"receipts\":[]}", StatusCode::BAD_REQUEST, "malformed-request"),
        ("{\"receipts\":[]}", StatusCode::UNPROCESSABLE_ENTITY, "validation-failed"),
        ("{\"receipts\":[{}]}", StatusCode::UNPROCESSABLE_ENTITY, "validation-failed"),
        ("{\"receipts\":[{\"sd_jwt\":\"\"}]}", StatusCode::UNPROCESSABLE_ENTITY, "validation-failed"),
        (
            "{\"receipts\":[{\"sd_jwt\":\"x\"}],\"more\":1}",
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation-failed",
        ),
    ] {
        let response = client.verify("application/json", body).await;
        assert_eq!((response.status(), code(&response).as_str()), (status, expected), "{body}");
    }
    let response = client.verify("text/plain", "x").await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn only_those_with_the_scope_see_receipts() {
    let operator = Client::start(1).await;
    let (weak, _) = operator.issue("weak", &["api_keys:read"]).await;
    let weak = Client { server: operator.server.clone(), key: weak };
    for path in ["/receipts", "/logs", "/receipts/export"] {
        assert_eq!(weak.problem(path, StatusCode::FORBIDDEN).await, "policy-denied", "{path}");
    }
    let nobody = Client { server: operator.server.clone(), key: "nonsense".to_owned() };
    assert_eq!(nobody.get("/receipts").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_tenant_sees_its_own_log_and_an_operator_sees_all() {
    let operator = Client::start(1).await;
    let request = Request::post("/tenants")
        .header("idempotency-key", "acme")
        .header("content-type", "application/json");
    let body = json!({ "external_id": "acme", "name": "Acme", "region": "eu-west-1" });
    let created = operator.send(request, body.to_string()).await;
    assert_eq!(created.status(), StatusCode::CREATED, "{:?}", created.body());
    let created_receipt = created.headers()["receipt-id"].to_str().unwrap().to_owned();
    let created: Value = serde_json::from_slice(created.body()).unwrap();
    let acme = created["id"].as_str().unwrap();
    let scopes = ["receipts:read", "api_keys:read", "api_keys:write"];
    let (key, _) = operator.issue_for(Some(acme), "acmes own", &scopes).await;
    let tenant = Client { server: operator.server.clone(), key };
    let (_, own_receipt) = tenant.issue("second", &["receipts:read"]).await;

    // What it has done itself is in its own log.
    let log = tenant.json("/logs").await;
    assert_eq!(log["items"][0]["tenant_id"], json!(acme));
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    let listed = tenant.json("/receipts").await;
    assert_eq!(listed["items"].as_array().unwrap().last().unwrap()["id"], json!(own_receipt));
    let export = tenant.get("/receipts/export").await;
    assert!(Verifier::new(tenant.keys().await).verify_range(export.body()).is_valid());

    // What the operator has done is not for it to see.
    for path in ["", "/proof"] {
        let path = format!("/receipts/{created_receipt}{path}");
        assert_eq!(tenant.problem(&path, StatusCode::NOT_FOUND).await, "not-found");
    }
    let logs = operator.json("/logs").await;
    let mine = log["items"][0]["id"].clone();
    let other = logs["items"].as_array().unwrap().iter().find(|log| log["id"] != mine).unwrap();
    let other = other["id"].as_str().unwrap();
    for path in ["checkpoint", "consistency?from=1&to=1", "tile/0/000.p/1", "tile/entries/000.p/1"] {
        let path = format!("/logs/{other}/{path}");
        assert_eq!(tenant.problem(&path, StatusCode::NOT_FOUND).await, "not-found", "{path}");
        assert_eq!(operator.get(&path).await.status(), StatusCode::OK, "{path}");
    }
    let platform = logs["items"].as_array().unwrap().iter().find(|log| log["id"] == other).unwrap();
    let platform = platform["tenant_id"].as_str().unwrap();
    for path in ["/receipts", "/logs", "/receipts/export"] {
        let path = format!("{path}?tenant_id={platform}");
        assert_eq!(tenant.problem(&path, StatusCode::FORBIDDEN).await, "policy-denied", "{path}");
    }

    // The operator may name the tenant.
    let theirs = operator.json(&format!("/receipts?tenant_id={acme}&limit=200")).await;
    let ids: Vec<_> = theirs["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert!(ids.contains(&json!(own_receipt)) && !ids.contains(&json!(created_receipt)));
    let one = operator.json(&format!("/logs?tenant_id={acme}")).await;
    assert_eq!(one["items"], tenant.json("/logs").await["items"]);
}
