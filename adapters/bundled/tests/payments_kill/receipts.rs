//! A sink of receipts in a file, durable before it answers, and readable after a kill.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use companyos_adapter_traits::govern::{OpenIntent, Phase, ReceiptDraft, ReceiptId, ReceiptSink};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};
use serde_json::{Value, json};

pub(crate) struct Receipts {
    /// The file, and the number of the last receipt.
    file: Mutex<(File, usize)>,
}

impl Receipts {
    /// Opens the file, cuts off a receipt that was never acknowledged, and closes open intents to look at something.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let file = File::options().append(true).create(true).open(path)?;
        file.set_len(whole as u64)?;
        let receipts = Self { file: Mutex::new((file, text[..whole].lines().count())) };
        for intent in read(path)?.into_iter().filter(|intent| intent.verdicts.is_empty() && !intent.effect())
        {
            receipts.append(json!({ "phase": "outcome", "intent": intent.id, "verdict": "unknown" }))?;
        }
        Ok(receipts)
    }

    fn append(&self, mut receipt: Value) -> io::Result<String> {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, last) = &mut *guard;
        let id = format!("rcp_{}", *last + 1);
        receipt["id"] = json!(id);
        file.write_all(format!("{receipt}\n").as_bytes())?;
        file.sync_data()?;
        *last += 1;
        Ok(id)
    }
}

#[async_trait]
impl ReceiptSink for Receipts {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        let key = draft.facts.iter().find(|(name, _)| *name == "idempotency_key").map(|(_, key)| key);
        let receipt = json!({
            "phase": if draft.phase == Phase::Intent { "intent" } else { "outcome" },
            "action": draft.action,
            "resource": draft.resource,
            "verdict": draft.verdict.as_str(),
            "intent": draft.intent.as_ref().map(|intent| &intent.0),
            "key": key,
        });
        self.append(receipt).map(ReceiptId).map_err(|cause| {
            let error = Error::new(ErrorKind::Unavailable, "the receipts cannot be written");
            error.with_outcome(Outcome::MaybeSent).with_source(cause)
        })
    }
}

/// An intent and the verdicts of its outcomes.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) key: Option<String>,
    pub(crate) verdicts: Vec<String>,
}

impl Intent {
    fn effect(&self) -> bool {
        self.key.is_some()
    }

    /// Whether it is not known what became of it.
    pub(crate) fn is_open(&self) -> bool {
        self.effect() && !self.verdicts.iter().any(|verdict| verdict == "ok" || verdict == "error")
    }

    pub(crate) fn reopen(&self) -> Result<OpenIntent, Error> {
        let key = self.key.clone().unwrap_or_default();
        OpenIntent::new(ReceiptId(self.id.clone()), &self.action, self.resource.clone(), key)
    }
}

/// Every intent in the file, in order.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Intent>> {
    let (mut intents, mut places) = (Vec::<Intent>::new(), BTreeMap::new());
    for line in std::fs::read_to_string(path)?.lines() {
        // The last line of a file that is being written, or whose writer was killed, may be a part of one.
        let Ok(receipt) = serde_json::from_str::<Value>(line) else { break };
        let text = |name: &str| receipt[name].as_str().map(str::to_owned);
        if receipt["phase"] == "intent" {
            let id = text("id").unwrap_or_default();
            places.insert(id.clone(), intents.len());
            intents.push(Intent {
                id,
                action: text("action").unwrap_or_default(),
                resource: text("resource").unwrap_or_default(),
                key: text("key"),
                verdicts: Vec::new(),
            });
        } else if let Some(place) = text("intent").and_then(|intent| places.get(&intent)) {
            intents[*place].verdicts.extend(text("verdict"));
        }
    }
    Ok(intents)
}
