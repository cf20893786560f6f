//! Whatever mixture of writes arrives, exactly the effects of those that succeeded are there.

use std::collections::BTreeSet;

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::{Frontier, Hash, receipt_leaf_hash};
use companyos_receipt::verify::Verifier;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::kernel::clock::Timestamp;

/// How a write goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Succeed,
    SucceedWithoutReceipt,
    FailBeforeWriting,
    FailAfterWriting,
    PanicAfterWriting,
    ClashAndGiveUp,
    ClashAndHideIt,
    BadReceipt,
}

/// One write: its manner, its tenant and, perhaps, its idempotency key.
type Write = (Manner, u8, Option<u8>);

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let manner = prop_oneof![
        8 => Just(Manner::Succeed),
        2 => Just(Manner::SucceedWithoutReceipt),
        1 => Just(Manner::FailBeforeWriting),
        1 => Just(Manner::FailAfterWriting),
        1 => Just(Manner::PanicAfterWriting),
        1 => Just(Manner::ClashAndGiveUp),
        1 => Just(Manner::ClashAndHideIt),
        1 => Just(Manner::BadReceipt),
    ];
    prop::collection::vec((manner, 0..4_u8, prop::option::weighted(0.4, 0..6_u8)), 1..80)
}

async fn perform(store: &Store, name: String, (manner, tenant, key): Write) -> Result<(), StoreError> {
    write(store, move |tx| {
        let name = name.clone();
        Box::pin(async move {
            if manner == Manner::FailBeforeWriting {
                return Err(StoreError::Inconsistent("on purpose".to_owned()));
            }
            insert(tx, &name).await?;
            match manner {
                Manner::FailAfterWriting => return Err(StoreError::Inconsistent("on purpose".to_owned())),
                Manner::PanicAfterWriting => panic!("on purpose"),
                Manner::ClashAndGiveUp => drop(insert(tx, "taken").await?),
                Manner::ClashAndHideIt => drop(insert(tx, "taken").await),
                _ => {}
            }
            let mut draft = draft(&format!("tnt_{tenant}"));
            if manner == Manner::BadReceipt {
                draft.policy = String::new();
            }
            let commit = match manner {
                Manner::SucceedWithoutReceipt => Commit::without_receipt((), "test"),
                _ => Commit::with_receipt((), draft),
            };
            let expires_at = Timestamp::MAX;
            Ok(commit.remembering(key.map(|key| Remember {
                key: [key; 32],
                fingerprint: [0; 32],
                response: name.into_bytes(),
                expires_at,
            })))
        })
    })
    .await
}

async fn check(store: Store, writes: Vec<Write>) -> Result<(), TestCaseError> {
    create_names(&store).await;
    add(&store, "tnt_other", "taken").await.unwrap();
    let outcomes = at_once(
        writes.iter().enumerate().map(|(number, write)| perform(&store, format!("{number:03}"), *write)),
    )
    .await;

    let mut expected_names = BTreeSet::from(["taken".to_owned()]);
    let mut receipts = [0_u64; 4];
    let mut keys = BTreeSet::new();
    for (number, ((manner, tenant, key), outcome)) in writes.iter().zip(&outcomes).enumerate() {
        match outcome {
            Ok(()) => {
                prop_assert!(
                    matches!(manner, Manner::Succeed | Manner::SucceedWithoutReceipt),
                    "{:?}",
                    manner
                );
                if let Some(key) = key {
                    prop_assert!(keys.insert(*key), "key {} took effect twice", key);
                }
                expected_names.insert(format!("{number:03}"));
                receipts[usize::from(*tenant)] += u64::from(*manner == Manner::Succeed);
            }
            Err(StoreError::IdempotencyRaced) => prop_assert!(key.is_some()),
            Err(error) => prop_assert!(
                !matches!(manner, Manner::Succeed | Manner::SucceedWithoutReceipt),
                "{:?} failed: {}",
                manner,
                error
            ),
        }
    }
    // A key that anybody succeeded with or raced for has one winner.
    for (write, outcome) in writes.iter().zip(&outcomes) {
        if matches!(outcome, Err(StoreError::IdempotencyRaced)) {
            prop_assert!(write.2.is_some_and(|key| keys.contains(&key)), "{:?} raced against nobody", write);
        }
    }
    prop_assert_eq!(names(&store).await.into_iter().collect::<BTreeSet<_>>(), expected_names);
    for (tenant, expected) in (0..).zip(receipts) {
        check_log(&store, &format!("tnt_{tenant}"), expected).await?;
    }
    Ok(())
}

/// The log has consecutive receipts that verify, and its checkpoint is over exactly these.
async fn check_log(store: &Store, tenant: &str, expected: u64) -> Result<(), TestCaseError> {
    let keys = KeySet::from_public_keys(&[store.public_key()]).unwrap();
    let verifier = Verifier::new(keys.clone());
    let mut reader = store.reader().await.unwrap();
    let sql = sqlx::query("SELECT log_id, origin, size, checkpoint, frontier FROM logs WHERE tenant_id = $1");
    let Some(log) = reader.fetch_optional(sql.bind(tenant.to_owned())).await.unwrap() else {
        prop_assert_eq!(expected, 0);
        return Ok(());
    };
    let sql =
        sqlx::query("SELECT idx, jwt, disclosures, leaf_hash FROM receipts WHERE log_id = $1 ORDER BY idx");
    let rows = reader.fetch_all(sql.bind(log.text("log_id").unwrap())).await.unwrap();
    let mut frontier = Frontier::new();
    for (index, row) in (0_u64..).zip(&rows) {
        prop_assert_eq!(row.count("idx").unwrap(), index);
        let jwt = row.text("jwt").unwrap();
        let leaf = receipt_leaf_hash(&jwt);
        prop_assert_eq!(Hash(row.hash("leaf_hash").unwrap()), leaf);
        frontier.push(leaf);
        let sd_jwt = format!("{jwt}~{}~", row.text("disclosures").unwrap());
        let verified = verifier.verify_receipt(&sd_jwt, None);
        prop_assert!(verified.is_ok(), "{:?}", verified.err());
        prop_assert_eq!(verified.unwrap().claims.tenant, log.text("log_id").unwrap());
    }
    prop_assert_eq!(rows.len() as u64, expected);
    prop_assert_eq!(log.count("size").unwrap(), expected);
    prop_assert_eq!(log.blob("frontier").unwrap(), frontier.to_bytes());
    let checkpoint = Checkpoint::verify(&log.text("checkpoint").unwrap(), &keys).unwrap();
    prop_assert_eq!(checkpoint.origin(), log.text("origin").unwrap());
    prop_assert_eq!((checkpoint.size(), *checkpoint.root()), (expected, frontier.root()));
    Ok(())
}

#[test]
fn exactly_the_effects_of_successful_writes_are_there() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(writes(), 1..90_usize), |(writes, group)| {
        runtime.block_on(async {
            let failed = std::cell::RefCell::new(Ok(()));
            on_every_database(async |options| {
                let store = Store::open(StoreOptions { group, ..options }, deps()).await.unwrap();
                let checked = check(store.clone(), writes.clone()).await;
                store.shutdown().await;
                if checked.is_err() {
                    *failed.borrow_mut() = checked;
                }
            })
            .await;
            failed.into_inner()
        })
    });
    outcome.unwrap();
}
