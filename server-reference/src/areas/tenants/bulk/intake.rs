//! A file on its way into the database, while it still arrives.
//!
//! The file goes through three tasks, each a step behind the other: `parse` reads and checks rows, `plan` compares them
//! with the tenants that exist, hashes and encodes them, and the store writes the blocks. What computes does so on
//! threads that may block, for a portion at a time, so that neither other requests nor a slow upload hold anything up.
//! Every hand-over is bounded, and so is the memory of an upload.

use std::sync::Arc;

use bytes::Bytes;
use companyos_types::shared::ProblemError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::model::{Import, ImportStatus};
use super::parse::{Portion, parse};
use super::plan::plan;
use super::sweep;
use crate::areas::tenants::import::plan::{Plan, Planner};
use crate::areas::tenants::import::{FileError, Finding, Mapping, Options};
use crate::areas::tenants::store::imports;
use crate::kernel::Kernel;
use crate::kernel::ids::new_id;
use crate::kernel::problem::Problem;
use crate::store::{Commit, StoreError};

/// Portions, and likewise batches, that wait for the next step.
const WAITING: usize = 2;

/// A file that is arriving.
pub(super) struct Intake {
    kernel: Arc<Kernel>,
    import: Import,
    portion: Portion,
    /// `None` once there is nothing more to hand over.
    portions: Option<mpsc::Sender<Portion>>,
    steps: Option<Steps>,
}

/// The tasks a file goes through.
struct Steps {
    parsed: JoinHandle<Result<Mapping, Interrupted>>,
    planned: JoinHandle<Result<Planner, Interrupted>>,
}

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// It cannot be read.
    File(FileError),
    /// Something around it failed.
    Problem(Problem),
    /// The next step has ended early and knows why.
    Downstream,
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

impl From<tokio::task::JoinError> for Interrupted {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Problem(Problem::internal(error))
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
        let (portions, arriving) = mpsc::channel(WAITING);
        let (batches, checked) = mpsc::channel(WAITING);
        let parsed = parse(Arc::clone(&kernel), import.tenant_id.clone(), options, arriving, batches);
        let planned = plan(Arc::clone(&kernel), import.clone(), checked);
        let steps = Steps { parsed: tokio::spawn(parsed), planned: tokio::spawn(planned) };
        Ok(Self { kernel, import, portion: Portion::default(), portions: Some(portions), steps: Some(steps) })
    }

    /// Takes the next piece of the file.
    pub(super) async fn take(&mut self, mut piece: Bytes) -> Result<(), Interrupted> {
        while let Some(portion) = self.portion.fill(&mut piece) {
            self.hand_over(portion).await?;
        }
        Ok(())
    }

    /// Ends the file: afterwards all its rows are staged.
    pub(super) async fn finish(&mut self) -> Result<Received, Interrupted> {
        let rest = std::mem::take(&mut self.portion);
        self.hand_over(rest).await?;
        let (mapping, planner) = self.settle().await?;
        let plan = planner.finish(self.import.format, &mapping, &self.import.tenant_id);
        Ok(Received { plan, quoted: planner.quoted().to_vec() })
    }

    /// Removes what was staged. Should even that fail, the sweep does it.
    pub(super) async fn discard(&mut self) {
        // Writes still on their way would otherwise come after.
        let _already_failing = self.settle().await;
        if let Err(error) = sweep::discard(&self.kernel, &self.import.id).await {
            tracing::warn!(%error, import = %self.import.id, "a staged import was left to the sweep");
        }
    }

    async fn hand_over(&mut self, portion: Portion) -> Result<(), Interrupted> {
        let taken = match &self.portions {
            Some(portions) => portions.send(portion).await.is_ok(),
            None => false,
        };
        match taken {
            true => Ok(()),
            // Whoever should have taken it says why it did not.
            false => self.settle().await.and(Err(Interrupted::Downstream)),
        }
    }

    /// Lets every step come to its end.
    async fn settle(&mut self) -> Result<(Mapping, Planner), Interrupted> {
        self.portions = None;
        let Some(Steps { parsed, planned }) = self.steps.take() else {
            return Err(Interrupted::Downstream);
        };
        let (parsed, planned) = (parsed.await, planned.await);
        // The later step first: the earlier one may only know that nobody took what it had.
        let planner = planned??;
        Ok((parsed??, planner))
    }
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
