//! The runner, on every engine, with a clock that the tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use companyos_receipt::receipt::Private;
use futures_util::future::BoxFuture;
use serde_json::{Map, json};

use super::jobs::{Finished, Handler, Handlers, Job, JobError, Runner};
use super::model::{NewOperation, Operation, Status};
use super::{rules, service, store};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::ids::{RandomIds, new_id};
use crate::kernel::privileged::Mandate;
use crate::kernel::problem::Problem;
use crate::store::testing::{on_every_engine, tenant_id};
use crate::store::{Columns as _, Commit, Read as _, Store, StoreError, Tx};
use crate::testing::ManualClock;

/// What the handler of the tests does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Finish,
    Refuse,
    /// Runs a statement that can never work.
    Break,
}

#[derive(Debug)]
struct Recorder {
    does: Does,
    performed: AtomicUsize,
    failed: AtomicUsize,
    settled: AtomicUsize,
}

impl Handler for Recorder {
    fn kind(&self) -> &'static str {
        "test.work"
    }

    fn perform<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Finished, JobError>> {
        Box::pin(async move {
            self.performed.fetch_add(1, Ordering::SeqCst);
            match self.does {
                Does::Finish => {
                    let result = Map::from_iter([("subject".to_owned(), json!(job.operation.subject))]);
                    Ok(Finished { result, facts: Private::new().detail_entry("units", job.operation.total) })
                }
                Does::Refuse => Err(JobError::Failed(Problem::conflict("It cannot be done."))),
                Does::Break => {
                    tx.execute(sqlx::query("UPDATE no_such_table SET x = 1")).await?;
                    Err(JobError::Lost)
                }
            }
        })
    }

    fn failed<'t>(&'t self, _: &'t mut Tx, _: &'t Job) -> BoxFuture<'t, Result<Private, StoreError>> {
        self.failed.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Private::new()) })
    }

    fn cancelled<'t>(
        &'t self,
        _: &'t mut Tx,
        _: &'t Operation,
        _: Timestamp,
    ) -> BoxFuture<'t, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn settled(&self, _: Status) {
        self.settled.fetch_add(1, Ordering::SeqCst);
    }
}

struct Bench {
    store: Store,
    clock: Arc<ManualClock>,
    handler: Arc<Recorder>,
    runner: Runner,
    tenant_id: String,
}

impl Bench {
    fn new(store: Store, does: Does) -> Self {
        let clock = Arc::new(ManualClock::default());
        let counter = AtomicUsize::default;
        let handler =
            Arc::new(Recorder { does, performed: counter(), failed: counter(), settled: counter() });
        let handlers = Arc::new(Handlers::new([Arc::clone(&handler) as Arc<dyn Handler>]));
        let runner = Runner::new(store.clone(), Arc::clone(&clock) as _, Arc::new(RandomIds), handlers);
        Self { store, clock, handler, runner, tenant_id: tenant_id() }
    }

    async fn accept(&self) -> String {
        let now = self.clock.now();
        let mandate: Mandate = serde_json::from_value(json!({
            "receipt_id": new_id(&RandomIds, "rcp", now), "tenant_id": self.tenant_id, "action": "test.work",
            "policy": "sha256:0", "actor": "key_1", "resource_kind": "work", "resource_id": "*",
            "request": null, "idempotency_key": null, "trace_id": "0",
        }))
        .unwrap();
        let new = NewOperation {
            id: new_id(&RandomIds, "opn", now),
            tenant_id: self.tenant_id.clone(),
            kind: "test.work",
            subject: "sub_1".to_owned(),
            total: 7,
            unit: "units",
            request_id: "req_1".to_owned(),
            trace_id: "0".to_owned(),
            mandate,
            at: now,
        };
        let id = new.id.clone();
        self.write(move |tx| {
            let new = new.clone();
            Box::pin(async move { service::accept(tx, new).await.map(drop) })
        })
        .await;
        id
    }

