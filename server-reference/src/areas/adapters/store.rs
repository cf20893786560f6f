//! The tables `adapters` and `adapter_calls`.

use sqlx::any::AnyRow;

use super::model::{Adapter, Sealed};
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Read, Row, StoreError, Tx};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, name, kind, region, settings, secrets, secret_names, version, report, created_at, \
             updated_at FROM adapters ",
            $rest
        )
    };
}

fn adapter(row: &AnyRow) -> Result<Adapter, StoreError> {
    let id = row.text("id")?;
    let broken = |what: &str| StoreError::Inconsistent(format!("adapter {id} has a broken {what}"));
    let report = row.text_or_null("report")?;
    Ok(Adapter {
        tenant_id: row.text("tenant_id")?,
        name: row.text("name")?,
        kind: row.text("kind")?.parse().map_err(|_| broken("kind"))?,
        region: row.text("region")?,
        settings: serde_json::from_str(&row.text("settings")?).map_err(|_| broken("settings"))?,
        secrets: Sealed {
            names: row.text("secret_names")?.split_whitespace().map(str::to_owned).collect(),
            sealed: row.blob("secrets")?,
        },
        version: row.int("version")?,
        report: report.map(|json| serde_json::from_str(&json)).transpose().map_err(|_| broken("report"))?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        id,
    })
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// The row of a new adapter. Its place is taken when its tenant has one of this name.
pub(super) fn row(new: &Adapter) -> Result<Row, StoreError> {
    const COLUMNS: &[&str; 13] = &[
        "id",
        "tenant_id",
        "name",
        "kind",
        "family",
        "region",
        "settings",
        "secrets",
        "secret_names",
        "issuer",
        "version",
        "created_at",
        "updated_at",
    ];
    let values = [
        (&new.id).into(),
        (&new.tenant_id).into(),
        (&new.name).into(),
        new.kind.as_str().into(),
        new.kind.family().as_str().into(),
        (&new.region).into(),
        json(&new.settings)?.into(),
        new.secrets.sealed.as_slice().into(),
        new.secrets.names.join(" ").into(),
        new.issuer().into(),
        new.version.into(),
        new.created_at.into(),
        new.updated_at.into(),
    ];
    Ok(Row::into("adapters", COLUMNS, values).unless_taken("(tenant_id, name)"))
}

/// Writes a changed configuration and forgets the report; `false` when `before` is no longer its version.
pub(super) async fn update(tx: &mut Tx, changed: &Adapter, before: i64) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "UPDATE adapters SET settings = $1, secrets = $2, secret_names = $3, issuer = $4, version = $5, \
         updated_at = $6, report = NULL WHERE id = $7 AND version = $8",
    )
    .bind(json(&changed.settings)?)
    .bind(changed.secrets.sealed.clone())
    .bind(changed.secrets.names.join(" "))
    .bind(changed.issuer().map(str::to_owned))
    .bind(changed.version)
    .bind(changed.updated_at.as_micros())
    .bind(changed.id.clone())
    .bind(before);
    Ok(tx.execute(sql).await? == 1)
}

/// Keeps the report of a test, unless the configuration that was tested is no longer the one there is.
pub(super) async fn keep_report(
    tx: &mut Tx,
    report: &companyos_types::adapters::AdapterReport,
) -> Result<(), StoreError> {
    let version = i64::try_from(report.adapter_version).unwrap_or(i64::MAX);
    let sql = sqlx::query("UPDATE adapters SET report = $1 WHERE id = $2 AND version = $3")
        .bind(json(report)?)
        .bind(report.adapter_id.clone())
        .bind(version);
    tx.execute(sql).await.map(drop)
}

/// Deletes an adapter; `false` when `version` is no longer its version.
pub(super) async fn delete(tx: &mut Tx, id: &str, version: i64) -> Result<bool, StoreError> {
    let sql =
        sqlx::query("DELETE FROM adapters WHERE id = $1 AND version = $2").bind(id.to_owned()).bind(version);
    Ok(tx.execute(sql).await? == 1)
}

