//! The client without async.

use companyos_sdk::blocking;
use serde_json::json;

use crate::support::*;

/// Runs a server on a runtime of its own, as a program without async meets one.
fn serve(answers: Vec<wiremock::ResponseTemplate>) -> (tokio::runtime::Runtime, wiremock::MockServer) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(script(answers));
    (runtime, server)
}

fn blocking_client(server: &wiremock::MockServer) -> blocking::Client {
    blocking::Client::new(client(server).0).expect("a runtime")
}

#[test]
fn calls_block_and_retry() {
    let (_runtime, server) = serve(vec![status(503), tenant()]);
    let client = blocking_client(&server);
    let tenant = client.run(|client| client.tenants().get(TENANT).send()).expect("a tenant");
    assert_eq!((tenant.name.as_str(), tenant.attempts().len()), ("Acme", 1));
}

#[test]
fn streams_are_iterators() {
    let page = |name: &str, next: Option<&str>| {
        status(200).set_body_json(json!({ "items": [tenant_json(name)], "next_cursor": next }))
    };
    let (_runtime, server) = serve(vec![page("a", Some("c")), page("b", None)]);
    let client = blocking_client(&server);
    let names: Result<Vec<_>, _> = client
        .iter(|client| client.tenants().list().by_item())
        .map(|tenant| tenant.map(|tenant| tenant.name))
        .collect();
    assert_eq!(names.expect("all items"), ["a", "b"]);
}

#[test]
fn within_async_code_it_is_an_error_and_no_panic() {
    let (runtime, server) = serve(vec![tenant()]);
    let client = blocking_client(&server);
    let _inside = runtime.enter();
    let error = client.run(|client| client.tenants().get(TENANT).send()).expect_err("refused");
    assert!(error.is_invalid_request() && error.to_string().contains("async"), "{error}");
    let mut items = client.iter(|client| client.tenants().list().by_item());
    assert!(items.next().is_some_and(|item| item.is_err()) && items.next().is_none());
}
