//! What goes wrong between the caller and the bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::{GetOptions, PutOptions};
use companyos_adapter_traits::{
    Conflict, Context, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome, RetryClass,
};
use companyos_adapters::s3::AMAZON;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::served::{BUCKET, Served, builder, refusal};
use super::{Test, ctx, key, kind};

#[tokio::test]
async fn a_conflict_says_whether_it_is_settled() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    let create = PutOptions::create();
    store.put(&ctx(), &key("k")?, "a".into(), &create).await?;
    let settled = store.put(&ctx(), &key("k")?, "b".into(), &create).await.err().ok_or("it was replaced")?;
    assert_eq!(*settled.kind(), ErrorKind::Conflict(Conflict::Settled));
    assert_eq!(
        (settled.provider_code(), settled.retry()),
        (Some("PreconditionFailed"), RetryClass::Permanent)
    );
    served.script(|request| {
        let conditional = request.headers().contains_key("if-none-match");
        conditional.then(|| {
            refusal(409, "ConditionalRequestConflict", "A conflicting conditional operation is in progress.")
        })
    });
    let in_flight =
        store.put(&ctx(), &key("new")?, "b".into(), &create).await.err().ok_or("it was written")?;
    assert_eq!(*in_flight.kind(), ErrorKind::Conflict(Conflict::InFlight));
    assert_eq!((in_flight.outcome(), in_flight.retry()), (Outcome::Answered, RetryClass::Temporary));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() -> Test {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    drop(listener);
    let error = builder(&url).claims(AMAZON).connect().await.err().ok_or("it was opened")?;
    assert_eq!(
        (error.kind(), error.outcome(), error.retry()),
        (&ErrorKind::Unavailable, Outcome::NotSent, RetryClass::Temporary),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_effect_open() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    // The server takes the request, and its task ends before it answers.
    served.script(|request| {
        assert!(request.method() != "PUT", "the connection is cut");
        None
    });
    let error = store.write(&ctx(), &key("k")?, "a").await.err().ok_or("it was written")?;
    assert_eq!(
        (error.kind(), error.outcome(), error.retry()),
        (&ErrorKind::Unavailable, Outcome::MaybeSent, RetryClass::Temporary),
        "{error}"
    );
    Ok(())
}

/// A server that reads and never answers.
async fn silent() -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
            });
        }
    });
    Ok(url)
}

#[tokio::test]
async fn the_deadline_ends_a_wait_and_so_does_the_time_to_answer() -> Test {
    let url = silent().await?;
    let started = SystemClock.now();
    let error =
        builder(&url).timeout(Duration::from_millis(200)).connect().await.err().ok_or("it answered")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unavailable, Outcome::MaybeSent), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());

    let served = Served::start().await?;
    let store = served.store().await?;
    served.script(|_| {
        std::thread::sleep(Duration::from_millis(600));
        None
    });
    let deadline = SystemClock.now() + Duration::from_millis(100);
    let hurried = Context::builder("acme", "us-east-1").deadline(deadline).build();
    let error = store.write(&hurried, &key("k")?, "a").await.err().ok_or("it was written")?;
    // On one thread the server's pause is ours too, so the deadline may have been over before the answer was read.
    assert_eq!(
        (error.kind(), error.outcome(), error.retry()),
        (&ErrorKind::DeadlineExceeded, Outcome::MaybeSent, RetryClass::Permanent),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_provider_that_wants_fewer_requests_says_when() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    served.script(|_| {
        let mut answer = refusal(503, "SlowDown", "Please reduce your request rate.");
        answer.headers_mut().insert("retry-after", hyper::header::HeaderValue::from_static("7"));
        Some(answer)
    });
    let error = store.write(&ctx(), &key("k")?, "a").await.err().ok_or("it was written")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::RateLimited, Outcome::Answered));
    assert_eq!((error.retry(), error.retry_after()), (RetryClass::Temporary, Some(Duration::from_secs(7))));
    Ok(())
}

#[tokio::test]
async fn retries_of_the_sdk_and_of_a_wrapper_do_not_multiply() -> Test {
    let served = Served::start().await?;
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let (once, thrice) =
        (served.store().await?, served.builder().claims(AMAZON).attempts(3).connect().await?);
    served.script(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Some(refusal(503, "SlowDown", "Please reduce your request rate."))
    });
    let (overwrite, create) = (PutOptions::overwrite(), PutOptions::create());
    let table = [
        (&once, &overwrite, 1, RetryClass::Temporary),
        (&thrice, &overwrite, 3, RetryClass::Persistent),
        (&thrice, &create, 1, RetryClass::Persistent),
    ];
    for (store, options, requests, retry) in table {
        count.store(0, Ordering::Relaxed);
        let error = store.put(&ctx(), &key("k")?, "a".into(), options).await.err().ok_or("it was written")?;
        assert_eq!((count.load(Ordering::Relaxed), error.retry()), (requests, retry), "{options:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_not_an_object_that_is_not_there() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    served.script(|_| Some(refusal(404, "NoSuchBucket", "The specified bucket does not exist")));
    let error = store.get(&ctx(), &key("k")?, &GetOptions::default()).await.err().ok_or("it was read")?;
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Unavailable, RetryClass::Permanent));
    let deleted = store.delete(&ctx(), &key("k")?, &Default::default()).await;
    assert_eq!(kind(deleted), Some(ErrorKind::Unavailable));
    served.script(|_| None);
    let absent = companyos_adapters::s3::S3Storage::builder(format!("{BUCKET}-2"), "us-east-1")
        .endpoint(&served.url)
        .credentials(companyos_adapters::s3::S3Credentials::new(
            super::served::KEY_ID,
            super::served::SECRET,
        ));
    assert_eq!(kind(absent.connect().await), Some(ErrorKind::NotFound));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_it_is_sent() -> Test {
    let served = Served::start().await?;
    let store = served.store().await?;
    for (name, value) in [("Upper", "a"), ("name", " padded"), ("name", "caf\u{e9}"), ("name", "line\nbreak")]
    {
        let metadata = [(name.to_owned(), value.to_owned())].into();
        let options = PutOptions::overwrite().metadata(metadata);
        let error =
            store.put(&ctx(), &key("k")?, "a".into(), &options).await.err().ok_or("it was written")?;
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::InvalidInput, Outcome::NotSent));
    }
    assert_eq!(served.bucket.state().puts, 0);
    Ok(())
}
