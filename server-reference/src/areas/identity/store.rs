//! The statements of `api_keys` and `deployment`.

use companyos_types::identity::ApiKeyStatus;
use sqlx::any::AnyRow;

use super::model::Key;
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Insert, Read, StoreError, Tx};

pub(super) async fn insert(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    let mut rows = Insert::into(
        "api_keys",
        [
            "id",
            "lookup_id",
            "tenant_id",
            "operator",
            "name",
            "key_prefix",
            "secret_sha256",
            "scopes",
            "created_at",
            "expires_at",
        ],
    );
    rows.push([
        (&key.id).into(),
        (&key.lookup_id).into(),
        (&key.tenant_id).into(),
        key.operator.into(),
        (&key.name).into(),
        (&key.key_prefix).into(),
        key.secret_sha256.into(),
        key.scopes.join(" ").into(),
        key.created_at.into(),
        key.expires_at.into(),
    ]);
    tx.insert(rows).await.map(drop)
}

pub(super) async fn by_lookup_id(read: &mut impl Read, lookup_id: &str) -> Result<Option<Key>, StoreError> {
    let sql = sqlx::query("SELECT * FROM api_keys WHERE lookup_id = $1");
    read.fetch_optional(sql.bind(lookup_id.to_owned())).await?.as_ref().map(key).transpose()
}

pub(super) async fn by_id(read: &mut impl Read, id: &str) -> Result<Option<Key>, StoreError> {
    let sql = sqlx::query("SELECT * FROM api_keys WHERE id = $1");
    read.fetch_optional(sql.bind(id.to_owned())).await?.as_ref().map(key).transpose()
}

/// A page of a tenant's keys, newest first, from below the id `before`.
pub(super) async fn list(
    read: &mut impl Read,
    tenant_id: &str,
    status: Option<&ApiKeyStatus>,
    before: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Key>, StoreError> {
    // The condition is one of four constants; every value is bound. $2 and $3 are used in each, so the arguments agree.
    let sql = match status {
        Some(ApiKeyStatus::Active) => {
            "SELECT * FROM api_keys WHERE tenant_id = $1 AND id < $2 \
             AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3) ORDER BY id DESC LIMIT $4"
        }
        Some(ApiKeyStatus::Expired) => {
            "SELECT * FROM api_keys WHERE tenant_id = $1 AND id < $2 \
             AND revoked_at IS NULL AND expires_at <= $3 ORDER BY id DESC LIMIT $4"
        }
        Some(ApiKeyStatus::Revoked) => {
            "SELECT * FROM api_keys WHERE tenant_id = $1 AND id < $2 \
             AND revoked_at IS NOT NULL AND created_at <= $3 ORDER BY id DESC LIMIT $4"
        }
        _ => {
            "SELECT * FROM api_keys WHERE tenant_id = $1 AND id < $2 AND created_at <= $3 \
             ORDER BY id DESC LIMIT $4"
        }
    };
    let query = sqlx::query(sql)
        .bind(tenant_id.to_owned())
        // Ids are lower case, so this is above all of them.
        .bind(before.unwrap_or("~").to_owned())
        .bind(now.as_micros())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    read.fetch_all(query).await?.iter().map(key).collect()
}

pub(super) async fn revoke(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL");
    tx.execute(sql.bind(now.as_micros()).bind(id.to_owned())).await.map(drop)
}

pub(super) async fn revoke_tenant(tx: &mut Tx, tenant_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let sql = sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE tenant_id = $2 AND revoked_at IS NULL");
    tx.execute(sql.bind(now.as_micros()).bind(tenant_id.to_owned())).await
}

pub(super) async fn replace(tx: &mut Tx, id: &str, by: &str, end: Timestamp) -> Result<(), StoreError> {
    let sql = sqlx::query("UPDATE api_keys SET replaced_by = $1, expires_at = $2 WHERE id = $3");
    tx.execute(sql.bind(by.to_owned()).bind(end.as_micros()).bind(id.to_owned())).await.map(drop)
}

/// A fact there is one of per deployment.
pub(super) async fn fact(read: &mut impl Read, name: &str) -> Result<Option<String>, StoreError> {
    let sql = sqlx::query("SELECT value FROM deployment WHERE name = $1");
    read.fetch_optional(sql.bind(name.to_owned())).await?.map(|row| row.text("value")).transpose()
}

/// Settles a fact; `false` when it was settled before.
pub(super) async fn settle_fact(tx: &mut Tx, name: &'static str, value: &str) -> Result<bool, StoreError> {
    let mut rows = Insert::into("deployment", ["name", "value"]).on_conflict("(name) DO NOTHING");
    rows.push([name.into(), value.into()]);
    Ok(tx.insert(rows).await? == 1)
}

fn key(row: &AnyRow) -> Result<Key, StoreError> {
    Ok(Key {
        id: row.text("id")?,
        lookup_id: row.text("lookup_id")?,
        tenant_id: row.text("tenant_id")?,
        operator: row.int("operator")? != 0,
        name: row.text("name")?,
        key_prefix: row.text("key_prefix")?,
        secret_sha256: row.hash("secret_sha256")?,
        scopes: row.text("scopes")?.split(' ').map(str::to_owned).collect(),
        created_at: row.time("created_at")?,
        expires_at: row.time_or_null("expires_at")?,
        revoked_at: row.time_or_null("revoked_at")?,
        replaced_by: row.text_or_null("replaced_by")?,
    })
}
