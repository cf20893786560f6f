//! Reading a part.

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind};
use crate::storage::{ByteRange, ETag, GetOptions};
use crate::{Conflict, ErrorKind};

pub(super) async fn a_range_is_exactly_the_bytes_asked_for(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, content) = (subject.key("object")?, body(1, 1000));
    subject.put(&key, content.clone()).await?;
    let ranges = [
        (ByteRange::Bounded(0, 1), 0..1),
        (ByteRange::Bounded(10, 20), 10..20),
        (ByteRange::Bounded(999, 1000), 999..1000),
        (ByteRange::Bounded(990, 5000), 990..1000),
        (ByteRange::From(0), 0..1000),
        (ByteRange::From(995), 995..1000),
        (ByteRange::Last(3), 997..1000),
        (ByteRange::Last(5000), 0..1000),
    ];
    for (asked, expected) in ranges {
        let object = subject.storage.get(&subject.ctx, &key, &GetOptions::default().range(asked)).await?;
        ensure!(object.meta.size == 1000, "{asked:?} answers the size {} for the object", object.meta.size);
        let answered = object.range.start as usize..object.range.end as usize;
        ensure!(answered == expected, "{asked:?} answers the range {answered:?}, expected {expected:?}");
        let bytes = object.bytes().await?;
        ensure!(bytes == content[expected.clone()], "{asked:?} answers other bytes than {expected:?}");
    }
    Ok(())
}

pub(super) async fn a_range_outside_the_object_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    subject.put(&key, body(1, 10)).await?;
    for range in [ByteRange::Bounded(10, 11), ByteRange::From(10), ByteRange::Last(0)] {
        let got = subject.storage.get(&subject.ctx, &key, &GetOptions::default().range(range)).await;
        expect_kind(got, &format!("{range:?} of 10 bytes"), &ErrorKind::RangeNotSatisfiable)?;
    }
    let got =
        subject.storage.get(&subject.ctx, &key, &GetOptions::default().range(ByteRange::Bounded(6, 5))).await;
    expect_kind(got, "a range that ends before it starts", &ErrorKind::InvalidInput)?;
    Ok(())
}

pub(super) async fn a_read_can_insist_on_a_version(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let read = async |etag: ETag| {
        let options = GetOptions::default().range(ByteRange::From(1)).if_match(etag);
        subject.storage.get(&subject.ctx, &key, &options).await
    };
    let first = subject.put(&key, body(1, 10)).await?;
    let bytes = read(first.etag.clone()).await?.bytes().await?;
    ensure!(bytes == body(1, 10)[1..], "a read of the current version answers other bytes");
    subject.put(&key, body(2, 10)).await?;
    expect_kind(
        read(first.etag).await,
        "a read of a replaced version",
        &ErrorKind::Conflict(Conflict::Settled),
    )?;
    Ok(())
}
