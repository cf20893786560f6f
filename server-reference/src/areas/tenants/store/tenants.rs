//! The table `tenants`.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::signed;
use crate::areas::tenants::bulk::block::StoredProfile;
use crate::areas::tenants::import::plan::Existing;
use crate::areas::tenants::labels::{Labels, write_json_string};
use crate::areas::tenants::model::{Profile, Status, Tenant};
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Insert, Read, Row, StoreError, Tx};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner_id, external_id, name, region, status, contact_email, labels, version, created_at, \
             updated_at FROM tenants ",
            $rest
        )
    };
}

/// What holds for a tenant that can be seen: the import that creates it is not under way. Nearly always no import is, and
/// then nothing is looked up.
macro_rules! visible {
    () => {
        "(import_id IS NULL OR import_id NOT IN (SELECT id FROM tenant_imports WHERE status = 'running'))"
    };
}

fn tenant(row: &AnyRow) -> Result<Tenant, StoreError> {
    let (id, status, labels) = (row.text("id")?, row.text("status")?, row.text("labels")?);
    let broken = |what: &str| StoreError::Inconsistent(format!("tenant {id} has a broken {what}"));
    Ok(Tenant {
        profile: Profile {
            external_id: row.text("external_id")?,
            name: row.text("name")?,
            region: row.text("region")?,
            contact_email: row.text_or_null("contact_email")?,
            labels: Labels::from_json(&labels).map_err(|_| broken("labels"))?,
        },
        status: Status::parse(&status).ok_or_else(|| broken("status"))?,
        owner_id: row.text("owner_id")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        id,
    })
}

/// The row of a new tenant. Its place is taken when its owner has one with this external id.
pub(in crate::areas::tenants) fn row(new: &Tenant) -> Row {
    const COLUMNS: &[&str; 11] = &[
        "id",
        "owner_id",
        "external_id",
        "name",
        "region",
        "status",
        "contact_email",
        "labels",
        "version",
        "created_at",
        "updated_at",
    ];
    let profile = &new.profile;
    let values = [
        (&new.id).into(),
        (&new.owner_id).into(),
        (&profile.external_id).into(),
        (&profile.name).into(),
        (&profile.region).into(),
        new.status.as_str().into(),
        profile.contact_email.as_ref().into(),
        profile.labels.to_json().into(),
        new.version.into(),
        new.created_at.into(),
        new.updated_at.into(),
    ];
    Row::into("tenants", COLUMNS, values).unless_taken("(owner_id, external_id)")
}

/// Writes a changed tenant; `false` when `before` is no longer its version.
pub(in crate::areas::tenants) async fn update(
    tx: &mut Tx,
    changed: &Tenant,
    before: i64,
) -> Result<bool, StoreError> {
    let sql = sqlx::query(
        "UPDATE tenants SET name = $1, status = $2, contact_email = $3, labels = $4, version = $5, updated_at = $6 \
         WHERE id = $7 AND version = $8",
    )
    .bind(changed.profile.name.clone())
    .bind(changed.status.as_str())
    .bind(changed.profile.contact_email.clone())
    .bind(changed.profile.labels.to_json())
    .bind(changed.version)
    .bind(changed.updated_at.as_micros())
    .bind(changed.id.clone())
    .bind(before);
    Ok(tx.execute(sql).await? == 1)
}

/// Deletes a tenant; `false` when `version` is no longer its version.
pub(in crate::areas::tenants) async fn delete(
    tx: &mut Tx,
    id: &str,
    version: i64,
) -> Result<bool, StoreError> {
    let sql =
        sqlx::query("DELETE FROM tenants WHERE id = $1 AND version = $2").bind(id.to_owned()).bind(version);
    Ok(tx.execute(sql).await? == 1)
}

pub(in crate::areas::tenants) async fn get(
    read: &mut dyn Read,
    id: &str,
) -> Result<Option<Tenant>, StoreError> {
    let sql = sqlx::query(concat!(select!("WHERE id = $1 AND "), visible!())).bind(id.to_owned());
    read.fetch_optional(sql).await?.as_ref().map(tenant).transpose()
}

