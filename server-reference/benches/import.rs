//! What checking and planning a file costs over bare parsing, and how fast an import is applied.
//!
//! Goals: at least 1,000,000 rows a second are checked and planned (`check/*`), beside `bare/csv`, which only splits the
//! same file with the `csv` crate, deserializes it with serde and looks at the lengths; at least 50,000 tenants a second
//! are created in a SQLite file that grows with every import (`commit`), from the first byte of the request to the end of
//! its operation. `report` is the same up to the answer of a dry run, its rows stored for listing included; the goal of
//! checking holds for it, too. Both go through the whole server without a socket.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use companyos_server::areas::tenants::checks::Regions;
use companyos_server::areas::tenants::import::plan::Planner;
use companyos_server::areas::tenants::import::{Format, Importer, Limits, Options};
use companyos_server::testing::TestServer;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, Response};
use serde::Deserialize;

const ROWS: u64 = 100_000;

fn csv_file(start: u64) -> String {
    let rows = (start..start + ROWS).map(|i| {
        format!(
            "customer-{i:08},\"Customer, number {i}\",eu-west-1,it@customer-{i}.example,gold,Health Care\n"
        )
    });
    format!("external_id,name,region,contact_email,labels.tier,labels.sector\n{}", rows.collect::<String>())
}

fn json_rows() -> impl Iterator<Item = String> {
    (0..ROWS).map(|i| {
        format!(
            "{{\"external_id\":\"customer-{i:08}\",\"name\":\"Customer, number {i}\",\"region\":\"eu-west-1\",\
             \"contact_email\":\"it@customer-{i}.example\",\"labels\":{{\"tier\":\"gold\",\"sector\":\"Health Care\"}}}}"
        )
    })
}

/// Reads, checks and plans a file in pieces as a connection would deliver them, and returns how many rows are fine.
fn check(format: Format, file: &[u8]) -> u64 {
    let mut importer = Importer::new(Options {
        format,
        mapping: None,
        delimiter: None,
        regions: Regions::new("eu-west-1", []),
        limits: Limits::default(),
    });
    let mut planner = Planner::new();
    let nothing = HashMap::new();
    for mut piece in file.chunks(64 * 1024) {
        while !piece.is_empty() {
            let Ok(taken) = importer.read(piece) else { return 0 };
            piece = &piece[taken..];
            if importer.is_full() {
                black_box(planner.plan(&importer.take_batch(), &nothing));
            }
        }
    }
    if importer.finish().is_err() {
        return 0;
    }
    black_box(planner.plan(&importer.take_batch(), &nothing));
    planner.counts().create
}

#[derive(Deserialize)]
struct Bare<'a> {
    external_id: &'a str,
    name: &'a str,
    region: &'a str,
    contact_email: &'a str,
    #[serde(rename = "labels.tier")]
    tier: &'a str,
    #[serde(rename = "labels.sector")]
    sector: &'a str,
}

fn bare(file: &[u8]) -> u64 {
    let mut reader = csv::Reader::from_reader(file);
    let Ok(header) = reader.headers().cloned() else { return 0 };
    let mut record = csv::StringRecord::new();
    let mut fine = 0;
    while matches!(reader.read_record(&mut record), Ok(true)) {
        let Ok(row) = record.deserialize::<Bare<'_>>(Some(&header)) else { return 0 };
        let valid = (1..=128).contains(&row.external_id.len())
            && (1..=200).contains(&row.name.len())
            && row.region == "eu-west-1"
            && row.contact_email.contains('@')
            && row.tier.len() + row.sector.len() <= 512;
        fine += u64::from(valid);
    }
    fine
}

fn parse(c: &mut Criterion) {
    let csv = csv_file(0);
    let array = format!("[{}]", json_rows().collect::<Vec<_>>().join(","));
    let lines = json_rows().collect::<Vec<_>>().join("\n");
    let mut group = c.benchmark_group("import");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("bare/csv", |b| b.iter(|| assert_eq!(bare(black_box(csv.as_bytes())), ROWS)));
    for (name, format, file) in [
        ("check/csv", Format::Csv, &csv),
        ("check/json", Format::Json, &array),
        ("check/ndjson", Format::Ndjson, &lines),
    ] {
        group
            .bench_function(name, |b| b.iter(|| assert_eq!(check(format, black_box(file.as_bytes())), ROWS)));
    }
    group.finish();
}

/// A server on a SQLite file, and requests to it.
struct Server {
    server: TestServer,
    runtime: tokio::runtime::Runtime,
    next: u64,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite:{}/companyos.db", folder.path().display());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = runtime.block_on(TestServer::builder().database_url(url).start())?;
        // On a clock that stands still all ids would be of one instant and in no order, which is not what a server does.
        let ticking = server.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(1));
                ticking.clock().advance(Duration::from_millis(1));
            }
        });
        Ok(Self { server, runtime, next: 0, _folder: folder })
    }

    /// Rows nobody has imported yet.
    fn file(&mut self) -> Bytes {
        self.next += ROWS;
        csv_file(self.next).into()
    }

    async fn call(&self, method: &str, path: &str, body: Bytes) -> Option<Response<Bytes>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.server.operator_key()))
            .header("content-type", "text/csv")
            .header("idempotency-key", format!("bench-{}-{}", self.next, path.len()))
            .body(body)
            .ok()?;
        self.server.call(request).await.ok()
    }

    /// Imports and waits for the end; whether it succeeded.
    fn import(&self, file: Bytes) -> bool {
        self.runtime.block_on(async {
            let accepted = self.call("POST", "/tenants/bulk-import", file).await?;
            let location = accepted.headers().get("location")?.to_str().ok()?.to_owned();
            loop {
                let operation = self.read(&location).await?;
                match operation["status"].as_str()? {
                    "queued" | "running" => tokio::time::sleep(Duration::from_millis(2)).await,
                    status => return Some(status == "succeeded"),
                }
            }
        }) == Some(true)
    }

    async fn read(&self, path: &str) -> Option<serde_json::Value> {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", self.server.operator_key()))
            .body(Bytes::new())
            .ok()?;
        serde_json::from_slice(self.server.call(request).await.ok()?.body()).ok()
    }

    fn dry_run(&self, file: Bytes) -> bool {
        let answer = self.call("POST", "/tenants/bulk-import?dry_run=true", file);
        self.runtime.block_on(answer).is_some_and(|answer| answer.status() == 200)
    }
}

fn apply(c: &mut Criterion) {
    let Ok(mut server) = Server::start() else {
        return;
    };
    let mut group = c.benchmark_group("import");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10).measurement_time(Duration::from_secs(20));
    for name in ["report", "commit"] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || (),
                |()| {
                    let file = server.file();
                    let done = if name == "report" { server.dry_run(file) } else { server.import(file) };
                    assert!(done, "the import must succeed");
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, parse, apply);
criterion_main!(benches);
