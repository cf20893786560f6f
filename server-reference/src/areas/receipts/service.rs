//! What can be asked about logs and receipts.

use companyos_receipt::proof::TlogProof;
use companyos_receipt::tlog::{ConsistencyPlan, Hash, InclusionPlan, TilePath, entry};

use super::model::{Filter, LogHead, Page, StoredReceipt};
use super::rules::{self, FILTERED_WINDOW, Unservable};
use super::store;
use super::tree::Tiles;
use crate::kernel::auth::Principal;
use crate::store::{Reader, Store, StoreError};

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no such thing, or the caller must not know of it.
    #[error("not found")]
    NotFound,
    /// A query parameter cannot be served.
    #[error("{}: {}", .0.parameter, .0.detail)]
    Unservable(Unservable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log's own hashes do not make a proof.
    #[error(transparent)]
    Proof(#[from] companyos_receipt::Error),
}

impl From<Unservable> for Error {
    fn from(refused: Unservable) -> Self {
        Self::Unservable(refused)
    }
}

/// The receipts of a tenant that fit a filter, from an index on.
pub(super) async fn list(
    store: &Store,
    tenant_id: &str,
    filter: &Filter,
    start: u64,
    limit: usize,
) -> Result<Page<StoredReceipt, u64>, Error> {
    let mut db = store.reader().await?;
    let Some(head) = store::log_of(&mut db, tenant_id, store.region()).await? else {
        return Ok(Page { items: Vec::new(), next: None });
    };
    let window = if filter.is_empty() { limit as u64 } else { FILTERED_WINDOW };
    let end = head.size.min(start.saturating_add(window)).max(start);
    let items = store::receipts(&mut db, &head.id, start..end, filter, limit).await?;
    // A full page may have stopped before the end of what it was to look at.
    let seen = if items.len() >= limit { items.last().map_or(end, |last| last.index + 1) } else { end };
    Ok(Page { items, next: (seen < head.size).then_some(seen) })
}

/// A receipt the caller may see.
pub(super) async fn get(store: &Store, caller: &Principal, id: &str) -> Result<StoredReceipt, Error> {
    let mut db = store.reader().await?;
    visible_receipt(&mut db, caller, id).await.map(|(receipt, _)| receipt)
}

async fn visible_receipt(
    db: &mut Reader,
    caller: &Principal,
    id: &str,
) -> Result<(StoredReceipt, LogHead), Error> {
    let receipt = store::receipt_by_id(db, id).await?.ok_or(Error::NotFound)?;
    let head = visible_log(db, caller, &receipt.log_id).await?;
    Ok((receipt, head))
}

async fn visible_log(db: &mut Reader, caller: &Principal, log_id: &str) -> Result<LogHead, Error> {
    let head = store::log(db, log_id).await?;
    head.filter(|head| caller.sees(&head.tenant_id, None)).ok_or(Error::NotFound)
}

/// The tlog-proof of a receipt under the log's latest checkpoint.
pub(super) async fn proof(store: &Store, caller: &Principal, id: &str) -> Result<String, Error> {
    let mut db = store.reader().await?;
    let (receipt, head) = visible_receipt(&mut db, caller, id).await?;
    let plan = InclusionPlan::new(receipt.index, head.size)?;
    let tiles = Tiles::load(&mut db, &head.id, head.size, plan.node_ids()).await?;
    let hashes = plan.finish(|node| tiles.node(node))?;
    Ok(TlogProof::new(receipt.index, hashes, head.checkpoint).to_text())
}

/// The logs a caller may see, or of one of them only those of one tenant.
pub(super) async fn logs(
    store: &Store,
    caller: &Principal,
    tenant_id: Option<&str>,
    after: &str,
    limit: usize,
) -> Result<Page<LogHead, String>, Error> {
    let only = if caller.operator { tenant_id } else { Some(caller.tenant_id.as_str()) };
    let mut db = store.reader().await?;
    let mut items = store::logs(&mut db, only, after, limit.saturating_add(1)).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Page { items, next })
}

/// A log the caller may see.
pub(super) async fn log(store: &Store, caller: &Principal, log_id: &str) -> Result<LogHead, Error> {
    let mut db = store.reader().await?;
    visible_log(&mut db, caller, log_id).await
}

/// The proof that a log of `to` entries extends the log of `from` entries.
pub(super) async fn consistency(
    store: &Store,
    caller: &Principal,
    log_id: &str,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, Error> {
    let mut db = store.reader().await?;
    let head = visible_log(&mut db, caller, log_id).await?;
    rules::consistency_sizes(from, to, head.size)?;
    let plan = ConsistencyPlan::new(from, to)?;
    let tiles = Tiles::load(&mut db, &head.id, to, plan.node_ids()).await?;
    Ok(plan.finish(|node| tiles.node(node))?)
}

/// The hashes of a tile, 32 bytes each.
pub(super) async fn tile(
    store: &Store,
    caller: &Principal,
    log_id: &str,
    level: u8,
    path: TilePath,
) -> Result<Vec<u8>, Error> {
    let mut db = store.reader().await?;
    let head = visible_log(&mut db, caller, log_id).await?;
    if !path.exists(level, head.size) {
        return Err(Error::NotFound);
    }
    let (start, end) = path.span();
    let hashes = store::hashes(&mut db, &head.id, level, start..end).await?;
    Ok(hashes.iter().flat_map(|hash| hash.0).collect())
}

/// The entries of an entry bundle, each after its length.
pub(super) async fn entries(
    store: &Store,
    caller: &Principal,
    log_id: &str,
    path: TilePath,
) -> Result<Vec<u8>, Error> {
    let mut db = store.reader().await?;
    let head = visible_log(&mut db, caller, log_id).await?;
    if !path.exists(0, head.size) {
        return Err(Error::NotFound);
    }
    let (start, end) = path.span();
    let all = Filter::default();
    let receipts = store::receipts(&mut db, &head.id, start..end, &all, usize::from(path.width)).await?;
    if receipts.len() != usize::from(path.width) {
        return Err(StoreError::Inconsistent(format!("{log_id} lacks receipts of tile {path}")).into());
    }
    let mut bundle = Vec::with_capacity(receipts.len() * 35);
    for receipt in receipts {
        let entry = entry(&receipt.jwt);
        bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&entry);
    }
    Ok(bundle)
}
