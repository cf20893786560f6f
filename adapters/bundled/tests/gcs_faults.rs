//! What the adapter for Google Cloud Storage makes of answers that an emulator does not give: refused credentials,
//! quotas, broken and damaged bodies, uploads that break off, a service that is silent or not there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod gcs_double;
mod gcs_key;

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use companyos_adapters::gcs::{GcsCredentials, GcsStorage};
use companyos_adapters::traits::clock::{Clock, SystemClock};
use companyos_adapters::traits::storage::{CopyOptions, GetOptions, HeadOptions, ObjectKey, PutOptions};
use companyos_adapters::traits::{
    Conflict, Context, Error, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass,
};
use gcs_double::{Answer, Double, Request, ctx, media, object, part, refusal, resource, service_account};
use serde_json::json;

const BODY: &[u8] = b"0123456789";
const SHORT: Duration = Duration::from_millis(300);

fn key() -> ObjectKey {
    ObjectKey::new("a/b").unwrap()
}

async fn put(storage: &GcsStorage, ctx: &Context) -> Result<(), Error> {
    storage.put(ctx, &key(), Bytes::from_static(BODY), &PutOptions::overwrite()).await.map(drop)
}

async fn head(storage: &GcsStorage, ctx: &Context) -> Result<(), Error> {
    storage.head(ctx, &key(), &HeadOptions::default()).await.map(drop)
}

/// Every word an error can show, its sources included.
fn everything(error: &Error) -> String {
    let mut words = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    words
}

/// Answers by turns; the last answer stays.
fn in_turn(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync {
    let turn = AtomicUsize::new(0);
    move |_| answers[turn.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)].clone()
}

#[tokio::test]
async fn each_refusal_is_its_own_kind_for_bodies_and_for_control_calls() {
    use {ErrorKind as K, Outcome as O, RetryClass as R};
    let table = [
        (400, "invalid", K::InvalidInput, O::Answered, R::Permanent),
        (401, "required", K::Unauthenticated, O::Answered, R::Permanent),
        (403, "forbidden", K::PermissionDenied, O::Answered, R::Permanent),
        (403, "rateLimitExceeded", K::RateLimited, O::Answered, R::Temporary),
        (403, "retentionPolicyNotMet", K::Locked, O::Answered, R::Permanent),
        (403, "objectUnderActiveHold", K::Locked, O::Answered, R::Permanent),
        (404, "notFound", K::NotFound, O::Answered, R::Permanent),
        (408, "requestTimeout", K::Unavailable, O::MaybeSent, R::Temporary),
        (409, "conflict", K::Conflict(Conflict::InFlight), O::Answered, R::Temporary),
        (412, "conditionNotMet", K::Conflict(Conflict::Settled), O::Answered, R::Permanent),
        (413, "uploadTooLarge", K::LimitExceeded, O::Answered, R::Permanent),
        (429, "rateLimitExceeded", K::RateLimited, O::Answered, R::Temporary),
        // A 200 with one bit flipped on its way.
        (300, "ok", K::Internal, O::MaybeSent, R::Permanent),
        (500, "backendError", K::Unavailable, O::MaybeSent, R::Temporary),
        (503, "backendError", K::Unavailable, O::MaybeSent, R::Temporary),
    ];
    for (status, reason, kind, outcome, retry) in table {
        let double = Double::start(move |_| {
            refusal(status, reason).header("retry-after", 7).header("x-guploader-uploadid", "id-1")
        })
        .await;
        let storage = double.connect().await;
        for error in [head(&storage, &ctx()).await.unwrap_err(), put(&storage, &ctx()).await.unwrap_err()] {
            let what = everything(&error);
            assert_eq!(
                (error.kind(), error.outcome(), error.retry()),
                (&kind, outcome, retry),
                "{status} {what}"
            );
            assert_eq!(error.provider_code(), Some(reason), "{status} {what}");
            assert_eq!(error.provider_request_id(), Some("id-1"), "{status} {what}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{status} {what}");
            assert!(!error.to_string().contains("words that name"), "{status} {what}");
        }
        // The client repeats nothing of its own accord, so that whoever retries above it knows how often.
        assert_eq!(double.requests().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_without_the_services_words_is_told_by_its_status() {
    let double = Double::start(|_| Answer::new(503, "<html>a proxy's page</html>")).await;
    let storage = double.connect().await;
    for error in [head(&storage, &ctx()).await.unwrap_err(), put(&storage, &ctx()).await.unwrap_err()] {
        assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::Unavailable, Some("503")));
        assert!(!everything(&error).contains("proxy"), "{error:?}");
    }
}

#[tokio::test]
async fn expired_withdrawn_and_skewed_credentials_are_told_apart() {
    let (now, hour) = (SystemClock.wall(), Duration::from_secs(3600));
    let until = |end: SystemTime| GcsCredentials::access_token_until("ya29.secret", end);
    let table = [
        (GcsCredentials::anonymous(), now, ErrorKind::Unauthenticated),
        (GcsCredentials::access_token("ya29.secret"), now, ErrorKind::Unauthenticated),
        (until(now - hour), now, ErrorKind::CredentialsExpired),
        (until(now + hour), now, ErrorKind::CredentialsRevoked),
        (service_account(), now, ErrorKind::CredentialsRevoked),
        (service_account(), now - hour, ErrorKind::ClockSkew),
        (service_account(), now + hour, ErrorKind::ClockSkew),
    ];
    for (credentials, service_time, kind) in table {
        let date = httpdate::fmt_http_date(service_time);
        let double = Double::start(move |_| refusal(401, "authError").header("date", &date)).await;
        let what = format!("{credentials:?}");
        let storage = double.builder().credentials(credentials).connect().await.unwrap();
        for error in [head(&storage, &ctx()).await.unwrap_err(), put(&storage, &ctx()).await.unwrap_err()] {
            assert_eq!(*error.kind(), kind, "{what}");
            assert!(!everything(&error).contains("secret"), "{error:?}");
        }
        assert!(!format!("{storage:?}").contains("secret"), "{storage:?}");
    }
}

#[tokio::test]
async fn a_token_goes_with_bodies_and_with_control_calls() {
    let double = Double::start(|request| match request.reads() {
        true => media(1, BODY),
        false => object(1, BODY),
    })
    .await;
    let builder = double.builder().credentials(GcsCredentials::access_token("ya29.secret"));
    let storage = builder.connect().await.unwrap();
    put(&storage, &ctx()).await.unwrap();
    storage.read(&ctx(), &key()).await.unwrap();
    assert_eq!(double.requests().len(), 3);
    for request in double.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer ya29.secret"), "{}", request.target);
    }
}

