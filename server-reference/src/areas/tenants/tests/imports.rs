//! What happens to an import between being accepted and being applied.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Api, on_every_engine};
use crate::areas::tenants::{forget_rows, sweep};
use crate::store::{Columns as _, Commit, Read as _, StoreError};

const FILE: &str = "external_id,name\na,A\nb,B\nc,C\n";

impl Api {
    pub(super) async fn run(&self, statement: &'static str, id: &str) {
        let id: Arc<str> = id.into();
        let done = self.store().write(move |tx| {
            let id = Arc::clone(&id);
            Box::pin(async move {
                tx.execute(sqlx::query(statement).bind(id.to_string())).await?;
                Ok::<_, StoreError>(Commit::without_receipt((), "a test"))
            })
        });
        done.await.unwrap();
    }

    pub(super) async fn staged_rows(&self) -> i64 {
        self.count("SELECT CAST(COALESCE(SUM(last_row - first_row + 1), 0) AS BIGINT) AS n FROM tenant_import_blocks")
            .await
    }

    /// The number a statement gives as `n`.
    pub(super) async fn count(&self, statement: &'static str) -> i64 {
        let mut reader = self.store().reader().await.unwrap();
        reader.fetch_optional(sqlx::query(statement)).await.unwrap().unwrap().int("n").unwrap()
    }

