//! Operations an adapter may leave out.

use std::time::Duration;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind};
use crate::storage::{CopyOptions, HeadOptions, PresignOptions, PutOptions, operations};
use crate::{Capability, ErrorKind};

pub(super) async fn copy_copies_or_is_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (from, to, absent) = (subject.key("from")?, subject.key("to")?, subject.key("absent")?);
    let written = PutOptions::overwrite().content_type("text/csv");
    subject.storage.put(&subject.ctx, &from, body(1, 100), &written).await?;
    subject.put(&to, body(2, 90)).await?;
    let copied = subject.storage.copy(&subject.ctx, &from, &to, &CopyOptions::default()).await;
    let descriptor = subject.storage.descriptor();
    if !descriptor.has(Capability::Copy) {
        let expected =
            ErrorKind::Unsupported { operation: operations::COPY, adapter: descriptor.name.clone() };
        expect_kind(copied, "copy, which is not claimed,", &expected)?;
        ensure!(
            subject.read(&to).await? == Some(body(2, 90)),
            "copy, which is not claimed, changed the target"
        );
        return Ok(());
    }
    let copied = copied?;
    ensure!(copied.key == to && copied.size == 100, "copy answers {} of {} bytes", copied.key, copied.size);
    ensure!(subject.read(&to).await? == Some(body(1, 100)), "the copy differs from the source");
    let head = subject.storage.head(&subject.ctx, &to, &HeadOptions::default()).await?;
    ensure!(head.attributes == written.attributes, "the copy has the attributes {:?}", head.attributes);
    subject.put(&from, body(3, 80)).await?;
    ensure!(subject.read(&to).await? == Some(body(1, 100)), "the copy changed with the source");
    let missing = subject.storage.copy(&subject.ctx, &absent, &to, &CopyOptions::default()).await;
    expect_kind(missing, "a copy of an absent object", &ErrorKind::NotFound)?;
    ensure!(subject.read(&to).await? == Some(body(1, 100)), "a copy of an absent object changed the target");
    Ok(())
}

pub(super) async fn presign_signs_or_is_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    subject.put(&key, body(1, 10)).await?;
    let descriptor = subject.storage.descriptor();
    for options in
        [PresignOptions::get(Duration::from_secs(60)), PresignOptions::put(Duration::from_secs(60))]
    {
        let signed = subject.storage.presign(&subject.ctx, &key, &options).await;
        if descriptor.has(Capability::Presign) {
            let signed = signed?;
            ensure!(signed.url.starts_with("http"), "the signed URL is not one of HTTP");
            ensure!(signed.expires_in <= Duration::from_secs(60), "it is signed for {:?}", signed.expires_in);
        } else {
            let adapter = descriptor.name.clone();
            let expected = ErrorKind::Unsupported { operation: operations::PRESIGN, adapter };
            expect_kind(signed, "presign, which is not claimed,", &expected)?;
        }
    }
    Ok(())
}
