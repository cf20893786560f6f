//! Put, get, head and delete.

use std::collections::BTreeMap;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind};
use crate::storage::{DeleteOptions, GetOptions, HeadOptions, PutOptions};
use crate::{ErrorKind, Outcome, RetryClass};

pub(super) async fn what_was_put_is_got_back(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, content) = (subject.key("object")?, body(1, 1000));
    let put = subject.put(&key, content.clone()).await?;
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?;
    let object = subject.storage.get(&subject.ctx, &key, &GetOptions::default()).await?;
    ensure!(put.key == key && head.meta.key == key, "put answers {}, head {}", put.key, head.meta.key);
    ensure!(put.size == 1000, "put answers size {}, 1000 were written", put.size);
    ensure!(head.meta.size == 1000, "head answers size {}, 1000 were written", head.meta.size);
    ensure!(object.meta.size == 1000, "get answers size {}, 1000 were written", object.meta.size);
    ensure!(object.range == (0..1000), "get of the whole object answers range {:?}", object.range);
    ensure!(put.etag == head.meta.etag, "put answers entity tag {}, head {}", put.etag, head.meta.etag);
    ensure!(put.etag == object.meta.etag, "put answers entity tag {}, get {}", put.etag, object.meta.etag);
    ensure!(object.bytes().await? == content, "the body differs from what was written");
    Ok(())
}

pub(super) async fn attributes_are_kept_and_replaced_with_the_body(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let metadata = BTreeMap::from([("owner".to_owned(), "Acme & Sons; 100%".to_owned())]);
    let options = PutOptions::overwrite().content_type("text/csv; header=present").metadata(metadata);
    subject.storage.put(&subject.ctx, &key, body(1, 10), &options).await?;
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?;
    ensure!(head.attributes == options.attributes, "head answers {:?}", head.attributes);
    let object = subject.storage.get(&subject.ctx, &key, &GetOptions::default()).await?;
    ensure!(object.attributes == options.attributes, "get answers {:?}", object.attributes);
    subject.put(&key, body(2, 10)).await?;
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?;
    ensure!(
        head.attributes.metadata.is_empty(),
        "metadata survived a put without any: {:?}",
        head.attributes
    );
    Ok(())
}

pub(super) async fn an_empty_object_is_an_object(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("empty")?;
    let put = subject.put(&key, body(0, 0)).await?;
    ensure!(put.size == 0, "put of nothing answers size {}", put.size);
    let read = subject.read(&key).await?;
    ensure!(read.as_ref().is_some_and(|content| content.is_empty()), "an empty object reads as {read:?}");
    Ok(())
}

pub(super) async fn a_large_object_comes_back_whole(subject: &Subject<'_>) -> Result<(), Stop> {
    // An odd length above the buffer sizes in common use, so that a lost or doubled piece shows.
    let len = (5 << 20) + 7;
    let limit = subject.storage.descriptor().limits.max_object_bytes;
    if len as u64 > limit {
        return Err(Stop::Skipped(format!("the adapter holds at most {limit} bytes per object")));
    }
    let (key, content) = (subject.key("large")?, body(3, len));
    subject.put(&key, content.clone()).await?;
    let read = subject.read(&key).await?.unwrap_or_default();
    ensure!(read.len() == len, "{len} bytes were written and {} read", read.len());
    ensure!(read == content, "the body differs from what was written");
    Ok(())
}

pub(super) async fn an_absent_object_is_not_found(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("absent")?;
    let got = subject.storage.get(&subject.ctx, &key, &GetOptions::default()).await;
    let error = expect_kind(got, "get of an absent object", &ErrorKind::NotFound)?;
    ensure!(error.outcome() == Outcome::Answered, "not found has the outcome {:?}", error.outcome());
    ensure!(error.retry() == RetryClass::Permanent, "not found has the retry class {:?}", error.retry());
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await;
    expect_kind(head, "head of an absent object", &ErrorKind::NotFound)?;
    Ok(())
}

pub(super) async fn a_put_replaces_the_object_and_its_entity_tag(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let first = subject.put(&key, body(1, 100)).await?;
    let second = subject.put(&key, body(2, 90)).await?;
    ensure!(first.etag != second.etag, "two bodies have the same entity tag {}", first.etag);
    ensure!(
        subject.read(&key).await? == Some(body(2, 90)),
        "the first body is still there, in part or whole"
    );
    Ok(())
}

pub(super) async fn a_deleted_object_is_gone_and_may_be_deleted_again(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let key = subject.key("object")?;
    subject.put(&key, body(1, 10)).await?;
    for _ in 0..2 {
        subject.storage.delete(&subject.ctx, &key, &DeleteOptions::default()).await?;
        ensure!(subject.read(&key).await?.is_none(), "a deleted object can be read");
    }
    subject.put(&key, body(2, 20)).await?;
    ensure!(subject.read(&key).await? == Some(body(2, 20)), "a deleted object cannot be written again");
    Ok(())
}

pub(super) async fn keys_are_opaque(subject: &Subject<'_>) -> Result<(), Stop> {
    let long = "long-segment-".repeat(40);
    // Keys that a store which confuses names with paths, escapes, cases or normal forms would fold together.
    let names = [
        "a",
        "A",
        "a/b",
        "a/b/c",
        "a.",
        ".a",
        "a b",
        "a+b",
        "a%20b",
        "a%2Fb",
        "a\\b",
        "a:b",
        "~a",
        "...",
        "..a",
        "a?b#c",
        "'\"<>|*&",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{4f1a}\u{793e}/\u{1f4c4}",
        &long,
    ];
    for (seed, name) in names.iter().enumerate() {
        subject.put(&subject.key(name)?, body(seed as u8, 50)).await?;
    }
    for (seed, name) in names.iter().enumerate() {
        let read = subject.read(&subject.key(name)?).await?;
        ensure!(read == Some(body(seed as u8, 50)), "the object {name:?} is not what was written under it");
    }
    Ok(())
}
