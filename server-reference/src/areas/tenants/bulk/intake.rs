//! Rows on their way into the database, while the file still arrives.

use std::collections::HashMap;
use std::sync::Arc;

use companyos_types::shared::ProblemError;
use tokio::task::JoinHandle;

use super::model::{Import, ImportStatus};
use crate::areas::tenants::import::plan::{Action, Decision, Plan, Planner};
use crate::areas::tenants::import::{Batch, FileError, Finding, Importer, Options, RowView};
use crate::areas::tenants::store::{imports, rows, tenants};
use crate::kernel::Kernel;
use crate::kernel::ids::new_id;
use crate::kernel::problem::Problem;
use crate::store::{Commit, StoreError};

/// Batches being written while the next one is read.
const IN_FLIGHT: usize = 2;

/// A file that is arriving.
pub(super) struct Intake {
    kernel: Arc<Kernel>,
    import: Import,
    importer: Importer,
    planner: Planner,
    writes: Vec<JoinHandle<Result<(), Interrupted>>>,
}

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// It cannot be read.
    File(FileError),
    /// Something around it failed.
    Problem(Problem),
}

impl From<FileError> for Interrupted {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

/// What a file turned out to be.
pub(super) struct Received {
    pub(super) plan: Plan,
    /// The first findings.
    pub(super) quoted: Vec<Finding>,
}

impl Intake {
    /// Begins: notes the import, so that its rows have something to belong to.
    pub(super) async fn begin(
        kernel: Arc<Kernel>,
        import: Import,
        options: Options,
    ) -> Result<Self, Interrupted> {
        let new = import.clone();
        kernel
            .store
            .write(move |tx| {
                let new = new.clone();
                Box::pin(async move {
                    imports::begin(tx, &new).await?;
                    Ok::<_, StoreError>(Commit::without_receipt(
                        (),
                        "staging an import; nothing is visible yet",
                    ))
                })
            })
            .await?;
        let (importer, planner) = (Importer::new(options), Planner::new());
        Ok(Self { kernel, import, importer, planner, writes: Vec::new() })
    }

    /// Takes the next piece of the file.
    pub(super) async fn take(&mut self, mut piece: &[u8]) -> Result<(), Interrupted> {
        while !piece.is_empty() {
            piece = &piece[self.importer.read(piece)?..];
            if self.importer.is_full() {
                self.stage().await?;
            }
        }
        Ok(())
    }

    /// Ends the file: afterwards all its rows are staged.
    pub(super) async fn finish(&mut self) -> Result<Received, Interrupted> {
        self.importer.finish()?;
        self.stage().await?;
        self.settle(0).await?;
        let plan = self.planner.finish(self.import.format, &self.importer.mapping(), &self.import.tenant_id);
        Ok(Received { plan, quoted: self.planner.quoted().to_vec() })
    }

    /// Removes what was staged. Should even that fail, the sweep does it.
    pub(super) async fn discard(&mut self) {
        // Writes still on their way would otherwise come after.
        let _already_failing = self.settle(0).await;
        let id = self.import.id.clone();
        let discarded = self
            .kernel
            .store
            .write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    imports::discard(tx, &id).await?;
                    Ok::<_, StoreError>(Commit::without_receipt((), "removing rows nobody has seen"))
                })
            })
            .await;
        if let Err(error) = discarded {
            tracing::warn!(%error, import = %self.import.id, "a staged import was left to the sweep");
        }
    }

    /// Plans the batch and sends its rows to the database.
    async fn stage(&mut self) -> Result<(), Interrupted> {
        let batch = self.importer.take_batch();
        if batch.is_empty() {
            return Ok(());
        }
        let existing = self.existing(&batch).await?;
        let decisions = self.planner.plan(&batch, &existing);
        let staged = Arc::new(Staged::new(self.import.id.clone(), batch, decisions, &self.kernel));
        self.settle(IN_FLIGHT - 1).await?;
        let kernel = Arc::clone(&self.kernel);
        self.writes.push(tokio::spawn(async move { staged.write(&kernel).await }));
        Ok(())
    }

    async fn existing(
        &self,
        batch: &Batch,
    ) -> Result<HashMap<String, crate::areas::tenants::import::plan::Existing>, StoreError> {
        let ids: Vec<&str> = batch.rows().filter_map(|row| row.external_id).collect();
        let mut reader = self.kernel.store.reader().await?;
        tenants::with_external_ids(&mut reader, &self.import.tenant_id, &ids).await
    }

    /// Waits until no more than `left` batches are on their way.
    async fn settle(&mut self, left: usize) -> Result<(), Interrupted> {
        while self.writes.len() > left {
            let written = self.writes.remove(0).await;
            written.map_err(|error| Interrupted::Problem(Problem::internal(error)))??;
        }
        Ok(())
    }
}

