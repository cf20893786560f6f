//! What is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use super::load::{Client, Load, MakeRequest, Sample};
use super::report::{Figure, Unit};
use super::subject::Subject;
use super::{BenchError, BenchOptions};
use crate::kernel::clock::Clock;

/// How often an import's operation is asked after.
const POLL: Duration = Duration::from_millis(20);

/// Privileged durable writes per second (`POST /tenants`), against the bare handler, round about.
pub(super) async fn writes(
    options: &BenchOptions,
    subject: &Subject,
    peer: SocketAddr,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Figure>, BenchError> {
    let mut ours = Vec::new();
    let mut bare = Vec::new();
    for round in 0..options.rounds {
        let load = |address, make| Load {
            address,
            clients: options.clients,
            duration: options.round,
            expect: StatusCode::CREATED,
            make,
        };
        bare.push(load(peer, bare_write()).run(clock).await?);
        ours.push(load(subject.address(), create_tenant(subject, round)).run(clock).await?);
    }
    let ratios: Vec<f64> =
        ours.iter().zip(&bare).map(|(ours, bare)| ours.per_second / bare.per_second).collect();
    Ok(vec![
        Figure::of("durable privileged writes", Unit::PerSecond, &rates(&ours)),
        Figure::of("durable privileged writes, p50", Unit::Millis, &quantiles(&ours, 0.50)),
        Figure::of("durable privileged writes, p99", Unit::Millis, &quantiles(&ours, 0.99)),
        Figure::of("bare group-committing handler", Unit::PerSecond, &rates(&bare)),
        Figure::of("bare group-committing handler, p99", Unit::Millis, &quantiles(&bare, 0.99)),
        Figure::of("privileged writes / bare handler", Unit::Ratio, &ratios),
    ])
}

/// Reads of one tenant per second (`GET /tenants/{id}`).
pub(super) async fn reads(
    options: &BenchOptions,
    subject: &Subject,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Figure>, BenchError> {
    let mut client = Client::connect(subject.address()).await?;
    let created = client.send(create_tenant(subject, options.rounds)(0)).await?;
    let tenant: Value = parse(created.body())?;
    let path = format!("/tenants/{}", tenant["id"].as_str().unwrap_or_default());
    let bearer = subject.bearer();
    let make: MakeRequest = Arc::new(move |_| request(Method::GET, &path, &bearer, &[], Bytes::new()));
    let mut samples = Vec::new();
    for _ in 0..options.rounds {
        let load = Load {
            address: subject.address(),
            clients: options.clients,
            duration: options.round,
            expect: StatusCode::OK,
            make: Arc::clone(&make),
        };
        samples.push(load.run(clock).await?);
    }
    Ok(vec![
        Figure::of("reads", Unit::PerSecond, &rates(&samples)),
        Figure::of("reads, p99", Unit::Millis, &quantiles(&samples, 0.99)),
    ])
}

/// Rows per second of a bulk import: a dry run over HTTP, and from the upload's first byte to the last tenant on disk.
pub(super) async fn import(
    options: &BenchOptions,
    subject: &Subject,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Figure>, BenchError> {
    let mut dry = Vec::new();
    let mut whole = Vec::new();
    let mut commit = Vec::new();
    let mut client = Client::connect(subject.address()).await?;
    let rows = options.rows as f64;
    for round in 0..options.rounds {
        let file = csv(options.rows, round);
        let started = clock.instant();
        upload(&mut client, subject, &format!("d{round}"), "?dry_run=true", &file, StatusCode::OK).await?;
        dry.push(rows / clock.instant().duration_since(started).as_secs_f64());

        let started = clock.instant();
        let accepted =
            upload(&mut client, subject, &format!("c{round}"), "", &file, StatusCode::ACCEPTED).await?;
        let staged = clock.instant();
        let operation = accepted["id"].as_str().unwrap_or_default().to_owned();
        wait(&mut client, subject, &operation).await?;
        let done = clock.instant();
        whole.push(rows / done.duration_since(started).as_secs_f64());
        commit.push(rows / done.duration_since(staged).as_secs_f64());
    }
    Ok(vec![
        Figure::of("import, dry run over HTTP", Unit::RowsPerSecond, &dry),
        Figure::of("import, upload to last tenant", Unit::RowsPerSecond, &whole),
        Figure::of("import, commit of staged rows", Unit::RowsPerSecond, &commit),
    ])
}

async fn upload(
    client: &mut Client,
    subject: &Subject,
    key: &str,
    query: &str,
    file: &Bytes,
    expect: StatusCode,
) -> Result<Value, BenchError> {
    let headers = [("content-type", "text/csv"), ("idempotency-key", key)];
    let path = format!("/tenants/bulk-import{query}");
    let answer = client.send(request(Method::POST, &path, &subject.bearer(), &headers, file.clone())).await?;
    if answer.status() == expect { parse(answer.body()) } else { Err(unexpected(&answer)) }
}

async fn wait(client: &mut Client, subject: &Subject, operation: &str) -> Result<(), BenchError> {
    let path = format!("/operations/{operation}");
    loop {
        let answer = client.send(request(Method::GET, &path, &subject.bearer(), &[], Bytes::new())).await?;
        let state: Value = parse(answer.body())?;
        match state["status"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("queued" | "running") => tokio::time::sleep(POLL).await,
            _ => return Err(unexpected(&answer)),
        }
    }
}

fn unexpected(answer: &http::Response<Bytes>) -> BenchError {
    BenchError::Answer { status: answer.status(), body: String::from_utf8_lossy(answer.body()).into_owned() }
}

fn parse(body: &[u8]) -> Result<Value, BenchError> {
    serde_json::from_slice(body)
        .map_err(|error| BenchError::Server(format!("an answer is not JSON: {error}")))
}

fn csv(rows: usize, round: usize) -> Bytes {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows * 48);
    text.push_str("external_id,name,labels.sector\n");
    for row in 0..rows {
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "r{round}-{row:07},Company number {row},Industrials");
    }
    Bytes::from(text)
}

fn create_tenant(subject: &Subject, round: usize) -> MakeRequest {
    let bearer = subject.bearer();
    Arc::new(move |n| {
        let key = format!("w{round}-{n}");
        let body = format!(r#"{{"external_id":"w{round}-{n}","name":"Company number {n}"}}"#);
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        request(Method::POST, "/tenants", &bearer, &headers, Bytes::from(body))
    })
}

fn bare_write() -> MakeRequest {
    Arc::new(|n| {
        let body = format!(r#"{{"external_id":"w-{n}","name":"Company number {n}"}}"#);
        request(Method::POST, "/rows", "", &[("content-type", "application/json")], Bytes::from(body))
    })
}

fn request(
    method: Method,
    path: &str,
    bearer: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    // The paths are made above of characters a path may have.
    *request.uri_mut() = path.parse().unwrap_or_default();
    let fields = request.headers_mut();
    fields.insert(header::HOST, http::HeaderValue::from_static("127.0.0.1"));
    for (name, value) in headers.iter().copied().chain([("authorization", bearer)]) {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value))
        {
            fields.insert(name, value);
        }
    }
    request
}

fn rates(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.per_second).collect()
}

fn quantiles(samples: &[Sample], share: f64) -> Vec<f64> {
    samples.iter().map(|sample| sample.quantile(share).as_secs_f64() * 1_000.0).collect()
}
