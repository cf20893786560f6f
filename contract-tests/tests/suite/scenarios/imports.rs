//! Files of tenants: planned, refused, imported, withdrawn.

use companyos_sdk::areas::tenants::BulkImportTenantsBody as File;
use companyos_types::operations::OperationStatus;
use companyos_types::tenants::{Delimiter, ImportRowAction, ImportStatus, TenantCreate};
use futures_util::TryStreamExt as _;

use crate::watch::Watched;
use crate::world::{imported, waiting_operation};

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let tenants = operator.tenants();

    let good = "external_id;name\r\nred;Red\r\nblue;\"Blue; and so on\"\r\n";
    let dry = tenants.bulk_import(File::Csv(good.into())).dry_run(true).delimiter(Delimiter::Semicolon);
    let plan = dry.send().await.unwrap();
    assert_eq!(plan.receipt().await.unwrap().verified.claims.act, "tenant.import");
    let plan = plan.done().expect("a dry run is done at once").clone();
    assert_eq!((plan.status, plan.rows_create), (ImportStatus::Validated, 2));
    assert!(tenants.list().external_id("red").send().await.unwrap().items.is_empty(), "a dry run wrote");
    let digest = plan.plan_digest.unwrap();
    let other = tenants.bulk_import(File::Csv("external_id,name\ngreen,Green\n".into())).plan_digest(&digest);
    assert!(other.send().await.unwrap_err().is_problem("plan-changed"));
    let import =
        tenants.bulk_import(File::Csv(good.into())).delimiter(Delimiter::Semicolon).plan_digest(&digest);
    let ended = import.wait().await.unwrap();
    assert_eq!(ended.receipt().await.unwrap().verified.claims.act, "tenant.import");
    let done = imported(&ended);
    assert_eq!((done.status, done.rows_create), (ImportStatus::Succeeded, 2));

    let rows = vec![TenantCreate::new("red", "Red"), TenantCreate::new("white", "White")];
    let again = tenants.bulk_import(File::Json(rows)).wait().await.unwrap();
    assert_eq!((imported(&again).rows_unchanged, imported(&again).rows_create), (1, 1));
    let lines = "{\"external_id\": \"grey\", \"name\": \"Grey\"}\n";
    tenants.bulk_import(File::Ndjson(lines.into())).wait().await.unwrap();

    let bad = "external_id,name\nyellow,Yellow\n,Nobody\nred,Not the red one\n";
    let refused = tenants.bulk_import(File::Csv(bad.into())).send().await.unwrap_err();
    assert!(refused.is_problem("import-invalid") && refused.receipt_id().is_some());
    let instance = refused.problem().unwrap().instance.clone().unwrap();
    let id = instance.rsplit('/').next().unwrap();
    let read = tenants.get_import(id).send().await.unwrap();
    assert_eq!((&read.status, read.rows_total, read.rows_error), (&ImportStatus::Invalid, 3, 2));
    let errors: Vec<_> = tenants.list_import_rows(id).limit(1).by_item().try_collect().await.unwrap();
    assert_eq!(errors.len(), 3);
    let errors = tenants.list_import_rows(id).action(ImportRowAction::Error).send().await.unwrap();
    assert_eq!(errors.items.iter().map(|row| row.row).collect::<Vec<_>>(), [2, 3]);
    assert!(
        tenants.list().external_id("yellow").send().await.unwrap().items.is_empty(),
        "a refused file wrote"
    );
    let all: Vec<_> = tenants.list_imports().limit(2).by_item().try_collect().await.unwrap();
    assert!(all.len() >= 5, "{}", all.len());

    withdraw(&watched).await;
}

/// An operation that waits behind another can be cancelled, one that is over cannot.
async fn withdraw(watched: &Watched) {
    let operator = watched.operator();
    let (tenants, operations) = (operator.tenants(), operator.operations());
    let mut waiting = waiting_operation(&operator).await;
    let mut cancelled = operations.cancel(&waiting).send().await;
    while cancelled.as_ref().is_err_and(|error| error.is_problem("conflict")) {
        // It has begun before it could be cancelled.
        waiting = waiting_operation(&operator).await;
        cancelled = operations.cancel(&waiting).send().await;
    }
    let cancelled = cancelled.unwrap();
    assert_eq!(cancelled.status, OperationStatus::Cancelled);
    assert_eq!(cancelled.receipt().await.unwrap().verified.claims.act, "operation.cancel");
    let ended = operator.follow(&waiting).await.unwrap().wait().await.unwrap_err();
    assert!(ended.is_operation_failed() && ended.code() == "operation-cancelled", "{ended}");
    let cancelled = operations.list().status(OperationStatus::Cancelled).send().await.unwrap();
    assert_eq!(cancelled.items.iter().map(|one| &one.id).collect::<Vec<_>>(), [&waiting]);

    let file = File::Csv("external_id,name\nlast,Last\n".into());
    let over = tenants.bulk_import(file).wait().await.unwrap().operation().unwrap().id.clone();
    assert_eq!(operations.get(&over).send().await.unwrap().status, OperationStatus::Succeeded);
    assert!(
        operations.cancel(&over).idempotency_key("late").send().await.unwrap_err().is_problem("conflict")
    );
    let reused = operations.cancel(&waiting).idempotency_key("late").send().await.unwrap_err();
    assert!(reused.is_problem("idempotency-key-reused"));
    let listed: Vec<_> = operations.list().limit(1).by_item().try_collect().await.unwrap();
    assert!(listed.len() >= 2);
}
