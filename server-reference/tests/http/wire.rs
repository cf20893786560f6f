//! Raw sockets: what only shows on the wire. Nothing may hang, so every read has an end.

use std::time::Duration;

use companyos_server::kernel::settings::Limits;
use companyos_server::serve::{Drained, Encryption, ServeOptions};
use companyos_server::testing::{Listening, TestServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Api;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server with short patience.
async fn server() -> (Api, Listening) {
    let limits = Limits { body_timeout: Duration::from_millis(300), ..Limits::default() };
    let api = Api::from(TestServer::builder().limits(limits)).await;
    let options = ServeOptions { header_timeout: Duration::from_millis(300), ..ServeOptions::default() };
    let listening = api.listen_with(Encryption::None, options).await.unwrap();
    (api, listening)
}

/// Sends bytes and reads until the server closes.
async fn exchange(listening: &Listening, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(listening.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    read.await.expect("the server hangs").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The problem of an answer, after a look at its head.
fn problem(answer: &str, status: u16) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    assert!(head.contains("request-id: req_") && !head.contains("\r\nserver:"), "{answer}");
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_a_problem() {
    let (_api, listening) = server().await;
    for request in [
        "GARBAGE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: \u{0}\r\n\r\n",
        "GET /\u{7f} HTTP/1.1\r\n\r\n",
        "POST /api-keys HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST /api-keys HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        "POST /api-keys HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let answer = exchange(&listening, request.as_bytes()).await;
        assert_eq!(problem(&answer, 400)["code"], "malformed-request", "{request:?}");
    }
}

#[tokio::test]
async fn targets_that_are_no_path_are_not_found() {
    let (_api, listening) = server().await;
    for request in ["OPTIONS * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "GET http://a/nope HTTP/1.1"] {
        let request = format!("{request}\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = exchange(&listening, request.as_bytes()).await;
        assert_eq!(problem(&answer, 404)["code"], "not-found", "{request}");
    }
}

#[tokio::test]
async fn an_endless_header_is_cut_short_with_a_problem() {
    let (_api, listening) = server().await;
    let many = format!("GET /meta HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-a: b\r\n".repeat(500));
    let long = format!("GET /meta HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n", "a".repeat(40_000));
    let endless = format!("GET /meta HTTP/1.1\r\nhost: a\r\nx-a: {}", "a".repeat(300_000));
    for request in [many, long, endless] {
        let answer = exchange(&listening, request.as_bytes()).await;
        assert_eq!(problem(&answer, 431)["code"], "header-fields-too-large");
    }
    let target = format!("GET /{} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "a".repeat(10_000));
    assert_eq!(problem(&exchange(&listening, target.as_bytes()).await, 414)["code"], "uri-too-long");
}

#[tokio::test]
async fn a_slow_header_is_given_up_with_a_problem_and_an_idle_connection_without() {
    let (_api, listening) = server().await;
    let answer = exchange(&listening, b"GET /meta HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    assert_eq!(problem(&answer, 408)["code"], "request-timeout");
    assert_eq!(exchange(&listening, b"").await, "");
}

fn post(api: &Api, headers: &str) -> String {
    let key = api.operator_key();
    format!(
        "POST /api-keys HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\nidempotency-key: k1\r\n\
         content-type: application/json\r\nconnection: close\r\n{headers}\r\n"
    )
}

#[tokio::test]
async fn a_slow_body_is_given_up_with_a_problem() {
    let (api, listening) = server().await;
    let request = post(&api, "content-length: 100\r\n") + "{\"name\":";
    assert_eq!(problem(&exchange(&listening, request.as_bytes()).await, 408)["code"], "request-timeout");

    // One byte now and then is no better than none.
    let mut stream = TcpStream::connect(listening.address()).await.unwrap();
    stream.write_all(post(&api, "content-length: 1000\r\n").as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let drip = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = vec![0; 4_096];
    let length =
        tokio::time::timeout(PATIENCE, read.read(&mut answer)).await.expect("the server hangs").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    drip.abort();
}

#[tokio::test]
async fn an_upload_that_is_too_large_reads_its_answer() {
    let (api, listening) = server().await;
    let declared = post(&api, "content-length: 3000000\r\n") + &" ".repeat(3_000_000);
    assert_eq!(problem(&exchange(&listening, declared.as_bytes()).await, 413)["code"], "content-too-large");
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let chunked = post(&api, "transfer-encoding: chunked\r\n") + &chunk.repeat(40) + "0\r\n\r\n";
    assert_eq!(problem(&exchange(&listening, chunked.as_bytes()).await, 413)["code"], "content-too-large");
}

#[tokio::test]
async fn a_broken_transfer_is_malformed_and_does_nothing() {
    let (api, listening) = server().await;
    let request = post(&api, "transfer-encoding: chunked\r\n") + "zz\r\n{}\r\n0\r\n\r\n";
    assert_eq!(problem(&exchange(&listening, request.as_bytes()).await, 400)["code"], "malformed-request");
    let mut stream = TcpStream::connect(listening.address()).await.unwrap();
    let half = post(&api, "content-length: 100\r\n") + "{";
    stream.write_all(half.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(problem(&rest(&mut stream).await, 400)["code"], "malformed-request");
    assert_eq!(api.receipts().await.len(), 1, "only the first key's");
}

#[tokio::test]
async fn a_connection_is_kept_and_serves_many_requests() {
    let (_api, listening) = server().await;
    let one = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = exchange(&listening, (one.repeat(3) + last).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 4);
}

async fn planned(api: &Api, fault: &str) -> String {
    let plan = json!({ "instructions": [{ "operation_id": "getMeta", "faults": [fault] }] });
    let made = api.operator("POST", "/retry-tests").json(&plan).send().await.json();
    let id = made["id"].as_str().unwrap();
    format!("GET /meta HTTP/1.1\r\nhost: a\r\nretry-test-id: {id}\r\n\r\n")
}

#[tokio::test]
async fn a_planned_reset_is_a_reset() {
    let (api, listening) = server().await;
    let request = planned(&api, "reset-connection").await;
    let mut stream = TcpStream::connect(listening.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read =
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server hangs");
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_planned_broken_body_ends_before_its_length() {
    let (api, listening) = server().await;
    let answer = exchange(&listening, planned(&api, "broken-body").await.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.to_ascii_lowercase().split("content-length: ").nth(1).unwrap().to_owned();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    assert!(!body.is_empty() && body.len() < length, "{} of {length}", body.len());
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_runs_and_takes_nothing_new() {
    let (api, listening) = server().await;
    let address = listening.address();
    let request = planned(&api, "stall-1s").await;
    let mut running = TcpStream::connect(address).await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    running.write_all(request.as_bytes()).await.unwrap();
    while api.app().dispatcher().kernel().requests_running() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stopped = tokio::spawn(listening.stop());
    assert!(rest(&mut running).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(stopped.await.unwrap(), Some(Drained::Completely));
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!api.app().dispatcher().kernel().health.is_serving());
}

#[tokio::test]
async fn a_server_about_to_stop_says_so_while_it_still_takes_connections() {
    let api = Api::start().await;
    let options = ServeOptions { drain_delay: Duration::from_millis(500), ..ServeOptions::default() };
    let listening = api.listen_with(Encryption::None, options).await.unwrap();
    let address = listening.address();
    let stopped = tokio::spawn(listening.stop());
    while api.app().dispatcher().kernel().health.is_serving() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(problem(&rest(&mut stream).await, 503)["code"], "unavailable");
    assert_eq!(stopped.await.unwrap(), Some(Drained::Completely));
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_timeout_is_cut() {
    let api = Api::start().await;
    let options = ServeOptions { drain_timeout: Duration::from_millis(100), ..ServeOptions::default() };
    let listening = api.listen_with(Encryption::None, options).await.unwrap();
    let request = planned(&api, "stall-30s").await;
    let mut running = TcpStream::connect(listening.address()).await.unwrap();
    running.write_all(request.as_bytes()).await.unwrap();
    while api.app().dispatcher().kernel().requests_running() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(listening.stop().await, Some(Drained::Cut { connections: 1 }));
    assert_eq!(api.app().dispatcher().kernel().requests_running(), 0);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_their_turn() {
    let api = Api::start().await;
    let options = ServeOptions { connections: 1, ..ServeOptions::default() };
    let listening = api.listen_with(Encryption::None, options).await.unwrap();
    let first = TcpStream::connect(listening.address()).await.unwrap();
    let mut second = TcpStream::connect(listening.address()).await.unwrap();
    second.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.read_u8()).await;
    assert!(early.is_err(), "the second connection was served beside the first");
    drop(first);
    assert!(rest(&mut second).await.starts_with("HTTP/1.1 200 OK"));
}