/// Deletes the adapters of a tenant.
pub(super) async fn delete_of_tenant(tx: &mut Tx, tenant_id: &str) -> Result<(), StoreError> {
    tx.execute(sqlx::query("DELETE FROM adapters WHERE tenant_id = $1").bind(tenant_id.to_owned())).await?;
    Ok(())
}

pub(super) async fn get(read: &mut dyn Read, id: &str) -> Result<Option<Adapter>, StoreError> {
    let sql = sqlx::query(select!("WHERE id = $1")).bind(id.to_owned());
    read.fetch_optional(sql).await?.as_ref().map(adapter).transpose()
}

/// The adapters of a tenant, oldest first, those after `after`.
pub(super) async fn list(
    read: &mut dyn Read,
    tenant_id: &str,
    family: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Adapter>, StoreError> {
    let sql = sqlx::query(select!(
        "WHERE tenant_id = $1 AND id > $2 AND ($3 = '' OR family = $3) ORDER BY id LIMIT $4"
    ))
    .bind(tenant_id.to_owned())
    .bind(after.unwrap_or("").to_owned())
    .bind(family.unwrap_or("").to_owned())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    read.fetch_all(sql).await?.iter().map(adapter).collect()
}

/// The identity adapters of a tenant that judge tokens of an issuer: at most a hundred.
pub(super) async fn of_issuer(
    read: &mut dyn Read,
    tenant_id: &str,
    issuer: &str,
) -> Result<Vec<Adapter>, StoreError> {
    let sql = sqlx::query(select!("WHERE issuer = $1 AND tenant_id = $2 ORDER BY id LIMIT 100"))
        .bind(issuer.to_owned())
        .bind(tenant_id.to_owned());
    read.fetch_all(sql).await?.iter().map(adapter).collect()
}

/// A call that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenCall {
    pub(super) receipt_id: String,
    pub(super) tenant_id: String,
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) policy: String,
    pub(super) actor: String,
    pub(super) begun_at: Timestamp,
}

pub(super) fn call_row(call: &OpenCall) -> Row {
    const COLUMNS: &[&str; 7] =
        &["receipt_id", "tenant_id", "action", "resource", "policy", "actor", "begun_at"];
    let values = [
        (&call.receipt_id).into(),
        (&call.tenant_id).into(),
        (&call.action).into(),
        (&call.resource).into(),
        (&call.policy).into(),
        (&call.actor).into(),
        call.begun_at.into(),
    ];
    Row::into("adapter_calls", COLUMNS, values)
}

/// Ends a call; `false` when somebody has ended it already.
pub(super) async fn end_call(tx: &mut Tx, receipt_id: &str) -> Result<bool, StoreError> {
    let sql = sqlx::query("DELETE FROM adapter_calls WHERE receipt_id = $1").bind(receipt_id.to_owned());
    Ok(tx.execute(sql).await? == 1)
}

/// Calls that began before `before`, oldest first.
pub(super) async fn calls_before(
    read: &mut dyn Read,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<OpenCall>, StoreError> {
    let sql = sqlx::query(
        "SELECT receipt_id, tenant_id, action, resource, policy, actor, begun_at FROM adapter_calls \
         WHERE begun_at < $1 ORDER BY begun_at LIMIT $2",
    );
    let rows = read.fetch_all(sql.bind(before.as_micros()).bind(limit)).await?;
    rows.iter()
        .map(|row| {
            Ok(OpenCall {
                receipt_id: row.text("receipt_id")?,
                tenant_id: row.text("tenant_id")?,
                action: row.text("action")?,
                resource: row.text("resource")?,
                policy: row.text("policy")?,
                actor: row.text("actor")?,
                begun_at: row.time("begun_at")?,
            })
        })
        .collect()
}
