//! The objects, and who moves them.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use companyos_adapter_traits::storage::ObjectKey;
use companyos_adapter_traits::{Context, ObjectStorageExt};
use companyos_adapters::s3::S3Storage;
use criterion::{Criterion, Throughput};
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Runtime;

#[path = "../../tests/s3/bucket/mod.rs"]
mod bucket;
#[path = "../../tests/s3/served.rs"]
#[expect(dead_code, reason = "the tests need more of the servers than a bench does")]
mod served;

pub(crate) use self::served::{BUCKET, KEY_ID, SECRET, Served};

const AT_ONCE: usize = 16;

/// How many objects a turn moves, and how large they are.
const LOADS: [(&str, usize, usize); 3] = [
    ("256 objects of 4 KiB", 256, 4 << 10),
    ("32 objects of 1 MiB", 32, 1 << 20),
    ("4 objects of 16 MiB", 4, 16 << 20),
];

/// One way to the bucket. A failure ends the bench: a figure for calls that did not work would be a good one.
#[async_trait]
pub(crate) trait Subject: Send + Sync {
    /// Writes an object with a checksum of CRC-64/NVME.
    async fn put(&self, key: &str, body: Bytes);
    /// Reads and verifies an object; returns its length.
    async fn get(&self, key: &str) -> usize;
}

pub(crate) fn runtime() -> Option<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().ok()
}

pub(crate) async fn server() -> Option<Served> {
    Served::start().await.ok()
}

pub(crate) struct Adapter {
    store: S3Storage,
    ctx: Context,
}

impl Adapter {
    pub(crate) async fn connect(served: &Served) -> Option<Self> {
        let ctx = Context::builder("bench", "us-east-1").build();
        Some(Self { store: served.store().await.ok()?, ctx })
    }
}

#[async_trait]
impl Subject for Adapter {
    async fn put(&self, key: &str, body: Bytes) {
        let written = match ObjectKey::new(key) {
            Ok(key) => self.store.write(&self.ctx, &key, body).await,
            Err(error) => Err(error),
        };
        assert!(written.is_ok(), "{written:?}");
    }

    async fn get(&self, key: &str) -> usize {
        let read = match ObjectKey::new(key) {
            Ok(key) => self.store.read(&self.ctx, &key).await,
            Err(error) => Err(error),
        };
        assert!(read.is_ok(), "{read:?}");
        read.map_or(0, |body| body.len())
    }
}

pub(crate) struct Bare {
    client: Client,
}

impl Bare {
    pub(crate) fn connect(served: &Served) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&served.url)
            .force_path_style(true)
            .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "bench"));
        Self { client: Client::from_conf(config.build()) }
    }
}

#[async_trait]
impl Subject for Bare {
    async fn put(&self, key: &str, body: Bytes) {
        let request = self.client.put_object().bucket(BUCKET).key(key).body(ByteStream::from(body));
        let written = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await;
        assert!(written.is_ok(), "{written:?}");
    }

    async fn get(&self, key: &str) -> usize {
        let read = self.client.get_object().bucket(BUCKET).key(key).send().await;
        assert!(read.is_ok(), "{read:?}");
        let Ok(answer) = read else { return 0 };
        let body = answer.body.collect().await;
        assert!(body.is_ok(), "{body:?}");
        body.map_or(0, |body| body.into_bytes().len())
    }
}

/// Every load with every subject, writes and then reads.
pub(crate) fn compare(criterion: &mut Criterion, runtime: &Runtime, subjects: &[(&str, Arc<dyn Subject>)]) {
    for (name, objects, size) in LOADS {
        let body = Bytes::from(vec![7; size]);
        let mut group = criterion.benchmark_group(format!("put {name}"));
        group.throughput(Throughput::Bytes((objects * size) as u64)).sample_size(20);
        for (who, subject) in subjects {
            group.bench_function(*who, |bencher| {
                bencher.iter(|| {
                    runtime.block_on(each(objects, |number| {
                        let (subject, body) = (Arc::clone(subject), body.clone());
                        async move { subject.put(&format!("{size}/{number}"), body).await }
                    }));
                });
            });
        }
        group.finish();
        let mut group = criterion.benchmark_group(format!("get {name}"));
        group.throughput(Throughput::Bytes((objects * size) as u64)).sample_size(20);
        for (who, subject) in subjects {
            group.bench_function(*who, |bencher| {
                bencher.iter(|| {
                    runtime.block_on(each(objects, |number| {
                        let subject = Arc::clone(subject);
                        async move { assert_eq!(subject.get(&format!("{size}/{number}")).await, size) }
                    }));
                });
            });
        }
        group.finish();
    }
}

async fn each<F: Future<Output = ()>>(objects: usize, task: impl Fn(usize) -> F) {
    stream::iter(0..objects).map(task).buffer_unordered(AT_ONCE).collect::<()>().await;
}
