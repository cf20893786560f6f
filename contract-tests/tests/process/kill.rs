//! `kill -9` while the SDK writes: what was acknowledged is there, and no log contradicts what it has shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::{Hash, verify_consistency};
use companyos_sdk::{Client, Outcome};
use companyos_server::store::testing::Schema;
use companyos_types::tenants::TenantCreate;
use futures_util::TryStreamExt as _;
use tokio::time::timeout;

use crate::programs::Server;

const WRITERS: usize = 16;

/// What the server has promised, over all its lives.
#[derive(Debug, Clone, Default)]
struct Promised {
    /// Idempotency key to tenant and receipt.
    acknowledged: BTreeMap<String, (String, String)>,
    /// Keys of requests that got no answer.
    unanswered: BTreeSet<String>,
    /// How many of them may have reached the server.
    under_way: usize,
    /// Every checkpoint of the operator's log that was read.
    checkpoints: Vec<String>,
}

type Shared = Arc<Mutex<Promised>>;

/// Creates tenants one after the other until a request gets no answer.
async fn write(client: Client, promised: Shared, name: String) {
    for number in 0_u32.. {
        let key = format!("{name}-{number}");
        let call = client.tenants().create(&TenantCreate::new(&key, "A tenant")).idempotency_key(&*key);
        match call.send().await {
            Ok(created) => {
                let receipt = created.receipt_id().expect("a receipt").to_owned();
                promised.lock().unwrap().acknowledged.insert(key, (created.id.clone(), receipt));
            }
            Err(error) => {
                assert_ne!(
                    error.outcome(),
                    Outcome::Answered,
                    "the server failed before it was killed: {error}"
                );
                let mut promised = promised.lock().unwrap();
                promised.unanswered.insert(key);
                promised.under_way += usize::from(error.outcome() == Outcome::MaybeSent);
                return;
            }
        }
    }
}

/// Reads checkpoints until there is no answer.
async fn watch(client: Client, promised: Shared) {
    let log = client.receipts().list_logs().send().await.expect("the log").items[0].id.clone();
    while let Ok(checkpoint) = client.receipts().log_checkpoint(&log).send().await {
        promised.lock().unwrap().checkpoints.push(checkpoint.into_inner());
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Lets the server work until it has acknowledged that many requests and a moment longer, then kills it.
async fn work_and_kill(server: Server, round: usize, promised: &Shared) {
    let client = server.client().max_attempts(1).build().unwrap();
    let before = promised.lock().unwrap().acknowledged.len();
    let mut tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            tokio::spawn(write(client.clone(), Arc::clone(promised), format!("r{round}-w{writer}")))
        })
        .collect();
    tasks.push(tokio::spawn(watch(client, Arc::clone(promised))));
    while promised.lock().unwrap().acknowledged.len() < before + 150 {
        assert!(
            tasks.iter().all(|task| !task.is_finished()),
            "a writer gave up before the server was killed"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_micros(900 * round as u64)).await;
    server.kill();
    for task in tasks {
        timeout(Duration::from_secs(30), task).await.expect("a dead server is noticed").unwrap();
    }
}

/// Holds a server that was started again against everything it promised before.
async fn check(server: &Server, promised: &Shared) {
    let client = server.client().build().unwrap();
    let promised = promised.lock().unwrap().clone();
    assert!(promised.under_way > 0, "the server was idle when it was killed");

    let receipts: Vec<_> = client.receipts().list().limit(200).by_item().try_collect().await.unwrap();
    assert!(receipts.iter().map(|receipt| receipt.index).eq(0..receipts.len() as u64), "the log has a gap");
    let ids: BTreeSet<&String> = receipts.iter().map(|receipt| &receipt.id).collect();
    assert_eq!(ids.len(), receipts.len(), "a receipt is there twice");
    let lost: Vec<_> = promised.acknowledged.values().filter(|(_, receipt)| !ids.contains(receipt)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    for (_, receipt) in promised.acknowledged.values().step_by(29) {
        client.receipt(receipt).await.expect("an acknowledged receipt verifies");
    }

    let jwks = client.meta().jwks().send().await.unwrap().into_inner();
    let keys = KeySet::from_jwks(&serde_json::to_vec(&jwks).unwrap()).unwrap();
    let log = client.receipts().list_logs().send().await.unwrap().items[0].id.clone();
    let note = client.receipts().log_checkpoint(&log).send().await.unwrap();
    let now = Checkpoint::verify(&note, &keys).unwrap();
    let mut shown: BTreeMap<u64, Hash> = BTreeMap::new();
    for note in &promised.checkpoints {
        let old = Checkpoint::verify(note, &keys).unwrap();
        let root = shown.entry(old.size()).or_insert(*old.root());
        assert_eq!(root, old.root(), "two trees of one size were shown");
    }
    assert!(shown.len() > 3, "too few checkpoints were read to say anything: {}", shown.len());
    for (size, root) in shown {
        let proof = client.receipts().log_consistency(&log, size, now.size()).send().await.unwrap();
        let hashes: Vec<Hash> = proof.hashes.iter().map(|hash| hash.parse().unwrap()).collect();
        verify_consistency(size, &root, now.size(), now.root(), &hashes).expect("the log was rewritten");
    }

    let create =
        |key: &str| client.tenants().create(&TenantCreate::new(key, "A tenant")).idempotency_key(key).send();
    for (key, (tenant, receipt)) in promised.acknowledged.iter().step_by(7) {
        let again = create(key).await.unwrap();
        assert!(again.replayed(), "{key} was carried out again");
        assert_eq!((&again.id, again.receipt_id()), (tenant, Some(receipt.as_str())));
    }
    for key in &promised.unanswered {
        create(key).await.expect("what was not answered is finished by its repetition, done already or not");
    }
    let tenants: Vec<_> = client.tenants().list().limit(200).by_item().try_collect().await.unwrap();
    let names: BTreeSet<&str> = tenants.iter().map(|tenant| tenant.external_id.as_str()).collect();
    assert_eq!(names.len(), tenants.len(), "a tenant is there twice");
    for key in promised.acknowledged.keys().chain(&promised.unanswered) {
        assert!(names.contains(key.as_str()), "{key} had no effect");
    }
}

async fn three_lives(folder: &Path, database: Option<&str>) {
    let promised = Shared::default();
    let mut server = Server::start(folder, database);
    for round in 0..3 {
        work_and_kill(server, round, &promised).await;
        server = Server::start(folder, database);
        check(&server, &promised).await;
    }
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_at_work_has_kept_every_promise_when_it_is_started_again() {
    let limit = Duration::from_secs(120);
    let folder = tempfile::tempdir().unwrap();
    timeout(limit, three_lives(folder.path(), None)).await.expect("it ends");
    if let Some(schema) = Schema::create().await {
        let folder = tempfile::tempdir().unwrap();
        timeout(limit, three_lives(folder.path(), Some(&schema.url))).await.expect("it ends");
        schema.drop().await;
    }
}
