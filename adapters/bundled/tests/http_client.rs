//! The shared HTTP client: what it refuses, what it bounds, and what it says about the effect of a call that failed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use companyos_adapters::http::{HttpClient, HttpConfig, answered, request_id, retry_after};
use companyos_adapters::traits::clock::{Clock, ManualClock, SystemClock};
use companyos_adapters::traits::{Context, Error, ErrorKind, Outcome, RetryClass};
use futures_util::StreamExt;
use http::{HeaderMap, Request, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn client(config: HttpConfig) -> HttpClient {
    HttpClient::new(&config, Arc::new(SystemClock)).unwrap()
}

fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}

fn ctx_for(time: Duration) -> Context {
    Context::builder("acme", "eu-central").deadline(Instant::now() + time).build()
}

fn get(url: impl AsRef<str>) -> Request<Bytes> {
    Request::get(url.as_ref()).body(Bytes::new()).unwrap()
}

async fn refusal(url: &str) -> Error {
    client(HttpConfig::default()).send(&ctx(), get(url)).await.unwrap_err()
}

/// A server that gives each connection to `serve` and answers nothing by itself.
async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Reads a request's head, then writes `answer` and leaves the connection open until the client closes it.
async fn answer_and_stall(mut stream: TcpStream, answer: &[u8]) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer).await;
    let _ = stream.read(&mut head).await;
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    let server = MockServer::start().await;
    for status in [200, 204, 304, 308, 400, 404, 500] {
        server.reset().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        let response = client(HttpConfig::default()).send(&ctx(), get(server.uri())).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("done")).mount(&server).await;
    let request = Request::put(format!("{}/a%2Fb?c=d%20e", server.uri()))
        .header("x-field", "value")
        .body(Bytes::from_static(b"body"))
        .unwrap();
    let response = client(HttpConfig::default()).send(&ctx(), request).await.unwrap();
    assert_eq!(&response.body()[..], b"done");

    let seen = &server.received_requests().await.unwrap()[0];
    assert_eq!(seen.method, "PUT");
    assert_eq!((seen.url.path(), seen.url.query()), ("/a%2Fb", Some("c=d%20e")));
    assert_eq!(seen.headers["x-field"], "value");
    assert_eq!(seen.body, b"body");
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("companyos-adapters/"));
    assert!(!seen.headers.contains_key("accept-encoding"), "no decompression, so no bomb");
}

#[tokio::test]
async fn a_redirect_is_refused_and_named_without_its_secrets() {
    let server = MockServer::start().await;
    for status in [301, 302, 303, 307, 308] {
        server.reset().await;
        let target = "http://169.254.169.254/latest?token=hush";
        let redirect = ResponseTemplate::new(status).insert_header("location", target);
        Mock::given(path("/start")).respond_with(redirect).mount(&server).await;
        let url = format!("{}/start", server.uri());
        let error = client(HttpConfig::default()).send(&ctx(), get(url)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Internal);
        assert_eq!((error.outcome(), error.retry()), (Outcome::Answered, RetryClass::Permanent));
        assert_eq!(error.provider_code(), Some(status.to_string().as_str()));
        assert!(error.to_string().contains("a redirect to http://169.254.169.254,"), "{error}");
        assert!(!format!("{error:?}").contains("hush"));
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn plain_http_goes_to_the_own_machine_only() {
    for url in [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://[::2]/",
        "ftp://127.0.0.1/",
        "/path",
    ] {
        let error = refusal(url).await;
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::InvalidInput, Outcome::NotSent), "{url}");
    }
    // Port 9 is closed: these get as far as connecting.
    for url in ["http://127.0.0.1:9/", "http://127.8.8.8:9/", "http://localhost:9/", "http://[::1]:9/"] {
        let error = refusal(url).await;
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent), "{url}");
        let strict = client(HttpConfig::default().https_only(true));
        let error = strict.send(&ctx(), get(url)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{url}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_announced_or_not() {
    let config = || HttpConfig::default().max_response_bytes(100);
    let server = MockServer::start().await;
    for (length, fits) in [(100, true), (101, false)] {
        server.reset().await;
        let body = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; length]);
        Mock::given(any()).respond_with(body).mount(&server).await;
        let result = client(config()).send(&ctx(), get(server.uri())).await;
        assert_eq!(result.is_ok(), fits, "{length} bytes");
    }
    // Never ends, so only counting what arrives can stop it.
    let url = raw(async |mut stream: TcpStream| {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"10\r\n0123456789abcdef\r\n").await.is_ok() {}
    })
    .await;
    let error = client(config()).send(&ctx(), get(url)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Internal, Outcome::MaybeSent));
    assert!(error.message().contains("exceeds 100 bytes"), "{error}");
}

