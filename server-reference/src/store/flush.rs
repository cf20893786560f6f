//! The end of a group: idempotency records, receipts, log entries and checkpoints of all its jobs, one statement each.

use std::collections::{BTreeMap, BTreeSet};

use companyos_receipt::receipt::{Claims, SaltKey, issue};
use companyos_receipt::tlog::{NodeId, TILE_HEIGHT};

use super::StoreDeps;
use super::commit::{Effect, ReceiptDraft};
use super::error::StoreError;
use super::heads::{self, Head, to_bigint};
use super::idempotency::{self, Taken};
use super::insert::Insert;
use super::job::Pending;
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

/// Writes what the jobs of a group left to be written.
pub(super) async fn flush(
    tx: &mut Tx,
    pending: Vec<(usize, Pending)>,
    deps: &StoreDeps,
) -> Result<Vec<CommittedReceipt>, FlushError> {
    let mut records = Vec::new();
    let mut drafts = Vec::new();
    for (member, Pending { effect, remember }) in pending {
        records.extend(remember.map(|remember| (member, remember)));
        match effect {
            Effect::Receipt(draft) => drafts.push((member, *draft)),
            Effect::None(reason) => tracing::trace!(reason, "a write leaves no receipt"),
        }
    }
    let mut taken = Taken::default();
    if !records.is_empty() {
        taken = idempotency::remember(tx, deps.clock.now(), records).await?;
        raced(taken.by_record)?;
    }
    let appended = append(tx, deps, drafts).await?;
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

    async fn write(self, tx: &mut Tx, deps: &StoreDeps) -> Result<Vec<CommittedReceipt>, FlushError> {
        if self.receipts.is_empty() {
            return Ok(Vec::new());
        }
        tx.insert(self.receipts).await?;
        tx.insert(self.tiles).await?;
        heads::save(tx, deps, self.logs).await?;
        Ok(self.committed)
    }
}

/// Issues the receipts and gives them their places, in the order in which the jobs ran.
async fn append(
    tx: &mut Tx,
    deps: &StoreDeps,
    drafts: Vec<(usize, ReceiptDraft)>,
) -> Result<Appended, FlushError> {
    let tenants: BTreeSet<&str> = drafts.iter().map(|(_, draft)| draft.tenant_id.as_str()).collect();
    let mut appended = Appended::new(heads::lock(tx, deps, &tenants).await?);
    let log_of: BTreeMap<String, usize> =
        appended.logs.iter().enumerate().map(|(log, head)| (head.tenant_id.clone(), log)).collect();
    let mut refused = Vec::new();
    for (member, draft) in drafts {
        let Some(head) = log_of.get(&draft.tenant_id).and_then(|log| appended.logs.get_mut(*log)) else {
            return Err(StoreError::Inconsistent("a log that was locked is not there".to_owned()).into());
        };
        match append_one(head, deps, &draft, &mut appended.receipts, &mut appended.tiles) {
            Ok(()) => {
                appended.committed.push(CommittedReceipt { action: draft.action, outcome: draft.outcome });
            }
            Err(error) => refused.push((member, error)),
        }
    }
    if refused.is_empty() { Ok(appended) } else { Err(FlushError::Members(refused)) }
}

fn append_one(
    head: &mut Head,
    deps: &StoreDeps,
    draft: &ReceiptDraft,
    receipts: &mut Insert<10>,
    tiles: &mut Insert<4>,
) -> Result<(), StoreError> {
    let claims = Claims {
        iss: deps.issuer.clone(),
        jti: draft.id.clone(),
        iat: draft.at.unix_seconds(),
        region: deps.region.clone(),
        tenant: head.log_id.clone(),
        act: draft.action.clone(),
        phase: draft.phase,
        out: draft.outcome,
        reference: draft.reference.clone(),
        pol: draft.policy.clone(),
    };
    let salts = SaltKey::for_month(&head.salt_key, claims.iat);
    let issued = issue(&claims, &draft.private, &salts, deps.signer.as_ref())
        .map_err(|error| StoreError::Receipt(error.to_string()))?;
    let leaf = issued.leaf_hash();
    let index = to_bigint(head.frontier.size())?;
    let mut nodes: Vec<(NodeId, [u8; 32])> = Vec::new();
    head.frontier.push_with(leaf, |node, hash| {
        if node.level > 0 && node.level.is_multiple_of(TILE_HEIGHT) {
            nodes.push((node, hash.0));
        }
    });
    for (node, hash) in nodes {
        let level = i64::from(node.level / TILE_HEIGHT);
        tiles.push([head.log_id.as_str().into(), level.into(), to_bigint(node.index)?.into(), hash.into()]);
    }
    receipts.push([
        head.log_id.as_str().into(),
        index.into(),
        draft.id.as_str().into(),
        draft.action.as_str().into(),
        draft.phase.as_str().into(),
        draft.outcome.as_str().into(),
        draft.at.into(),
        issued.jwt.into(),
        issued.disclosures.join("~").into(),
        leaf.0.into(),
    ]);
    Ok(())
}
