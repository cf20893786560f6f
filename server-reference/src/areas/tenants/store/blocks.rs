//! The table `tenant_import_blocks`.

use sqlx::any::AnyRow;

use super::signed;
use crate::areas::tenants::bulk::block::Block;
use crate::areas::tenants::import::plan::Action;
use crate::store::{Columns, Insert, Read, StoreError, Tx};

/// How many blocks are removed by one statement.
const REMOVED_AT_ONCE: i64 = 64;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT first_row, last_row, rows_create, rows_unchanged, rows_error, content FROM tenant_import_blocks \
             WHERE import_id = $1 AND ",
            $rest
        )
    };
}

fn block(row: &AnyRow) -> Result<Block, StoreError> {
    Ok(Block {
        first: row.count("first_row")?,
        last: row.count("last_row")?,
        create: row.count("rows_create")?,
        unchanged: row.count("rows_unchanged")?,
        error: row.count("rows_error")?,
        content: row.blob("content")?,
    })
}

/// Adds blocks to an import.
pub(in crate::areas::tenants) async fn insert(
    tx: &mut Tx,
    import_id: &str,
    blocks: &[Block],
) -> Result<(), StoreError> {
    let columns =
        ["import_id", "first_row", "last_row", "rows_create", "rows_unchanged", "rows_error", "content"];
    let mut inserts = Insert::into("tenant_import_blocks", columns);
    for block in blocks {
        inserts.push([
            import_id.into(),
            signed(block.first).into(),
            signed(block.last).into(),
            signed(block.create).into(),
            signed(block.unchanged).into(),
            signed(block.error).into(),
            block.content.as_slice().into(),
        ]);
    }
    tx.insert(inserts).await.map(drop)
}

/// The first block with a row after `after`; with one action, or any. One at a time, so that no more is in memory.
pub(in crate::areas::tenants) async fn next(
    read: &mut dyn Read,
    import_id: &str,
    action: Option<Action>,
    after: u64,
) -> Result<Option<Block>, StoreError> {
    let sql = match action {
        None => select!("last_row > $2 ORDER BY last_row LIMIT 1"),
        Some(Action::Create) => select!("last_row > $2 AND rows_create > 0 ORDER BY last_row LIMIT 1"),
        Some(Action::Unchanged) => select!("last_row > $2 AND rows_unchanged > 0 ORDER BY last_row LIMIT 1"),
        Some(Action::Error) => select!("last_row > $2 AND rows_error > 0 ORDER BY last_row LIMIT 1"),
    };
    one(read, sql, import_id, after).await
}

/// The block whose last row is `last`.
pub(in crate::areas::tenants) async fn ending_at(
    read: &mut dyn Read,
    import_id: &str,
    last: u64,
) -> Result<Option<Block>, StoreError> {
    one(read, select!("last_row = $2"), import_id, last).await
}

async fn one(
    read: &mut dyn Read,
    sql: &'static str,
    import_id: &str,
    row: u64,
) -> Result<Option<Block>, StoreError> {
    let sql = sqlx::query(sql).bind(import_id.to_owned()).bind(signed(row));
    read.fetch_optional(sql).await?.as_ref().map(block).transpose()
}

/// Removes some blocks of an import; `false` when there was none left.
pub(in crate::areas::tenants) async fn remove_some(tx: &mut Tx, import_id: &str) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "DELETE FROM tenant_import_blocks WHERE import_id = $1 AND last_row IN \
         (SELECT last_row FROM tenant_import_blocks WHERE import_id = $1 ORDER BY last_row LIMIT $2)",
    )
    .bind(import_id.to_owned())
    .bind(REMOVED_AT_ONCE);
    Ok(tx.execute(sql).await? > 0)
}
