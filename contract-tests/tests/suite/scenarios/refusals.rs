//! What every operation refuses, for every operation of the contract.

use bytes::Bytes;
use companyos_types::ops::{self, BodyClass, Idempotency, Operation};
use companyos_types::retry_tests::{RetryTestCreate, RetryTestInstruction};
use futures_util::FutureExt as _;
use http::{Request, Response};

use super::{expect_status, json};
use crate::sample::{never, nothing, request, unique, with_body, with_header, with_query};
use crate::watch::{CONTRACT, Watched};
use crate::world::World;

pub(crate) async fn walk() {
    let world = World::start().await;
    let narrow = [world.key(&["metrics:read"]).await, world.key(&["tenants:read"]).await];
    let broken = plan_defects(&world).await;
    for operation in ops::ALL.iter().copied() {
        let valid = || request(operation, &world.ids, Some(&world.alice.key));
        let refused = Refused { watched: &world.watched, operation };
        refused.with(400, "unknown-parameter", with_query(valid(), "nonsense=1")).await;
        refused
            .with(431, "header-fields-too-large", with_header(valid(), "x-large", &"x".repeat(33_000)))
            .await;
        refused
            .with(414, "uri-too-long", with_query(valid(), &format!("nonsense={}", "x".repeat(9_000))))
            .await;
        refused.with(500, "internal", with_header(valid(), "retry-test-id", &broken)).await;
        if CONTRACT.statuses(operation.id).contains(&406) && produces(operation) {
            refused.with(406, "not-acceptable", with_header(valid(), "accept", "image/png")).await;
        }
        if !operation.public {
            refused.with(401, "unauthenticated", request(operation, &world.ids, None)).await;
            let lacking = &narrow[usize::from(operation.scopes == ["metrics:read"])];
            let enough = operation.scopes == ["tenants:read"];
            let lacking = if enough { &narrow[0] } else { lacking };
            refused.with(403, "policy-denied", request(operation, &world.ids, Some(lacking))).await;
        }
        if CONTRACT.statuses(operation.id).contains(&404) && operation.path.contains('{') {
            refused.with(404, "not-found", request(operation, &nothing(), Some(&world.alice.key))).await;
        }
        refuse_bodies(&refused, &valid()).await;
        refuse_keys(&world, &refused, &valid()).await;
        if operation.if_match {
            let mut unconditional = valid();
            unconditional.headers_mut().remove("if-match");
            refused.with(428, "precondition-required", unconditional).await;
            refused.with(412, "precondition-failed", with_header(valid(), "if-match", "\"77\"")).await;
        }
    }
    refuse_unknown_routes(&world).await;
}

/// Sends what an operation must refuse.
struct Refused<'a> {
    watched: &'a Watched,
    operation: &'static Operation,
}

impl Refused<'_> {
    async fn with(&self, status: u16, code: &str, request: Request<Bytes>) -> Response<Bytes> {
        let answer = self.watched.call(request).await;
        let about = format!("{} should refuse with {code}", self.operation.id);
        expect_status(&about, &answer, status);
        assert_eq!(json(&answer)["code"], code, "{about}");
        answer
    }
}

/// A plan by which every operation fails once with a defect.
async fn plan_defects(world: &World) -> String {
    let client = &world.alice.client;
    let one = |operation: &&Operation| RetryTestInstruction::new(operation.id, vec!["return-500".to_owned()]);
    let plan = RetryTestCreate::new(ops::ALL.iter().map(one).collect());
    client.retry_tests().create(&plan).send().await.expect("a plan").id.clone()
}

/// Whether the operation answers success with a body, whose media type a caller can refuse.
fn produces(operation: &Operation) -> bool {
    let model = CONTRACT.model();
    let responses = model.operation(operation.id).expect("an operation").responses();
    responses.iter().any(|(status, response)| *status < 300 && response.get("content").is_some())
}

async fn refuse_bodies(refused: &Refused<'_>, valid: &Request<Bytes>) {
    let operation = refused.operation;
    if operation.body == BodyClass::None {
        return;
    }
    let image = with_header(valid.clone(), "content-type", "image/png");
    refused.with(415, "unsupported-media-type", image).await;
    let packed = with_header(valid.clone(), "content-encoding", "gzip");
    refused.with(415, "unsupported-media-type", packed).await;
    if operation.id == "bulkImportTenants" {
        let rows = with_body(again(valid), "external_id,name\n,\n");
        refused.with(422, "import-invalid", rows).await;
        return;
    }
    for (body, status, code) in [
        ("{", 400, "malformed-request"),
        ("\u{fffd}", 400, "malformed-request"),
        (r#"{"a": 1, "a": 2}"#, 400, "malformed-request"),
        (r#"{"nonsense": true}"#, 422, "validation-failed"),
        ("[]", 422, "validation-failed"),
        ("null", 422, "validation-failed"),
    ] {
        refused.with(status, code, with_body(again(valid), body)).await;
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused.with(400, "malformed-request", with_body(again(valid), deep)).await;
    let bytes: &[u8] = &[b'"', 0xff, 0xfe, b'"'];
    refused.with(400, "malformed-request", with_body(again(valid), bytes)).await;
}

/// The same request with another key, where it has one.
fn again(request: &Request<Bytes>) -> Request<Bytes> {
    let keyed = request.headers().contains_key("idempotency-key");
    if keyed { with_header(request.clone(), "idempotency-key", &unique()) } else { request.clone() }
}

async fn refuse_keys(world: &World, refused: &Refused<'_>, valid: &Request<Bytes>) {
    if refused.operation.idempotency != Idempotency::Required {
        return;
    }
    let mut unkeyed = valid.clone();
    unkeyed.headers_mut().remove("idempotency-key");
    refused.with(400, "idempotency-key-missing", unkeyed).await;
    let invalid = with_header(valid.clone(), "idempotency-key", "with a space");
    refused.with(400, "idempotency-key-invalid", invalid).await;

    // A request whose body never comes holds its key.
    let slow = again(valid).map(|_| never());
    let rival =
        with_header(valid.clone(), "idempotency-key", slow.headers()["idempotency-key"].to_str().unwrap());
    let held = world.watched.stream(slow);
    tokio::pin!(held);
    // Its principal is remembered and nothing else is waited for before the body, so one look brings it there.
    assert!(held.as_mut().now_or_never().is_none());
    refused.with(409, "idempotency-in-progress", rival).await;
}

/// Paths and methods that no operation has.
async fn refuse_unknown_routes(world: &World) {
    let key = format!("Bearer {}", world.alice.key);
    for (method, path, status, code) in [
        ("GET", "/no-such-thing", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", "/tenants/", 404, "not-found"),
        ("GET", "//tenants", 404, "not-found"),
        ("PUT", "/tenants", 405, "method-not-allowed"),
        ("TRACE", "/meta", 405, "method-not-allowed"),
        ("BREW", "/meta", 405, "method-not-allowed"),
    ] {
        let request = Request::builder().method(method).uri(path).header("authorization", &key);
        let answer = world.watched.call(request.body(Bytes::new()).unwrap()).await;
        expect_status(&format!("{method} {path}"), &answer, status);
        assert_eq!(json(&answer)["code"], code, "{method} {path}");
    }
}
