//! What governance costs per call: the store in memory bare and governed, in one run. The sink counts and keeps nothing,
//! so that a real sink's fsync, which is most of a real call, is not in the figure. Goal: at most 30 µs.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::govern::{
    Decision, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::storage::{GetOptions, HeadOptions, MemoryStorage, ObjectKey, PutOptions};
use companyos_adapter_traits::{Context, Error, Governed, ObjectStorage, ObjectStorageExt};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

struct AllowAll;

#[async_trait]
impl PolicyHook for AllowAll {
    async fn decide(&self, _: &Context, _: &Question<'_>) -> Result<Decision, Error> {
        Ok(Decision::allow("allow-all", "sha256:00"))
    }
}

#[derive(Default)]
struct Counting {
    receipts: AtomicU64,
}

#[async_trait]
impl ReceiptSink for Counting {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        black_box(draft);
        let number = self.receipts.fetch_add(1, Ordering::Relaxed);
        Ok(ReceiptId(format!("rcp_{number}")))
    }
}

fn calls(criterion: &mut Criterion, name: &str, storage: &dyn ObjectStorage, runtime: &Runtime) {
    let ctx = Context::builder("acme", "eu-central").build();
    let Ok(key) = ObjectKey::new("reports/2026/q1.csv") else { return };
    let body = Bytes::from_static(&[7; 1024]);
    let put = PutOptions::overwrite();
    let mut group = criterion.benchmark_group(name);
    group.bench_function("put_1_kib", |bencher| {
        bencher.iter(|| runtime.block_on(storage.put(&ctx, &key, body.clone(), &put)));
    });
    group.bench_function("get_1_kib", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async { storage.get(&ctx, &key, &GetOptions::default()).await?.bytes().await })
        });
    });
    group.bench_function("head", |bencher| {
        bencher.iter(|| runtime.block_on(storage.head(&ctx, &key, &HeadOptions::default())));
    });
    group.finish();
}

fn governed(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let bare = MemoryStorage::new();
    calls(criterion, "bare", &bare, &runtime);
    let sink = Arc::new(Counting::default());
    let governed = Governed::new(bare, Arc::new(AllowAll), Arc::clone(&sink) as Arc<dyn ReceiptSink>);
    calls(criterion, "governed", &governed, &runtime);
    // A figure for calls that were refused, or left no receipts, would be a good one.
    let ctx = Context::builder("acme", "eu-central").build();
    let key = ObjectKey::new("reports/2026/q1.csv");
    let before = sink.receipts.load(Ordering::Relaxed);
    let read = key.and_then(|key| runtime.block_on(governed.read(&ctx, &key)));
    assert!(read.is_ok_and(|body| body.len() == 1024), "the calls did nothing");
    assert_eq!(sink.receipts.load(Ordering::Relaxed), before + 2, "a call leaves an intent and an outcome");
}

criterion_group!(benches, governed);
criterion_main!(benches);
