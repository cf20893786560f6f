//! How many writes per second become durable, and how many rows a bulk insert takes.
//!
//! SQLite in a file with `synchronous=FULL` under the target folder, so that the disk measured is the project's.
//! `COMPANYOS_TEST_POSTGRES` adds PostgreSQL.

#![expect(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to report")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use companyos_server::kernel::clock::Timestamp;
use companyos_server::kernel::ids::{Ids, RandomIds};
use companyos_server::keys::KeyStore;
use companyos_server::store::testing::{Schema, deps, draft, leave};
use companyos_server::store::{Commit, Insert, Remember, Row, Store, StoreDeps, StoreError, StoreOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const WRITERS: u64 = 64;
const ROWS: usize = 100_000;

/// Does the same as `tenants` does for one creation: a row, a receipt, an idempotency record.
async fn full_write(store: &Store, number: u64) -> Result<(), StoreError> {
    let receipt = draft(TENANTS[(number % 8) as usize]);
    let mut key = [0; 32];
    key[..16].copy_from_slice(&receipt.id.as_bytes()[24..40]);
    key[16..24].copy_from_slice(&number.to_be_bytes());
    let values = [(&receipt.id).into(), "a thing".into(), receipt.at.into()];
    let row = Row::into("things", &["id", "name", "created_at"], values);
    let remember = Remember { key, fingerprint: [1; 32], response: vec![7; 600], expires_at: Timestamp::MAX };
    let commit = Commit::with_receipt((), receipt).remembering(Some(remember));
    store.write_prepared(Some(row), commit, StoreError::Overloaded).await
}

const TENANTS: [&str; 8] = ["tnt_0", "tnt_1", "tnt_2", "tnt_3", "tnt_4", "tnt_5", "tnt_6", "tnt_7"];

/// The time that many writes take when 64 tasks do them, each the next one after the last is durable.
async fn closed_loop<F>(
    store: &Store,
    writes: u64,
    write: impl Fn(Store, u64) -> F + Copy + Send + 'static,
) -> Duration
where
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut number = writer;
                while number < writes {
                    write(store.clone(), number).await?;
                    number += WRITERS;
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the writer does not panic").expect("the store accepts every write");
    }
    begun.elapsed()
}

async fn open(url: String) -> Store {
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let signer = KeyStore::in_memory(&ids).expect("keys are made").signer();
    let store =
        Store::open(StoreOptions::new(url), StoreDeps { signer, ..deps() }).await.expect("the store opens");
    let created = store.write::<(), StoreError>(|tx| {
        Box::pin(async move {
            let things = "CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, created_at BIGINT NOT NULL)";
            tx.execute(sqlx::query(things)).await?;
            let rows = "CREATE TABLE bulk_rows (id BIGINT NOT NULL PRIMARY KEY, external_id TEXT NOT NULL, \
                        name TEXT NOT NULL, region TEXT NOT NULL, labels TEXT NOT NULL, created_at BIGINT NOT NULL)";
            tx.execute(sqlx::query(rows)).await?;
            Ok(Commit::without_receipt((), "tables for the benchmark"))
        })
    });
    created.await.expect("the tables are created");
    store
}

async fn bulk(store: &Store, from: i64) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let columns = ["id", "external_id", "name", "region", "labels", "created_at"];
                let mut rows = Insert::into("bulk_rows", columns);
                rows.reserve(ROWS);
                for id in from..from + ROWS as i64 {
                    rows.push([
                        id.into(),
                        format!("ext-{id}").into(),
                        "Some Company Incorporated".into(),
                        "eu-west-1".into(),
                        "{}".into(),
                        1_768_555_800_000_000_i64.into(),
                    ]);
                }
                tx.insert(rows).await?;
                Ok(Commit::without_receipt((), "benchmark"))
            })
        })
        .await
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, engine: &str, url: String) {
    let store = runtime.block_on(open(url));
    let mut group = criterion.benchmark_group(format!("store/{engine}"));
    group.sample_size(10).measurement_time(Duration::from_secs(4)).throughput(Throughput::Elements(1));
    group.bench_function("receipt", |bencher| {
        bencher.iter_custom(|writes| {
            runtime.block_on(closed_loop(&store, writes, |store, number| async move {
                leave(&store, draft(TENANTS[(number % 8) as usize])).await
            }))
        });
    });
    group.bench_function("row_receipt_idempotency", |bencher| {
        bencher.iter_custom(|writes| {
            runtime.block_on(closed_loop(&store, writes, |store, number| async move {
                full_write(&store, number).await
            }))
        });
    });
    group.throughput(Throughput::Elements(ROWS as u64));
    let mut next = 0;
    group.bench_function("bulk_rows", |bencher| {
        bencher.iter_custom(|times| {
            let begun = Instant::now();
            for _ in 0..times {
                runtime.block_on(bulk(&store, next)).expect("the rows are inserted");
                next += ROWS as i64;
            }
            begun.elapsed()
        });
    });
    group.finish();
    runtime.block_on(store.shutdown());
}

fn store(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-store");
    let _absent = std::fs::remove_dir_all(&folder);
    measure(criterion, &runtime, "sqlite", format!("sqlite:{}", folder.join("companyos.db").display()));
    let _left = std::fs::remove_dir_all(&folder);
    if let Some(schema) = runtime.block_on(Schema::create()) {
        measure(criterion, &runtime, "postgres", schema.url.clone());
        runtime.block_on(schema.drop());
    }
}

criterion_group!(benches, store);
criterion_main!(benches);
