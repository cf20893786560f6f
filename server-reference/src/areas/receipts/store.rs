//! Every statement that reads logs, receipts and tiles.

use std::ops::Range;

use companyos_receipt::tlog::Hash;
use sqlx::any::AnyRow;

use super::model::{Filter, LogHead, StoredReceipt};
use crate::store::{Columns as _, Read, StoreError};

fn head(row: &AnyRow) -> Result<LogHead, StoreError> {
    Ok(LogHead {
        id: row.text("log_id")?,
        tenant_id: row.text("tenant_id")?,
        origin: row.text("origin")?,
        size: row.count("size")?,
        checkpoint: row.text("checkpoint")?,
    })
}

/// The log of this id.
pub(super) async fn log(db: &mut dyn Read, log_id: &str) -> Result<Option<LogHead>, StoreError> {
    let sql = sqlx::query("SELECT log_id, tenant_id, origin, size, checkpoint FROM logs WHERE log_id = $1");
    db.fetch_optional(sql.bind(log_id.to_owned())).await?.as_ref().map(head).transpose()
}

/// The log of a tenant in a region.
pub(super) async fn log_of(
    db: &mut dyn Read,
    tenant_id: &str,
    region: &str,
) -> Result<Option<LogHead>, StoreError> {
    let sql = sqlx::query(
        "SELECT log_id, tenant_id, origin, size, checkpoint FROM logs WHERE tenant_id = $1 AND region = $2",
    );
    let sql = sql.bind(tenant_id.to_owned()).bind(region.to_owned());
    db.fetch_optional(sql).await?.as_ref().map(head).transpose()
}

/// Logs whose ids come after `after`, in the order of their ids; of one tenant, or of all.
pub(super) async fn logs(
    db: &mut dyn Read,
    tenant_id: Option<&str>,
    after: &str,
    limit: usize,
) -> Result<Vec<LogHead>, StoreError> {
    let sql = sqlx::query(
        "SELECT log_id, tenant_id, origin, size, checkpoint FROM logs \
         WHERE log_id > $1 AND ($2 IS NULL OR tenant_id = $2) ORDER BY log_id LIMIT $3",
    );
    let sql = sql.bind(after.to_owned()).bind(tenant_id.map(str::to_owned)).bind(bigint(limit as u64)?);
    db.fetch_all(sql).await?.iter().map(head).collect()
}

const RECEIPT: &str = "log_id, idx, receipt_id, action, phase, outcome, issued_at, jwt, disclosures";

fn receipt(row: &AnyRow) -> Result<StoredReceipt, StoreError> {
    Ok(StoredReceipt {
        id: row.text("receipt_id")?,
        log_id: row.text("log_id")?,
        index: row.count("idx")?,
        action: row.text("action")?,
        phase: row.text("phase")?,
        outcome: row.text("outcome")?,
        issued_at: row.time("issued_at")?,
        jwt: row.text("jwt")?,
        disclosures: row.text("disclosures")?,
    })
}

/// The receipt of this id.
pub(super) async fn receipt_by_id(db: &mut dyn Read, id: &str) -> Result<Option<StoredReceipt>, StoreError> {
    let sql =
        sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {RECEIPT} FROM receipts WHERE receipt_id = $1")));
    db.fetch_optional(sql.bind(id.to_owned())).await?.as_ref().map(receipt).transpose()
}

/// The first receipts in a range of a log that fit a filter.
pub(super) async fn receipts(
    db: &mut dyn Read,
    log_id: &str,
    range: Range<u64>,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<StoredReceipt>, StoreError> {
    let sql = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {RECEIPT} FROM receipts WHERE log_id = $1 AND idx >= $2 AND idx < $3 \
         AND ($4 IS NULL OR action = $4) AND ($5 IS NULL OR outcome = $5) \
         AND ($6 IS NULL OR issued_at >= $6) AND ($7 IS NULL OR issued_at < $7) ORDER BY idx LIMIT $8"
    )));
    let sql = sql
        .bind(log_id.to_owned())
        .bind(bigint(range.start)?)
        .bind(bigint(range.end)?)
        .bind(filter.action.clone())
        .bind(filter.outcome.clone())
        .bind(filter.issued_from.map(|time| time.as_micros()))
        .bind(filter.issued_before.map(|time| time.as_micros()))
        .bind(bigint(limit as u64)?);
    db.fetch_all(sql).await?.iter().map(receipt).collect()
}

/// The hashes of a stretch of one tile level: leaf hashes on level 0, roots of complete tiles above.
pub(super) async fn hashes(
    db: &mut dyn Read,
    log_id: &str,
    tile_level: u8,
    range: Range<u64>,
) -> Result<Vec<Hash>, StoreError> {
    let rows = if tile_level == 0 {
        let sql = sqlx::query(
            "SELECT leaf_hash AS hash FROM receipts WHERE log_id = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
        );
        db.fetch_all(sql.bind(log_id.to_owned()).bind(bigint(range.start)?).bind(bigint(range.end)?)).await?
    } else {
        let sql = sqlx::query(
            "SELECT hash FROM log_tiles WHERE log_id = $1 AND level = $2 AND idx >= $3 AND idx < $4 ORDER BY idx",
        );
        let sql = sql.bind(log_id.to_owned()).bind(i64::from(tile_level));
        db.fetch_all(sql.bind(bigint(range.start)?).bind(bigint(range.end)?)).await?
    };
    if rows.len() as u64 != range.end - range.start {
        return Err(StoreError::Inconsistent(format!(
            "{log_id} lacks hashes of level {tile_level} between {} and {}",
            range.start, range.end
        )));
    }
    rows.iter().map(|row| row.hash("hash").map(Hash)).collect()
}

fn bigint(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::Inconsistent(format!("{count} is more than a BIGINT holds")))
}
