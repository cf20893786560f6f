//! The heads of the logs a group appends to.

use std::collections::BTreeSet;
use std::sync::Arc;

use companyos_receipt::checkpoint::{self, Checkpoint};
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::Frontier;
use sqlx::AssertSqlSafe;

use super::StoreDeps;
use super::error::StoreError;
use super::insert::Insert;
use super::issue::LogIdentity;
use super::row::Columns as _;
use super::tx::{Read, Tx};
use crate::kernel::ids::new_id;

/// What appending to a log takes. Locked for the rest of the transaction, so that one size has one root.
pub(super) struct Head {
    pub(super) log: Arc<LogIdentity>,
    pub(super) tenant_id: String,
    pub(super) origin: String,
    pub(super) frontier: Frontier,
}

/// Refuses a database whose logs were signed with another key than this server's: its receipts would not verify under
/// the keys this server publishes, and one log would have two signers.
pub(super) async fn check_signer(
    db: &mut dyn Read,
    deps: &StoreDeps,
    database: &str,
) -> Result<(), StoreError> {
    let Some(row) = db.fetch_optional(sqlx::query("SELECT checkpoint FROM logs LIMIT 1")).await? else {
        return Ok(());
    };
    let checkpoint = row.text("checkpoint")?;
    let keys = KeySet::from_public_keys(&[*deps.signer.public_key()])
        .map_err(|error| StoreError::Receipt(error.to_string()))?;
    match Checkpoint::verify(&checkpoint, &keys) {
        Ok(_) => Ok(()),
        Err(failure) => Err(StoreError::Open {
            database: database.to_owned(),
            reason: format!(
                "its logs are not signed by this server's key ({failure}); start the server with the keys that \
                 belong to this database"
            ),
        }),
    }
}

/// Loads and locks the logs of these tenants in this region, and creates those there are none of.
pub(super) async fn lock(
    tx: &mut Tx,
    deps: &StoreDeps,
    tenants: &BTreeSet<&str>,
) -> Result<Vec<Head>, StoreError> {
    let heads = load(tx, deps, tenants).await?;
    if heads.len() == tenants.len() {
        return Ok(heads);
    }
    let known: BTreeSet<&str> = heads.iter().map(|head| head.tenant_id.as_str()).collect();
    let mut logs = Insert::into(
        "logs",
        ["log_id", "tenant_id", "region", "origin", "size", "frontier", "checkpoint", "salt_key"],
    )
    .on_conflict("(tenant_id, region) DO NOTHING");
    for tenant in tenants.difference(&known) {
        let log_id = new_id(deps.ids.as_ref(), "log", deps.clock.now());
        let origin = checkpoint::origin(&deps.issuer, &deps.region, &log_id);
        let mut salt_key = [0; 32];
        deps.ids.fill(&mut salt_key);
        logs.push([
            log_id.into(),
            (*tenant).into(),
            deps.region.as_str().into(),
            origin.into(),
            0_i64.into(),
            Frontier::new().to_bytes().into(),
            // Signed before the transaction ends: nobody ever sees an empty log.
            "".into(),
            salt_key.into(),
        ]);
    }
    tx.insert(logs).await?;
    let heads = load(tx, deps, tenants).await?;
    if heads.len() != tenants.len() {
        return Err(StoreError::Inconsistent("a log that was created is not there".to_owned()));
    }
    Ok(heads)
}

async fn load(tx: &mut Tx, deps: &StoreDeps, tenants: &BTreeSet<&str>) -> Result<Vec<Head>, StoreError> {
    let Some(last) = tenants.last() else { return Ok(Vec::new()) };
    // The list is filled up to a power of two, so that few different statements are prepared.
    let listed = tenants.len().next_power_of_two();
    let list: Vec<String> = (2..listed + 2).map(|parameter| format!("${parameter}")).collect();
    // In one order everywhere: two transactions that need the same logs wait for each other instead of deadlocking.
    let sql = format!(
        "SELECT log_id, tenant_id, origin, size, frontier, salt_key FROM logs \
         WHERE region = $1 AND tenant_id IN ({}) ORDER BY log_id{}",
        list.join(", "),
        tx.engine().for_update(),
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(deps.region.clone());
    for tenant in tenants.iter().chain(std::iter::repeat(last)).take(listed) {
        query = query.bind((*tenant).to_owned());
    }
    let mut heads = Vec::with_capacity(tenants.len());
    for row in tx.fetch_all(query).await? {
        let log_id = row.text("log_id")?;
        let frontier = Frontier::from_bytes(&row.blob("frontier")?)
            .ok()
            .filter(|frontier| row.count("size").is_ok_and(|size| size == frontier.size()))
            .ok_or_else(|| {
                StoreError::Inconsistent(format!("the frontier of {log_id} does not fit its size"))
            })?;
        heads.push(Head {
            log: Arc::new(LogIdentity { log_id, salt_key: row.hash("salt_key")? }),
            tenant_id: row.text("tenant_id")?,
            origin: row.text("origin")?,
            frontier,
        });
    }
    Ok(heads)
}

/// Signs a checkpoint for every log and writes the heads back.
pub(super) async fn save(tx: &mut Tx, deps: &StoreDeps, heads: &[Head]) -> Result<(), StoreError> {
    // An upsert of rows that are there: the only multi-row UPDATE that both engines know in the same words.
    let mut logs = Insert::into(
        "logs",
        ["log_id", "tenant_id", "region", "origin", "size", "frontier", "checkpoint", "salt_key"],
    )
    .on_conflict(
        "(log_id) DO UPDATE SET size = excluded.size, frontier = excluded.frontier, checkpoint = excluded.checkpoint",
    );
    for head in heads {
        let checkpoint = Checkpoint::new(head.origin.clone(), head.frontier.size(), head.frontier.root())
            .and_then(|checkpoint| checkpoint.sign(&[deps.signer.as_ref()]))
            .map_err(|error| StoreError::Receipt(error.to_string()))?;
        logs.push([
            (&head.log.log_id).into(),
            (&head.tenant_id).into(),
            deps.region.as_str().into(),
            (&head.origin).into(),
            to_bigint(head.frontier.size())?.into(),
            head.frontier.to_bytes().into(),
            checkpoint.into(),
            head.log.salt_key.into(),
        ]);
    }
    tx.insert(logs).await.map(drop)
}

/// A count as a BIGINT.
pub(super) fn to_bigint(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::Inconsistent(format!("{count} is more than a BIGINT holds")))
}
