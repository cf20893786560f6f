//! What was written is what is read, or an error.

use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::{
    ByteRange, Checksum, ChecksumAlgorithm, GetOptions, HeadOptions, ListOptions, PutOptions,
};
use companyos_adapter_traits::{Context, ErrorKind, ObjectStorage, ObjectStorageExt};

use super::served::Served;
use super::{Test, ctx, key, kind};

#[tokio::test]
async fn no_flipped_bit_is_ever_served() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let meta = store.write(&ctx(), &key("k")?, "the body").await?;
    assert_eq!(meta.checksums[0].algorithm, ChecksumAlgorithm::Crc64Nvme);
    for bit in 0..64 {
        let mut damaged = b"the body".to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        served.bucket.state().objects.get_mut("k").ok_or("gone")?.body = damaged.into();
        assert_eq!(kind(store.read(&ctx(), &key("k")?).await), Some(ErrorKind::Corrupt), "bit {bit}");
    }
    Ok(())
}

#[tokio::test]
async fn every_checksum_that_is_offered_is_sent_kept_and_verified() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let vectors = [
        (ChecksumAlgorithm::Sha256, sha256),
        (ChecksumAlgorithm::Sha1, sha1),
        (ChecksumAlgorithm::Crc32, "352441c2"),
        (ChecksumAlgorithm::Crc32c, "364b3fb7"),
    ];
    for (algorithm, digest) in vectors {
        let digest: Vec<u8> = (0..digest.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digest[at..at + 2], 16))
            .collect::<Result<_, _>>()?;
        let checksum = Checksum::new(algorithm, digest);
        let options = PutOptions::overwrite().checksum(checksum.clone());
        store.put(&ctx(), &key("k")?, "abc".into(), &options).await?;
        let head = store.head(&ctx(), &key("k")?, &HeadOptions::default()).await?;
        assert_eq!(head.meta.checksums, [checksum], "{algorithm:?}");
        let wrong = store.put(&ctx(), &key("k")?, "abd".into(), &options).await;
        assert_eq!(kind(wrong), Some(ErrorKind::Corrupt), "{algorithm:?}");
        assert_eq!(store.read(&ctx(), &key("k")?).await?, "abc");
        served.bucket.state().objects.get_mut("k").ok_or("gone")?.body = "abd".into();
        assert_eq!(kind(store.read(&ctx(), &key("k")?).await), Some(ErrorKind::Corrupt), "{algorithm:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_body() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    served.script(|request| {
        (request.method() == "GET").then(|| {
            // No length: the end of the connection is the end of the body.
            let body = s3s::Body::from(hyper::body::Bytes::from_static(b"half"));
            let mut answer = s3s::HttpResponse::new(body);
            let headers = answer.headers_mut();
            let mut set = |name, value| headers.insert(name, hyper::header::HeaderValue::from_static(value));
            set("content-range", "bytes 0-7/8");
            set("etag", "\"tag\"");
            set("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT");
            *answer.status_mut() = hyper::StatusCode::PARTIAL_CONTENT;
            answer
        })
    });
    let options = GetOptions::default().range(ByteRange::From(0));
    let object = store.get(&ctx(), &key("k")?, &options).await?;
    assert_eq!(kind(object.bytes().await), Some(ErrorKind::Unavailable));
    let other = GetOptions::default().range(ByteRange::From(1));
    assert_eq!(kind(store.get(&ctx(), &key("k")?, &other).await), Some(ErrorKind::Internal), "another range");
    Ok(())
}

#[tokio::test]
async fn the_deadline_holds_for_the_body_too() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    store.write(&ctx(), &key("k")?, vec![7; 4 << 20]).await?;
    let deadline = SystemClock.now() + Duration::from_millis(500);
    let hurried = Context::builder("acme", "us-east-1").deadline(deadline).build();
    let object = store.get(&hurried, &key("k")?, &GetOptions::default()).await?;
    // What is in the buffers of the connection comes at once; four mebibytes are more than that.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let read = object.bytes().await;
    assert_eq!(kind(read), Some(ErrorKind::DeadlineExceeded));
    Ok(())
}

#[tokio::test]
async fn keys_that_others_wrote_and_nobody_can_name_are_not_listed() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    store.write(&ctx(), &key("folder/a")?, "a").await?;
    let marker = served.bucket.state().find("folder/a").map_err(|_| "gone")?;
    for name in ["folder/", "folder//b", "/c", "folder/../d"] {
        served.bucket.state().objects.insert(name.to_owned(), marker.clone());
    }
    let listed: Vec<_> = store.list_all(&ctx(), "").await?.into_iter().map(|meta| meta.key).collect();
    assert_eq!(listed, [key("folder/a")?]);
    // A page may be short, even empty, and yet not the last.
    let page = store.list(&ctx(), &ListOptions::default().max(1)).await?;
    assert!(page.objects.is_empty() && page.next.is_some());
    Ok(())
}

#[tokio::test]
async fn a_copy_is_of_the_version_that_its_answer_describes() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    store.write(&ctx(), &key("from")?, "first").await?;
    let state = served.bucket.clone();
    let mut replaced = 0;
    // Between the description of the source and the copy somebody replaces it, twice.
    served.script(move |request| {
        if request.headers().contains_key("x-amz-copy-source") && replaced < 2 {
            replaced += 1;
            if let Some(stored) = state.state().objects.get_mut("from") {
                stored.body = format!("version {replaced}, which is longer").into();
                stored.tag = format!("tag-{replaced}");
                stored.checksum = Default::default();
            }
        }
        None
    });
    let copied = store.copy(&ctx(), &key("from")?, &key("to")?, &Default::default()).await?;
    let body = store.read(&ctx(), &key("to")?).await?;
    assert_eq!(body, "version 2, which is longer");
    assert_eq!((copied.size, copied.etag.as_str()), (body.len() as u64, "tag-2"));
    let same = store.copy(&ctx(), &key("to")?, &key("to")?, &Default::default()).await?;
    assert_eq!((same.size, same.etag), (copied.size, copied.etag));
    Ok(())
}
