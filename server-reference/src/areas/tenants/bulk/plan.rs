//! The second step of a file: rows become decisions, and blocks in the database.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use companyos_types::shared::ProblemError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::block::{Block, StoredRow};
use super::intake::{Interrupted, to_wire};
use super::model::Import;
use super::parse::Checked;
use crate::areas::tenants::import::plan::{Action, Decision, Existing, Planner};
use crate::areas::tenants::import::{Batch, RowView};
use crate::areas::tenants::store::{blocks, imports};
use crate::kernel::Kernel;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::{Ids, new_id};
use crate::kernel::problem::Problem;
use crate::store::{Commit, StoreError};

/// Bytes that are written at once. Each write waits for the disk.
const WRITTEN_AT_ONCE: usize = 1 << 20;

/// Writes on their way while the next rows are planned.
const IN_FLIGHT: usize = 2;

/// Plans batches until none comes any more and all blocks are written, and gives the planner that has seen them all.
pub(super) async fn plan(
    kernel: Arc<Kernel>,
    import: Import,
    mut checked: mpsc::Receiver<Checked>,
) -> Result<Planner, Interrupted> {
    let mut planner = Planner::new();
    let (drawn_at, import) = (import.created_at, Arc::new(import));
    let mut staging = Staging { kernel, import, drawn_at, blocks: Vec::new(), writes: Vec::new() };
    let planned = plan_all(&mut planner, &mut staging, &mut checked).await;
    // Also when it failed: nothing may be on its way any more once this has ended.
    let settled = staging.settle(0).await;
    planned.and(settled).map(|()| planner)
}

async fn plan_all(
    planner: &mut Planner,
    staging: &mut Staging,
    checked: &mut mpsc::Receiver<Checked>,
) -> Result<(), Interrupted> {
    while let Some(Checked { batch, existing }) = checked.recv().await {
        let existing = existing.await??;
        let (kernel, import) = (Arc::clone(&staging.kernel), Arc::clone(&staging.import));
        let now = staging.next_instant();
        let mut ahead = std::mem::take(planner);
        let encoded = tokio::task::spawn_blocking(move || {
            let block = encode(&kernel.ids, now, import.dry_run, &mut ahead, &batch, &existing);
            (ahead, block)
        });
        let (ahead, block) = encoded.await?;
        *planner = ahead;
        staging.add(block?).await?;
    }
    staging.write().await
}

/// Decides about the rows of a batch and encodes them.
fn encode(
    random: &Arc<dyn Ids>,
    now: Timestamp,
    dry_run: bool,
    planner: &mut Planner,
    batch: &Batch,
    existing: &HashMap<String, Existing>,
) -> Result<Block, StoreError> {
    let decisions = planner.plan(batch, existing);
    let mut ids = if dry_run { Vec::new() } else { new_ids(&**random, now, &decisions) }.into_iter();
    let mut block = Block::default();
    for (row, decision) in batch.rows().zip(&decisions) {
        let id = if decision.action == Action::Create { ids.next() } else { None };
        let findings = match decision.action {
            Action::Error => Some(findings_json(&row, decision)?),
            Action::Create | Action::Unchanged => None,
        };
        let compared = decision.existing.as_ref();
        block.push(StoredRow {
            number: u64::from(row.number),
            action: decision.action,
            external_id: row.external_id,
            tenant_id: id.as_deref().or(compared.map(|(id, _)| id.as_str())),
            version: compared.map(|(_, version)| *version),
            profile: id.is_some().then(|| row.into()),
            findings: findings.as_deref(),
        });
    }
    Ok(block)
}

/// Ids for the rows that create a tenant, in order.
fn new_ids(random: &dyn Ids, now: Timestamp, decisions: &[Decision]) -> Vec<String> {
    let creates = decisions.iter().filter(|decision| decision.action == Action::Create);
    let mut ids: Vec<String> = creates.map(|_| new_id(random, "tnt", now)).collect();
    ids.sort_unstable();
    ids
}

fn findings_json(row: &RowView<'_>, decision: &Decision) -> Result<String, StoreError> {
    let findings: Vec<ProblemError> = decision.findings(row).map(to_wire).collect();
    serde_json::to_string(&findings).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// Blocks on their way to the database.
struct Staging {
    kernel: Arc<Kernel>,
    import: Arc<Import>,
    /// When the last ids were drawn.
    drawn_at: Timestamp,
    blocks: Vec<Block>,
    writes: Vec<JoinHandle<Result<(), Interrupted>>>,
}

impl Staging {
    /// The time, or the next microsecond when it has not moved on since the last batch: ids of later batches sort after
    /// those of earlier ones, so that tenants are listed as the file has them and the database appends to its indexes.
    fn next_instant(&mut self) -> Timestamp {
        let next = self.drawn_at.saturating_add(Duration::from_micros(1));
        self.drawn_at = self.kernel.clock.now().max(next);
        self.drawn_at
    }

    async fn add(&mut self, block: Block) -> Result<(), Interrupted> {
        self.blocks.push(block);
        match self.blocks.iter().map(|block| block.content.len()).sum::<usize>() >= WRITTEN_AT_ONCE {
            true => self.write().await,
            false => Ok(()),
        }
    }

    async fn write(&mut self) -> Result<(), Interrupted> {
        if self.blocks.is_empty() {
            return Ok(());
        }
        self.settle(IN_FLIGHT - 1).await?;
        let blocks: Arc<[Block]> = std::mem::take(&mut self.blocks).into();
        let (kernel, import) = (Arc::clone(&self.kernel), Arc::clone(&self.import));
        self.writes.push(tokio::spawn(async move { store(&kernel, &import, blocks).await }));
        Ok(())
    }

    /// Waits until no more than `left` writes are on their way.
    async fn settle(&mut self, left: usize) -> Result<(), Interrupted> {
        let mut outcome = Ok(());
        while self.writes.len() > left {
            let written = self.writes.remove(0).await.map_err(Interrupted::from).flatten();
            outcome = outcome.and(written);
        }
        outcome
    }
}

async fn store(kernel: &Kernel, import: &Arc<Import>, written: Arc<[Block]>) -> Result<(), Interrupted> {
    let (import, now) = (Arc::clone(import), kernel.clock.now());
    kernel
        .store
        .write(move |tx| {
            let (import, written) = (Arc::clone(&import), Arc::clone(&written));
            Box::pin(async move {
                if !imports::touch(tx, &import.id, now).await? {
                    return Err(Interrupted::Problem(Problem::unavailable(1)));
                }
                blocks::insert(tx, &import.id, &written).await?;
                Ok(Commit::without_receipt((), "staging an import; nothing is visible yet"))
            })
        })
        .await
}
