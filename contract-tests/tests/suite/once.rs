//! One key, one effect, one receipt: ten thousand requests of which three in ten are repetitions that race.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use companyos_sdk::Client;
use companyos_server::app::App;
use companyos_server::kernel::body::RequestBody;
use companyos_server::kernel::dispatch::Dispatcher;
use futures_util::TryStreamExt as _;
use http::{Request, Response};
use http_body_util::BodyExt as _;

use crate::engines::on_every_engine;

const REQUESTS: usize = 10_000;
const KEYS: usize = 7_000;
const AT_ONCE: usize = 64;

/// The answer to the request with this number. Neighbours share a key, so that they are under way together.
async fn create(dispatcher: &Dispatcher, bearer: &str, key: &str) -> Response<Bytes> {
    loop {
        let body = format!(r#"{{"external_id": "{key}", "name": "A tenant"}}"#);
        let request = Request::post("/tenants")
            .header("authorization", bearer)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(RequestBody::from(Bytes::from(body)))
            .unwrap();
        let (parts, body) = dispatcher.handle(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Response::from_parts(parts, body);
        if answer.status() != 409 {
            return answer;
        }
        assert!(answer.body().windows(23).any(|part| part == b"idempotency-in-progress"), "{answer:?}");
        tokio::task::yield_now().await;
    }
}

/// Sends all requests, `AT_ONCE` at a time, to the servers in turn; returns the answers by key.
async fn race(servers: &[Arc<App>], bearer: &str) -> BTreeMap<String, Vec<Response<Bytes>>> {
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (next, servers, bearer) = (Arc::clone(&next), servers.to_vec(), bearer.to_owned());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return answers;
                    }
                    let key = format!("race-{}", number * KEYS / REQUESTS);
                    let server = &servers[number % servers.len()];
                    answers.push((key.clone(), create(server.dispatcher(), &bearer, &key).await));
                }
            })
        })
        .collect();
    let mut answers: BTreeMap<String, Vec<Response<Bytes>>> = BTreeMap::new();
    for worker in workers {
        for (key, answer) in worker.await.unwrap() {
            answers.entry(key).or_default().push(answer);
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_racing_requests_have_one_effect_and_one_receipt_per_key() {
    on_every_engine(async |engine| {
        let first = engine.start().await;
        let mut servers = vec![Arc::clone(first.app())];
        let second = if engine.is_shared() { Some(engine.start().await) } else { None };
        servers.extend(second.iter().map(|second| Arc::clone(second.app())));
        let key = first.operator_key().unwrap();
        let answers = race(&servers, &format!("Bearer {}", key.expose())).await;

        assert_eq!(answers.len(), KEYS, "{}", engine.name);
        assert_eq!(answers.values().map(Vec::len).sum::<usize>(), REQUESTS);
        let mut receipts = BTreeSet::new();
        for (key, answers) in &answers {
            let firsts =
                answers.iter().filter(|one| !one.headers().contains_key("idempotent-replayed")).count();
            assert_eq!(firsts, 1, "{key} was carried out {firsts} times");
            for answer in answers {
                assert_eq!(answer.status(), 201, "{answer:?}");
                assert_eq!(answer.body(), answers[0].body(), "{key} has two answers");
                assert_eq!(answer.headers()["receipt-id"], answers[0].headers()["receipt-id"]);
            }
            receipts.insert(answers[0].headers()["receipt-id"].to_str().unwrap().to_owned());
        }

        let client = Client::builder().base_url(first.base_url()).api_key(key).build().unwrap();
        let left: Vec<_> = client
            .receipts()
            .list()
            .action("tenant.create")
            .limit(200)
            .by_item()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(left.len(), KEYS, "{}: one receipt for each key", engine.name);
        assert_eq!(left.into_iter().map(|receipt| receipt.id).collect::<BTreeSet<_>>(), receipts);
        let tenants: Vec<_> = client.tenants().list().limit(200).by_item().try_collect().await.unwrap();
        let made: BTreeSet<_> =
            tenants.iter().map(|tenant| &tenant.external_id).filter(|id| id.starts_with("race-")).collect();
        assert_eq!((made.len(), tenants.len()), (KEYS, KEYS + 1), "{}: and the platform's own", engine.name);
        first.stop().await;
        if let Some(second) = second {
            second.stop().await;
        }
    })
    .await;
}
