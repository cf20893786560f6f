//! Trace context.

use companyos_sdk::CallOptions;

use crate::support::*;

#[tokio::test]
async fn a_call_is_one_trace_and_each_attempt_a_span_of_it() {
    let server = script([status(503), tenant(), tenant()]).await;
    let (client, _timer) = client(&server);
    client.tenants().get(TENANT).send().await.expect("a tenant");
    client.tenants().get(TENANT).send().await.expect("a tenant");
    let requests = seen(&server).await;
    let parents: Vec<Vec<&str>> = requests
        .iter()
        .map(|request| header(request, "traceparent").expect("a traceparent").split('-').collect())
        .collect();
    assert_eq!(parents[0][1], parents[1][1], "one trace over the attempts");
    assert_ne!(parents[0][2], parents[1][2], "a span for each attempt");
    assert_ne!(parents[1][1], parents[2][1], "another trace for the next call");
}

#[tokio::test]
async fn the_callers_trace_is_continued() {
    let server = script([tenant()]).await;
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let options = CallOptions::new().traceparent(given).header("tracestate", "vendor=1");
    client(&server).0.tenants().get(TENANT).options(options).send().await.expect("a tenant");
    let requests = seen(&server).await;
    let sent = header(&requests[0], "traceparent").expect("a traceparent");
    assert!(
        sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01") && sent != given
    );
    assert_eq!(header(&requests[0], "tracestate"), Some("vendor=1"));
}