    async fn write(
        &self,
        work: impl Fn(&mut Tx) -> BoxFuture<'_, Result<(), StoreError>> + Send + Sync + 'static,
    ) {
        let work = Arc::new(work);
        let done = self.store.write(move |tx| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                work(tx).await?;
                Ok::<_, StoreError>(Commit::without_receipt((), "a test"))
            })
        });
        done.await.unwrap();
    }

    async fn operation(&self, id: &str) -> Operation {
        store::get(&mut self.store.reader().await.unwrap(), id).await.unwrap().unwrap()
    }

    /// Action and outcome of the receipts of the tenant, oldest first.
    async fn receipts(&self) -> Vec<(String, String)> {
        let sql = sqlx::query(
            "SELECT r.action, r.outcome FROM receipts r JOIN logs l ON l.log_id = r.log_id WHERE l.tenant_id = $1 \
             ORDER BY r.idx",
        )
        .bind(self.tenant_id.clone());
        let rows = self.store.reader().await.unwrap().fetch_all(sql).await.unwrap();
        rows.iter().map(|row| (row.text("action").unwrap(), row.text("outcome").unwrap())).collect()
    }
}

fn receipt(outcome: &str) -> (String, String) {
    ("test.work".to_owned(), outcome.to_owned())
}

#[tokio::test]
async fn an_operation_ends_with_its_result_and_its_outcome_receipt() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let id = bench.accept().await;
        let intent = bench.operation(&id).await.receipt_id;
        assert!(bench.runner.run_next().await.unwrap());
        assert!(!bench.runner.run_next().await.unwrap(), "nothing is left to do");
        let ended = bench.operation(&id).await;
        assert_eq!((ended.status, ended.done), (Status::Succeeded, 7));
        assert_eq!(ended.result, Some(Map::from_iter([("subject".to_owned(), json!("sub_1"))])));
        assert_ne!(ended.receipt_id, intent, "it names the outcome receipt");
        assert_eq!(bench.receipts().await, [receipt("ok")]);
        assert_eq!(bench.handler.settled.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn operations_run_in_the_order_in_which_they_were_accepted() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let first = bench.accept().await;
        bench.clock.advance(Duration::from_millis(1));
        let second = bench.accept().await;
        bench.runner.run_next().await.unwrap();
        assert_eq!(bench.operation(&first).await.status, Status::Succeeded);
        assert_eq!(bench.operation(&second).await.status, Status::Queued);
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_is_refused_fails_with_its_problem() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Refuse);
        let id = bench.accept().await;
        assert!(bench.runner.run_next().await.unwrap());
        let ended = bench.operation(&id).await;
        assert_eq!((ended.status, ended.done), (Status::Failed, 0));
        let problem = ended.problem.unwrap();
        assert_eq!((problem.code.as_str(), problem.request_id.as_str()), ("conflict", "req_1"));
        assert_eq!(problem.receipt_id, Some(ended.receipt_id));
        assert_eq!(bench.receipts().await, [receipt("error")]);
        assert_eq!(bench.handler.failed.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn a_defect_is_tried_again_and_then_fails_for_good() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Break);
        let id = bench.accept().await;
        for attempt in 1..rules::ATTEMPTS_MAX {
            assert!(bench.runner.run_next().await.is_err(), "attempt {attempt}");
            assert_eq!(bench.operation(&id).await.status, Status::Running);
            assert!(!bench.runner.run_next().await.unwrap(), "not before the claim has run out");
            bench.clock.advance(rules::LEASE + Duration::from_secs(1));
        }
        assert!(bench.runner.run_next().await.unwrap());
        let ended = bench.operation(&id).await;
        assert_eq!(ended.status, Status::Failed);
        let problem = ended.problem.unwrap();
        assert_eq!(problem.code, "internal");
        assert!(!problem.detail.unwrap_or_default().contains("no_such_table"), "no internals leak");
    })
    .await;
}