#[tokio::test]
async fn silence_ends_at_the_first_of_the_read_timeout_the_total_timeout_and_the_deadline() {
    let url = raw(async |stream| answer_and_stall(stream, b"").await).await;
    let (short, long) = (Duration::from_millis(150), Duration::from_secs(20));
    let with = |read, total| HttpConfig::default().read_timeout(read).total_timeout(total);
    for (config, deadline, kind, retry) in [
        (with(short, long), Some(long), ErrorKind::Unavailable, RetryClass::Temporary),
        (with(long, short), Some(long), ErrorKind::Unavailable, RetryClass::Temporary),
        (with(long, short), None, ErrorKind::Unavailable, RetryClass::Temporary),
        (with(long, long), Some(short), ErrorKind::DeadlineExceeded, RetryClass::Permanent),
    ] {
        let client = client(config);
        let began = Instant::now();
        let error = client.send(&deadline.map_or_else(ctx, ctx_for), get(&url)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (&kind, retry), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeSent, "the request was sent: {error}");
        assert!(began.elapsed() < long / 2);
    }
}

#[tokio::test]
async fn a_body_that_trickles_cannot_outlast_the_total_timeout() {
    let url = raw(async |mut stream: TcpStream| {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let config = HttpConfig::default().total_timeout(Duration::from_millis(300));
    let error = client(config).send(&ctx(), get(&url)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent));

    // A streamed body may take its time, but not beyond the caller's deadline.
    let config = HttpConfig::default().total_timeout(Duration::from_millis(300));
    let response = client(config).open(&ctx_for(Duration::from_millis(900)), get(&url)).await;
    let pieces: Vec<_> = response.unwrap().into_body().collect().await;
    let (last, before) = pieces.split_last().unwrap();
    assert!(before.len() > 6, "{} pieces outlast the total timeout", before.len());
    assert!(before.iter().all(Result::is_ok));
    assert_eq!(last.as_ref().unwrap_err().kind(), &ErrorKind::DeadlineExceeded);
}

#[tokio::test]
async fn a_deadline_that_has_passed_sends_nothing() {
    let server = MockServer::start().await;
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    let client = HttpClient::new(&HttpConfig::default(), clock.clone()).unwrap();
    let ctx = Context::builder("acme", "eu-central").deadline(clock.now() + Duration::from_secs(5)).build();
    clock.advance(Duration::from_secs(5));
    let error = client.send(&ctx, get(server.uri())).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::NotSent));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_effect_open() {
    let url = raw(async |mut stream: TcpStream| {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
    })
    .await;
    let error = client(HttpConfig::default()).send(&ctx(), get(format!("{url}?key=hush"))).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent));
    assert!(error.source().is_some());
    assert!(!format!("{error:?}").contains("hush"), "an error shows no URL: {error:?}");
}

#[tokio::test]
async fn a_body_that_is_cut_is_an_error_read_whole_or_streamed() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let url = raw(async move |mut stream: TcpStream| {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(cut).await;
    })
    .await;
    let client = client(HttpConfig::default());
    let error = client.send(&ctx(), get(&url)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent));

    let pieces: Vec<_> = client.open(&ctx(), get(&url)).await.unwrap().into_body().collect().await;
    let (last, before) = pieces.split_last().unwrap();
    assert_eq!(before.iter().map(|piece| piece.as_ref().unwrap().len()).sum::<usize>(), 4);
    assert_eq!(last.as_ref().unwrap_err().kind(), &ErrorKind::Unavailable);
}

