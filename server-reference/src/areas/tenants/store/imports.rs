//! The table `tenant_imports`.

use sqlx::any::AnyRow;

use super::{AFTER_ALL, signed};
use crate::areas::tenants::bulk::model::{Import, ImportStatus};
use crate::areas::tenants::import::Format;
use crate::areas::tenants::import::plan::Counts;
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Read, StoreError, Tx};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, status, dry_run, format, rows_total, rows_create, rows_unchanged, rows_error, \
             content_digest, plan_digest, rows_root, operation_id, receipt_id, created_at, completed_at \
             FROM tenant_imports ",
            $rest
        )
    };
}

fn import(row: &AnyRow) -> Result<Import, StoreError> {
    let (id, status, format) = (row.text("id")?, row.text("status")?, row.text("format")?);
    let broken = |what: &str| StoreError::Inconsistent(format!("import {id} has a broken {what}"));
    Ok(Import {
        tenant_id: row.text("tenant_id")?,
        status: ImportStatus::parse(&status).ok_or_else(|| broken("status"))?,
        dry_run: row.int("dry_run")? != 0,
        format: Format::parse(&format).ok_or_else(|| broken("format"))?,
        counts: Counts {
            total: row.count("rows_total")?,
            create: row.count("rows_create")?,
            unchanged: row.count("rows_unchanged")?,
            error: row.count("rows_error")?,
        },
        content_digest: row.text("content_digest")?,
        plan_digest: row.text_or_null("plan_digest")?,
        rows_root: row.text_or_null("rows_root")?,
        operation_id: row.text_or_null("operation_id")?,
        receipt_id: row.text_or_null("receipt_id")?,
        created_at: row.time("created_at")?,
        completed_at: row.time_or_null("completed_at")?,
        id,
    })
}

/// Begins an import: its rows can be staged, and nobody sees it.
pub(in crate::areas::tenants) async fn begin(tx: &mut Tx, new: &Import) -> Result<(), StoreError> {
    let sql = sqlx::query(
        "INSERT INTO tenant_imports (id, tenant_id, status, dry_run, format, rows_total, rows_create, rows_unchanged, \
         rows_error, content_digest, created_at, touched_at, rows_kept) \
         VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, '', $6, $6, 1)",
    )
    .bind(new.id.clone())
    .bind(new.tenant_id.clone())
    .bind(new.status.as_str())
    .bind(i64::from(new.dry_run))
    .bind(new.format.as_str())
    .bind(new.created_at.as_micros());
    tx.execute(sql).await.map(drop)
}

/// Shows that the file is still arriving; `false` when the import has been swept away.
pub(in crate::areas::tenants) async fn touch(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = sqlx::query("UPDATE tenant_imports SET touched_at = $1 WHERE id = $2 AND status = 'receiving'")
        .bind(now.as_micros())
        .bind(id.to_owned());
    Ok(tx.execute(sql).await? == 1)
}

/// Writes what became of an import that was in the state `before`; `false` when it is in another.
pub(in crate::areas::tenants) async fn record(
    tx: &mut Tx,
    import: &Import,
    before: ImportStatus,
) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "UPDATE tenant_imports SET status = $1, rows_total = $2, rows_create = $3, rows_unchanged = $4, \
         rows_error = $5, content_digest = $6, plan_digest = $7, rows_root = $8, operation_id = $9, receipt_id = $10, \
         completed_at = $11 WHERE id = $12 AND status = $13",
    )
    .bind(import.status.as_str())
    .bind(signed(import.counts.total))
    .bind(signed(import.counts.create))
    .bind(signed(import.counts.unchanged))
    .bind(signed(import.counts.error))
    .bind(import.content_digest.clone())
    .bind(import.plan_digest.clone())
    .bind(import.rows_root.clone())
    .bind(import.operation_id.clone())
    .bind(import.receipt_id.clone())
    .bind(import.completed_at.map(Timestamp::as_micros))
    .bind(import.id.clone())
    .bind(before.as_str());
    Ok(tx.execute(sql).await? == 1)
}

