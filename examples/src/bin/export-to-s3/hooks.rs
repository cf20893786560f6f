//! What governs the bucket: a policy of one rule, and receipts in a file that are on the disk before they count.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use companyos_adapter_traits::govern::{
    Decision, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};
use serde_json::{Value, json};

/// Everybody reads and writes below a folder of their own, and nowhere else.
pub(crate) struct OwnFolder;

#[async_trait]
impl PolicyHook for OwnFolder {
    async fn decide(&self, ctx: &Context, question: &Question<'_>) -> Result<Decision, Error> {
        let own = question.resource.starts_with(&format!("{}/", ctx.tenant));
        // The program has one policy, in its source, so there is no digest to state.
        Ok(if own { Decision::allow("own-folder", "") } else { Decision::deny("own-folder", "") })
    }
}

/// Receipts as lines of JSON, each synced before the effect it announces.
pub(crate) struct ReceiptFile {
    path: PathBuf,
    file: Arc<Mutex<(File, u64)>>,
}

impl ReceiptFile {
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        let file = File::create_new(path)?;
        Ok(Self { path: path.to_path_buf(), file: Arc::new(Mutex::new((file, 0))) })
    }

    /// Every receipt, as it is in the file.
    pub(crate) fn read(&self) -> std::io::Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.path)?;
        text.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
    }
}

#[async_trait]
impl ReceiptSink for ReceiptFile {
    async fn record(&self, ctx: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        let facts: serde_json::Map<_, _> =
            draft.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut receipt = json!({
            "tenant": ctx.tenant,
            "region": ctx.region,
            "adapter": draft.adapter,
            "action": draft.action,
            "resource": draft.resource,
            "phase": format!("{:?}", draft.phase).to_lowercase(),
            "verdict": draft.verdict.as_str(),
            "rule": draft.rule,
            "intent": draft.intent.as_ref().map(|id| &id.0),
            "facts": facts,
        });
        let shared = Arc::clone(&self.file);
        let written = tokio::task::spawn_blocking(move || {
            let mut guard = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (file, number) = &mut *guard;
            *number += 1;
            let id = format!("rcp_{number}");
            receipt["id"] = json!(id);
            writeln!(file, "{receipt}").and_then(|()| file.sync_data()).map(|()| ReceiptId(id))
        });
        let down = |cause: Box<dyn std::error::Error + Send + Sync>| {
            // A line that may be in the file, or half of it, is in doubt.
            Error::new(ErrorKind::ReceiptUnavailable, "the receipt could not be written")
                .with_outcome(Outcome::MaybeSent)
                .with_source(cause)
        };
        written.await.map_err(|cause| down(cause.into()))?.map_err(|cause| down(cause.into()))
    }
}
