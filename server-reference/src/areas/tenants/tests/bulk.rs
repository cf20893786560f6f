//! Importing files, through HTTP.

use serde_json::{Value, json};

use super::{Api, on_every_engine};

const FILE: &str =
    "external_id,name,contact_email,labels.tier\na,A,a@a.test,gold\nb,B,,\nc,\"C, \"\"Ltd\"\"\",,\n";

#[tokio::test]
async fn a_file_becomes_tenants() {
    on_every_engine(async |api| {
        let accepted = api.csv("", FILE).await.expect(202);
        assert_eq!(accepted.json["kind"], "tenant.import");
        let operation = api.outcome(&accepted).await;
        assert_eq!(operation["status"], "succeeded", "{operation}");
        assert_eq!(operation["progress"], json!({ "done": 3, "total": 3, "unit": "rows" }));
        let import = &operation["result"];
        assert_eq!(import["status"], "succeeded");
        assert_eq!((&import["rows_create"], &import["rows_unchanged"]), (&json!(3), &json!(0)));
        assert_eq!(import["receipt_id"], operation["receipt_id"]);
        assert_ne!(
            operation["receipt_id"],
            accepted.header("receipt-id"),
            "intent and outcome are two receipts"
        );
        assert_eq!(api.tenants().await, 3);
        let a = api.get("/tenants?external_id=a").await.expect(200).json["items"][0].clone();
        assert_eq!((&a["labels"], &a["contact_email"]), (&json!({ "tier": "gold" }), &json!("a@a.test")));
        let stored =
            api.get(&format!("/tenant-imports/{}", import["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(stored.json, *import);
        let rows = api.all(&format!("/tenant-imports/{}/rows?limit=2", import["id"].as_str().unwrap())).await;
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["tenant_id"], a["id"]);
        assert_eq!(rows[2]["external_id"], "c");
    })
    .await;
}

#[tokio::test]
async fn the_three_formats_give_the_same_tenants() {
    on_every_engine(async |api| {
        let rows = [
            json!({ "external_id": "a", "name": "A", "contact_email": "a@a.test", "labels": { "tier": "gold" } }),
            json!({ "external_id": "b", "name": "B" }),
            json!({ "external_id": "c", "name": "C, \"Ltd\"" }),
        ];
        api.outcome(&api.csv("", FILE).await.expect(202)).await;
        let array = Value::from(rows.to_vec()).to_string();
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        for (media_type, file) in [("application/json", array), ("application/x-ndjson", lines)] {
            let plan = api.upload("?dry_run=true", media_type, file).await.expect(200);
            assert_eq!(plan.json["rows_unchanged"], 3, "{}", plan.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_plans_and_creates_nothing() {
    on_every_engine(async |api| {
        let plan = api.csv("?dry_run=true", FILE).await.expect(200);
        assert_eq!((&plan.json["status"], &plan.json["rows_create"]), (&json!("validated"), &json!(3)));
        assert!(plan.header("receipt-id").starts_with("rcp_"));
        assert_eq!(api.tenants().await, 0);
        let digest = plan.json["plan_digest"].as_str().unwrap();
        let again = api.csv("?dry_run=true", FILE).await.expect(200);
        assert_eq!(again.json["plan_digest"], digest);
        let accepted = api.csv(&format!("?plan_digest={digest}"), FILE).await.expect(202);
        let operation = api.outcome(&accepted).await;
        assert_eq!(operation["result"]["plan_digest"], digest);
        assert_eq!(operation["result"]["rows_root"], plan.json["rows_root"]);
        assert_eq!(api.tenants().await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_is_no_longer_the_one_reviewed_is_refused() {
    on_every_engine(async |api| {
        let digest = api.csv("?dry_run=true", FILE).await.expect(200).json["plan_digest"].clone();
        let digest = digest.as_str().unwrap();
        api.tenant("b").await;
        let refused = api.csv(&format!("?plan_digest={digest}"), FILE).await.expect(409);
        assert_eq!(refused.json["code"], "plan-changed");
        assert!(refused.header("receipt-id").starts_with("rcp_"));
        assert_eq!(api.tenants().await, 1);
        assert_eq!(api.all("/tenant-imports").await.len(), 1, "only the dry run is kept");
    })
    .await;
}

#[tokio::test]
async fn importing_again_changes_nothing_and_a_difference_is_an_error() {
    on_every_engine(async |api| {
        api.outcome(&api.csv("", FILE).await.expect(202)).await;
        let operation = api.outcome(&api.csv("", FILE).await.expect(202)).await;
        assert_eq!(operation["status"], "succeeded");
        assert_eq!(
            (&operation["result"]["rows_create"], &operation["result"]["rows_unchanged"]),
            (&json!(0), &json!(3))
        );
        assert_eq!(api.tenants().await, 3);

        let refused = api.csv("", FILE.replace("gold", "tin").replace("b,B", "b,Bob")).await.expect(422);
        assert_eq!(refused.json["code"], "import-invalid");
        assert_eq!(refused.findings(), [("1".to_owned(), "differs"), ("2".to_owned(), "differs")]);
        assert!(refused.json["errors"][0]["detail"].as_str().unwrap().contains("differs in labels"));
        assert!(refused.json["errors"][1]["detail"].as_str().unwrap().contains("differs in name"));
    })
    .await;
}

#[tokio::test]
async fn a_file_with_findings_is_refused_and_every_finding_can_be_listed() {
    on_every_engine(async |api| {
        let file = "Key;Title;Mail\n1;One;x\n1;;y@y\n3;Three;\n";
        let mapping = "?mapping=%7B%22external_id%22%3A%22Key%22%2C%22name%22%3A%22Title%22%2C%22contact_email%22%3A%22Mail%22%7D";
        let refused = api.csv(mapping, file).await.expect(422);
        assert_eq!(refused.json["code"], "import-invalid");
        assert!(refused.header("receipt-id").starts_with("rcp_"));
        let told: Vec<_> = refused.findings();
        assert_eq!(
            told,
            [("Mail".to_owned(), "email-invalid"), ("Key".to_owned(), "duplicate"), ("Title".to_owned(), "required")]
        );
        let instance = refused.json["instance"].as_str().unwrap();
        let import = api.get(instance).await.expect(200);
        assert_eq!((&import.json["status"], &import.json["rows_error"]), (&json!("invalid"), &json!(2)));
        let rows = api.all(&format!("{instance}/rows?action=error&limit=1")).await;
        assert_eq!(rows.iter().map(|row| row["row"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(rows[1]["errors"].as_array().map(Vec::len), Some(2));
        assert_eq!(rows[1]["errors"][0]["row"], 2);
        assert_eq!(api.tenants().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_export_is_imported_back_unchanged() {
    on_every_engine(async |api| {
        let file = r#"[{"external_id":"=1+1","name":"'=x, \"y\"","labels":{"a":"line\r\nbreak","empty":"","f":"@x"}},
                       {"external_id":"+49","name":"Ü; ü","contact_email":"u@u"},{"external_id":"-","name":"''="}]"#;
        api.outcome(&api.upload("", "application/json", file).await.expect(202)).await;
        let export = api.get("/tenants/export").await.expect(200);
        assert_eq!(export.header("content-type"), "text/csv");
        assert!(export.header("receipt-id").starts_with("rcp_"));
        assert!(!export.text.contains(",=1"), "{}", export.text);
        assert!(export.text.contains("\"'=1+1\""), "{}", export.text);
        let plan = api.csv("?dry_run=true", export.text).await.expect(200);
        assert_eq!((&plan.json["rows_unchanged"], &plan.json["rows_total"]), (&json!(4), &json!(4)), "{}", plan.text);
    })
    .await;
}

#[tokio::test]
async fn an_export_of_many_pages_is_complete() {
    on_every_engine(async |api| {
        let rows: String = (0..1_203).map(|i| format!("t{i},T {i}\n")).collect();
        api.outcome(&api.csv("", format!("external_id,name\n{rows}")).await.expect(202)).await;
        let export = api.get("/tenants/export").await.expect(200);
        assert_eq!(export.text.lines().count(), 1 + 1 + 1_203);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_and_leaves_nothing() {
    on_every_engine(async |api| {
        for (media_type, query, file, status, code) in [
            ("text/csv", "", "", 400, "malformed-request"),
            ("text/csv", "", "external_id,name\na,\"A\n", 400, "malformed-request"),
            ("text/csv", "", "external_id\na\n", 422, "validation-failed"),
            ("application/json", "", "{}", 400, "malformed-request"),
            ("application/json", "", "[{}", 400, "malformed-request"),
            ("application/json", "?delimiter=tab", "[]", 400, "invalid-parameter"),
            ("text/csv", "?plan_digest=x", "external_id,name\n", 400, "invalid-parameter"),
            ("text/csv", "?mapping=%7B%22id%22%3A%22x%22%7D", "x\n", 400, "invalid-parameter"),
            ("text/plain", "", "a", 415, "unsupported-media-type"),
        ] {
            let refused = api.upload(query, media_type, file).await.expect(status);
            assert_eq!(refused.json["code"], code, "{file:?}");
        }
        assert!(api.all("/tenant-imports").await.is_empty());
        assert_eq!(api.staged_rows().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_import_has_one_effect() {
    on_every_engine(async |api| {
        let headers = [("content-type", "text/csv"), ("idempotency-key", "once")];
        let first = api.send("POST", "/tenants/bulk-import", &headers, FILE).await.expect(202);
        api.outcome(&first).await;
        let second = api.send("POST", "/tenants/bulk-import", &headers, FILE).await.expect(202);
        assert_eq!(first.text, second.text);
        assert_eq!(second.header("idempotent-replayed"), "true");
        assert_eq!(api.all("/tenant-imports").await.len(), 1);
        let other =
            api.send("POST", "/tenants/bulk-import", &headers, "external_id,name\n").await.expect(422);
        assert_eq!(other.json["code"], "idempotency-key-reused");
    })
    .await;
}

#[tokio::test]
async fn imports_of_others_are_out_of_sight() {
    on_every_engine(async |api| {
        let (acme, _) = api.customer("acme").await;
        let (other, _) = api.customer("other").await;
        let accepted = acme.csv("", FILE).await.expect(202);
        let operation = acme.outcome(&accepted).await;
        let import = format!("/tenant-imports/{}", operation["result"]["id"].as_str().unwrap());
        acme.get(&import).await.expect(200);
        api.get(&import).await.expect(200);
        for path in [import.clone(), format!("{import}/rows"), accepted.header("location").to_owned()] {
            assert_eq!(other.get(&path).await.expect(404).json["code"], "not-found");
        }
        assert!(other.all("/tenant-imports").await.is_empty());
        assert_eq!(api.all("/tenant-imports").await.len(), 1);
        assert_eq!(other.all("/operations").await.len(), 0);
        other.cancel(accepted.header("location")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_bad_rows_of_a_hundred_thousand_are_all_reported_and_nothing_is_written() {
    let api = Api::start("sqlite::memory:").await;
    let mut file = String::from("external_id,name,contact_email\n");
    for row in 1..=100_000 {
        match row % 10 {
            0 => file.push_str(&format!("t{row},,nobody\n")),
            _ => file.push_str(&format!("t{row},Tenant {row},t{row}@t.test\n")),
        }
    }
    let refused = api.csv("", file).await.expect(422);
    assert_eq!(refused.json["errors"].as_array().map(Vec::len), Some(20));
    let instance = refused.json["instance"].as_str().unwrap();
    let rows = api.all(&format!("{instance}/rows?action=error&limit=200")).await;
    assert_eq!(rows.len(), 10_000);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row["row"], (i + 1) * 10);
        assert_eq!(row["errors"].as_array().map(Vec::len), Some(2), "{row}");
    }
    assert_eq!(api.tenants().await, 0);
}
