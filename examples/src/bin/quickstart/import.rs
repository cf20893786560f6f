//! Bulk import: first as a dry run with a spoiled row, then for real.

use std::error::Error;
use std::path::{Path, PathBuf};

use companyos_examples::show::Show;
use companyos_sdk::areas::tenants::BulkImportTenantsBody;
use companyos_sdk::types::tenants::{ColumnMapping, ImportRowAction};
use companyos_sdk::{Accepted, Body, Client};
use futures_util::{StreamExt as _, TryStreamExt as _};

type Failure = Box<dyn Error + Send + Sync>;

/// The 503 companies that come with this example.
const COMPANIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sp500-constituents.csv");

/// A CSV file of companies.
pub(crate) struct CompanyFile {
    text: String,
    path: PathBuf,
}

impl CompanyFile {
    /// Reads the file, or the one that comes with this example.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.unwrap_or(Path::new(COMPANIES)).to_path_buf();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.lines().count() < 2 {
            return Err(format!("{}: the file has a header and no companies", path.display()).into());
        }
        Ok(Self { text, path })
    }

    fn body(&self) -> BulkImportTenantsBody {
        BulkImportTenantsBody::Csv(Body::from_bytes(self.text.clone()))
    }

    /// The file with one company more, whose symbol is missing and whose name is too long.
    fn spoiled(&self) -> BulkImportTenantsBody {
        let columns = self.text.lines().next().map_or(0, |header| header.split(',').count());
        let mut row = vec![String::new(); columns];
        if let Some(name) = row.get_mut(1) {
            *name = "x".repeat(201);
        }
        let text = format!("{}\n{}\n", self.text.trim_end(), row.join(","));
        BulkImportTenantsBody::Csv(Body::from_bytes(text))
    }

    /// Which column is which field; columns the file lacks are not asked for.
    fn mapping(&self) -> ColumnMapping {
        let header = self.text.lines().next().unwrap_or_default();
        [
            ("external_id", "Symbol"),
            ("name", "Security"),
            ("labels.sector", "GICS Sector"),
            ("labels.headquarters", "Headquarters Location"),
        ]
        .into_iter()
        .filter(|(field, column)| !field.starts_with("labels.") || header.contains(column))
        .map(|(field, column)| (field.to_owned(), column.to_owned()))
        .collect()
    }
}

/// A dry run of a file with one bad row: every finding is named, and nothing is written.
pub(crate) async fn spoiled_dry_run(
    client: &Client,
    file: &CompanyFile,
    show: &mut Show,
) -> Result<(), Failure> {
    show.step("Check a file with a spoiled row (dry run)");
    let planned =
        client.tenants().bulk_import(file.spoiled()).mapping(&file.mapping()).dry_run(true).send().await?;
    let Some(plan) = planned.done() else {
        return Err("a dry run must answer at once".into());
    };
    let errors: Vec<_> = client
        .tenants()
        .list_import_rows(&plan.id)
        .action(ImportRowAction::Error)
        .by_item()
        .try_collect()
        .await?;
    let rows: Vec<[String; 4]> = errors
        .iter()
        .flat_map(|row| row.errors.iter().map(move |error| (row.row, error)))
        .map(|(row, error)| {
            [
                row.to_string(),
                error.column.clone().unwrap_or_default(),
                error.code.clone(),
                error.detail.clone(),
            ]
        })
        .collect();
    show.table(["row", "column", "code", "what to do"], &rows);
    if plan.rows_error != 1 {
        return Err(format!("one row was spoiled, {} were found", plan.rows_error).into());
    }
    show.result(format!("{} rows checked, {} bad, nothing written", plan.rows_total, plan.rows_error));
    Ok(())
}

/// The clean file: plan, then exactly that plan, all or nothing.
pub(crate) async fn for_real(client: &Client, file: &CompanyFile, show: &mut Show) -> Result<(), Failure> {
    show.step("Import the companies as tenants");
    show.say(format!("file: {}", file.path.display()));
    let planned =
        client.tenants().bulk_import(file.body()).mapping(&file.mapping()).dry_run(true).send().await?;
    let Some(plan) = planned.done() else {
        return Err("a dry run must answer at once".into());
    };
    let digest = plan.plan_digest.clone().ok_or("a valid plan has a digest")?;
    show.say(format!("plan: {} to create, {digest}", plan.rows_create));

    let poller = client
        .tenants()
        .bulk_import(file.body())
        .mapping(&file.mapping())
        .plan_digest(&digest)
        .poller()
        .await?;
    let bar = show.progress(plan.rows_total, "rows");
    {
        let mut progress = std::pin::pin!(poller.progress());
        while let Some(operation) = progress.next().await {
            bar.set_position(operation?.progress.done);
        }
    }
    bar.finish_and_clear();
    let done = poller.wait().await?;
    let receipt = done.receipt().await?;
    let Accepted::Operation(operation) = done.into_inner() else {
        return Err("an import must answer with an operation".into());
    };
    let created =
        operation.result.as_ref().and_then(|result| result.get("rows_create")).cloned().unwrap_or_default();
    let index = receipt.verified.inclusion.as_ref().map_or(0, |inclusion| inclusion.index);
    show.result(format!("{created} tenants created; receipt verified at index {index} of the log"));
    Ok(())
}
