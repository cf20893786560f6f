//! Bodies checked on arrival, and what is reported of them.

use bytes::Bytes;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind, expect_unsupported};
use crate::storage::{
    Checksum, ChecksumAlgorithm, GetOptions, HeadOptions, PutOptions, StartUploadOptions, UploadPartOptions,
    operations,
};
use crate::{Capability, ErrorKind, Outcome};

/// The body whose checksums every catalogue of algorithms lists as their check value.
const CHECK_BODY: Bytes = Bytes::from_static(b"123456789");
const CHECK_VALUES: [(ChecksumAlgorithm, &str); 6] = [
    (ChecksumAlgorithm::Crc32c, "e3069283"),
    (ChecksumAlgorithm::Crc32, "cbf43926"),
    (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
    (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
    (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    (ChecksumAlgorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
];

pub(super) async fn a_body_that_arrives_damaged_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    subject.put(&key, body(1, 10)).await?;
    let right = Checksum::crc32c(&CHECK_BODY);
    if !subject.claims(Capability::Checksums) {
        let put = put(subject, &key, right).await;
        expect_unsupported(subject, put, "a checksum, which is not claimed,", operations::CHECKSUM)?;
        ensure!(subject.read(&key).await? == Some(body(1, 10)), "a refused put changed the object");
        return Ok(());
    }
    let offered = &subject.storage.descriptor().limits.checksums;
    for (algorithm, value) in CHECK_VALUES {
        if algorithm != ChecksumAlgorithm::Crc32c && !offered.contains(&algorithm) {
            continue;
        }
        let right = Checksum::new(algorithm, unhex(value));
        let mut wrong = right.clone();
        wrong.value[0] ^= 1;
        let damaged = put(subject, &key, wrong).await;
        let what = format!("a put of another body than its {} says", algorithm.as_str());
        let error = expect_kind(damaged, &what, &ErrorKind::Corrupt)?;
        ensure!(error.outcome() != Outcome::MaybeSent, "{what} has the outcome {:?}", error.outcome());
        ensure!(subject.read(&key).await? == Some(body(1, 10)), "{what} changed the object");
        put(subject, &key, right).await?;
        ensure!(subject.read(&key).await? == Some(CHECK_BODY), "a put with a right checksum wrote nothing");
        subject.put(&key, body(1, 10)).await?;
    }
    Ok(())
}

pub(super) async fn a_part_that_arrives_damaged_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::Multipart)?;
    let key = subject.key("object")?;
    let upload = subject.storage.start_upload(&subject.ctx, &key, &StartUploadOptions::default()).await?;
    let send = async |checksum: Checksum| {
        let options = UploadPartOptions::default().checksum(checksum);
        subject.storage.upload_part(&subject.ctx, &upload, 1, CHECK_BODY, &options).await
    };
    if !subject.claims(Capability::Checksums) {
        let sent = send(Checksum::crc32c(&CHECK_BODY)).await;
        expect_unsupported(subject, sent, "a checksum, which is not claimed,", operations::CHECKSUM)?;
        return Ok(());
    }
    let sent = send(Checksum::crc32c(b"another")).await;
    expect_kind(sent, "a part of another body than its checksum says", &ErrorKind::Corrupt)?;
    send(Checksum::crc32c(&CHECK_BODY)).await?;
    Ok(())
}

pub(super) async fn a_checksum_reported_is_that_of_the_body(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let put = subject.put(&key, CHECK_BODY).await?;
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?.meta;
    let object = subject.storage.get(&subject.ctx, &key, &GetOptions::default()).await?.meta;
    for (operation, meta) in [("put", &put), ("head", &head), ("get", &object)] {
        for checksum in &meta.checksums {
            let Some((_, expected)) = CHECK_VALUES.iter().find(|(known, _)| *known == checksum.algorithm)
            else {
                continue;
            };
            ensure!(checksum.value == unhex(expected), "{operation} reports {checksum}, expected {expected}");
        }
    }
    if subject.claims(Capability::Checksums) {
        ensure!(!head.checksums.is_empty(), "checksums are claimed, and head reports none");
    }
    Ok(())
}

async fn put(
    subject: &Subject<'_>,
    key: &crate::storage::ObjectKey,
    checksum: Checksum,
) -> Result<crate::storage::ObjectMeta, crate::Error> {
    let options = PutOptions::overwrite().checksum(checksum);
    subject.storage.put(&subject.ctx, key, CHECK_BODY, &options).await
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}
