//! Sixty-four clients at once: nothing fails, and no receipt is lost or there twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use companyos_receipt::verify::Verifier;
use companyos_sdk::areas::tenants::BulkImportTenantsBody as File;
use companyos_sdk::{AttemptContext, AttemptResult, Client, Error, Interceptor};
use companyos_server::launch::Running;
use companyos_types::Secret;
use companyos_types::identity::ApiKeyCreate;
use companyos_types::operations::OperationStatus;
use companyos_types::tenants::TenantCreate;
use futures_util::TryStreamExt as _;

use crate::engines::on_every_engine;
use crate::scenarios::receipts::keys;
use crate::watch::Hurry;
use crate::world::every_scope;

const CLIENTS: usize = 64;
const TENANTS: usize = 8;
const ROUNDS: usize = 3;
const ROWS: usize = 25;

/// Writes down every failed attempt, those that a retry mends too.
#[derive(Debug, Clone, Default)]
struct Failures(Arc<Mutex<Vec<String>>>);

impl Interceptor for Failures {
    fn read_attempt(&self, _cx: &AttemptContext, result: &AttemptResult<'_>) {
        if let Some(error) = result.error() {
            self.0.lock().unwrap().push(error.to_string());
        }
    }
}

fn connect(server: &Running, key: impl Into<Secret>, failures: &Failures) -> Client {
    let builder = Client::builder().base_url(server.base_url()).api_key(key).timer(Hurry);
    builder.interceptor(failures.clone()).build().expect("a client")
}

/// What one client does; returns the receipts it was told of.
async fn work(client: Client, number: usize) -> Result<Vec<String>, Error> {
    let mut receipts = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("c{number}-r{round}");
        let created = client.tenants().create(&TenantCreate::new(&name, "One of many")).send().await?;
        receipts.push(created.receipt_id().expect("a receipt").to_owned());
        if round == 0 {
            created.receipt().await?;
        }
        let rows: String = (0..ROWS).map(|row| format!("{name}-{row},Row {row}\n")).collect();
        let file = File::Csv(format!("external_id,name\n{rows}").into());
        let import = client.tenants().bulk_import(file).poller().await?;
        receipts.push(import.accepted().receipt_id().expect("an intent").to_owned());
        let done = import.wait().await?;
        assert_eq!(done.operation().map(|operation| &operation.status), Some(&OperationStatus::Succeeded));
        receipts.push(done.receipt_id().expect("an outcome").to_owned());
        assert_eq!(client.tenants().get(&created.id).send().await?.external_id, name);
        let found = client.tenants().list().external_id(format!("{name}-7")).send().await?;
        assert_eq!(found.items.len(), 1, "an imported tenant is there once its import has ended");
        client.receipts().list().limit(10).send().await?;
        client.tenants().list().limit(10).send().await?;
    }
    Ok(receipts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_import_and_read_without_a_failure_or_a_lost_receipt() {
    on_every_engine(async |engine| {
        let server = engine.start().await;
        let failures = Failures::default();
        let operator = connect(&server, server.operator_key().unwrap(), &failures);
        let mut tenants = Vec::new();
        for number in 0..TENANTS {
            let tenant = operator
                .tenants()
                .create(&TenantCreate::new(format!("t{number}"), "A tenant"))
                .send()
                .await
                .unwrap();
            let wanted = ApiKeyCreate::new("worker", every_scope()).with_tenant_id(tenant.id.clone());
            let key = operator.identity().issue(&wanted).send().await.unwrap().secret.clone();
            tenants.push((tenant.id.clone(), key));
        }
        let running: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = connect(&server, tenants[number % TENANTS].1.clone(), &failures);
                tokio::spawn(work(client, number))
            })
            .collect();
        let mut told: Vec<BTreeSet<String>> = vec![BTreeSet::new(); TENANTS];
        for (number, client) in running.into_iter().enumerate() {
            let receipts = client.await.unwrap().unwrap_or_else(|error| panic!("{}: {error}", engine.name));
            assert_eq!(receipts.len(), 3 * ROUNDS);
            told[number % TENANTS].extend(receipts);
        }
        assert_eq!(*failures.0.lock().unwrap(), Vec::<String>::new(), "{}", engine.name);

        let verifier = Verifier::new(keys(&operator).await);
        for ((tenant, _), told) in tenants.iter().zip(told) {
            assert_eq!(told.len(), CLIENTS / TENANTS * 3 * ROUNDS, "two actions were told the same receipt");
            let receipts: Vec<_> = operator
                .receipts()
                .list()
                .tenant_id(tenant)
                .limit(200)
                .by_item()
                .try_collect()
                .await
                .unwrap();
            let places: Vec<u64> = receipts.iter().map(|receipt| receipt.index).collect();
            assert_eq!(
                places,
                (0..told.len() as u64).collect::<Vec<_>>(),
                "{}: a gap in the log",
                engine.name
            );
            assert_eq!(receipts.into_iter().map(|receipt| receipt.id).collect::<BTreeSet<_>>(), told);
            let export =
                operator.receipts().export().tenant_id(tenant).to(told.len() as u64).send().await.unwrap();
            let report = verifier.verify_range(&export);
            assert!(report.is_valid() && report.checked == told.len() as u64, "{:?}", report.first_failure());
        }
        server.stop().await;
    })
    .await;
}
