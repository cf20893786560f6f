//! What the adapter costs beside the bare AWS SDK: the same objects to and from the same server, in one run. The server
//! is s3s with a bucket in memory, in this process, so that neither disk nor network hides the difference. Goal: at
//! least 95 % of the bare SDK's throughput.

mod load;

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};

use self::load::{Adapter, Bare, Subject, compare, runtime, server};

fn s3(criterion: &mut Criterion) {
    let Some(runtime) = runtime() else { return };
    let Some((_server, adapter, bare)) = runtime.block_on(async {
        let served = server().await?;
        let adapter = Adapter::connect(&served).await?;
        let bare = Bare::connect(&served);
        Some((served, adapter, bare))
    }) else {
        return;
    };
    let subjects: [(&str, Arc<dyn Subject>); 2] =
        [("bare aws-sdk-s3", Arc::new(bare)), ("adapter", Arc::new(adapter))];
    compare(criterion, &runtime, &subjects);
}

criterion_group!(benches, s3);
criterion_main!(benches);
