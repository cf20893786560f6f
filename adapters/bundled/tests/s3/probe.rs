//! What is claimed is what the server behind the endpoint does.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use companyos_adapter_traits::storage::{
    CompleteUploadOptions, GetOptions, PutMode, PutOptions, UploadPartOptions, operations,
};
use companyos_adapter_traits::{Capability, Conflict, ErrorKind, ObjectStorage, ObjectStorageExt};
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

use super::served::{BUCKET, Served, builder, refusal, serve};
use super::{Test, ctx, key, kind};

#[tokio::test]
async fn a_server_that_ignores_conditions_is_not_trusted_with_any() -> Test {
    let served = Served::start().await?;
    served.bucket.careless.store(true, Ordering::Relaxed);
    let store = served.builder().connect().await?;
    let claimed = &store.descriptor().capabilities;
    assert!(!claimed.contains(&Capability::ConditionalCreate), "{claimed:?}");
    assert!(!claimed.contains(&Capability::ConditionalUpdate), "{claimed:?}");
    assert!(
        claimed.contains(&Capability::Multipart) && claimed.contains(&Capability::Checksums),
        "{claimed:?}"
    );
    assert!(served.bucket.state().objects.is_empty(), "the probe left something");

    let puts = served.bucket.state().puts;
    let unsupported = |operation| Some(ErrorKind::Unsupported { operation, adapter: "s3".to_owned() });
    let created = store.put(&ctx(), &key("k")?, "a".into(), &PutOptions::create()).await;
    assert_eq!(kind(created), unsupported(operations::CONDITIONAL_CREATE));
    let meta = store.write(&ctx(), &key("k")?, "a").await?;
    let updated = store.put(&ctx(), &key("k")?, "b".into(), &PutOptions::update(meta.etag)).await;
    assert_eq!(kind(updated), unsupported(operations::CONDITIONAL_UPDATE));
    assert_eq!(served.bucket.state().puts, puts + 1, "only the plain write was sent");
    Ok(())
}

#[tokio::test]
async fn a_server_that_ignores_conditions_only_on_completion_keeps_those_of_puts() -> Test {
    let served = Served::start().await?;
    let bucket = served.bucket.clone();
    served.script(move |request| {
        let completes =
            request.method() == "POST" && request.uri().query().is_some_and(|q| q.contains("uploadId"));
        bucket.careless.store(completes, Ordering::Relaxed);
        None
    });
    let store = served.builder().connect().await?;
    assert!(
        store.descriptor().has(Capability::ConditionalCreate)
            && store.descriptor().has(Capability::Multipart)
    );
    let upload = store.start_upload(&ctx(), &key("k")?, &Default::default()).await?;
    let part = store.upload_part(&ctx(), &upload, 1, "a".into(), &UploadPartOptions::default()).await?;
    let create = CompleteUploadOptions::default().mode(PutMode::Create);
    let completed = store.complete_upload(&ctx(), &upload, std::slice::from_ref(&part), &create).await;
    let operation = operations::CONDITIONAL_CREATE;
    assert_eq!(kind(completed), Some(ErrorKind::Unsupported { operation, adapter: "s3".to_owned() }));
    store.complete_upload(&ctx(), &upload, &[part], &CompleteUploadOptions::default()).await?;
    Ok(())
}

#[tokio::test]
async fn who_may_only_read_can_open_the_bucket_and_claims_no_writes() -> Test {
    let served = Served::start().await?;
    served.store().await?.write(&ctx(), &key("k")?, "a").await?;
    served.script(|request| {
        let writes = !matches!(request.method().as_str(), "GET" | "HEAD");
        writes.then(|| refusal(403, "AccessDenied", "Access Denied"))
    });
    let store = served.builder().connect().await?;
    assert_eq!(store.descriptor().capabilities, BTreeSet::from([Capability::Presign]));
    assert_eq!(store.read(&ctx(), &key("k")?).await?, "a");
    assert_eq!(kind(store.write(&ctx(), &key("k")?, "b").await), Some(ErrorKind::PermissionDenied));
    Ok(())
}

#[tokio::test]
async fn a_provider_that_fails_while_it_is_probed_is_an_error_and_not_a_lesser_claim() -> Test {
    let served = Served::start().await?;
    served.script(|request| {
        (request.method() == "PUT").then(|| refusal(503, "SlowDown", "Please reduce your request rate."))
    });
    assert_eq!(kind(served.builder().connect().await), Some(ErrorKind::RateLimited));
    Ok(())
}

/// s3s-fs as it comes: it writes a body before it checks the checksum, lists neither entity tags nor uploads, and
/// ignores If-Match on reads. What it does not do is not claimed; what is claimed works.
#[tokio::test]
async fn the_files_of_s3s_are_used_for_what_they_can_do() -> Test {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join(BUCKET))?;
    let files = FileSystem::new(folder.path()).map_err(|error| format!("{error:?}"))?;
    let (url, _script) = serve(S3ServiceBuilder::new(files)).await?;
    let store = builder(&url).connect().await?;
    let expected =
        [Capability::ConditionalCreate, Capability::ConditionalUpdate, Capability::Copy, Capability::Presign];
    assert_eq!(store.descriptor().capabilities, BTreeSet::from(expected));

    let first = store.write(&ctx(), &key("a/b")?, "first").await?;
    let second =
        store.put(&ctx(), &key("a/b")?, "second".into(), &PutOptions::update(first.etag.clone())).await?;
    assert_eq!(store.read(&ctx(), &key("a/b")?).await?, "second");
    let stale = GetOptions::default().if_match(first.etag);
    let read = store.get(&ctx(), &key("a/b")?, &stale).await;
    assert_eq!(kind(read), Some(ErrorKind::Conflict(Conflict::Settled)), "the server answered, and we look");
    let current = GetOptions::default().if_match(second.etag);
    assert_eq!(store.get(&ctx(), &key("a/b")?, &current).await?.bytes().await?, "second");
    store.copy(&ctx(), &key("a/b")?, &key("c")?, &Default::default()).await?;
    assert_eq!(store.read(&ctx(), &key("c")?).await?, "second");
    assert_eq!(
        kind(store.list_all(&ctx(), "").await),
        Some(ErrorKind::Internal),
        "no entity tag, no listing"
    );
    store.delete(&ctx(), &key("c")?, &Default::default()).await?;
    assert!(!store.exists(&ctx(), &key("c")?).await?);
    Ok(())
}
