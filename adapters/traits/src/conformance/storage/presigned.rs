//! What presigned requests can do, by sending them.
//!
//! A suite of its own, because it needs a server that checks signatures, which emulators leave out, and one without TLS,
//! for which the suite brings no client.

use std::time::Duration;

use bytes::Bytes;

use super::super::http::{self, Answer};
use super::super::{CheckResult, Checking, Report, Stop, Watcher, ensure};
use super::{Settings, Subject, body, subject_of};
use crate::storage::{Checksum, HeadOptions, ObjectKey, PresignOptions, Presigned};
use crate::{Capability, Error, ErrorKind, ObjectStorage};

const MINUTE: Duration = Duration::from_secs(60);

struct Check {
    name: &'static str,
    run: for<'s> fn(&'s Subject<'s>) -> Checking<'s>,
}

macro_rules! checks {
    ($($check:ident,)+) => {
        const CHECKS: &[Check] = &[$(Check {
            name: stringify!($check),
            run: |subject| Box::pin($check(subject)),
        }),+];
    };
}

checks! {
    a_presigned_read_reads_and_does_nothing_else,
    a_presigned_request_ends_when_it_was_to_end,
    a_presigned_write_writes_what_was_agreed,
    a_presigned_length_is_kept,
    a_presigned_checksum_is_kept,
    a_presigned_create_replaces_nothing,
}

/// The names of the checks, in the order in which they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes every check, tells `watcher` of each, and removes what was written.
pub async fn run(storage: &dyn ObjectStorage, settings: &Settings, watcher: &dyn Watcher) -> Report {
    let mut report = Report::new("storage-presigned", storage.descriptor());
    for check in CHECKS {
        let subject = subject_of(storage, settings, check.name);
        let result = CheckResult::of(check.name, async {
            subject.skip_unless(Capability::Presign)?;
            let verdict = (check.run)(&subject).await;
            subject.clean_after(verdict).await
        });
        report.results.push(result.await);
        if let Some(result) = report.results.last() {
            watcher.checked(result, report.results.len(), CHECKS.len());
        }
    }
    report
}

async fn a_presigned_read_reads_and_does_nothing_else(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, other) = (subject.key("object")?, subject.key("other")?);
    subject.put(&key, body(1, 1000)).await?;
    subject.put(&other, body(2, 1000)).await?;
    let signed = sign(subject, &key, &PresignOptions::get(MINUTE)).await?;
    let answer = send("GET", &signed, &[]).await?;
    ensure!(answer.is_success(), "a presigned read answers {}", answer.status);
    ensure!(answer.body == body(1, 1000), "a presigned read reads something else");
    let answer = send("PUT", &signed, b"replaced").await?;
    ensure!(!answer.is_success(), "a presigned read writes");
    ensure!(subject.read(&key).await? == Some(body(1, 1000)), "a presigned read has changed the object");
    let swapped = Presigned { url: signed.url.replace("/object", "/other"), ..signed };
    let answer = send("GET", &swapped, &[]).await?;
    ensure!(!answer.is_success(), "the signature for one object reads another");
    Ok(())
}

async fn a_presigned_request_ends_when_it_was_to_end(subject: &Subject<'_>) -> Result<(), Stop> {
    // Signatures count whole seconds.
    const SHORT: Duration = Duration::from_secs(1);
    const LONGER: Duration = Duration::from_millis(3100);
    let key = subject.key("object")?;
    subject.put(&key, body(1, 100)).await?;
    let read = sign(subject, &key, &PresignOptions::get(SHORT)).await?;
    let write = sign(subject, &key, &PresignOptions::put(SHORT)).await?;
    tokio::time::sleep(LONGER).await;
    let answer = send("GET", &read, &[]).await?;
    ensure!(!answer.is_success(), "a read that was signed for {SHORT:?} reads after {LONGER:?}");
    let answer = send("PUT", &write, &body(2, 100)).await?;
    ensure!(!answer.is_success(), "a write that was signed for {SHORT:?} writes after {LONGER:?}");
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "an expired write has changed the object");
    Ok(())
}

