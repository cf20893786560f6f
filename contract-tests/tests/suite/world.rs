//! A server with something of everything in it: two tenants that know nothing of each other.

use std::collections::BTreeMap;

use companyos_sdk::areas::tenants::BulkImportTenantsBody;
use companyos_sdk::{Accepted, Client, Response};
use companyos_types::Secret;
use companyos_types::adapters::{AdapterKind, AdapterRegister};
use companyos_types::identity::ApiKeyCreate;
use companyos_types::ops;
use companyos_types::retry_tests::{RetryTestCreate, RetryTestInstruction};
use companyos_types::tenants::{TenantCreate, TenantImport};
use futures_util::future::join_all;

use crate::sample::{self, Ids, unique};
use crate::watch::Watched;

/// A tenant and a key of it that holds every scope.
pub(crate) struct Party {
    pub(crate) tenant_id: String,
    pub(crate) key: String,
    pub(crate) client: Client,
}

/// A server, its operator and two of its tenants.
pub(crate) struct World {
    pub(crate) watched: Watched,
    pub(crate) operator: Client,
    /// Owns everything in [`World::ids`].
    pub(crate) alice: Party,
    /// Owns nothing.
    pub(crate) bob: Party,
    /// An object of Alice for every path parameter.
    pub(crate) ids: Ids,
}

/// Every scope of the contract.
pub(crate) fn every_scope() -> Vec<String> {
    let mut scopes: Vec<String> =
        ops::ALL.iter().flat_map(|operation| operation.scopes).map(|scope| (*scope).to_owned()).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

impl World {
    pub(crate) async fn start() -> Self {
        let watched = Watched::start().await;
        let operator = watched.operator();
        let alice = Party::new(&watched, &operator).await;
        let bob = Party::new(&watched, &operator).await;
        let ids = objects(&alice).await;
        Self { watched, operator, alice, bob, ids }
    }

    /// A key of Alice that holds these scopes.
    pub(crate) async fn key(&self, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let issued = self.alice.client.identity().issue(&ApiKeyCreate::new("narrow", scopes)).send().await;
        issued.expect("a key").secret.expose().to_owned()
    }
}

impl Party {
    async fn new(watched: &Watched, operator: &Client) -> Self {
        let tenant = operator
            .tenants()
            .create(&TenantCreate::new(unique(), "A party"))
            .send()
            .await
            .expect("a tenant");
        let wanted = ApiKeyCreate::new("admin", every_scope()).with_tenant_id(tenant.id.clone());
        let issued = operator.identity().issue(&wanted).send().await.expect("a key");
        let key = issued.secret.expose().to_owned();
        Self { tenant_id: tenant.id.clone(), client: watched.client(&key), key }
    }
}

/// Imports one tenant and waits until it is there.
pub(crate) async fn import_one(client: &Client) -> TenantImport {
    let file = format!("external_id,name\n{},An imported tenant\n", unique());
    let import = client.tenants().bulk_import(BulkImportTenantsBody::Csv(file.into()));
    imported(&import.wait().await.expect("the import succeeds"))
}

/// An operation that has been accepted and has most likely not begun.
///
/// Operations run one after the other, and many that are accepted together leave one waiting behind all others.
pub(crate) async fn waiting_operation(client: &Client) -> String {
    let files = (0..24).map(|_| format!("external_id,name\n{},One of many\n", unique()));
    let imports =
        files.map(|file| client.tenants().bulk_import(BulkImportTenantsBody::Csv(file.into())).send());
    let accepted = join_all(imports).await;
    let ids =
        accepted.into_iter().map(|one| one.expect("accepted").operation().expect("an operation").id.clone());
    ids.max().expect("there are some")
}

/// The import that an operation ended with.
pub(crate) fn imported(done: &Response<Accepted<TenantImport>>) -> TenantImport {
    let result = done.operation().and_then(|operation| operation.result.clone()).expect("a result");
    serde_json::from_value(result.into()).expect("an import")
}

/// A new adapter.
pub(crate) async fn adapter(client: &Client) -> String {
    let secrets = BTreeMap::from([("webhook_secret".to_owned(), Secret::new("sixteen bytes or more"))]);
    let wanted = AdapterRegister::new(unique(), AdapterKind::PaymentsStub).with_secrets(secrets);
    client.adapters().register(&wanted).send().await.expect("an adapter").id.clone()
}

/// One object of every kind.
async fn objects(owner: &Party) -> Ids {
    let client = &owner.client;
    let tenant =
        client.tenants().create(&TenantCreate::new(unique(), "A child")).send().await.expect("a tenant");
    let wanted = ApiKeyCreate::new("spare", vec!["tenants:read".to_owned()]);
    let api_key = client.identity().issue(&wanted).send().await.expect("a key");
    let import = import_one(client).await;
    let log = client.receipts().list_logs().send().await.expect("the logs");
    let plan = RetryTestCreate::new(vec![RetryTestInstruction::new("getMeta", vec!["pass".to_owned()])]);
    let retry_test = client.retry_tests().create(&plan).send().await.expect("a retry test");
    let adapter = adapter(client).await;
    client.adapters().test(&adapter).send().await.expect("a report");
    let mut ids = sample::nothing();
    for (name, id) in [
        ("tenant_id", &tenant.id),
        ("api_key_id", &api_key.api_key.id),
        ("import_id", &import.id),
        ("operation_id", import.operation_id.as_ref().expect("an operation")),
        ("receipt_id", &tenant.receipt_id().expect("a receipt").to_owned()),
        ("log_id", &log.items[0].id),
        ("retry_test_id", &retry_test.id),
        ("adapter_id", &adapter),
    ] {
        ids.insert(name, id.clone());
    }
    ids
}