    /// Imports a file that is accepted and has to wait, because another import of the owner seems to be under way; gives
    /// the path of its operation.
    pub(super) async fn wait_with(&self, file: impl Into<Bytes>) -> String {
        let plan = self.csv("?dry_run=true", "external_id,name\n").await.expect(200).json;
        let id = plan["id"].as_str().unwrap();
        self.run("UPDATE tenant_imports SET status = 'running' WHERE id = $1", id).await;
        // Ids of one instant are in no order.
        self.server.clock().advance(Duration::from_millis(1));
        let accepted = self.csv("", file).await.expect(202);
        for _ in 0..2_000 {
            let put_off =
                "SELECT COUNT(*) AS n FROM operations WHERE status = 'queued' AND claimed_until > 0";
            if self.count(put_off).await == 1 {
                return accepted.header("location").to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the import does not wait");
    }

    /// Ends the import the one of [`Self::wait_with`] waits for, and waits for the end of that one.
    pub(super) async fn go_on(&self, path: &str) -> Value {
        self.run(
            "UPDATE tenant_imports SET status = 'validated' WHERE status = 'running' AND $1 <> ''",
            path,
        )
        .await;
        self.ended(path).await
    }

    pub(super) async fn ended(&self, path: &str) -> Value {
        self.server.clock().advance(Duration::from_secs(3_601));
        for _ in 0..2_000 {
            let operation = self.get(path).await.expect(200).json;
            if !matches!(operation["status"].as_str(), Some("queued" | "running")) {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{path} does not end");
    }
}

#[tokio::test]
async fn a_plan_that_was_overtaken_fails_and_creates_nothing() {
    on_every_engine(async |api| {
        let path = api.wait_with(FILE).await;
        api.tenant("b").await;
        let operation = api.go_on(&path).await;
        assert_eq!(operation["status"], "failed");
        assert_eq!(operation["problem"]["code"], "plan-changed");
        assert_eq!(operation["problem"]["errors"][0]["row"], 2);
        assert_eq!(operation["problem"]["errors"].as_array().map(Vec::len), Some(1));
        assert_eq!(api.tenants().await, 1, "all or nothing");
        let imports = api.all("/tenant-imports").await;
        assert_eq!(imports[0]["status"], "failed");
        assert_eq!(imports[0]["receipt_id"], operation["receipt_id"]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_unchanged_and_no_longer_is_fails_the_import() {
    on_every_engine(async |api| {
        let id = api.tenant("b").await;
        let path = api.wait_with(FILE).await;
        assert_eq!(api.all("/tenant-imports").await[0]["rows_unchanged"], 1);
        api.patch(&format!("/tenants/{id}"), "\"1\"", json!({ "name": "Bob" })).await.expect(200);
        let operation = api.go_on(&path).await;
        assert_eq!(operation["problem"]["code"], "plan-changed");
        assert_eq!(operation["problem"]["errors"][0]["row"], 2);
        assert_eq!(api.tenants().await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_import_whose_runner_died_is_applied_by_another() {
    on_every_engine(async |api| {
        let path = api.wait_with(FILE).await;
        api.run(
            "UPDATE operations SET status = 'running', claim = 'clm_dead', attempts = 1 WHERE id = $1",
            &path[12..],
        )
        .await;
        let operation = api.go_on(&path).await;
        assert_eq!(operation["status"], "succeeded", "{operation}");
        assert_eq!(api.tenants().await, 3);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_has_not_begun_can_be_cancelled() {
    on_every_engine(async |api| {
        let path = api.wait_with(FILE).await;
        let cancelled = api.cancel(&path).await.expect(200);
        assert_eq!(cancelled.json["status"], "cancelled");
        api.cancel(&path).await.expect(200);
        api.go_on(&path).await;
        assert_eq!(api.all("/tenant-imports").await[0]["status"], "cancelled");
        assert_eq!(api.tenants().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_is_over_cannot_be_cancelled() {
    on_every_engine(async |api| {
        let accepted = api.csv("", FILE).await.expect(202);
        api.outcome(&accepted).await;
        let refused = api.cancel(accepted.header("location")).await.expect(409);
        assert_eq!(refused.json["code"], "conflict");
        assert!(refused.header("receipt-id").starts_with("rcp_"));
    })
    .await;
}

#[tokio::test]
async fn a_tenant_whose_import_goes_on_is_not_deleted_and_later_its_imports_go_with_it() {
    on_every_engine(async |api| {
        let (acme, id) = api.customer("acme").await;
        let accepted = acme.csv("", "external_id,name\n").await.expect(202);
        acme.outcome(&accepted).await;
        acme.csv("?dry_run=true", FILE).await.expect(200);
        assert_eq!(api.staged_rows().await, 3);
        api.delete(&format!("/tenants/{id}"), "*").await.expect(204);
        assert_eq!(api.staged_rows().await, 0);
        assert!(api.all("/tenant-imports").await.is_empty());
        api.get(accepted.header("location")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn what_a_file_left_that_stopped_arriving_is_swept_away() {
    on_every_engine(async |api| {
        let kept = api.csv("?dry_run=true", FILE).await.expect(200).json;
        let left = api.csv("?dry_run=true", FILE).await.expect(200).json;
        api.run("UPDATE tenant_imports SET status = 'receiving' WHERE id = $1", left["id"].as_str().unwrap())
            .await;
        let path = format!("/tenant-imports/{}", left["id"].as_str().unwrap());
        api.get(&path).await.expect(404);
        assert_eq!(sweep(api.kernel()).await.unwrap(), 0, "it may still be arriving");
        api.server.clock().advance(Duration::from_secs(3_600));
        assert_eq!(sweep(api.kernel()).await.unwrap(), 1);
        assert_eq!(sweep(api.kernel()).await.unwrap(), 0);
        assert_eq!(api.staged_rows().await, 3);
        api.get(&format!("/tenant-imports/{}", kept["id"].as_str().unwrap())).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn the_rows_of_an_import_are_kept_for_thirty_days_and_the_import_for_good() {
    on_every_engine(async |api| {
        let planned = api.csv("?dry_run=true", FILE).await.expect(200).json;
        let applied = api.outcome(&api.csv("", FILE).await.expect(202)).await["result"].clone();
        api.server.clock().advance(Duration::from_secs(29 * 24 * 3_600));
        assert_eq!(forget_rows(api.kernel()).await.unwrap(), 0);
        assert_eq!(api.staged_rows().await, 6);
        api.server.clock().advance(Duration::from_secs(2 * 24 * 3_600));
        let waits = api.wait_with(FILE).await;
        assert_eq!(forget_rows(api.kernel()).await.unwrap(), 2);
        assert_eq!(forget_rows(api.kernel()).await.unwrap(), 0);
        assert_eq!(api.staged_rows().await, 3, "one import is still to be applied");
        for import in [planned, applied] {
            let path = format!("/tenant-imports/{}", import["id"].as_str().unwrap());
            assert_eq!(api.get(&path).await.expect(200).json, import);
            assert!(api.all(&format!("{path}/rows")).await.is_empty());
        }
        assert_eq!(api.go_on(&waits).await["status"], "succeeded");
    })
    .await;
}
