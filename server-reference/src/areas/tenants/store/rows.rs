//! The table `tenant_import_rows`, and the step from there to `tenants`.

use companyos_types::shared::ProblemError;
use companyos_types::tenants as wire;
use sqlx::any::AnyRow;

use super::signed;
use crate::kernel::clock::Timestamp;
use crate::store::{Columns, Insert, Read, StoreError, Tx};

/// The columns of a staged row.
pub(in crate::areas::tenants) const COLUMNS: [&str; 11] = [
    "import_id",
    "row_no",
    "action",
    "external_id",
    "tenant_id",
    "tenant_version",
    "name",
    "region",
    "contact_email",
    "labels",
    "errors",
];

/// Rows to stage.
pub(in crate::areas::tenants) type Rows = Insert<{ COLUMNS.len() }>;

/// No rows yet.
pub(in crate::areas::tenants) fn rows() -> Rows {
    Insert::into("tenant_import_rows", COLUMNS)
}

/// In file order, those after row `after`; with one action, or all.
pub(in crate::areas::tenants) async fn list(
    read: &mut dyn Read,
    import_id: &str,
    action: Option<&str>,
    after: i64,
    limit: usize,
) -> Result<Vec<wire::ImportRow>, StoreError> {
    let sql = sqlx::query(
        "SELECT row_no, action, external_id, tenant_id, errors FROM tenant_import_rows \
         WHERE import_id = $1 AND row_no > $2 AND ($3 IS NULL OR action = $3) ORDER BY row_no LIMIT $4",
    )
    .bind(import_id.to_owned())
    .bind(after)
    .bind(action.map(str::to_owned))
    .bind(signed(limit as u64));
    read.fetch_all(sql).await?.iter().map(row).collect()
}

fn row(row: &AnyRow) -> Result<wire::ImportRow, StoreError> {
    let errors: Vec<ProblemError> = match row.text_or_null("errors")? {
        Some(errors) => serde_json::from_str(&errors)
            .map_err(|error| StoreError::Inconsistent(format!("findings of an import row: {error}")))?,
        None => Vec::new(),
    };
    Ok(wire::ImportRow {
        row: row.count("row_no")?,
        action: row.text("action")?.as_str().into(),
        external_id: row.text_or_null("external_id")?,
        tenant_id: row.text_or_null("tenant_id")?,
        errors,
    })
}

/// Creates the tenants of an import and returns how many were created; fewer than planned when some
/// external ids have been taken since.
pub(in crate::areas::tenants) async fn create_tenants(
    tx: &mut Tx,
    import_id: &str,
    owner_id: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = sqlx::query(
        "INSERT INTO tenants (id, owner_id, external_id, name, region, status, contact_email, labels, version, \
         created_at, updated_at) \
         SELECT tenant_id, $1, external_id, name, region, 'active', contact_email, labels, 1, $2, $2 \
         FROM tenant_import_rows WHERE import_id = $3 AND action = 'create' ORDER BY row_no \
         ON CONFLICT (owner_id, external_id) DO NOTHING",
    )
    .bind(owner_id.to_owned())
    .bind(now.as_micros())
    .bind(import_id.to_owned());
    tx.execute(sql).await
}

/// How many of the rows that were unchanged when they were planned still are.
pub(in crate::areas::tenants) async fn count_unchanged(
    read: &mut dyn Read,
    import_id: &str,
) -> Result<u64, StoreError> {
    let sql = sqlx::query(
        "SELECT COUNT(*) AS n FROM tenant_import_rows r JOIN tenants t ON t.id = r.tenant_id \
         WHERE r.import_id = $1 AND r.action = 'unchanged' AND t.version = r.tenant_version",
    )
    .bind(import_id.to_owned());
    match read.fetch_optional(sql).await? {
        Some(row) => row.count("n"),
        None => Ok(0),
    }
}

/// The first rows whose plan no longer holds: number and external id. To be asked after
/// [`create_tenants`], in its transaction.
pub(in crate::areas::tenants) async fn overtaken(
    read: &mut dyn Read,
    import_id: &str,
    limit: usize,
) -> Result<Vec<(u64, String)>, StoreError> {
    let sql = sqlx::query(
        "SELECT r.row_no, r.external_id FROM tenant_import_rows r LEFT JOIN tenants t ON t.id = r.tenant_id \
         WHERE r.import_id = $1 AND (t.id IS NULL OR (r.action = 'unchanged' AND t.version <> r.tenant_version)) \
         ORDER BY r.row_no LIMIT $2",
    )
    .bind(import_id.to_owned())
    .bind(signed(limit as u64));
    let rows = read.fetch_all(sql).await?;
    rows.iter().map(|row| Ok((row.count("row_no")?, row.text("external_id")?))).collect()
}
