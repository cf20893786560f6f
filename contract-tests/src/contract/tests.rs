use super::{Contract, Request, Response};
use crate::error::Finding;
use serde_json::{Value, json};
use std::sync::LazyLock;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::load().unwrap());

const ID: &str = "tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
const REQUEST_ID: (&str, &str) = ("request-id", "req_0193e2a1-7b2c-7d10-8a3f-0123456789ab");
const RECEIPT: (&str, &str) = ("Receipt-Id", "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab");
const JSON: (&str, &str) = ("content-type", "application/json");
const PROBLEM: (&str, &str) = ("content-type", "application/problem+json");

fn tenant() -> Value {
    json!({"id": ID, "external_id": "MMM", "name": "3M", "region": "us-east-1", "status": "active", "owner_id": ID,
        "labels": {}, "version": 1, "created_at": "2026-01-16T09:30:00.000000Z",
        "updated_at": "2026-01-16T09:30:00.000000Z"})
}

fn problem(code: &str) -> Value {
    let known = &CONTRACT.document()["x-companyos-problems"]["types"][code];
    json!({"type": format!("https://docs.companyos.dev/problems/{code}"), "title": known["title"],
        "status": known["status"], "code": code, "request_id": REQUEST_ID.1,
        "retryable": known["retryable"].as_bool().unwrap_or_default()})
}

fn texts(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.problem).collect()
}

fn response(id: &str, status: u16, headers: &[(&str, &str)], body: &Value) -> Vec<String> {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    texts(CONTRACT.validate_response(id, &Response { status, headers, body: &body }))
}

fn created(headers: &[(&str, &str)], body: &Value) -> Vec<String> {
    let mut all = vec![REQUEST_ID, JSON, ("location", "/tenants/x"), ("etag", "\"1\"")];
    all.extend_from_slice(headers);
    response("createTenant", 201, &all, body)
}

#[track_caller]
fn only(found: &[String], expected: &str) {
    assert!(found.len() == 1 && found[0].contains(expected), "{expected:?} expected, found {found:#?}");
}

#[test]
fn a_response_as_promised_has_no_findings() {
    assert_eq!(created(&[RECEIPT], &tenant()), Vec::<String>::new());
    let headers = [REQUEST_ID, PROBLEM];
    assert_eq!(response("getTenant", 404, &headers, &problem("not-found")), Vec::<String>::new());
    let headers = [REQUEST_ID, ("etag", "\"1\"")];
    assert_eq!(response("getTenant", 304, &headers, &Value::Null), Vec::<String>::new());
}

#[test]
fn a_privileged_success_without_a_receipt_is_found() {
    only(&created(&[], &tenant()), "header receipt-id is missing");
}

#[test]
fn a_body_that_breaks_its_schema_is_found_with_its_place() {
    let mut body = tenant();
    body["created_at"] = json!("yesterday");
    only(&created(&[RECEIPT], &body), "/created_at");
    body = tenant();
    body.as_object_mut().unwrap().shift_remove("owner_id");
    only(&created(&[RECEIPT], &body), "owner_id");
}

#[test]
fn headers_are_held_to_their_schemas() {
    let headers = [("request-id", "7"), JSON];
    only(&response("getLivez", 200, &headers, &json!({"status": "ok"})), "the header request-id");
    let headers = [REQUEST_ID, PROBLEM, ("retry-after", "soon")];
    only(&response("getLivez", 503, &headers, &problem("unavailable")), "the header retry-after");
}

#[test]
fn statuses_media_types_and_bodies_must_be_declared() {
    only(&response("getLivez", 418, &[REQUEST_ID], &Value::Null), "status is not declared");
    let text = [REQUEST_ID, ("content-type", "text/html")];
    only(&response("getLivez", 200, &text, &json!({"status": "ok"})), "\"text/html\" is not declared");
    let headers = [REQUEST_ID, RECEIPT];
    only(&response("deleteTenant", 204, &headers, &json!({})), "a body is sent where none");
    let broken = CONTRACT
        .validate_response("getLivez", &Response { status: 200, headers: &[REQUEST_ID, JSON], body: b"{" });
    only(&texts(broken), "not JSON");
}

#[test]
fn headers_that_mean_something_must_be_declared_to_be_sent() {
    let headers = [REQUEST_ID, JSON, RECEIPT];
    only(
        &response("getLivez", 200, &headers, &json!({"status": "ok"})),
        "receipt-id is sent but not declared",
    );
}

