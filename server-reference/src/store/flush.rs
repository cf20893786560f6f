//! The end of a group: idempotency records, receipts, log entries and checkpoints of all its jobs, one statement each.

use std::collections::{BTreeMap, BTreeSet};

use companyos_receipt::receipt::{Claims, SaltKey, issue};
use companyos_receipt::tlog::{NodeId, TILE_HEIGHT};

use super::StoreDeps;
use super::commit::{Effect, ReceiptDraft};
use super::error::StoreError;
use super::heads::{self, Head, to_bigint};
use super::idempotency;
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
    if !records.is_empty() {
        let taken = idempotency::remember(tx, deps.clock.now(), records).await?;
        if !taken.is_empty() {
            let raced = taken.into_iter().map(|member| (member, StoreError::IdempotencyRaced));
            return Err(FlushError::Members(raced.collect()));
        }
    }
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    append(tx, deps, drafts).await
}

/// Issues the receipts and appends them to their tenants' logs, in the order in which the jobs ran.
async fn append(
    tx: &mut Tx,
    deps: &StoreDeps,
    drafts: Vec<(usize, ReceiptDraft)>,
) -> Result<Vec<CommittedReceipt>, FlushError> {
    let tenants: BTreeSet<&str> = drafts.iter().map(|(_, draft)| draft.tenant_id.as_str()).collect();
    let mut logs = heads::lock(tx, deps, &tenants).await?;
    let log_of: BTreeMap<String, usize> =
        logs.iter().enumerate().map(|(log, head)| (head.tenant_id.clone(), log)).collect();

    let mut receipts = Insert::into(
        "receipts",
        [
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
        ],
    );
    let mut tiles = Insert::into("log_tiles", ["log_id", "level", "idx", "hash"]);
    let mut committed = Vec::with_capacity(drafts.len());
    let mut refused = Vec::new();
    for (member, draft) in drafts {
        let Some(head) = log_of.get(&draft.tenant_id).and_then(|log| logs.get_mut(*log)) else {
            return Err(StoreError::Inconsistent("a log that was locked is not there".to_owned()).into());
        };
        match append_one(head, deps, &draft, &mut receipts, &mut tiles) {
            Ok(()) => committed.push(CommittedReceipt { action: draft.action, outcome: draft.outcome }),
            Err(error) => refused.push((member, error)),
        }
    }
    if !refused.is_empty() {
        return Err(FlushError::Members(refused));
    }
    tx.insert(receipts).await?;
    if !tiles.is_empty() {
        tx.insert(tiles).await?;
    }
    heads::save(tx, deps, logs).await?;
    Ok(committed)
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
