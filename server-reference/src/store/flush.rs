//! The end of a group: idempotency records, receipts, log entries and checkpoints of all its jobs, one statement each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use companyos_receipt::tlog::{NodeId, TILE_HEIGHT};

use super::StoreDeps;
use super::error::StoreError;
use super::heads::{self, Head, to_bigint};
use super::idempotency::{self, Taken};
use super::insert::Insert;
use super::issue::{Issued, LogIdentity};
use super::job::{Pending, Receipt};
use super::observer::CommittedReceipt;
use super::tx::Tx;

/// Why a group cannot be committed as it is.
pub(super) enum FlushError {
    /// Because of these members. The others may go on without them.
    Members(Vec<(usize, StoreError)>),
    /// Because of the database.
    Store(StoreError),
}

impl From<StoreError> for FlushError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a group that is written has brought, to be made known once it is committed.
pub(super) struct Flushed {
    pub(super) receipts: Vec<CommittedReceipt>,
    pub(super) logs: Vec<(String, Arc<LogIdentity>)>,
}

/// Writes what the jobs of a group left to be written.
pub(super) async fn flush(
    tx: &mut Tx,
    pending: Vec<(usize, Pending)>,
    deps: &StoreDeps,
) -> Result<Flushed, FlushError> {
    let mut records = Vec::new();
    let mut receipts = Vec::new();
    for (member, Pending { receipt, remember }) in pending {
        records.extend(remember.map(|remember| (member, remember)));
        receipts.extend(receipt.map(|receipt| (member, receipt)));
    }
    let mut taken = Taken::default();
    if !records.is_empty() {
        taken = idempotency::remember(tx, deps.clock.now(), records).await?;
        raced(taken.by_record)?;
    }
    let appended = append(tx, deps, receipts).await?;
    // Not before it is known that the member that came first has its receipt.
    raced(taken.by_member)?;
    appended.write(tx, deps).await
}

fn raced(members: Vec<usize>) -> Result<(), FlushError> {
    if members.is_empty() {
        return Ok(());
    }
    Err(FlushError::Members(
        members.into_iter().map(|member| (member, StoreError::IdempotencyRaced)).collect(),
    ))
}

/// Receipts that are issued and have their places in their logs, not yet written.
struct Appended {
    logs: Vec<Head>,
    receipts: Insert<10>,
    tiles: Insert<4>,
    committed: Vec<CommittedReceipt>,
}

impl Appended {
    fn new(logs: Vec<Head>) -> Self {
        let columns = [
            "log_id",
            "idx",
            "receipt_id",
            "action",
            "phase",
            "outcome",
            "issued_at",
            "jwt",
            "disclosures",
            "leaf_hash",
        ];
        Self {
            logs,
            receipts: Insert::into("receipts", columns),
            tiles: Insert::into("log_tiles", ["log_id", "level", "idx", "hash"]),
            committed: Vec::new(),
        }
    }

    async fn write(self, tx: &mut Tx, deps: &StoreDeps) -> Result<Flushed, FlushError> {
        if !self.receipts.is_empty() {
            tx.insert(self.receipts).await?;
            tx.insert(self.tiles).await?;
            heads::save(tx, deps, &self.logs).await?;
        }
        let logs = self.logs.into_iter().map(|head| (head.tenant_id, head.log)).collect();
        Ok(Flushed { receipts: self.committed, logs })
    }
}

/// Gives the receipts their places, in the order in which the jobs ran, and issues those that are not yet issued.
async fn append(
    tx: &mut Tx,
    deps: &StoreDeps,
    receipts: Vec<(usize, Arc<Receipt>)>,
) -> Result<Appended, FlushError> {
    let tenants: BTreeSet<&str> =
        receipts.iter().map(|(_, receipt)| receipt.draft.tenant_id.as_str()).collect();
    let mut appended = Appended::new(heads::lock(tx, deps, &tenants).await?);
    let log_of: BTreeMap<String, usize> =
        appended.logs.iter().enumerate().map(|(log, head)| (head.tenant_id.clone(), log)).collect();
    let mut refused = Vec::new();
    for (member, receipt) in &receipts {
        let draft = &receipt.draft;
        let Some(head) = log_of.get(&draft.tenant_id).and_then(|log| appended.logs.get_mut(*log)) else {
            return Err(StoreError::Inconsistent("a log that was locked is not there".to_owned()).into());
        };
        match append_one(head, deps, receipt, &mut appended.receipts, &mut appended.tiles) {
            Ok(()) => {
                let committed = CommittedReceipt { action: draft.action.clone(), outcome: draft.outcome };
                appended.committed.push(committed);
            }
            Err(error) => refused.push((*member, error)),
        }
    }
    if refused.is_empty() { Ok(appended) } else { Err(FlushError::Members(refused)) }
}

fn append_one(
    head: &mut Head,
    deps: &StoreDeps,
    receipt: &Receipt,
    receipts: &mut Insert<10>,
    tiles: &mut Insert<4>,
) -> Result<(), StoreError> {
    let draft = &receipt.draft;
    let now;
    let issued = match &receipt.issued {
        Some(issued) if issued.log == head.log => issued,
        _ => {
            now = Issued::new(deps, &head.log, draft)?;
            &now
        }
    };
    let index = to_bigint(head.frontier.size())?;
    let mut nodes: Vec<(NodeId, [u8; 32])> = Vec::new();
    head.frontier.push_with(issued.leaf, |node, hash| {
        if node.level > 0 && node.level.is_multiple_of(TILE_HEIGHT) {
            nodes.push((node, hash.0));
        }
    });
    let log_id = head.log.log_id.as_str();
    for (node, hash) in nodes {
        let level = i64::from(node.level / TILE_HEIGHT);
        tiles.push([log_id.into(), level.into(), to_bigint(node.index)?.into(), hash.into()]);
    }
    receipts.push([
        log_id.into(),
        index.into(),
        draft.id.as_str().into(),
        draft.action.as_str().into(),
        draft.phase.as_str().into(),
        draft.outcome.as_str().into(),
        draft.at.into(),
        issued.jwt.as_str().into(),
        issued.disclosures.as_str().into(),
        issued.leaf.0.into(),
    ]);
    Ok(())
}
