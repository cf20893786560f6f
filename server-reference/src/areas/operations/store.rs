//! Every SQL statement of the table `operations`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;

use super::model::{Operation, Status};
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Read, StoreError, Tx};

/// Sorts after every id, in every collation.
const AFTER_ALL: &str = "zzzz";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, kind, subject, status, done, total, unit, request_id, trace_id, mandate, attempts, \
             result, problem, receipt_id, created_at, updated_at FROM operations ",
            $rest
        )
    };
}

fn operation(row: &AnyRow) -> Result<Operation, StoreError> {
    let status = row.text("status")?;
    Ok(Operation {
        id: row.text("id")?,
        tenant_id: row.text("tenant_id")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        status: Status::parse(&status)
            .ok_or_else(|| StoreError::Inconsistent(format!("operation status {status}")))?,
        done: row.count("done")?,
        total: row.count("total")?,
        unit: row.text("unit")?,
        request_id: row.text("request_id")?,
        trace_id: row.text("trace_id")?,
        mandate: from_json(&row.text("mandate")?)?,
        attempts: row.int("attempts")?,
        result: row.text_or_null("result")?.as_deref().map(from_json).transpose()?,
        problem: row.text_or_null("problem")?.as_deref().map(from_json).transpose()?,
        receipt_id: row.text("receipt_id")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Inconsistent(format!("operation: {error}")))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Inconsistent(format!("operation: {error}")))
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) async fn insert(tx: &mut Tx, new: &Operation) -> Result<(), StoreError> {
    let sql = sqlx::query(
        "INSERT INTO operations (id, tenant_id, kind, subject, status, done, total, unit, request_id, trace_id, \
         mandate, settled, attempts, receipt_id, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, 0, 0, $11, $12, $12)",
    )
    .bind(new.id.clone())
    .bind(new.tenant_id.clone())
    .bind(new.kind.clone())
    .bind(new.subject.clone())
    .bind(new.status.as_str())
    .bind(signed(new.total))
    .bind(new.unit.clone())
    .bind(new.request_id.clone())
    .bind(new.trace_id.clone())
    .bind(to_json(&new.mandate)?)
    .bind(new.receipt_id.clone())
    .bind(new.created_at.as_micros());
    tx.execute(sql).await.map(drop)
}

pub(super) async fn get(read: &mut dyn Read, id: &str) -> Result<Option<Operation>, StoreError> {
    let sql = sqlx::query(select!("WHERE id = $1")).bind(id.to_owned());
    read.fetch_optional(sql).await?.as_ref().map(operation).transpose()
}

/// Newest first, those before `before`.
pub(super) async fn list(
    read: &mut dyn Read,
    tenant_id: &str,
    status: Option<&str>,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<Operation>, StoreError> {
    let sql = sqlx::query(select!(
        "WHERE tenant_id = $1 AND id < $2 AND ($3 IS NULL OR status = $3) ORDER BY id DESC LIMIT $4"
    ))
    .bind(tenant_id.to_owned())
    .bind(before.unwrap_or(AFTER_ALL).to_owned())
    .bind(status.map(str::to_owned))
    .bind(signed(limit as u64));
    read.fetch_all(sql).await?.iter().map(operation).collect()
}

/// Whether the tenant has an operation whose outcome is not settled.
pub(super) async fn has_open(read: &mut dyn Read, tenant_id: &str) -> Result<bool, StoreError> {
    let sql = sqlx::query("SELECT id FROM operations WHERE settled = 0 AND tenant_id = $1 LIMIT 1")
        .bind(tenant_id.to_owned());
    Ok(read.fetch_optional(sql).await?.is_some())
}

pub(super) async fn delete_of_tenant(tx: &mut Tx, tenant_id: &str) -> Result<(), StoreError> {
    let sql = sqlx::query("DELETE FROM operations WHERE tenant_id = $1").bind(tenant_id.to_owned());
    tx.execute(sql).await.map(drop)
}

/// Takes the oldest operation that waits for a runner: queued, left behind by a runner that gives no
/// sign of life, or cancelled and still without its outcome receipt.
///
/// Two servers may choose the same row. The outer condition, looked at again once the row's lock is
/// free, lets only one of them have it.
pub(super) async fn claim(
    tx: &mut Tx,
    claim: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<String>, StoreError> {
    let sql = sqlx::query(
        "UPDATE operations SET claim = $1, claimed_until = $2, attempts = attempts + 1, updated_at = $3, \
         status = CASE status WHEN 'queued' THEN 'running' ELSE status END \
         WHERE id = (SELECT id FROM operations \
                     WHERE settled = 0 AND (claimed_until IS NULL OR claimed_until < $3) ORDER BY id LIMIT 1) \
         AND settled = 0 AND (claimed_until IS NULL OR claimed_until < $3) RETURNING id",
    )
    .bind(claim.to_owned())
    .bind(until.as_micros())
    .bind(now.as_micros());
    tx.fetch_optional(sql).await?.map(|row| row.text("id")).transpose()
}

/// Moves the end of a claim, which also locks the row to the end of the transaction; `false` when
/// somebody else has the operation by now.
pub(super) async fn hold(tx: &mut Tx, id: &str, claim: &str, until: Timestamp) -> Result<bool, StoreError> {
    let sql =
        sqlx::query("UPDATE operations SET claimed_until = $1 WHERE id = $2 AND claim = $3 AND settled = 0")
            .bind(until.as_micros())
            .bind(id.to_owned())
            .bind(claim.to_owned());
    Ok(tx.execute(sql).await? == 1)
}

/// Notes how far an operation is.
pub(super) async fn progress(tx: &mut Tx, id: &str, done: u64, now: Timestamp) -> Result<(), StoreError> {
    let sql = sqlx::query("UPDATE operations SET done = $1, updated_at = $2 WHERE id = $3")
        .bind(signed(done))
        .bind(now.as_micros())
        .bind(id.to_owned());
    tx.execute(sql).await.map(drop)
}

/// Gives an operation back as if it had not been claimed, to be left alone until `again`.
pub(super) async fn postpone(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
    again: Timestamp,
) -> Result<(), StoreError> {
    let sql = sqlx::query(
        "UPDATE operations SET status = 'queued', claim = NULL, claimed_until = $1, attempts = attempts - 1, \
         updated_at = $2 WHERE id = $3",
    )
    .bind(again.as_micros())
    .bind(now.as_micros())
    .bind(id.to_owned());
    tx.execute(sql).await.map(drop)
}

/// Withdraws an operation nobody has begun; `false` when somebody has.
pub(super) async fn cancel(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "UPDATE operations SET status = 'cancelled', updated_at = $1 WHERE id = $2 AND status = 'queued'",
    )
    .bind(now.as_micros())
    .bind(id.to_owned());
    Ok(tx.execute(sql).await? == 1)
}

/// Writes how an operation ended.
pub(super) async fn settle(tx: &mut Tx, ended: &Operation) -> Result<(), StoreError> {
    let sql = sqlx::query(
        "UPDATE operations SET status = $1, done = $2, result = $3, problem = $4, receipt_id = $5, updated_at = $6, \
         settled = 1, claim = NULL, claimed_until = NULL WHERE id = $7",
    )
    .bind(ended.status.as_str())
    .bind(signed(ended.done))
    .bind(ended.result.as_ref().map(to_json).transpose()?)
    .bind(ended.problem.as_ref().map(to_json).transpose()?)
    .bind(ended.receipt_id.clone())
    .bind(ended.updated_at.as_micros())
    .bind(ended.id.clone());
    tx.execute(sql).await.map(drop)
}
