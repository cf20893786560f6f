//! Who is let in, and what those hear who are not.

use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, ManualClock, SystemClock};
use companyos_adapter_traits::storage::{GetOptions, HeadOptions};
use companyos_adapter_traits::{ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass};
use companyos_adapters::s3::{AMAZON, S3Credentials, S3Storage, S3StorageBuilder};

use super::served::{BUCKET, EXPIRED, KEY_ID, SECRET, Served, refusal};
use super::{Test, ctx, key, kind};

/// A store of somebody who is let in while it is opened.
async fn opened_then(
    served: &Served,
    builder: S3StorageBuilder,
) -> Result<S3Storage, Box<dyn std::error::Error>> {
    served.script(|request| (request.method() == "HEAD").then(|| s3s::HttpResponse::new(s3s::Body::empty())));
    let store = builder.claims(AMAZON).connect().await?;
    served.script(|_| None);
    Ok(store)
}

#[tokio::test]
async fn expired_withdrawn_and_wrong_keys_are_told_apart_when_opening() -> Test {
    let served = Served::start().await?;
    let table = [
        (S3Credentials::new(EXPIRED, SECRET).session_token("token"), ErrorKind::CredentialsExpired),
        (S3Credentials::new("AKIAWITHDRAWN", SECRET), ErrorKind::CredentialsRevoked),
        (S3Credentials::new(KEY_ID, "another secret"), ErrorKind::Unauthenticated),
    ];
    for (credentials, expected) in table {
        let error = served.builder().credentials(credentials).connect().await.err().ok_or("it was opened")?;
        assert_eq!(
            (error.kind(), error.outcome(), error.retry()),
            (&expected, Outcome::Answered, RetryClass::Permanent),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_operation_says_which_it_is_even_where_the_refusal_has_no_body() -> Test {
    let served = Served::start().await?;
    let expired = S3Credentials::new(EXPIRED, SECRET).session_token("token");
    let store = opened_then(&served, served.builder().credentials(expired)).await?;
    let expected = Some(ErrorKind::CredentialsExpired);
    assert_eq!(kind(store.write(&ctx(), &key("k")?, "a").await), expected);
    assert_eq!(kind(store.get(&ctx(), &key("k")?, &GetOptions::default()).await), expected);
    assert_eq!(kind(store.head(&ctx(), &key("k")?, &HeadOptions::default()).await), expected);
    assert_eq!(kind(store.delete(&ctx(), &key("k")?, &Default::default()).await), expected);
    assert_eq!(kind(store.list_all(&ctx(), "").await), expected);
    assert_eq!(kind(store.start_upload(&ctx(), &key("k")?, &Default::default()).await), expected);
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_not_taken_for_wrong_keys() -> Test {
    let served = Served::start().await?;
    let (now, hour) = (SystemClock.wall(), Duration::from_secs(3600));
    for wrong in [now + hour, now - hour] {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(wrong));
        let error = served.builder().clock(clock).connect().await.err().ok_or("it was opened")?;
        assert_eq!(
            (error.kind(), error.provider_code()),
            (&ErrorKind::ClockSkew, Some("RequestTimeTooSkewed"))
        );
    }
    let right: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(SystemClock.wall()));
    served.builder().clock(right).connect().await?;
    Ok(())
}

#[tokio::test]
async fn keys_that_run_out_while_the_store_is_open_are_expired_at_the_next_call() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    store.write(&ctx(), &key("k")?, "a").await?;
    served.script(|_| Some(refusal(400, "ExpiredToken", "The provided token has expired.")));
    let error = store.write(&ctx(), &key("k")?, "b").await.err().ok_or("it was written")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::CredentialsExpired, Outcome::Answered));
    assert_eq!(error.provider_request_id(), Some("4442587FB7D0A2F9"));
    served.script(|_| None);
    assert_eq!(store.read(&ctx(), &key("k")?).await?, "a");
    Ok(())
}

#[tokio::test]
async fn no_secret_is_printed() -> Test {
    let served = Served::start().await?;
    let credentials = S3Credentials::new(KEY_ID, SECRET).session_token("a token that is secret");
    let builder = served.builder().credentials(credentials.clone());
    let store = served.store().await?;
    let mut printed = format!("{credentials:?} {builder:?} {store:?}");
    // The provider's own answer to a wrong signature repeats what was signed.
    let answer = "<StringToSign>AWS4-HMAC-SHA256</StringToSign><CanonicalRequest>x-amz-security-token:a token \
                  that is secret</CanonicalRequest>";
    served.script(move |_| {
        let mut response = refusal(403, "SignatureDoesNotMatch", "It does not match.");
        let body = format!(
            "<Error><Code>SignatureDoesNotMatch</Code><Message>It does not.</Message>{answer}</Error>"
        );
        *response.body_mut() = s3s::Body::from(body);
        Some(response)
    });
    let error = store.write(&ctx(), &key("k")?, "a").await.err().ok_or("it was written")?;
    assert_eq!(*error.kind(), ErrorKind::Unauthenticated);
    printed.push_str(&format!("{error} {error:?}"));
    assert!(printed.contains(KEY_ID), "which keys they are may be known");
    assert!(!printed.contains("secret"), "{printed}");
    Ok(())
}

/// The URL that the process below opens a store at.
const CHAIN: &str = "COMPANYOS_TEST_S3_CHAIN";

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_where_every_tool_of_the_vendor_finds_them() -> Test {
    let served = Served::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials");
    std::fs::write(
        &file,
        format!("[reports]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"),
    )?;
    let file = file.to_string_lossy();
    let opened = "opened";
    let table: [(&[(&str, &str)], &str); 4] = [
        (&[("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)], opened),
        (&[("AWS_SHARED_CREDENTIALS_FILE", &file), ("AWS_PROFILE", "reports")], opened),
        (&[("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", "wrong")], "Unauthenticated Answered"),
        (&[], "Unauthenticated NotSent"),
    ];
    for (environment, expected) in table {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.args(["credentials::the_process_with_an_environment", "--exact", "--nocapture"]);
        command.env_clear().env(CHAIN, &served.url).env("HOME", folder.path());
        // Not a machine of Amazon's, whatever it is.
        command.env("AWS_EC2_METADATA_DISABLED", "true").envs(environment.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains(&format!("[{expected}]")), "{environment:?}: {printed}");
    }
    Ok(())
}

/// Opens a store, but only as the child of the test above.
#[tokio::test]
async fn the_process_with_an_environment() -> Test {
    let Some(url) = std::env::var_os(CHAIN) else { return Ok(()) };
    let store = S3Storage::builder(BUCKET, "us-east-1").endpoint(url.to_string_lossy()).claims(AMAZON);
    let result = match store.connect().await {
        Ok(_) => "opened".to_owned(),
        Err(error) => format!("{:?} {:?}", error.kind(), error.outcome()),
    };
    std::io::Write::write_all(&mut std::io::stdout(), format!("[{result}]\n").as_bytes())?;
    Ok(())
}
