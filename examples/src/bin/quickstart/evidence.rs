//! Receipts: list, export, verify without the server, and notice one changed byte.

use std::error::Error;
use std::path::{Path, PathBuf};

use companyos_examples::show::Show;
use companyos_sdk::Client;
use companyos_sdk::receipt::key::KeySet;
use companyos_sdk::receipt::verify::Verifier;
use companyos_sdk::types::receipts::ReceiptPage;
use futures_util::TryStreamExt as _;

type Failure = Box<dyn Error + Send + Sync>;

/// What an auditor is handed: the range and the keys, and nothing of the server.
pub(crate) struct Evidence {
    range: PathBuf,
    keys: PathBuf,
}

impl Evidence {
    /// Commands worth trying, with the files if they stay.
    pub(crate) fn hints(&self, kept: bool) -> Vec<String> {
        let mut hints = Vec::new();
        if kept {
            hints.push(format!(
                "cargo run -p companyos-receipt --features cli -- verify --keys {} {}",
                self.keys.display(),
                self.range.display()
            ));
        } else {
            hints.push(
                "run again with --keep, and verify the exported files with companyos-receipt".to_owned(),
            );
        }
        hints.push("run again with --csv FILE and companies of your own".to_owned());
        hints.push("cargo run -p companyos-server -- serve      a server that stays".to_owned());
        hints.push("cargo contract test                         everything CI runs".to_owned());
        hints
    }
}

/// Lists receipts, four to a page.
pub(crate) async fn list_page_by_page(client: &Client, show: &mut Show) -> Result<(), Failure> {
    show.step("List the receipts page by page");
    let pages: Vec<_> = client.receipts().list().limit(4).by_page().try_collect().await?;
    let mut rows = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let ReceiptPage { items, .. } = &**page;
        rows.extend(items.iter().map(|receipt| {
            [
                (number + 1).to_string(),
                receipt.index.to_string(),
                receipt.action.clone(),
                receipt.phase.to_string(),
                receipt.outcome.to_string(),
            ]
        }));
    }
    show.table(["page", "index", "action", "phase", "outcome"], &rows);
    show.result(format!("{} receipts on {} pages", rows.len(), pages.len()));
    Ok(())
}

/// Exports the whole log and the public keys to files.
pub(crate) async fn export(client: &Client, folder: &Path, show: &mut Show) -> Result<Evidence, Failure> {
    show.step("Export the log");
    let evidence = Evidence { range: folder.join("receipts.range"), keys: folder.join("jwks.json") };
    let range = client.receipts().export().send().await?;
    let keys = client.meta().jwks().send().await?;
    std::fs::write(&evidence.range, range.as_ref())?;
    std::fs::write(&evidence.keys, serde_json::to_vec_pretty(&*keys)?)?;
    show.result(format!("{} bytes of receipts, {} key", range.len(), keys.keys.len()));
    Ok(evidence)
}

/// Verifies the files with the offline verifier.
pub(crate) fn verify_offline(evidence: &Evidence, show: &mut Show) -> Result<(), Failure> {
    show.step("Verify offline");
    let report = verifier(evidence)?.verify_range(&std::fs::read(&evidence.range)?);
    if let Some(failure) = report.first_failure() {
        return Err(format!("the export does not verify: {failure}").into());
    }
    let origin =
        report.checkpoint.as_ref().map_or("", companyos_sdk::receipt::checkpoint::Checkpoint::origin);
    show.say(format!("log: {origin}"));
    show.result(format!(
        "{} receipts verified, none missing, all under one signed checkpoint",
        report.checked
    ));
    Ok(())
}

/// Flips one bit in the middle of the export and verifies again.
pub(crate) fn flip_one_byte(evidence: &Evidence, show: &mut Show) -> Result<(), Failure> {
    show.step("Flip one bit and verify again");
    let mut range = std::fs::read(&evidence.range)?;
    let place = range.len() / 2;
    if let Some(byte) = range.get_mut(place) {
        *byte ^= 1;
    }
    let report = verifier(evidence)?.verify_range(&range);
    let Some(failure) = report.first_failure() else {
        return Err("a changed byte went unnoticed".into());
    };
    show.result(format!("byte {place} noticed by check `{}`", failure.check));
    Ok(())
}

fn verifier(evidence: &Evidence) -> Result<Verifier, Failure> {
    Ok(Verifier::new(KeySet::from_jwks(&std::fs::read(&evidence.keys)?)?))
}