/// A server with a certificate that nobody but itself has signed. Returns its URL and the certificate in PEM.
async fn with_tls() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let url = raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (url.replace("http://127.0.0.1", "https://localhost"), made.cert.pem())
}

#[tokio::test]
async fn a_certificate_is_accepted_from_a_root_that_is_trusted_for_the_name_it_is_for() {
    let (url, root) = with_tls().await;
    let stranger = client(HttpConfig::default()).send(&ctx(), get(&url)).await.unwrap_err();
    assert_eq!((stranger.kind(), stranger.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));

    let trusting = client(HttpConfig::default().https_only(true).add_roots_pem(&*root));
    assert_eq!(trusting.send(&ctx(), get(&url)).await.unwrap().status(), 204);
    let other_name = url.replace("localhost", "127.0.0.1");
    let error = trusting.send(&ctx(), get(other_name)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent));

    let own = client(HttpConfig::default().without_platform_roots().add_roots_pem(root));
    assert_eq!(own.send(&ctx(), get(&url)).await.unwrap().status(), 204);
    let nobody = client(HttpConfig::default().without_platform_roots());
    assert_eq!(nobody.send(&ctx(), get(&url)).await.unwrap_err().outcome(), Outcome::NotSent);

    let nonsense =
        HttpConfig::default().add_roots_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let error = HttpClient::new(&nonsense, Arc::new(SystemClock)).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidInput);
}

#[test]
fn a_status_becomes_an_error_that_keeps_what_the_provider_said() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    headers.insert("request-id", "req_42".parse().unwrap());
    for (status, kind, outcome) in [
        (400, ErrorKind::InvalidInput, Outcome::Answered),
        (401, ErrorKind::Unauthenticated, Outcome::Answered),
        (403, ErrorKind::PermissionDenied, Outcome::Answered),
        (404, ErrorKind::NotFound, Outcome::Answered),
        (408, ErrorKind::Unavailable, Outcome::Answered),
        (429, ErrorKind::RateLimited, Outcome::Answered),
        (500, ErrorKind::Unavailable, Outcome::MaybeSent),
        (503, ErrorKind::Unavailable, Outcome::MaybeSent),
        (302, ErrorKind::Internal, Outcome::Answered),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let error = answered("refunding", status, &headers, SystemTime::UNIX_EPOCH);
        assert_eq!((error.kind(), error.outcome()), (&kind, outcome), "{status}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.provider_request_id(), Some("req_42"));
        assert_eq!(error.provider_code(), Some(status.as_str()));
    }
}

#[test]
fn a_request_id_that_is_not_one_word_is_dropped() {
    for (value, kept) in [("req_42", true), ("two words", false), (&"x".repeat(129), false)] {
        let headers = HeaderMap::from_iter([("x-request-id".parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(request_id(&headers).is_some(), kept, "{value:?}");
    }
}

proptest! {
    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_date_or_not_at_all(value in ".*", seconds: u64, ahead in 0_u64..4_000_000_000) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value: &str| {
            let value = value.parse().ok()?;
            retry_after(&HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]), now)
        };
        prop_assert_eq!(read(&seconds.to_string()), Some(Duration::from_secs(seconds)));
        let date = httpdate::fmt_http_date(now + Duration::from_secs(ahead));
        prop_assert_eq!(read(&date), Some(Duration::from_secs(ahead)));
        prop_assert_eq!(read(&httpdate::fmt_http_date(now - Duration::from_secs(9))), Some(Duration::ZERO));
        if let Some(pause) = read(&value) {
            let digits = value.trim_matches([' ', '\t']).bytes().all(|b| b.is_ascii_digit());
            prop_assert!(digits || httpdate::parse_http_date(value.trim()).is_ok(), "{:?}", pause);
        }
    }
}
