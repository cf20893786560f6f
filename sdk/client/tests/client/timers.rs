//! The default timer, which is Tokio's, on Tokio's paused clock.

use std::time::Duration;

use bytes::Bytes;
use companyos_sdk::{Client, InProcess};
use http_body_util::Full;
use tokio::time::Instant;

use crate::support::TENANT;

#[tokio::test(start_paused = true)]
async fn pauses_are_slept() {
    let server = InProcess::new(|_request| async {
        http::Response::builder().status(503).header("retry-after", "4").body(Full::<Bytes>::default())
    });
    let client =
        Client::builder().base_url("http://in-process.test").transport(server).build().expect("a client");
    let began = Instant::now();
    let error = client.tenants().get(TENANT).send().await.expect_err("503");
    assert_eq!((error.attempts().len(), began.elapsed().as_secs()), (3, 8));
}

#[tokio::test(start_paused = true)]
async fn limits_are_kept() {
    let server = InProcess::new(|_request| {
        std::future::pending::<Result<http::Response<Full<Bytes>>, std::io::Error>>()
    });
    let client =
        Client::builder().base_url("http://in-process.test").transport(server).build().expect("a client");
    let began = Instant::now();
    let error = client.tenants().get(TENANT).send().await.expect_err("no answer");
    assert!(error.is_timeout());
    // Two attempts of 30 s and a pause of less than 100 ms: the second is cut at the limit of the call.
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    assert_eq!(error.code(), "operation-timeout");
}

#[tokio::test]
async fn the_time_of_day_is_the_systems() {
    // A date of the past is no pause, and one of a far future no call outlives: the clock reads a time between them.
    for (date, attempts) in [("Thu, 01 Jan 2026 00:00:00 GMT", 2), ("Fri, 01 Jan 2100 00:00:00 GMT", 1)] {
        let server = InProcess::new(move |_request| async move {
            http::Response::builder().status(503).header("retry-after", date).body(Full::<Bytes>::default())
        });
        let builder = Client::builder().base_url("http://in-process.test").transport(server).max_attempts(2);
        let error = builder.build().expect("a client").tenants().get(TENANT).send().await.expect_err("503");
        assert_eq!(error.attempts().len(), attempts, "{date}");
    }
}