async fn a_presigned_write_writes_what_was_agreed(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, content) = (subject.key("object")?, body(1, 1000));
    let options = PresignOptions::put(MINUTE).content_type("text/csv");
    let signed = sign(subject, &key, &options).await?;
    let answer = send("PUT", &signed, &content).await?;
    ensure!(answer.is_success(), "a presigned write answers {}", answer.status);
    ensure!(subject.read(&key).await? == Some(content), "a presigned write wrote something else");
    let head = subject.storage.head(&subject.ctx, &key, &HeadOptions::default()).await?;
    let media = head.attributes.content_type.as_deref();
    ensure!(media == Some("text/csv"), "a write signed for text/csv made an object of the type {media:?}");
    Ok(())
}

async fn a_presigned_length_is_kept(subject: &Subject<'_>) -> Result<(), Stop> {
    let options = PresignOptions::put(MINUTE).content_length(1000);
    keeps(subject, "a length", &options, &body(1, 1000), &body(2, 900)).await
}

async fn a_presigned_checksum_is_kept(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::Checksums)?;
    let options = PresignOptions::put(MINUTE).checksum(Checksum::crc32c(&body(1, 1000)));
    // Of the same length: only the checksum tells.
    keeps(subject, "a checksum", &options, &body(1, 1000), &body(2, 1000)).await
}

async fn a_presigned_create_replaces_nothing(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::ConditionalCreate)?;
    let (key, first) = (subject.key("object")?, body(1, 1000));
    let signed = sign(subject, &key, &PresignOptions::put(MINUTE).create()).await?;
    let answer = send("PUT", &signed, &first).await?;
    ensure!(answer.is_success(), "a write signed to create answers {} where there is nothing", answer.status);
    let answer = send("PUT", &signed, &body(2, 900)).await?;
    ensure!(!answer.is_success(), "a write signed to create replaces an object");
    ensure!(subject.read(&key).await? == Some(first), "a refused create has changed the object");
    Ok(())
}

/// A constraint that the adapter signs lets the right body through and nothing else. One that it cannot have enforced it
/// must refuse.
async fn keeps(
    subject: &Subject<'_>,
    what: &str,
    options: &PresignOptions,
    right: &Bytes,
    wrong: &Bytes,
) -> Result<(), Stop> {
    let key = subject.key("constrained")?;
    let signed = match subject.storage.presign(&subject.ctx, &key, options).await {
        Ok(signed) => signed,
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported { .. }) => {
            return Err(Stop::Skipped(format!("the adapter does not sign {what}")));
        }
        Err(error) => return Err(error.into()),
    };
    let answer = send("PUT", &signed, wrong).await?;
    ensure!(!answer.is_success(), "a write signed with {what} takes another body");
    ensure!(subject.read(&key).await?.is_none(), "a write that was refused for {what} left an object");
    let answer = send("PUT", &signed, right).await?;
    ensure!(answer.is_success(), "a write signed with {what} answers {} to the right body", answer.status);
    ensure!(
        subject.read(&key).await?.as_ref() == Some(right),
        "a write signed with {what} wrote something else"
    );
    Ok(())
}

async fn sign(subject: &Subject<'_>, key: &ObjectKey, options: &PresignOptions) -> Result<Presigned, Error> {
    subject.storage.presign(&subject.ctx, key, options).await
}

/// Sends a signed request with the header fields that were signed.
async fn send(method: &str, signed: &Presigned, body: &[u8]) -> Result<Answer, Stop> {
    let answer = http::send(method, &signed.url, &signed.headers, body).await;
    // The URL is a credential; an error must not name it.
    let answer =
        answer.map_err(|error| Stop::Failed(format!("a presigned request cannot be sent: {error}")))?;
    answer.ok_or_else(|| Stop::Skipped("the suite sends presigned requests without TLS only".to_owned()))
}
