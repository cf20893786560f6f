//! What happens to an import between being accepted and being applied.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Api, on_every_engine};
use crate::areas::operations::model::NewOperation;
use crate::areas::operations::service as operations;
use crate::areas::tenants::sweep;
use crate::store::{Columns as _, Commit, Read as _, StoreError};

const FILE: &str = "external_id,name\na,A\nb,B\nc,C\n";

impl Api {
    async fn run(&self, statement: &'static str, id: &str) {
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
        let sql = sqlx::query("SELECT COUNT(*) AS n FROM tenant_import_rows");
        self.store().reader().await.unwrap().fetch_optional(sql).await.unwrap().unwrap().int("n").unwrap()
    }

    /// Turns a dry run into an import that has been accepted and that no runner has taken up yet; gives
    /// the path of its operation.
    async fn queue(&self, plan: &Value) -> String {
        let id = plan["id"].as_str().unwrap();
        self.run(
            "UPDATE tenant_imports SET status = 'queued', dry_run = 0, completed_at = NULL WHERE id = $1",
            id,
        )
        .await;
        let kernel = Arc::clone(self.kernel());
        let tenant = &self.server.app().deployment().platform_tenant_id;
        let mandate = serde_json::from_value(json!({
            "receipt_id": plan["receipt_id"], "tenant_id": tenant, "action": "tenant.import", "policy": "sha256:0",
            "actor": "key_1", "resource_kind": "tenant_import", "resource_id": "*", "request": null,
            "idempotency_key": null, "trace_id": "0",
        }));
        let new = NewOperation {
            id: crate::kernel::ids::new_id(&*kernel.ids, "opn", kernel.clock.now()),
            tenant_id: tenant.clone(),
            kind: "tenant.import",
            subject: id.to_owned(),
            total: plan["rows_total"].as_u64().unwrap(),
            unit: "rows",
            request_id: "req_1".to_owned(),
            trace_id: "0".to_owned(),
            mandate: mandate.unwrap(),
            at: kernel.clock.now(),
        };
        let path = format!("/operations/{}", new.id);
        let done = kernel.store.write(move |tx| {
            let new = new.clone();
            Box::pin(async move {
                let accepted = operations::accept(tx, new).await?;
                // A runner that is taken to be alive has it, so that the server's own leaves it alone.
                let until = accepted.created_at.saturating_add(Duration::from_secs(3_600)).as_micros();
                let sql = sqlx::query("UPDATE operations SET claimed_until = $1 WHERE id = $2");
                tx.execute(sql.bind(until).bind(accepted.id)).await?;
                Ok::<_, StoreError>(Commit::without_receipt((), "a test"))
            })
        });
        done.await.unwrap();
        path
    }

    async fn ended(&self, path: &str) -> Value {
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
        let plan = api.csv("?dry_run=true", FILE).await.expect(200).json;
        api.tenant("b").await;
        let path = api.queue(&plan).await;
        let operation = api.ended(&path).await;
        assert_eq!(operation["status"], "failed");
        assert_eq!(operation["problem"]["code"], "plan-changed");
        assert_eq!(operation["problem"]["errors"][0]["row"], 2);
        assert_eq!(operation["problem"]["errors"].as_array().map(Vec::len), Some(1));
        assert_eq!(api.tenants().await, 1, "all or nothing");
        let import = api.get(&format!("/tenant-imports/{}", plan["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(import.json["status"], "failed");
        assert_eq!(import.json["receipt_id"], operation["receipt_id"]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_unchanged_and_no_longer_is_fails_the_import() {
    on_every_engine(async |api| {
        let id = api.tenant("b").await;
        let plan = api.csv("?dry_run=true", FILE).await.expect(200).json;
        assert_eq!(plan["rows_unchanged"], 1);
        api.patch(&format!("/tenants/{id}"), "\"1\"", json!({ "name": "Bob" })).await.expect(200);
        let path = api.queue(&plan).await;
        let operation = api.ended(&path).await;
        assert_eq!(operation["problem"]["code"], "plan-changed");
        assert_eq!(operation["problem"]["errors"][0]["row"], 2);
        assert_eq!(api.tenants().await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_import_whose_runner_died_is_applied_by_another() {
    on_every_engine(async |api| {
        let plan = api.csv("?dry_run=true", FILE).await.expect(200).json;
        let path = api.queue(&plan).await;
        api.run(
            "UPDATE operations SET status = 'running', claim = 'clm_dead', attempts = 1 WHERE id = $1",
            &path[12..],
        )
        .await;
        let operation = api.ended(&path).await;
        assert_eq!(operation["status"], "succeeded", "{operation}");
        assert_eq!(api.tenants().await, 3);
    })
    .await;
}

#[tokio::test]
async fn an_import_that_has_not_begun_can_be_cancelled() {
    on_every_engine(async |api| {
        let plan = api.csv("?dry_run=true", FILE).await.expect(200).json;
        let path = api.queue(&plan).await;
        let cancelled = api.cancel(&path).await.expect(200);
        assert_eq!(cancelled.json["status"], "cancelled");
        api.cancel(&path).await.expect(200);
        api.server.clock().advance(Duration::from_secs(3_601));
        let import = format!("/tenant-imports/{}", plan["id"].as_str().unwrap());
        assert_eq!(api.get(&import).await.expect(200).json["status"], "cancelled");
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
