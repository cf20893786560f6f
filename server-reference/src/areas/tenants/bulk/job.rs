//! The operation `tenant.import`: all tenants of an accepted file, or none.
//!
//! The tenants are created block by block, each block in a transaction of its own, so that other writes never wait for
//! more than one block. Until the last transaction, which ends the import, nobody sees them: a tenant whose import is
//! `running` is left out by every query. An import that fails takes its tenants back in the same way.

use std::collections::HashMap;
use std::sync::Arc;

use companyos_receipt::receipt::Private;
use companyos_types::shared::ProblemError;
use companyos_types::{problems, tenants as wire};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::accept::KIND;
use super::block::{Block, StoredRow};
use super::model::{Import, ImportStatus};
use crate::areas::operations::jobs::{Finished, Handler, Job, JobError, Step};
use crate::areas::operations::model::{Operation, Status};
use crate::areas::tenants::import::plan::Existing;
use crate::areas::tenants::store::tenants::Imported;
use crate::areas::tenants::store::{blocks, imports, tenants};
use crate::kernel::clock::Timestamp;
use crate::kernel::metrics::Metrics;
use crate::kernel::problem::Problem;
use crate::store::{StoreError, Tx};

/// Most rows quoted when a plan no longer holds.
const ROWS_QUOTED: usize = 20;

/// Creates the tenants of accepted imports.
#[derive(Debug)]
pub struct TenantImports {
    metrics: Arc<Metrics>,
}

impl TenantImports {
    /// A handler that counts in `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl Handler for TenantImports {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn advance<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Step, JobError>> {
        Box::pin(async move {
            let import = waiting(tx, &job.operation).await?;
            if import.status == ImportStatus::Queued && !begin(tx, import.clone()).await? {
                return Ok(Step::Later);
            }
            let done = job.operation.done;
            if done >= import.counts.total {
                return Ok(Step::Ready);
            }
            let block =
                blocks::next(tx, &import.id, None, done).await?.ok_or_else(|| missing(&import, done))?;
            apply(tx, &import, &block, job.at).await?;
            Ok(Step::Done(block.last))
        })
    }

    fn withdraw<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Step, StoreError>> {
        Box::pin(async move {
            let done = job.operation.done;
            let import = match done {
                0 => None,
                _ => imports::get(tx, &job.operation.subject).await?,
            };
            let Some(import) = import else {
                return Ok(Step::Ready);
            };
            let block = blocks::ending_at(tx, &import.id, done).await?;
            let block = block.ok_or_else(|| missing(&import, done))?;
            let created = created(&block)?;
            tenants::delete_imported(tx, &import.id, created.iter().map(|tenant| tenant.id)).await?;
            Ok(Step::Done(block.first.saturating_sub(1)))
        })
    }

    fn perform<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Finished, JobError>> {
        Box::pin(async move {
            let mut import = waiting(tx, &job.operation).await?;
            conclude(tx, &mut import, ImportStatus::Succeeded, job.at, Some(&job.receipt_id)).await?;
            let facts = import.facts();
            match serde_json::to_value(wire::TenantImport::from(import)) {
                Ok(Value::Object(result)) => Ok(Finished { result, facts }),
                Ok(_) | Err(_) => Err(JobError::Failed(Problem::internal("an import is no JSON object"))),
            }
        })
    }

    fn failed<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Private, StoreError>> {
        Box::pin(async move {
            let Some(mut import) = imports::get(tx, &job.operation.subject).await? else {
                return Ok(Private::new());
            };
            conclude(tx, &mut import, ImportStatus::Failed, job.at, Some(&job.receipt_id)).await?;
            Ok(import.facts())
        })
    }

    fn cancelled<'t>(
        &'t self,
        tx: &'t mut Tx,
        operation: &'t Operation,
        at: Timestamp,
    ) -> BoxFuture<'t, Result<(), StoreError>> {
        Box::pin(async move {
            match imports::get(tx, &operation.subject).await? {
                Some(mut import) => conclude(tx, &mut import, ImportStatus::Cancelled, at, None).await,
                None => Ok(()),
            }
        })
    }

    fn settled(&self, status: Status) {
        match status {
            Status::Succeeded => self.metrics.import_succeeded(),
            Status::Failed => self.metrics.import_failed(),
            Status::Queued | Status::Running | Status::Cancelled => {}
        }
    }
}

/// The import, as long as it has not ended.
async fn waiting(tx: &mut Tx, operation: &Operation) -> Result<Import, JobError> {
    let import = imports::get(tx, &operation.subject).await?;
    let open = |import: &Import| matches!(import.status, ImportStatus::Queued | ImportStatus::Running);
    import.filter(open).ok_or_else(|| {
        JobError::Failed(Problem::conflict("The import no longer exists or is not waiting to be applied."))
    })
}

