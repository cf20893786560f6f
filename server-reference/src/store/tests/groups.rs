//! Writes that share a transaction do not share their fate.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use companyos_receipt::receipt::Outcome;
use sqlx::{Connection as _, Executor as _};

use super::*;

#[tokio::test]
async fn a_receipt_is_there_once_the_write_returns() {
    on_every_engine(async |store| {
        let receipt = draft("tnt_a");
        leave(&store, receipt.clone()).await.unwrap();
        let mut reader = store.reader().await.unwrap();
        let sql = sqlx::query("SELECT idx, action, issued_at FROM receipts WHERE receipt_id = $1");
        let row = reader.fetch_optional(sql.bind(receipt.id)).await.unwrap().unwrap();
        assert_eq!(row.count("idx").unwrap(), 0);
        assert_eq!(row.text("action").unwrap(), "test.write");
        assert_eq!(row.time("issued_at").unwrap(), receipt.at);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_takes_back_its_own_effect_and_no_other() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let outcomes = at_once((0..60).map(|number| {
            let store = store.clone();
            async move {
                write(&store, move |tx| {
                    Box::pin(async move {
                        insert(tx, &format!("name {number:02}")).await?;
                        if number % 5 == 0 {
                            return Err(StoreError::Inconsistent("on purpose".to_owned()));
                        }
                        Ok(Commit::with_receipt((), draft("tnt_a")))
                    })
                })
                .await
            }
        }))
        .await;
        for (number, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_err(), number % 5 == 0, "{number}: {outcome:?}");
        }
        let expected: Vec<_> = (0..60).filter(|n| n % 5 != 0).map(|n| format!("name {n:02}")).collect();
        assert_eq!(names(&store).await, expected);
        assert_eq!(indices(&store, "tnt_a").await, (0..48).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_write_that_hides_a_failed_statement_is_not_committed() {
    on_every_engine(async |store| {
        create_names(&store).await;
        add(&store, "tnt_a", "taken").await.unwrap();
        let hidden = write(&store, |tx| {
            Box::pin(async move {
                insert(tx, "first").await?;
                assert!(insert(tx, "taken").await.unwrap_err().is_unique_violation());
                // Refused without asking the database, as PostgreSQL would.
                assert!(insert(tx, "second").await.unwrap_err().is_unique_violation());
                Ok(Commit::with_receipt((), draft("tnt_a")))
            })
        });
        let (hidden, beside) = tokio::join!(hidden, add(&store, "tnt_a", "beside"));
        assert!(hidden.unwrap_err().is_unique_violation());
        beside.unwrap();
        assert_eq!(names(&store).await, ["beside", "taken"]);
        assert_eq!(indices(&store, "tnt_a").await, [0, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_panics_harms_nobody_else() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let outcomes = at_once((0..8).map(|number| {
            let store = store.clone();
            async move {
                write(&store, move |tx| {
                    assert!(number != 3, "before there is a future");
                    Box::pin(async move {
                        insert(tx, &format!("name {number}")).await?;
                        assert!(number != 5, "after a write");
                        Ok(Commit::without_receipt((), "test"))
                    })
                })
                .await
            }
        }))
        .await;
        let panics: Vec<_> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(panics, ["a write panicked: before there is a future", "a write panicked: after a write"]);
        assert_eq!(names(&store).await.len(), 6);
        add(&store, "tnt_a", "afterwards").await.unwrap();
    })
    .await;
}

/// Panics at the receipts of one tenant's first action.
#[derive(Debug)]
struct Touchy;

impl StoreObserver for Touchy {
    fn receipts_committed(&self, receipts: &[CommittedReceipt]) {
        assert!(receipts.iter().all(|receipt| receipt.action != "test.panic"), "on purpose");
    }

    fn group_committed(&self, _writes: usize, _took: Duration) {}
}

#[tokio::test]
async fn a_panic_of_the_store_itself_does_not_end_all_writing() {
    on_every_database(async |options| {
        let options = StoreOptions { lanes: 1, ..options };
        let store = Store::open(options, StoreDeps { observer: Arc::new(Touchy), ..deps() }).await.unwrap();
        leave(&store, draft("tnt_a")).await.unwrap();
        let panicked =
            leave(&store, ReceiptDraft { action: "test.panic".to_owned(), ..draft("tnt_a") }).await;
        assert!(matches!(panicked, Err(StoreError::Panicked(_))));
        leave(&store, draft("tnt_a")).await.unwrap();
        // It was durable before the observer was told.
        assert_eq!(indices(&store, "tnt_a").await, [0, 1, 2]);
        store.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_receipt_that_cannot_be_issued_takes_its_write_back_and_no_other() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let bad = write(&store, |tx| {
            Box::pin(async move {
                insert(tx, "bad").await?;
                Ok(Commit::with_receipt(
                    (),
                    ReceiptDraft { action: "not a verb".to_owned(), ..draft("tnt_a") },
                ))
            })
        });
        let (bad, good) = tokio::join!(bad, add(&store, "tnt_a", "good"));
        assert!(matches!(bad, Err(StoreError::Receipt(_))), "{bad:?}");
        good.unwrap();
        assert_eq!(names(&store).await, ["good"]);
        assert_eq!(indices(&store, "tnt_a").await, [0]);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_grow_fails_every_write_whole_and_recovers() {
    let folder = Folder::create();
    let store = Store::open(StoreOptions::new(folder.url()), deps()).await.unwrap();
    create_names(&store).await;
    add(&store, "tnt_a", "before").await.unwrap();
    // The writer's own connection refuses to grow, as on a full disk.
    let full = write(&store, |tx| {
        Box::pin(async move {
            insert(tx, "half").await?;
            tx.fetch_optional(sqlx::query("SELECT 1 FROM names")).await?;
            tx.execute(sqlx::query("PRAGMA max_page_count = 1")).await?;
            for number in 0..2_000 {
                insert(tx, &format!("{number} {}", "x".repeat(1_000))).await?;
            }
            Ok(Commit::with_receipt((), draft("tnt_a")))
        })
    });
    let (full, beside) = tokio::join!(full, add(&store, "tnt_a", "beside"));
    assert_eq!(full.unwrap_err().fault(), Some(Fault::Unavailable));
    let beside = beside.err();
    assert!(beside.as_ref().is_none_or(StoreError::is_transient), "{beside:?}");
    // The connection was given up; the next one has no such limit.
    add(&store, "tnt_a", "after").await.unwrap();
    let expected = if beside.is_some() { vec!["after", "before"] } else { vec!["after", "before", "beside"] };
    assert_eq!(names(&store).await, expected);
    assert_eq!(indices(&store, "tnt_a").await, (0..expected.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn writes_that_find_the_queue_full_or_wait_too_long_are_refused() {
    on_every_database(async |options| {
        let options =
            StoreOptions { lanes: 1, group: 1, queue: 2, patience: Duration::from_millis(50), ..options };
        let store = Store::open(options, deps()).await.unwrap();
        let (release, gate) = tokio::sync::watch::channel(false);
        let slow = |gate: tokio::sync::watch::Receiver<bool>| {
            write(&store, move |_tx| {
                let mut gate = gate.clone();
                Box::pin(async move {
                    gate.wait_for(|open| *open).await.map_err(|_| StoreError::Closed)?;
                    Ok(Commit::without_receipt((), "test"))
                })
            })
        };
        let mut first = Box::pin(slow(gate.clone()));
        assert!(futures_util::poll!(&mut first).is_pending());
        // Until the lane has taken the first.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(leave(&store, draft("tnt_a")))).collect();
        for write in &mut waiting {
            assert!(futures_util::poll!(write).is_pending());
        }
        let refused = leave(&store, draft("tnt_a")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Overloaded) && refused.is_transient());
        tokio::time::sleep(Duration::from_millis(60)).await;
        release.send(true).unwrap();
        first.await.unwrap();
        for write in waiting {
            assert!(matches!(write.await, Err(StoreError::Overloaded)));
        }
        leave(&store, draft("tnt_a")).await.unwrap();
        assert_eq!(indices(&store, "tnt_a").await, [0]);
        store.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_write_that_never_ends_is_given_up_for_the_others() {
    on_every_database(async |options| {
        let options = StoreOptions { lanes: 1, work_limit: Duration::from_millis(100), ..options };
        let store = Store::open(options, deps()).await.unwrap();
        create_names(&store).await;
        let endless = write(&store, |tx| {
            Box::pin(async move {
                insert(tx, "half").await?;
                std::future::pending::<()>().await;
                Ok(Commit::with_receipt((), draft("tnt_a")))
            })
        });
        let (endless, beside) = tokio::join!(endless, add(&store, "tnt_a", "beside"));
        assert!(matches!(endless, Err(StoreError::TooSlow)));
        beside.unwrap();
        assert_eq!(names(&store).await, ["beside"]);
        store.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced() {
    let Some(schema) = Schema::create().await else { return };
    let name = format!("victim_{}", std::process::id());
    let url = format!("{}&application_name={name}", schema.url);
    let store = Store::open(StoreOptions { lanes: 2, ..StoreOptions::new(url) }, deps()).await.unwrap();
    let writes = at_once((0..20).map(|_| leave(&store, draft("tnt_a")))).await;
    writes.into_iter().collect::<Result<(), _>>().unwrap();

    let mut admin = sqlx::AnyConnection::connect(&schema.url).await.unwrap();
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    let ended = admin.fetch_all(sqlx::query(ended).bind(name)).await.unwrap().len();
    assert!(ended >= 2, "the lanes' and the readers' connections");
    admin.close().await.unwrap();

    for index in 20..24 {
        leave(&store, draft("tnt_a")).await.unwrap();
        assert_eq!(indices(&store, "tnt_a").await.len(), index + 1);
    }
    store.shutdown().await;
    schema.drop().await;
}

#[tokio::test]
async fn a_shutdown_commits_what_was_accepted_and_refuses_the_rest() {
    on_every_database(async |options| {
        let store = Store::open(StoreOptions { group: 3, ..options }, deps()).await.unwrap();
        let mut writes: Vec<_> = (0..20).map(|_| Box::pin(leave(&store, draft("tnt_a")))).collect();
        for write in &mut writes {
            assert!(futures_util::poll!(write).is_pending());
        }
        let reader = store.reader().await.unwrap();
        let (outcomes, ()) = tokio::join!(join_all(writes), async {
            drop(reader);
            store.shutdown().await;
        });
        assert!(outcomes.iter().all(Result::is_ok));
        assert!(matches!(leave(&store, draft("tnt_a")).await, Err(StoreError::Closed)));
        assert!(store.reader().await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_lock_keeps_a_rule_that_spans_rows() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let outcomes = at_once((0..40).map(|number| {
            let store = store.clone();
            async move {
                write(&store, move |tx| {
                    Box::pin(async move {
                        tx.lock("three names").await?;
                        let row = tx.fetch_optional(sqlx::query("SELECT COUNT(*) AS n FROM names")).await?;
                        if row.map(|row| row.count("n")).transpose()? >= Some(3) {
                            return Ok(Commit::without_receipt(false, "there are three"));
                        }
                        insert(tx, &number.to_string()).await?;
                        Ok(Commit::without_receipt(true, "test"))
                    })
                })
                .await
                .unwrap()
            }
        }))
        .await;
        assert_eq!(outcomes.into_iter().filter(|added| *added).count(), 3);
        assert_eq!(names(&store).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_database_share_its_logs() {
    let Some(schema) = Schema::create().await else { return };
    let open = || Store::open(StoreOptions::new(schema.url.clone()), deps());
    // Both migrate at the same time, too.
    let (one, two) = tokio::join!(open(), open());
    let (one, two) = (one.unwrap(), two.unwrap());
    let tenants = ["tnt_a", "tnt_b", "tnt_c"];
    let outcomes = at_once((0..300).map(|number| {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        async move { leave(&store, draft(tenants[number % 3])).await }
    }))
    .await;
    outcomes.into_iter().collect::<Result<(), _>>().unwrap();
    for tenant in tenants {
        assert_eq!(indices(&one, tenant).await, (0..100).collect::<Vec<_>>());
    }
    one.shutdown().await;
    two.shutdown().await;
    schema.drop().await;
}

#[derive(Debug, Default)]
struct Counting {
    receipts: Mutex<BTreeMap<(String, &'static str), usize>>,
    writes: AtomicUsize,
}

impl StoreObserver for Counting {
    fn receipts_committed(&self, receipts: &[CommittedReceipt]) {
        let mut counted = self.receipts.lock().unwrap();
        for receipt in receipts {
            *counted.entry((receipt.action.clone(), receipt.outcome.as_str())).or_default() += 1;
        }
    }

    fn group_committed(&self, writes: usize, _took: Duration) {
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_observer_hears_of_what_became_durable_and_of_nothing_else() {
    on_every_database(async |options| {
        let observer = Arc::new(Counting::default());
        let store = Store::open(options, StoreDeps { observer: observer.clone(), ..deps() }).await.unwrap();
        leave(&store, draft("tnt_a")).await.unwrap();
        leave(&store, ReceiptDraft { outcome: Outcome::Deny, ..draft("tnt_a") }).await.unwrap();
        leave(&store, ReceiptDraft { action: "?".to_owned(), ..draft("tnt_a") }).await.unwrap_err();
        store.shutdown().await;
        let counted = observer.receipts.lock().unwrap().clone();
        let expected = [(("test.write".to_owned(), "deny"), 1), (("test.write".to_owned(), "ok"), 1)];
        assert_eq!(counted, BTreeMap::from(expected));
        // The one that was refused shared no group: its own was committed without it.
        assert!((2..=3).contains(&observer.writes.load(Ordering::Relaxed)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_the_writer_do_not_get_in_each_others_way() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let writes = at_once((0..400).map(|number| {
            let store = store.clone();
            async move { add(&store, "tnt_a", &format!("{number:03}")).await }
        }));
        let reads = at_once((0..200).map(|_| names(&store)));
        let (writes, reads) = tokio::join!(writes, reads);
        writes.into_iter().collect::<Result<(), _>>().unwrap();
        assert!(reads.iter().all(|names| names.len() <= 400));
        assert_eq!(names(&store).await.len(), 400);
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_inserted_by_few_statements() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let inserted = write(&store, |tx| {
            Box::pin(async move {
                let mut rows = Insert::into("names", ["name"]).on_conflict("(name) DO NOTHING");
                rows.push(["00007".into()]);
                tx.insert(rows).await?;
                let mut rows =
                    Insert::into("names", ["name"]).on_conflict("(name) DO NOTHING").returning("name");
                for number in 0..5_000 {
                    rows.push([format!("{number:05}").into()]);
                }
                Ok(Commit::without_receipt(tx.insert_returning(rows).await?.len(), "test"))
            })
        })
        .await
        .unwrap();
        assert_eq!(inserted, 4_999);
        assert_eq!(names(&store).await.len(), 5_000);
    })
    .await;
}
