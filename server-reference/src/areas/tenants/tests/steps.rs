//! Imports that are applied in more than one step.

use serde_json::Value;

use super::{Api, on_every_engine};
use crate::areas::tenants::import::Limits;
use crate::store::{Commit, StoreError};

/// Rows in a step.
fn step() -> usize {
    Limits::default().batch_rows
}

fn file(rows: usize) -> String {
    let rows: String = (0..rows).map(|row| format!("t{row},Tenant {row}\n")).collect();
    format!("external_id,name\n{rows}")
}

impl Api {
    /// Runs a statement of SQLite's own, such as a trigger's.
    async fn prepare(&self, statement: &'static str) {
        let done = self.store().write(move |tx| {
            Box::pin(async move {
                tx.execute(sqlx::query(statement)).await?;
                Ok::<_, StoreError>(Commit::without_receipt((), "a test"))
            })
        });
        done.await.unwrap();
    }

    /// How many tenants the database holds, in sight or not, the platform's own left out.
    async fn stored_tenants(&self) -> i64 {
        self.count("SELECT COUNT(*) AS n FROM tenants WHERE id <> owner_id").await
    }
}

#[tokio::test]
async fn an_import_goes_step_by_step_and_says_how_far_it_is() {
    let api = Api::start("sqlite::memory:").await;
    api.prepare("CREATE TABLE seen (done BIGINT NOT NULL)").await;
    api.prepare(
        "CREATE TRIGGER see AFTER UPDATE OF done ON operations BEGIN INSERT INTO seen VALUES (NEW.done); END",
    )
    .await;
    let rows = step() * 2 + 10;
    let operation = api.outcome(&api.csv("", file(rows)).await.expect(202)).await;
    assert_eq!(operation["status"], "succeeded", "{operation}");
    assert_eq!(operation["progress"]["done"], rows);
    // The end writes it once more.
    assert_eq!(api.count("SELECT COUNT(*) AS n FROM seen").await, 4);
    let between = api.count("SELECT COUNT(*) AS n FROM seen WHERE done IN (4096, 8192)").await;
    assert_eq!((step(), between), (4_096, 2));
    assert_eq!(api.tenants().await, rows);
}

#[tokio::test]
async fn tenants_are_listed_in_the_order_of_their_file() {
    on_every_engine(async |api| {
        let rows = step() + 10;
        api.outcome(&api.csv("", file(rows)).await.expect(202)).await;
        let listed = api.all("/tenants?limit=200").await;
        let names = listed.iter().filter_map(|tenant| tenant["external_id"].as_str()?.strip_prefix('t'));
        // The clock stands still, so the batches of a file have no time of their own.
        assert!(names.eq((0..rows).map(|row| row.to_string()).collect::<Vec<_>>()));
    })
    .await;
}

#[tokio::test]
async fn tenants_are_out_of_sight_while_their_import_is_under_way() {
    on_every_engine(async |api| {
        let import = api.outcome(&api.csv("", file(3)).await.expect(202)).await["result"]["id"].clone();
        let tenant = api.get("/tenants?external_id=t1").await.expect(200).json["items"][0].clone();
        let path = format!("/tenants/{}", tenant["id"].as_str().unwrap());
        let set = "UPDATE tenant_imports SET status = 'running' WHERE id = $1";
        api.run(set, import.as_str().unwrap()).await;
        assert_eq!(api.tenants().await, 0);
        api.get(&path).await.expect(404);
        api.patch(&path, "\"1\"", serde_json::json!({ "name": "x" })).await.expect(404);
        api.delete(&path, "*").await.expect(404);
        assert!(!api.get("/tenants/export").await.expect(200).text.contains("t1"));
        let taken = serde_json::json!({ "external_id": "t1", "name": "x" });
        assert_eq!(api.post("/tenants", taken).await.expect(409).json["code"], "conflict");
        let again = api.csv("?dry_run=true", file(3)).await.expect(200);
        assert_eq!(again.json["rows_unchanged"], 3, "what is being created is planned with");
        let set = "UPDATE tenant_imports SET status = 'succeeded' WHERE id = $1";
        api.run(set, import.as_str().unwrap()).await;
        assert_eq!(api.tenants().await, 3);
        assert_eq!(api.get(&path).await.expect(200).json, tenant);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_no_longer_holds_takes_the_steps_before_it_back() {
    on_every_engine(async |api| {
        let path = api.wait_with(file(step() * 2 + 10)).await;
        api.tenant(&format!("t{}", step() + 5)).await;
        let operation = api.go_on(&path).await;
        assert_eq!(operation["problem"]["code"], "plan-changed");
        assert_eq!(operation["problem"]["errors"][0]["row"], step() + 6);
        assert_eq!(operation["progress"]["done"], 0);
        assert_eq!(api.stored_tenants().await, 1);
        assert_eq!(api.all("/tenant-imports").await[0]["status"], "failed");
    })
    .await;
}

const BREAK: &str = "CREATE TRIGGER break BEFORE INSERT ON tenants WHEN NEW.external_id = 't5000' \
                     BEGIN SELECT RAISE(ABORT, 'broken'); END";

#[tokio::test]
async fn an_import_that_broke_off_goes_on_where_it_was() {
    let api = Api::start("sqlite::memory:").await;
    api.prepare(BREAK).await;
    let rows = step() * 2 + 10;
    let accepted = api.csv("", file(rows)).await.expect(202);
    let path = accepted.header("location");
    let broken_off = api.until(path, |operation| operation["progress"]["done"] == step()).await;
    assert_eq!(broken_off["status"], "running");
    assert_eq!(api.tenants().await, 0, "half an import is nothing");
    api.prepare("CREATE TABLE first AS SELECT id FROM tenants").await;
    api.prepare("DROP TRIGGER break").await;
    let operation = api.ended(path).await;
    assert_eq!(operation["status"], "succeeded", "{operation}");
    assert_eq!(api.tenants().await, rows);
    let kept = api.count("SELECT COUNT(*) AS n FROM first WHERE id IN (SELECT id FROM tenants)").await;
    assert_eq!(kept, api.count("SELECT COUNT(*) AS n FROM first").await, "nothing was created twice");
}

#[tokio::test]
async fn an_import_that_breaks_off_every_time_leaves_nothing() {
    let api = Api::start("sqlite::memory:").await;
    api.prepare(BREAK).await;
    let accepted = api.csv("", file(step() * 2)).await.expect(202);
    let path = accepted.header("location");
    for attempt in 1..=2 {
        while api.count("SELECT attempts AS n FROM operations").await < attempt {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        api.server.clock().advance(std::time::Duration::from_secs(60));
    }
    let operation = api.ended(path).await;
    assert_eq!(operation["status"], "failed", "{operation}");
    assert_eq!(operation["problem"]["code"], "internal");
    assert_eq!(api.stored_tenants().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_writes_wait_for_a_step_and_not_for_the_import() {
    on_every_engine(async |api| {
        let steps = 16;
        let accepted = api.csv("", file(step() * steps)).await.expect(202);
        let path = accepted.header("location");
        let mut written = 0;
        while is_open(&api.get(path).await.expect(200).json) {
            api.tenant(&format!("other-{written}")).await;
            written += 1;
        }
        assert_eq!(api.get(path).await.json["status"], "succeeded");
        // Two steps for each at most, and as much again for a machine that is busy.
        assert!(written >= steps / 4, "{written} writes came between {steps} steps");
    })
    .await;
}

fn is_open(operation: &Value) -> bool {
    matches!(operation["status"].as_str(), Some("queued" | "running"))
}