/// Begins to apply an import; `false` when another one of its owner has to end first. Two at the same time could take
/// external ids from each other, and both would fail.
async fn begin(tx: &mut Tx, mut import: Import) -> Result<bool, JobError> {
    tx.lock(&format!("tenants.import:{}", import.tenant_id)).await?;
    if imports::another_runs(tx, &import.tenant_id, &import.id).await? {
        return Ok(false);
    }
    if tenants::get(tx, &import.tenant_id).await?.is_none() {
        let detail = "The tenant that was to own the imported ones no longer exists.";
        return Err(JobError::Failed(Problem::conflict(detail)));
    }
    let before = std::mem::replace(&mut import.status, ImportStatus::Running);
    Ok(imports::record(tx, &import, before).await?)
}

/// Creates the tenants of a block and compares its other rows once more.
async fn apply(tx: &mut Tx, import: &Import, block: &Block, at: Timestamp) -> Result<(), JobError> {
    let new = created(block)?;
    let wanted = new.len() as u64;
    let inserted = tenants::insert_imported(tx, &import.id, &import.tenant_id, at, new.into_iter()).await?;
    if inserted == wanted && block.unchanged == 0 {
        return Ok(());
    }
    let rows: Vec<StoredRow<'_>> = block.rows().collect::<Result<_, _>>()?;
    let ids = rows.iter().filter_map(|row| row.external_id);
    let held = tenants::with_external_ids(tx, &import.tenant_id, ids).await?;
    let overtaken = rows.iter().filter(|row| !still_holds(row, &held)).take(ROWS_QUOTED);
    let overtaken: Vec<_> = overtaken.filter_map(|row| Some((row.number, row.external_id?))).collect();
    match overtaken.is_empty() {
        true => Ok(()),
        false => Err(JobError::Failed(plan_changed(&overtaken))),
    }
}

/// Whether the tenant of a row is the one the plan says: created by this row, or equal to it and not changed since.
fn still_holds(row: &StoredRow<'_>, held: &HashMap<String, Existing>) -> bool {
    let found = row.external_id.and_then(|external_id| held.get(external_id));
    found.is_some_and(|tenant| {
        Some(tenant.id.as_str()) == row.tenant_id
            && row.version.is_none_or(|version| version == tenant.version)
    })
}

/// The tenants a block creates.
fn created(block: &Block) -> Result<Vec<Imported<'_>>, StoreError> {
    let mut created = Vec::with_capacity(block.create.try_into().unwrap_or(0));
    for row in block.rows() {
        if let StoredRow {
            external_id: Some(external_id), tenant_id: Some(id), profile: Some(profile), ..
        } = row?
        {
            created.push(Imported { id, external_id, profile });
        }
    }
    match created.len() as u64 == block.create {
        true => Ok(created),
        false => {
            Err(StoreError::Inconsistent(format!("rows up to {} of an import lack members", block.last)))
        }
    }
}

fn missing(import: &Import, row: u64) -> StoreError {
    StoreError::Inconsistent(format!("import {} lacks its rows around row {row}", import.id))
}

async fn conclude(
    tx: &mut Tx,
    import: &mut Import,
    next: ImportStatus,
    at: Timestamp,
    receipt_id: Option<&str>,
) -> Result<(), StoreError> {
    let before = import.status;
    if !before.may_become(next) {
        return Err(StoreError::Inconsistent(format!(
            "import {} is {} and cannot become {}",
            import.id,
            before.as_str(),
            next.as_str()
        )));
    }
    (import.status, import.completed_at) = (next, Some(at));
    if let Some(id) = receipt_id {
        import.receipt_id = Some(id.to_owned());
    }
    match imports::record(tx, import, before).await? {
        true => Ok(()),
        false => Err(StoreError::Inconsistent(format!("import {} changed under its operation", import.id))),
    }
}

fn plan_changed(overtaken: &[(u64, &str)]) -> Problem {
    let findings = overtaken
        .iter()
        .map(|(row, external_id)| ProblemError {
            pointer: None,
            parameter: None,
            row: Some(*row),
            column: None,
            code: "overtaken".to_owned(),
            detail: format!(
                "The tenant {external_id} has been created, changed or deleted since the file was checked."
            ),
        })
        .collect();
    Problem::new(&problems::PLAN_CHANGED)
        .detail("Tenants have changed since the file was checked. Nothing was imported; send the file again.")
        .errors(findings)
}
