//! Bodies that are streamed, and started anew for every attempt.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use companyos_sdk::areas::tenants::BulkImportTenantsBody;
use companyos_sdk::{Body, Error, Outcome};
use futures_util::stream;

use crate::support::*;

fn plan() -> wiremock::ResponseTemplate {
    status(200).insert_header("receipt-id", RECEIPT).set_body_json(serde_json::json!({
        "id": "imp_1", "status": "planned", "dry_run": true, "format": "csv", "content_digest": "sha256:00",
        "rows_total": 1, "rows_create": 1, "rows_unchanged": 0, "rows_error": 0,
        "created_at": "2026-01-16T09:30:00.000000Z",
    }))
}

async fn import(server: &wiremock::MockServer, body: Body) -> Result<(), Error> {
    let (client, _timer) = client(server);
    client.tenants().bulk_import(BulkImportTenantsBody::Csv(body)).dry_run(true).send().await.map(|_| ())
}

#[tokio::test]
async fn a_file_is_sent_whole_by_every_attempt() {
    let path = std::env::temp_dir().join(format!("companyos-sdk-body-{}.csv", std::process::id()));
    let content: String = (0..20_000).map(|row| format!("{row},Company {row}\n")).collect();
    std::fs::write(&path, &content).expect("a file");
    let server = script([status(503), plan()]).await;
    import(&server, Body::from_path(&path)).await.expect("imported");
    std::fs::remove_file(&path).expect("removed");
    let requests = seen(&server).await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.body == content.as_bytes(), "the body is not the file");
        assert_eq!(header(&request, "content-type"), Some("text/csv"));
        assert_eq!(header(&request, "content-length"), Some(content.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn a_factory_is_called_for_every_attempt() {
    let opened = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&opened);
    let body = Body::from_factory(None, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok(stream::iter(["a,b\n", "1,2\n"].map(|line| Ok(Bytes::from_static(line.as_bytes()))))) }
    });
    let server = script([status(503), status(503), plan()]).await;
    import(&server, body).await.expect("imported");
    assert_eq!(opened.load(Ordering::Relaxed), 3);
    let requests = seen(&server).await;
    assert!(requests.iter().all(|request| request.body == b"a,b\n1,2\n"));
    assert_eq!(header(&requests[0], "transfer-encoding"), Some("chunked"), "its length is not known");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_sent() {
    let server = always(plan()).await;
    let error = import(&server, Body::from_path("/nowhere/at-all.csv")).await.expect_err("no file");
    assert_eq!((error.code(), error.outcome()), ("request-body-unreadable", Outcome::NotSent));
    assert!(!error.is_retryable() && seen(&server).await.is_empty());
}

#[tokio::test]
async fn a_stream_that_breaks_is_the_callers_failure_and_not_tried_again() {
    let body = Body::from_factory(Some(100), || async {
        Ok(stream::iter([Ok(Bytes::from_static(b"a,b\n")), Err(io::Error::other("the disk is gone"))]))
    });
    let server = always(plan()).await;
    let error = import(&server, body).await.expect_err("broken");
    assert_eq!((error.code(), error.outcome()), ("request-body-unreadable", Outcome::MaybeSent));
    assert_eq!(error.attempts().len(), 1);
}