#[tokio::test]
async fn a_damaged_body_is_corrupt_at_its_end() {
    let double = Double::start(|request| match request.reads() {
        // The body of one object with the checksum of another.
        true => media(1, BODY).with_body(b"012345678x"),
        false => object(1, BODY),
    })
    .await;
    let storage = double.connect().await;
    let object = storage.get(&ctx(), &key(), &GetOptions::default()).await.unwrap();
    let error = object.bytes().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Corrupt, RetryClass::Permanent), "{error}");
}

#[tokio::test]
async fn an_object_that_is_kept_otherwise_than_it_was_sent_is_corrupt() {
    let double = Double::start(|_| object(1, b"012345678x")).await;
    let error = put(&double.connect().await, &ctx()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Corrupt, Outcome::MaybeSent), "{error}");
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was_with_the_same_generation() {
    let double = Double::start(|request| match request.header("range") {
        _ if request.describes() => object(1, BODY),
        None => media(1, BODY).cut_after(4),
        Some("bytes=4-9") => part(1, BODY, 4).cut_after(3),
        Some("bytes=7-9") => part(1, BODY, 7),
        Some(other) => panic!("{other}"),
    })
    .await;
    let storage = double.connect().await;
    assert_eq!(storage.read(&ctx(), &key()).await.unwrap(), BODY);
    let reads: Vec<_> = double.requests().into_iter().filter(Request::reads).collect();
    assert_eq!(reads.len(), 3);
    assert!(reads[1..].iter().all(|request| request.target.contains("generation=1")), "{reads:?}");
}

