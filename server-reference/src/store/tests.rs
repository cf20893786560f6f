//! The store as its callers see it, on every engine.

use super::testing::*;
use super::*;

/// Writes a receipt for a tenant.
async fn leave(store: &Store, tenant: &str) -> Result<String, StoreError> {
    let tenant = tenant.to_owned();
    store
        .write(move |_| {
            let tenant = tenant.clone();
            Box::pin(async move {
                let draft = draft(&tenant);
                Ok(Commit::with_receipt(draft.id.clone(), draft))
            })
        })
        .await
}

#[tokio::test]
async fn a_receipt_is_there_once_the_write_returns() {
    on_every_engine(async |store| {
        let id = leave(&store, "tnt_a").await.unwrap();
        let mut reader = store.reader().await.unwrap();
        let sql = sqlx::query("SELECT idx, action FROM receipts WHERE receipt_id = $1").bind(id);
        let row = reader.fetch_optional(sql).await.unwrap().unwrap();
        assert_eq!((row.count("idx").unwrap(), row.text("action").unwrap()), (0, "test.write".to_owned()));
        drop(reader);
        store.shutdown().await;
        assert!(matches!(leave(&store, "tnt_a").await, Err(StoreError::Closed)));
    })
    .await;
}