/// Whether a tenant owns another one.
pub(in crate::areas::tenants) async fn owns_any(read: &mut dyn Read, id: &str) -> Result<bool, StoreError> {
    let sql =
        sqlx::query("SELECT id FROM tenants WHERE owner_id = $1 AND id <> $1 LIMIT 1").bind(id.to_owned());
    Ok(read.fetch_optional(sql).await?.is_some())
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub(in crate::areas::tenants) struct Filter {
    /// Only the tenants this one sees: itself and those it owns. `None` sees all.
    pub(in crate::areas::tenants) seen_by: Option<String>,
    /// Only those with this external id.
    pub(in crate::areas::tenants) external_id: Option<String>,
    /// Only those in this state.
    pub(in crate::areas::tenants) status: Option<String>,
}

/// Oldest first, those after `after`.
pub(in crate::areas::tenants) async fn list(
    read: &mut dyn Read,
    filter: &Filter,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Tenant>, StoreError> {
    let Some(id) = &filter.seen_by else {
        return page(read, filter, "$4 = ''", "", after, limit).await;
    };
    // Two statements, because one with OR would sort all that a tenant owns for every page.
    let mut tenants = page(read, filter, "id = $4 AND owner_id <> $4", id, after, limit).await?;
    tenants.extend(page(read, filter, "owner_id = $4", id, after, limit).await?);
    tenants.sort_by(|a, b| a.id.cmp(&b.id));
    tenants.truncate(limit);
    Ok(tenants)
}

async fn page(
    read: &mut dyn Read,
    filter: &Filter,
    whose: &'static str,
    who: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Tenant>, StoreError> {
    // A condition that may be absent would keep the database from using the index.
    let external_id = if filter.external_id.is_some() { "external_id = $5" } else { "$5 IS NULL" };
    let text = format!(
        concat!(
            select!("WHERE {} AND id > $1 AND {} AND ($2 IS NULL OR status = $2) AND "),
            visible!(),
            " ORDER BY id LIMIT $3"
        ),
        whose, external_id
    );
    let sql = sqlx::query(AssertSqlSafe(text))
        .bind(after.unwrap_or("").to_owned())
        .bind(filter.status.clone())
        .bind(signed(limit as u64))
        .bind(who.to_owned())
        .bind(filter.external_id.clone());
    read.fetch_all(sql).await?.iter().map(tenant).collect()
}

/// The tenants of an owner that have one of these external ids, by external id; also those out of sight.
pub(in crate::areas::tenants) async fn with_external_ids(
    read: &mut dyn Read,
    owner_id: &str,
    external_ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Existing>, StoreError> {
    let Some(list) = json_list(external_ids) else {
        return Ok(HashMap::new());
    };
    let text = format!(
        "SELECT id, external_id, name, region, contact_email, labels, version FROM tenants \
         WHERE owner_id = $1 AND external_id {}",
        read.is_one_of(2)
    );
    // Planned anew each time: a plan kept from when the table was small would read all of it for every call.
    let sql = sqlx::query(AssertSqlSafe(text)).persistent(false).bind(owner_id.to_owned()).bind(list);
    let rows = read.fetch_all(sql).await?;
    rows.iter()
        .map(|row| {
            let existing = Existing {
                id: row.text("id")?,
                version: row.int("version")?,
                name: row.text("name")?,
                region: row.text("region")?,
                contact_email: row.text_or_null("contact_email")?,
                labels: row.text("labels")?,
            };
            Ok((row.text("external_id")?, existing))
        })
        .collect()
}

/// Inserts tenants an import creates and returns how many it could: those whose external id is taken are left out.
pub(in crate::areas::tenants) async fn insert_imported<'a>(
    tx: &mut Tx,
    import_id: &str,
    owner_id: &str,
    now: Timestamp,
    rows: impl Iterator<Item = Imported<'a>>,
) -> Result<u64, StoreError> {
    let columns = [
        "id",
        "owner_id",
        "external_id",
        "name",
        "region",
        "status",
        "contact_email",
        "labels",
        "version",
        "created_at",
        "updated_at",
        "import_id",
    ];
    let mut inserts = Insert::into("tenants", columns).on_conflict("(owner_id, external_id) DO NOTHING");
    for Imported { id, external_id, profile } in rows {
        inserts.push([
            id.into(),
            owner_id.into(),
            external_id.into(),
            profile.name.into(),
            profile.region.into(),
            Status::Active.as_str().into(),
            profile.contact_email.into(),
            profile.labels.into(),
            1_i64.into(),
            now.into(),
            now.into(),
            import_id.into(),
        ]);
    }
    tx.insert(inserts).await
}

/// A tenant an import creates.
pub(in crate::areas::tenants) struct Imported<'a> {
    pub(in crate::areas::tenants) id: &'a str,
    pub(in crate::areas::tenants) external_id: &'a str,
    pub(in crate::areas::tenants) profile: StoredProfile<'a>,
}

/// Takes back what an import has created, as far as it is among these ids.
pub(in crate::areas::tenants) async fn delete_imported(
    tx: &mut Tx,
    import_id: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<(), StoreError> {
    let Some(list) = json_list(ids) else {
        return Ok(());
    };
    let text = format!("DELETE FROM tenants WHERE import_id = $1 AND id {}", tx.is_one_of(2));
    let sql = sqlx::query(AssertSqlSafe(text)).persistent(false).bind(import_id.to_owned()).bind(list);
    tx.execute(sql).await.map(drop)
}

/// Texts as a JSON array, to be bound as one parameter; `None` when there are none.
fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut list = String::from("[");
    for text in texts {
        if list.len() > 1 {
            list.push(',');
        }
        write_json_string(&mut list, text);
    }
    list.push(']');
    (list.len() > 2).then_some(list)
}