/// A planned batch.
struct Staged {
    import_id: String,
    batch: Batch,
    decisions: Vec<Decision>,
    /// The ids of the tenants to create, in the order of their rows.
    new_ids: Vec<String>,
}

impl Staged {
    fn new(import_id: String, batch: Batch, decisions: Vec<Decision>, kernel: &Kernel) -> Self {
        let now = kernel.clock.now();
        let creates = decisions.iter().filter(|decision| decision.action == Action::Create);
        let new_ids = creates.map(|_| new_id(&*kernel.ids, "tnt", now)).collect();
        Self { import_id, batch, decisions, new_ids }
    }

    async fn write(self: Arc<Self>, kernel: &Kernel) -> Result<(), Interrupted> {
        let now = kernel.clock.now();
        kernel
            .store
            .write(move |tx| {
                let staged = Arc::clone(&self);
                Box::pin(async move {
                    if !imports::touch(tx, &staged.import_id, now).await? {
                        return Err(Interrupted::Problem(Problem::unavailable(1)));
                    }
                    tx.insert(staged.rows()?).await?;
                    Ok(Commit::without_receipt((), "staging an import; nothing is visible yet"))
                })
            })
            .await
    }

    fn rows(&self) -> Result<rows::Rows, StoreError> {
        let mut inserts = rows::rows();
        inserts.reserve(self.decisions.len());
        let mut new_ids = self.new_ids.iter();
        for (row, decision) in self.batch.rows().zip(&self.decisions) {
            let fine = decision.action != Action::Error;
            let (tenant_id, version) = match (decision.action, &decision.existing) {
                (Action::Create, _) => (new_ids.next().cloned(), None),
                (_, Some((id, version))) => (Some(id.clone()), Some(*version)),
                (_, None) => (None, None),
            };
            let errors = if fine { None } else { Some(errors_json(&row, decision)?) };
            inserts.push([
                (&self.import_id).into(),
                i64::from(row.number).into(),
                decision.action.as_str().into(),
                row.external_id.into(),
                tenant_id.into(),
                version.into(),
                fine.then_some(row.name).into(),
                fine.then_some(row.region).into(),
                row.contact_email.filter(|_| fine).into(),
                fine.then_some(row.labels).into(),
                errors.into(),
            ]);
        }
        Ok(inserts)
    }
}

fn errors_json(row: &RowView<'_>, decision: &Decision) -> Result<String, StoreError> {
    let errors: Vec<ProblemError> = row.findings.iter().chain(&decision.differs).map(to_wire).collect();
    serde_json::to_string(&errors).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

/// A finding as the contract has it.
pub(super) fn to_wire(finding: &Finding) -> ProblemError {
    ProblemError {
        pointer: None,
        parameter: None,
        row: (finding.row > 0).then_some(u64::from(finding.row)),
        column: finding.column.clone(),
        code: finding.code.to_owned(),
        detail: finding.detail.clone().into_owned(),
    }
}

/// An import that is about to receive its file.
pub(super) fn receiving(kernel: &Kernel, tenant_id: &str, dry_run: bool, options: &Options) -> Import {
    let now = kernel.clock.now();
    Import {
        id: new_id(&*kernel.ids, "imp", now),
        tenant_id: tenant_id.to_owned(),
        status: ImportStatus::Receiving,
        dry_run,
        format: options.format,
        counts: Default::default(),
        content_digest: String::new(),
        plan_digest: None,
        rows_root: None,
        operation_id: None,
        receipt_id: None,
        created_at: now,
        completed_at: None,
    }
}
