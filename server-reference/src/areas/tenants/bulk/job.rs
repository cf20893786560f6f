//! The operation `tenant.import`: all tenants of an accepted file, in one transaction.

use std::sync::Arc;

use companyos_receipt::receipt::Private;
use companyos_types::shared::ProblemError;
use companyos_types::{problems, tenants as wire};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::accept::KIND;
use super::model::{Import, ImportStatus};
use crate::areas::operations::jobs::{Finished, Handler, Job, JobError};
use crate::areas::operations::model::{Operation, Status};
use crate::areas::tenants::store::{imports, rows, tenants};
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

    fn perform<'t>(&'t self, tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<Finished, JobError>> {
        Box::pin(async move {
            let mut import = queued(tx, &job.operation).await?;
            if tenants::get(tx, &import.tenant_id).await?.is_none() {
                let detail = "The tenant that was to own the imported ones no longer exists.";
                return Err(JobError::Failed(Problem::conflict(detail)));
            }
            let created = rows::create_tenants(tx, &import.id, &import.tenant_id, job.at).await?;
            let unchanged = match import.counts.unchanged {
                0 => 0,
                _ => rows::count_unchanged(tx, &import.id).await?,
            };
            if (created, unchanged) != (import.counts.create, import.counts.unchanged) {
                let overtaken = rows::overtaken(tx, &import.id, ROWS_QUOTED).await?;
                return Err(JobError::Failed(plan_changed(overtaken)));
            }
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

async fn queued(tx: &mut Tx, operation: &Operation) -> Result<Import, JobError> {
    let import = imports::get(tx, &operation.subject).await?;
    import.filter(|import| import.status == ImportStatus::Queued).ok_or_else(|| {
        JobError::Failed(Problem::conflict("The import no longer exists or is not waiting to be applied."))
    })
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

fn plan_changed(overtaken: Vec<(u64, String)>) -> Problem {
    let findings = overtaken
        .into_iter()
        .map(|(row, external_id)| ProblemError {
            pointer: None,
            parameter: None,
            row: Some(row),
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