#[tokio::test]
async fn a_download_that_keeps_breaking_off_is_given_up_for_good() {
    let double = Double::start(|request| match request.header("range") {
        _ if request.describes() => object(1, BODY),
        None => media(1, BODY).cut_after(0),
        Some(_) => part(1, BODY, 0).cut_after(0),
    })
    .await;
    let error = double.connect().await.read(&ctx(), &key()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Unavailable, RetryClass::Persistent), "{error}");
    assert_eq!(double.requests().iter().filter(|request| request.reads()).count(), 3);
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_opened_is_read_as_it_is_then() {
    // Described, replaced, and only then read.
    for gone in [refusal(404, "notFound"), media(2, BODY)] {
        let reads = AtomicUsize::new(0);
        let double = Double::start(move |request| match (request.reads(), reads.load(Ordering::SeqCst)) {
            (false, 0) => object(1, b"old"),
            (false, _) => object(2, BODY),
            (true, _) if reads.fetch_add(1, Ordering::SeqCst) == 0 => gone.clone(),
            (true, _) => media(2, BODY),
        })
        .await;
        let storage = double.connect().await;
        let object = storage.get(&ctx(), &key(), &GetOptions::default()).await.unwrap();
        assert_eq!(object.meta.etag.as_str(), "2-1");
        assert_eq!(object.bytes().await.unwrap(), BODY);
    }
    let double = Double::start(|request| match request.reads() {
        true => refusal(404, "notFound"),
        false => object(1, BODY),
    })
    .await;
    let error = double.connect().await.read(&ctx(), &key()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_upload_that_breaks_off_goes_on_in_its_session_and_shows_its_address_to_nobody() {
    let puts = AtomicUsize::new(0);
    let double =
        Double::start(move |request| match (request.method.as_str(), request.header("content-range")) {
            ("POST", _) => Answer::new(200, "").header("location", session(request)),
            (_, Some("bytes */*")) => Answer::new(308, "").header("range", "bytes=0-3"),
            (_, Some("bytes 4-9/10")) if request.body == BODY[4..] => object(1, BODY),
            (_, Some("bytes 0-9/10")) if puts.fetch_add(1, Ordering::SeqCst) == 0 => Answer::gone(),
            other => panic!("{other:?}"),
        })
        .await;
    let storage = double.builder().resumable_threshold(1).connect().await.unwrap();
    put(&storage, &ctx()).await.unwrap();
    assert_eq!(double.requests().len(), 4);

    let double = Double::start(|request| match request.method.as_str() {
        "POST" => Answer::new(200, "").header("location", session(request)),
        _ => Answer::gone(),
    })
    .await;
    let storage = double.builder().resumable_threshold(1).connect().await.unwrap();
    let error = put(&storage, &ctx()).await.unwrap_err();
    assert!(!everything(&error).contains("secret"), "{}", everything(&error));
    assert_eq!((error.retry(), error.outcome()), (RetryClass::Persistent, Outcome::MaybeSent), "{error}");
}

/// The address of an upload session, which is a credential.
fn session(request: &Request) -> String {
    format!("http://{}/session?upload_id=secret", request.local)
}

#[tokio::test]
async fn a_session_is_tried_three_times_and_then_given_up_for_good() {
    let double = Double::start(|_| refusal(503, "backendError")).await;
    let storage = double.builder().resumable_threshold(1).connect().await.unwrap();
    let error = put(&storage, &ctx()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Unavailable, RetryClass::Persistent), "{error}");
    assert_eq!(double.requests().len(), 3);
}

#[tokio::test]
async fn a_service_that_is_not_there_was_sent_nothing() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let builder = GcsStorage::builder("bucket", "EU").endpoint(format!("http://{free}"));
    let error = builder.credentials(GcsCredentials::anonymous()).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent), "{error}");
    for threshold in [1, 1 << 20] {
        let gone = Double::start(|_| object(1, BODY)).await;
        let storage = gone.builder().resumable_threshold(threshold).connect().await.unwrap();
        gone.stop().await;
        let error = put(&storage, &ctx()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::NotSent), "{error}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_deadline_and_otherwise_with_the_timeout() {
    let double = Double::start(|request| match request.reads() {
        true => media(1, BODY).silent_after(4),
        false if request.describes() => object(1, BODY),
        false => Answer::none(),
    })
    .await;
    let storage = double.builder().timeout(SHORT).connect().await.unwrap();
    let hurried = || Context::builder("acme", "eu-central").deadline(Instant::now() + SHORT / 2).build();
    let table = [
        (put(&storage, &ctx()).await, ErrorKind::Unavailable, RetryClass::Temporary),
        (put(&storage, &hurried()).await, ErrorKind::DeadlineExceeded, RetryClass::Permanent),
        (storage.read(&ctx(), &key()).await.map(drop), ErrorKind::Unavailable, RetryClass::Temporary),
        (
            storage.read(&hurried(), &key()).await.map(drop),
            ErrorKind::DeadlineExceeded,
            RetryClass::Permanent,
        ),
    ];
    for (result, kind, retry) in table {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry(), error.outcome()),
            (&kind, retry, Outcome::MaybeSent),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_copy_of_a_large_object_goes_on_until_it_is_done() {
    let step = |token: &str| Answer::new(200, json!({ "done": false, "rewriteToken": token }).to_string());
    let done = json!({ "done": true, "resource": resource(9, BODY) });
    let double = Double::start(in_turn(vec![step("1"), step("2"), Answer::new(200, done.to_string())])).await;
    let to = ObjectKey::new("c").unwrap();
    let copied = double.connect().await.copy(&ctx(), &key(), &to, &CopyOptions::default()).await.unwrap();
    assert_eq!((copied.key, copied.etag.as_str()), (to, "9-1"));
    let targets: Vec<_> = double.requests().into_iter().map(|request| request.target).collect();
    assert!(!targets[0].contains("rewriteToken"), "{targets:?}");
    assert!(targets[1].contains("rewriteToken=1") && targets[2].contains("rewriteToken=2"), "{targets:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let double =
        Double::start(|_| Answer::new(302, "").header("location", "http://127.0.0.1:1/elsewhere")).await;
    let storage = double.connect().await;
    for error in [head(&storage, &ctx()).await.unwrap_err(), put(&storage, &ctx()).await.unwrap_err()] {
        assert_eq!(*error.kind(), ErrorKind::Internal, "{error}");
    }
    assert_eq!(double.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_api_describes_is_internal() {
    let double = Double::start(|_| Answer::new(200, "{}")).await;
    let storage = double.connect().await;
    for error in [head(&storage, &ctx()).await.unwrap_err(), put(&storage, &ctx()).await.unwrap_err()] {
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Internal, Outcome::MaybeSent), "{error}");
    }
}