#[test]
fn a_problem_is_held_to_its_type_its_operation_and_its_headers() {
    let headers = [REQUEST_ID, PROBLEM];
    let spoil = |member: &str, value: Value| {
        let mut body = problem("not-found");
        body[member] = value;
        response("getTenant", 404, &headers, &body)
    };
    only(&spoil("title", json!("Gone fishing")), "title is not its type's");
    only(&spoil("type", json!("https://docs.companyos.dev/problems/other")), "type is not its code's");
    only(&spoil("status", json!(410)), "status is not the response's");
    only(&spoil("retryable", json!(true)), "retryable is not its type's");
    only(&spoil("request_id", json!("req_other")), "request_id is not that of the header");
    let mut first = problem("conflict");
    first["request_id"] = json!("req_first");
    let replay = [REQUEST_ID, PROBLEM, ("idempotent-replayed", "true")];
    let findings = response("createTenant", 409, &replay, &first);
    assert_eq!(findings, Vec::<String>::new(), "a replay names the request that was answered first");
    only(
        &response("getTenant", 404, &headers, &problem("conflict")).split_off(1),
        "status is not the response's",
    );
    let throttled = [REQUEST_ID, PROBLEM];
    only(&response("getTenant", 429, &throttled, &problem("rate-limited")), "retry-after is missing");
}

#[test]
fn an_error_outside_any_operation_is_a_problem_too() {
    let check = |headers: &[(&str, &str)], body: &Value| {
        texts(CONTRACT.validate_problem(&Response {
            status: 405,
            headers,
            body: body.to_string().as_bytes(),
        }))
    };
    let allowed = [REQUEST_ID, PROBLEM, ("allow", "GET")];
    assert_eq!(check(&allowed, &problem("method-not-allowed")), Vec::<String>::new());
    only(&check(&allowed[..2], &problem("method-not-allowed")), "allow is missing");
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    texts(CONTRACT.validate_request(&Request { method, target, headers, body: body.as_bytes() }))
}

const KEY: (&str, &str) = ("Idempotency-Key", "k-1");

#[test]
fn a_request_as_asked_for_has_no_findings() {
    let body = r#"{"external_id": "MMM", "name": "3M"}"#;
    assert_eq!(request("POST", "/tenants", &[KEY, JSON], body), Vec::<String>::new());
    assert_eq!(request("GET", "/tenants?limit=50&status=active", &[], ""), Vec::<String>::new());
    let import = "/tenants/bulk-import?dry_run=true&mapping=%7B%22name%22%3A%22Security%22%7D";
    assert_eq!(request("POST", import, &[KEY, ("content-type", "text/csv")], "a,b"), Vec::<String>::new());
}

#[test]
fn requests_are_held_to_parameters_headers_and_bodies() {
    let body = r#"{"external_id": "MMM", "name": "3M"}"#;
    only(&request("POST", "/tenants", &[JSON], body), "header Idempotency-Key is missing");
    only(&request("POST", "/tenants", &[KEY, JSON], r#"{"name": "3M"}"#), "external_id");
    only(&request("POST", "/tenants", &[KEY, JSON], ""), "body is missing");
    only(&request("POST", "/tenants", &[KEY, ("content-type", "text/plain")], body), "\"text/plain\"");
    only(&request("GET", "/tenants?limit=0", &[], ""), "query parameter limit");
    only(&request("GET", "/tenants?limit=many", &[], ""), "query parameter limit");
    only(&request("GET", "/tenants?colour=red", &[], ""), "no query parameter colour");
    only(&request("GET", "/tenants?limit=1&limit=2", &[], ""), "given 2 times");
    only(&request("GET", "/tenants/7", &[], ""), "path parameter tenant_id");
    only(
        &request("GET", "/logs/log_0193e2a1-7b2c-7d10-8a3f-0123456789ab/consistency?from=1", &[], ""),
        "to is missing",
    );
    only(
        &request("POST", "/tenants/bulk-import?mapping=%7B", &[KEY, ("content-type", "text/csv")], "a"),
        "mapping",
    );
    only(&request("GET", "/nowhere", &[], ""), "no operation");
}

#[test]
fn fixed_segments_win_over_parameters_and_rests_may_hold_slashes() {
    assert_eq!(CONTRACT.find("get", "/receipts/export"), Some("exportReceipts"));
    assert_eq!(CONTRACT.find("GET", "/receipts/rcp_1"), Some("getReceipt"));
    assert_eq!(CONTRACT.find("GET", "/logs/l/tile/0/x001/234.p/5"), Some("getLogTile"));
    assert_eq!(CONTRACT.find("GET", "/logs/l/tile/entries/x001/234"), Some("getLogEntries"));
    assert_eq!(CONTRACT.find("PUT", "/tenants"), None);
    assert_eq!(CONTRACT.find("GET", "/tenants/a/b"), None);
    assert_eq!(CONTRACT.find("GET", "//tenants"), None);
}

#[test]
fn the_declared_statuses_are_known() {
    assert!(CONTRACT.statuses("getTenant").contains(&304));
    assert!(CONTRACT.statuses("noSuch").is_empty());
}