#[tokio::test]
async fn what_a_crashed_runner_left_behind_is_taken_up_again() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let id = bench.accept().await;
        // A runner takes it and dies.
        let now = bench.clock.now();
        bench
            .write(move |tx| {
                Box::pin(async move {
                    store::claim(tx, "clm_dead", now, now.saturating_add(rules::LEASE)).await.map(drop)
                })
            })
            .await;
        assert_eq!(bench.operation(&id).await.status, Status::Running);
        assert!(!bench.runner.run_next().await.unwrap(), "it may still be alive");
        bench.clock.advance(rules::LEASE + Duration::from_secs(1));
        assert!(bench.runner.run_next().await.unwrap());
        assert_eq!(bench.operation(&id).await.status, Status::Succeeded);
        assert_eq!(bench.receipts().await, [receipt("ok")], "it ended once");
    })
    .await;
}

#[tokio::test]
async fn a_runner_that_lost_its_claim_ends_nothing() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let id = bench.accept().await;
        bench.runner.run_next().await.unwrap();
        let held = bench.clock.now();
        let operation = id.clone();
        bench
            .write(move |tx| {
                let operation = operation.clone();
                Box::pin(async move {
                    assert!(!store::hold(tx, &operation, "clm_other", held).await?);
                    Ok(())
                })
            })
            .await;
    })
    .await;
}

#[tokio::test]
async fn runners_of_several_servers_end_each_operation_once() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        for _ in 0..20 {
            bench.accept().await;
        }
        let drain = async || while bench.runner.run_next().await.unwrap() {};
        tokio::join!(drain(), drain(), drain(), drain());
        // Whoever found nothing to claim while the others were at it has stopped early.
        drain().await;
        assert_eq!(bench.receipts().await, vec![receipt("ok"); 20]);
        assert_eq!(bench.handler.settled.load(Ordering::SeqCst), 20);
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_operation_is_never_begun_and_still_gets_its_outcome_receipt() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let id = bench.accept().await;
        let (operation, now) = (id.clone(), bench.clock.now());
        for withdrawn in [true, false] {
            let operation = operation.clone();
            bench
                .write(move |tx| {
                    let operation = operation.clone();
                    Box::pin(async move {
                        let cancelled = service::cancel(tx, &operation, now).await;
                        assert_eq!(cancelled.map(|(_, now)| now).ok(), Some(withdrawn));
                        Ok(())
                    })
                })
                .await;
        }
        assert!(service::has_open(&mut bench.store.reader().await.unwrap(), &bench.tenant_id).await.unwrap());
        assert!(bench.runner.run_next().await.unwrap());
        assert!(!bench.runner.run_next().await.unwrap());
        assert_eq!(bench.operation(&id).await.status, Status::Cancelled);
        assert_eq!(bench.handler.performed.load(Ordering::SeqCst), 0);
        assert_eq!(bench.receipts().await, [receipt("error")]);
        assert!(
            !service::has_open(&mut bench.store.reader().await.unwrap(), &bench.tenant_id).await.unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn what_has_ended_can_no_longer_be_cancelled() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let id = bench.accept().await;
        bench.runner.run_next().await.unwrap();
        let now = bench.clock.now();
        bench
            .write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    let refused = service::cancel(tx, &id, now).await;
                    assert_eq!(refused.map_err(|problem| problem.code()).err(), Some("conflict"));
                    Ok(())
                })
            })
            .await;
    })
    .await;
}

#[tokio::test]
async fn operations_are_listed_newest_first_and_page_by_page() {
    on_every_engine(async |store| {
        let bench = Bench::new(store, Does::Finish);
        let mut ids = Vec::new();
        for _ in 0..5 {
            bench.clock.advance(Duration::from_millis(1));
            ids.push(bench.accept().await);
        }
        ids.reverse();
        bench.runner.run_next().await.unwrap();
        let mut reader = bench.store.reader().await.unwrap();
        let mut page = async |status, before| {
            let found = store::list(&mut reader, &bench.tenant_id, status, before, 2).await.unwrap();
            found.into_iter().map(|operation| operation.id).collect::<Vec<_>>()
        };
        assert_eq!(page(None, None).await, ids[..2]);
        assert_eq!(page(None, Some(&*ids[1])).await, ids[2..4]);
        assert_eq!(page(Some("succeeded"), None).await, ids[4..]);
        assert_eq!(page(Some("queued"), Some(&*ids[2])).await, ids[3..4]);
    })
    .await;
}
