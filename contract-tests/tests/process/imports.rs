//! `kill -9` in the middle of an import: nobody sees half of it, and it is applied to its end, once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use companyos_sdk::areas::tenants::BulkImportTenantsBody;
use companyos_sdk::{Accepted, Client};
use companyos_server::store::testing::Schema;
use companyos_types::operations::OperationStatus;
use tokio::time::{sleep, timeout};

use crate::programs::Server;

const ROWS: usize = 80_000;

/// The external ids of all tenants but the platform's own.
async fn tenants(client: &Client) -> Vec<String> {
    let export = client.tenants().export().send().await.expect("an export").into_inner();
    let cells = export.lines().skip(1).flat_map(|line| line.split(','));
    cells.filter(|cell| cell.starts_with("row-")).map(str::to_owned).collect()
}

async fn killed_in_the_middle(folder: &Path, database: Option<&str>) {
    let server = Server::start(folder, database);
    let client = server.client().build().unwrap();
    let rows: String = (0..ROWS).map(|row| format!("row-{row},A tenant\n")).collect();
    let file = BulkImportTenantsBody::Csv(format!("external_id,name\n{rows}").into());
    let accepted = client.tenants().bulk_import(file).send().await.expect("the file is fine").into_inner();
    let Accepted::Operation(operation) = accepted else { panic!("an import takes its time: {accepted:?}") };
    let done = loop {
        let now = client.operations().get(&operation.id).send().await.expect("it is there").into_inner();
        assert_ne!(
            now.status,
            OperationStatus::Succeeded,
            "the import was over before it could be broken off"
        );
        if now.progress.done > 0 {
            break now.progress.done;
        }
    };
    server.kill();

    let server = Server::start(folder, database);
    let client = server.client().build().unwrap();
    let now = client.operations().get(&operation.id).send().await.expect("it is there").into_inner();
    assert!((done..ROWS as u64).contains(&now.progress.done), "{:?} after {done}", now.progress);
    assert!(tenants(&client).await.is_empty(), "half an import can be seen");
    // Its runner is taken to be alive for a while.
    loop {
        let now = client.operations().get(&operation.id).send().await.expect("it is there").into_inner();
        if now.status == OperationStatus::Succeeded {
            break;
        }
        assert_ne!(now.status, OperationStatus::Failed, "{:?}", now.problem);
        sleep(Duration::from_millis(100)).await;
    }
    let all = tenants(&client).await;
    assert_eq!(all.len(), ROWS);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), ROWS, "a tenant is there twice");
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_killed_is_applied_to_its_end_and_seen_as_a_whole() {
    let limit = Duration::from_secs(120);
    let folder = tempfile::tempdir().unwrap();
    timeout(limit, killed_in_the_middle(folder.path(), None)).await.expect("it ends");
    if let Some(schema) = Schema::create().await {
        let folder = tempfile::tempdir().unwrap();
        timeout(limit, killed_in_the_middle(folder.path(), Some(&schema.url))).await.expect("it ends");
        schema.drop().await;
    }
}
