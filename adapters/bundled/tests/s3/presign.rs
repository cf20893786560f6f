//! Requests that somebody without credentials sends.

use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, ManualClock, SystemClock};
use companyos_adapter_traits::storage::{Checksum, PresignOptions, Presigned};
use companyos_adapter_traits::{ErrorKind, ObjectStorage, ObjectStorageExt};
use companyos_adapters::s3::AMAZON;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::served::Served;
use super::{Test, ctx, key, kind};

const MINUTE: Duration = Duration::from_secs(60);

/// Sends a signed request as it stands. Returns the status and the rest of the answer.
async fn send(
    method: &str,
    signed: &Presigned,
    body: &str,
) -> Result<(u16, String), Box<dyn std::error::Error>> {
    let (host, path) =
        signed.url.strip_prefix("http://").and_then(|url| url.split_once('/')).ok_or("no URL")?;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    let mut has_length = false;
    for (name, value) in &signed.headers {
        has_length |= name.eq_ignore_ascii_case("content-length");
        if !name.eq_ignore_ascii_case("host") {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !has_length {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request.push_str(&format!("\r\n{body}"));
    let mut socket = TcpStream::connect(host).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, answer))
}

#[tokio::test]
async fn a_signed_read_reads_that_object_and_no_other() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    store.write(&ctx(), &key("a b/c%20d")?, "the body").await?;
    store.write(&ctx(), &key("secret")?, "another").await?;
    let signed = store.presign(&ctx(), &key("a b/c%20d")?, &PresignOptions::get(MINUTE)).await?;
    let (status, answer) = send("GET", &signed, "").await?;
    assert!(status == 200 && answer.ends_with("the body"), "{answer}");
    let elsewhere = signed.url.replace("a%20b/c%2520d", "secret");
    assert_ne!(elsewhere, signed.url);
    assert_eq!(send("GET", &Presigned::new(elsewhere, Vec::new(), MINUTE), "").await?.0, 403);
    assert_eq!(send("PUT", &signed, "written").await?.0, 403);
    let named = PresignOptions::get(MINUTE).download_as("r\u{e9}sum\u{e9} \"1\".pdf");
    let signed = store.presign(&ctx(), &key("secret")?, &named).await?;
    assert!(signed.url.contains("response-content-disposition="), "the name is part of what is signed");
    Ok(())
}

#[tokio::test]
async fn a_signature_ends_when_it_was_said_to() -> Test {
    let served = Served::start().await?;
    let past: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(SystemClock.wall() - 5 * MINUTE));
    let store = served.builder().claims(AMAZON).clock(past).connect().await?;
    store.write(&ctx(), &key("k")?, "the body").await?;
    let over = store.presign(&ctx(), &key("k")?, &PresignOptions::get(MINUTE)).await?;
    let (status, answer) = send("GET", &over, "").await?;
    assert!(status == 403 && answer.contains("expired"), "{answer}");
    let valid = store.presign(&ctx(), &key("k")?, &PresignOptions::get(10 * MINUTE)).await?;
    assert_eq!(send("GET", &valid, "").await?.0, 200);
    assert_eq!(valid.expires_in, 10 * MINUTE);
    for wrong in [Duration::from_secs(7 * 24 * 3600 + 1), Duration::from_millis(999)] {
        let signed = store.presign(&ctx(), &key("k")?, &PresignOptions::get(wrong)).await;
        assert_eq!(kind(signed), Some(ErrorKind::InvalidInput), "{wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_signed_write_writes_what_was_agreed_on() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let agreed = PresignOptions::put(MINUTE)
        .content_type("text/csv")
        .content_length(5)
        .checksum(Checksum::crc32c(b"a;b;c"))
        .create();
    let signed = store.presign(&ctx(), &key("k")?, &agreed).await?;
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["content-type", "content-length", "x-amz-checksum-crc32c", "if-none-match"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let (status, answer) = send("PUT", &signed, "x;y;z").await?;
    assert!(status == 400 && answer.contains("BadDigest"), "{answer}");
    let mut loose = signed.clone();
    loose.headers.retain(|(name, _)| name != "x-amz-checksum-crc32c");
    assert_eq!(send("PUT", &loose, "x;y;z").await?.0, 403, "a constraint cannot be left out");
    let mut other = signed.clone();
    other
        .headers
        .iter_mut()
        .filter(|(name, _)| name == "content-type")
        .for_each(|(_, value)| value.push('2'));
    assert_eq!(send("PUT", &other, "a;b;c").await?.0, 403, "a constraint cannot be changed");
    assert!(!store.exists(&ctx(), &key("k")?).await?);
    assert_eq!(send("PUT", &signed, "a;b;c").await?.0, 200);
    assert_eq!(send("PUT", &signed, "a;b;c").await?.0, 412, "it is there now");
    let written = served.bucket.state().find("k").map_err(|_| "gone")?;
    assert_eq!((written.body.as_ref(), written.content_type.as_deref()), (&b"a;b;c"[..], Some("text/csv")));
    Ok(())
}

#[tokio::test]
async fn a_signed_request_is_not_printed() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let signed = store.presign(&ctx(), &key("k")?, &PresignOptions::get(MINUTE)).await?;
    assert!(signed.url.contains("X-Amz-Signature=") && !format!("{signed:?}").contains("Signature"));
    Ok(())
}
