//! The store as its callers see it, on every engine.

mod groups;
mod idempotency;
mod opening;
mod property;

use futures_util::future::{BoxFuture, join_all};

use super::testing::*;
use super::*;

/// Creates a table of names, for writes whose effect can be looked at.
async fn create_names(store: &Store) {
    write(store, |tx| {
        Box::pin(async move {
            tx.execute(sqlx::query("CREATE TABLE names (name TEXT NOT NULL PRIMARY KEY)")).await?;
            Ok(Commit::without_receipt((), "a table for the test"))
        })
    })
    .await
    .unwrap();
}

/// [`Store::write`] with the error type spelled out.
async fn write<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&mut Tx) -> BoxFuture<'_, Result<Commit<T>, StoreError>> + Send + Sync + 'static,
) -> Result<T, StoreError> {
    store.write(work).await
}

async fn insert(tx: &mut Tx, name: &str) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("INSERT INTO names (name) VALUES ($1)").bind(name.to_owned())).await
}

/// Writes a name and leaves a receipt.
async fn add(store: &Store, tenant: &str, name: &str) -> Result<(), StoreError> {
    let (tenant, name) = (tenant.to_owned(), name.to_owned());
    write(store, move |tx| {
        let (tenant, name) = (tenant.clone(), name.clone());
        Box::pin(async move {
            insert(tx, &name).await?;
            Ok(Commit::with_receipt((), draft(&tenant)))
        })
    })
    .await
}

async fn names(store: &Store) -> Vec<String> {
    let mut reader = store.reader().await.unwrap();
    let rows = reader.fetch_all(sqlx::query("SELECT name FROM names ORDER BY name")).await.unwrap();
    rows.iter().map(|row| row.text("name").unwrap()).collect()
}

/// The indices of a tenant's receipts, in the order of the log.
async fn indices(store: &Store, tenant: &str) -> Vec<u64> {
    let sql = sqlx::query(
        "SELECT idx FROM receipts JOIN logs ON logs.log_id = receipts.log_id WHERE tenant_id = $1 ORDER BY idx",
    );
    let mut reader = store.reader().await.unwrap();
    let rows = reader.fetch_all(sql.bind(tenant.to_owned())).await.unwrap();
    rows.iter().map(|row| row.count("idx").unwrap()).collect()
}

/// Results of writes that were started at the same time, in the order given.
async fn at_once<T, F: Future<Output = T>>(writes: impl IntoIterator<Item = F>) -> Vec<T> {
    join_all(writes).await
}
