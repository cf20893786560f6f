//! What the client costs over the HTTP client below it, in CPU time of the calling thread.
//!
//! The same two typed calls, a keyed POST and a GET, go to the same server on the loopback: through this crate, through
//! reqwest alone, and through a bare hyper connection. The goals are at most 5 µs over reqwest and 15 µs over hyper.
//! A fourth run answers within the process and so shows the client's own cost without any transport.
//!
//! The server runs on a thread of its own, and everything of the client on the measured thread. What is measured is CPU
//! time, not wall time: a loopback round trip on a busy machine varies by more than what is looked for.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be prepared has failed")]

use std::convert::Infallible;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use companyos_sdk::types::tenants::{Tenant, TenantCreate};
use companyos_sdk::{Client, InProcess};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const TOKEN: &str = "cos_dev_00000000000000000000000000000000000000000000";
const ID: &str = "tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
const TENANT: &str = r#"{"id":"tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab","external_id":"MMM","name":"3M","region":"us-east-1","status":"active","owner_id":"tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab","labels":{"sector":"Industrials"},"version":1,"created_at":"2026-01-16T09:30:00.000000Z","updated_at":"2026-01-16T09:30:00.000000Z"}"#;

/// CPU time of the calling thread, from Linux's scheduler; elsewhere wall time.
struct ThreadCpu;

impl ThreadCpu {
    fn now() -> Duration {
        let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|text| text.split(' ').next().and_then(|first| first.parse().ok()));
        nanoseconds.map_or_else(|| BEGAN.with(|began| began.elapsed()), Duration::from_nanos)
    }
}

thread_local! {
    static BEGAN: std::time::Instant = std::time::Instant::now();
}

impl Measurement for ThreadCpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, began: Duration) -> Duration {
        Self::now().saturating_sub(began)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(TENANT.as_bytes())));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("receipt-id", HeaderValue::from_static("rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab"));
    headers.insert("request-id", HeaderValue::from_static("req_0193e2a1-7b2c-7d10-8a3f-0123456789ab"));
    response
}

/// Starts the server on a thread of its own.
fn serve() -> SocketAddr {
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("an address")).expect("told");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async {
                    request.into_body().collect().await.expect("a body");
                    Ok::<_, Infallible>(answer())
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
    });
    address.recv().expect("the server listens")
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn body() -> TenantCreate {
    TenantCreate::new("MMM", "3M").with_region("us-east-1")
}

async fn sdk_post(client: &Client, body: &TenantCreate) -> Tenant {
    client.tenants().create(body).send().await.expect("created").into_inner()
}

async fn sdk_get(client: &Client) -> Tenant {
    client.tenants().get(ID).send().await.expect("a tenant").into_inner()
}

/// What somebody writes who needs a typed call and nothing else.
async fn reqwest_post(client: &reqwest::Client, base: &str, body: &TenantCreate) -> Tenant {
    let request = client
        .post(format!("{base}/tenants"))
        .bearer_auth(TOKEN)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(body).expect("JSON"));
    let response = request.send().await.expect("an answer").error_for_status().expect("a success");
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("a tenant")
}

async fn reqwest_get(client: &reqwest::Client, base: &str) -> Tenant {
    let request = client.get(format!("{base}/tenants/{ID}")).bearer_auth(TOKEN);
    let response = request.send().await.expect("an answer").error_for_status().expect("a success");
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("a tenant")
}

async fn hyper_call(connection: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Tenant {
    connection.ready().await.expect("ready");
    let response = connection.send_request(request).await.expect("an answer");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&body).expect("a tenant")
}

fn hyper_request(method: &str, path: String, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a request")
}

fn overhead(c: &mut Criterion<ThreadCpu>) {
    let address = serve();
    let base = format!("http://{address}");
    let runtime = runtime();
    let body = body();

    let sdk = Client::builder().base_url(&base).api_key(TOKEN.to_owned()).build().expect("a client");
    let in_process = Client::builder()
        .base_url(&base)
        .api_key(TOKEN.to_owned())
        .transport(InProcess::new(|_request| async { Ok::<_, Infallible>(answer()) }))
        .build()
        .expect("a client");
    let plain = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
    let mut connection = runtime.block_on(async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender
    });

    let mut group = c.benchmark_group("post");
    group.bench_function("sdk", |b| b.iter(|| black_box(runtime.block_on(sdk_post(&sdk, &body)))));
    group.bench_function("reqwest", |b| {
        b.iter(|| black_box(runtime.block_on(reqwest_post(&plain, &base, &body))))
    });
    group.bench_function("hyper", |b| {
        b.iter(|| {
            let body = serde_json::to_vec(&body).expect("JSON");
            let request = hyper_request("POST", "/tenants".to_owned(), body);
            black_box(runtime.block_on(hyper_call(&mut connection, request)))
        });
    });
    group.bench_function("sdk-in-process", |b| {
        b.iter(|| black_box(runtime.block_on(sdk_post(&in_process, &body))))
    });
    group.finish();

    let mut group = c.benchmark_group("get");
    group.bench_function("sdk", |b| b.iter(|| black_box(runtime.block_on(sdk_get(&sdk)))));
    group.bench_function("reqwest", |b| b.iter(|| black_box(runtime.block_on(reqwest_get(&plain, &base)))));
    group.bench_function("hyper", |b| {
        b.iter(|| {
            let request = hyper_request("GET", format!("/tenants/{ID}"), Vec::new());
            black_box(runtime.block_on(hyper_call(&mut connection, request)))
        });
    });
    group.bench_function("sdk-in-process", |b| b.iter(|| black_box(runtime.block_on(sdk_get(&in_process)))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(ThreadCpu)
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(6));
    targets = overhead
}
criterion_main!(benches);
