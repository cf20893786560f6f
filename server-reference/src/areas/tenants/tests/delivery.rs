//! What is told elsewhere about an import: receipts and metrics.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Api, on_every_engine};
use crate::store::{Columns as _, Read as _};

const FILE: &str = "external_id,name\na,A\nb,B\n";

impl Api {
    /// The signed claims of a receipt and its disclosed members.
    async fn receipt(&self, id: &str) -> (Value, Vec<(String, Value)>) {
        let sql =
            sqlx::query("SELECT jwt, disclosures FROM receipts WHERE receipt_id = $1").bind(id.to_owned());
        let row = self.store().reader().await.unwrap().fetch_optional(sql).await.unwrap().unwrap();
        let decode = |text: &str| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        let claims = decode(row.text("jwt").unwrap().split('.').nth(1).unwrap());
        let disclosures = row.text("disclosures").unwrap();
        let members = disclosures
            .split(['~', ' ', '\n', '"', ',', '[', ']'])
            .filter(|text| !text.is_empty())
            .map(decode)
            .map(|disclosure| (disclosure[1].as_str().unwrap_or_default().to_owned(), disclosure[2].clone()))
            .collect();
        (claims, members)
    }
}

#[tokio::test]
async fn the_outcome_receipt_names_the_intent_and_covers_every_row() {
    on_every_engine(async |api| {
        let accepted = api.csv("", FILE).await.expect(202);
        let operation = api.outcome(&accepted).await;
        let import = &operation["result"];
        let (intent, _) = api.receipt(accepted.header("receipt-id")).await;
        assert_eq!(
            (&intent["act"], &intent["phase"], &intent["out"]),
            (&"tenant.import".into(), &"intent".into(), &"allow".into())
        );
        let (outcome, members) = api.receipt(operation["receipt_id"].as_str().unwrap()).await;
        assert_eq!(
            (&outcome["act"], &outcome["phase"], &outcome["out"]),
            (&"tenant.import".into(), &"outcome".into(), &"ok".into())
        );
        assert_eq!(outcome["ref"], intent["jti"]);
        let detail = members.iter().find(|(name, _)| name == "detail").map(|(_, value)| value).unwrap();
        for name in
            ["rows_total", "rows_create", "rows_unchanged", "rows_root", "plan_digest", "content_digest"]
        {
            assert_eq!(detail[name], import[name], "{name}");
        }
        assert_eq!(detail["import_id"], import["id"]);
    })
    .await;
}

#[tokio::test]
async fn imports_that_worked_and_that_did_not_are_counted() {
    on_every_engine(async |api| {
        api.outcome(&api.csv("", FILE).await.expect(202)).await;
        api.csv("", "external_id,name\n,\n,x\n").await.expect(422);
        api.csv("?dry_run=true", "external_id,name\n,x\n").await.expect(200);
        let metrics = api.kernel().metrics.render().unwrap();
        let count = |name: &str| {
            metrics
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
                .unwrap_or_default()
        };
        assert_eq!(count("tenants_bulk_import_success_total"), 1, "{metrics}");
        assert_eq!(count("tenants_bulk_import_failed_total"), 1, "a dry run is not an import");
    })
    .await;
}
