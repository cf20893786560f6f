//! The adapter, the bare AWS SDK and `object_store`, with the same objects to and from the same server, in one run.
//!
//! `object_store` sends no checksum unless told to, so it is told to; SHA-256 is the one that it knows.

#[path = "../s3/load.rs"]
mod load;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;

use self::load::{Adapter, BUCKET, Bare, KEY_ID, SECRET, Subject, compare, runtime, server};

struct Other {
    store: AmazonS3,
}

#[async_trait]
impl Subject for Other {
    async fn put(&self, key: &str, body: Bytes) {
        let written = self.store.put(&Path::from(key), body.into()).await;
        assert!(written.is_ok(), "{written:?}");
    }

    async fn get(&self, key: &str) -> usize {
        let read = self.store.get(&Path::from(key)).await;
        assert!(read.is_ok(), "{read:?}");
        let Ok(answer) = read else { return 0 };
        answer.bytes().await.map_or(0, |body| body.len())
    }
}

fn s3(criterion: &mut Criterion) {
    let Some(runtime) = runtime() else { return };
    let Some((_server, adapter, bare, other)) = runtime.block_on(async {
        let served = server().await?;
        let adapter = Adapter::connect(&served).await?;
        let bare = Bare::connect(&served);
        let other = AmazonS3Builder::new()
            .with_endpoint(&served.url)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(BUCKET)
            .with_access_key_id(KEY_ID)
            .with_secret_access_key(SECRET)
            .with_checksum_algorithm(Checksum::SHA256)
            .build()
            .ok()?;
        Some((served, adapter, bare, Other { store: other }))
    }) else {
        return;
    };
    let subjects: [(&str, Arc<dyn Subject>); 3] = [
        ("bare aws-sdk-s3", Arc::new(bare)),
        ("adapter", Arc::new(adapter)),
        ("object_store", Arc::new(other)),
    ];
    compare(criterion, &runtime, &subjects);
}

criterion_group!(benches, s3);
criterion_main!(benches);