/// An import that has been recorded.
pub(in crate::areas::tenants) async fn get(
    read: &mut dyn Read,
    id: &str,
) -> Result<Option<Import>, StoreError> {
    let sql = sqlx::query(select!("WHERE id = $1 AND status <> 'receiving'")).bind(id.to_owned());
    read.fetch_optional(sql).await?.as_ref().map(import).transpose()
}

/// Recorded imports, newest first, those before `before`; of one tenant, or of all.
pub(in crate::areas::tenants) async fn list(
    read: &mut dyn Read,
    tenant_id: Option<&str>,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Import>, StoreError> {
    let sql = match tenant_id {
        Some(_) => {
            select!("WHERE id < $1 AND status <> 'receiving' AND tenant_id = $3 ORDER BY id DESC LIMIT $2")
        }
        None => select!("WHERE id < $1 AND status <> 'receiving' ORDER BY id DESC LIMIT $2"),
    };
    let mut sql = sqlx::query(sql).bind(before.unwrap_or(AFTER_ALL).to_owned()).bind(signed(limit as u64));
    if let Some(tenant_id) = tenant_id {
        sql = sql.bind(tenant_id.to_owned());
    }
    read.fetch_all(sql).await?.iter().map(import).collect()
}

/// The oldest import that is receiving and has given no sign of life since `before`.
pub(in crate::areas::tenants) async fn abandoned(
    read: &mut dyn Read,
    before: Timestamp,
) -> Result<Option<String>, StoreError> {
    let sql = sqlx::query(
        "SELECT id FROM tenant_imports WHERE status = 'receiving' AND touched_at < $1 ORDER BY touched_at LIMIT 1",
    )
    .bind(before.as_micros());
    read.fetch_optional(sql).await?.map(|row| row.text("id")).transpose()
}

/// Whether an import of this owner other than `id` is being applied.
pub(in crate::areas::tenants) async fn another_runs(
    read: &mut dyn Read,
    owner_id: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "SELECT id FROM tenant_imports WHERE tenant_id = $1 AND status = 'running' AND id <> $2 LIMIT 1",
    )
    .bind(owner_id.to_owned())
    .bind(id.to_owned());
    Ok(read.fetch_optional(sql).await?.is_some())
}

/// An import that ended before `before` and still has its rows.
pub(in crate::areas::tenants) async fn outdated(
    read: &mut dyn Read,
    before: Timestamp,
) -> Result<Option<String>, StoreError> {
    let sql = sqlx::query(
        "SELECT id FROM tenant_imports WHERE rows_kept = 1 AND completed_at < $1 ORDER BY completed_at LIMIT 1",
    )
    .bind(before.as_micros());
    read.fetch_optional(sql).await?.map(|row| row.text("id")).transpose()
}

/// Notes that the rows of an import are gone.
pub(in crate::areas::tenants) async fn forget_rows(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    let sql = sqlx::query("UPDATE tenant_imports SET rows_kept = 0 WHERE id = $1").bind(id.to_owned());
    tx.execute(sql).await.map(drop)
}

/// Removes an import that is receiving, and its rows.
pub(in crate::areas::tenants) async fn discard(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    let sql =
        sqlx::query("DELETE FROM tenant_imports WHERE id = $1 AND status = 'receiving'").bind(id.to_owned());
    if tx.execute(sql).await? == 1 {
        let sql = sqlx::query("DELETE FROM tenant_import_blocks WHERE import_id = $1").bind(id.to_owned());
        tx.execute(sql).await?;
    }
    Ok(())
}

/// Removes all imports of a tenant, and their rows.
pub(in crate::areas::tenants) async fn delete_of_tenant(
    tx: &mut Tx,
    tenant_id: &str,
) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM tenant_import_blocks WHERE import_id IN (SELECT id FROM tenant_imports WHERE tenant_id = $1)",
        "DELETE FROM tenant_imports WHERE tenant_id = $1",
    ] {
        tx.execute(sqlx::query(sql).bind(tenant_id.to_owned())).await?;
    }
    Ok(())
}
