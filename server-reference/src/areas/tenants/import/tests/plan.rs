//! Decisions, and the digests over them.

use std::collections::HashMap;

use companyos_receipt::tlog::{leaf_hash, node_hash};

use super::options;
use crate::areas::tenants::import::plan::{Action, Existing, Plan, Planner, tagged};
use crate::areas::tenants::import::{Format, Importer, Mapping, Options};

const FILE: &str = "external_id,name,labels.tier\na,A,gold\nb,B,\n";

fn existing(name: &str, labels: &str) -> Existing {
    Existing {
        id: "tnt_1".into(),
        version: 3,
        name: name.into(),
        region: "eu-west-1".into(),
        contact_email: None,
        labels: labels.into(),
    }
}

fn plan_with(
    options: Options,
    file: &str,
    held: &HashMap<String, Existing>,
) -> (Vec<(Action, String)>, Plan) {
    let format = options.format;
    let mut importer = Importer::new(options);
    assert_eq!(importer.read(file.as_bytes()), Ok(file.len()));
    importer.finish().expect("complete");
    let mut planner = Planner::new();
    let decisions = planner.plan(importer.batch(), held);
    let actions = importer
        .batch()
        .rows()
        .zip(&decisions)
        .map(|(row, decision)| {
            let details: Vec<_> = decision.findings(&row).map(|f| f.detail.as_ref()).collect();
            (decision.action, details.join(" "))
        })
        .collect();
    (actions, planner.finish(format, &importer.mapping(), "tnt_owner"))
}

fn plan(file: &str, held: &HashMap<String, Existing>) -> (Vec<(Action, String)>, Plan) {
    plan_with(options(Format::Csv), file, held)
}

#[test]
fn rows_are_created_unless_an_equal_tenant_exists() {
    let held = HashMap::from([("a".to_owned(), existing("A", r#"{"tier":"gold"}"#))]);
    let (actions, plan) = plan(FILE, &held);
    assert_eq!(actions.iter().map(|a| a.0).collect::<Vec<_>>(), [Action::Unchanged, Action::Create]);
    assert_eq!(
        (plan.counts.total, plan.counts.create, plan.counts.unchanged, plan.counts.error),
        (2, 1, 1, 0)
    );
}

#[test]
fn a_row_that_differs_from_its_tenant_is_an_error_that_names_the_members() {
    let held = HashMap::from([("a".to_owned(), existing("Other", "{}"))]);
    let (actions, plan) = plan(FILE, &held);
    assert_eq!(actions[0].0, Action::Error);
    assert!(actions[0].1.contains("differs in name, labels"), "{}", actions[0].1);
    assert_eq!(plan.counts.error, 1);
}

#[test]
fn the_rows_root_is_the_merkle_root_over_the_documented_records() {
    let (_, plan) = plan(FILE, &HashMap::new());
    let first = r#"{"action":"create","external_id":"a","labels":{"tier":"gold"},"name":"A","region":"eu-west-1","row":1}"#;
    let second =
        r#"{"action":"create","external_id":"b","labels":{},"name":"B","region":"eu-west-1","row":2}"#;
    let root = node_hash(&leaf_hash(first.as_bytes()), &leaf_hash(second.as_bytes()));
    assert_eq!(plan.rows_root, tagged(root.as_bytes()));

    let (_, plan) = self::plan("external_id,name\n,A\n", &HashMap::new());
    let bad = r#"{"action":"error","errors":[{"code":"required","column":"external_id"}],"row":1}"#;
    assert_eq!(plan.rows_root, tagged(leaf_hash(bad.as_bytes()).as_bytes()));
}

#[test]
fn records_are_canonical_json() {
    let file = "external_id,name,contact_email\n\"\u{e9}\"\"\\\",A,a@b\n";
    let (_, plan) = plan(file, &HashMap::new());
    // RFC 8785: members sorted, no white space, only what must be escaped is.
    let record = concat!(
        r#"{"action":"create","contact_email":"a@b","external_id":"é\"\\","labels":{},"#,
        r#""name":"A","region":"eu-west-1","row":1}"#
    );
    assert_eq!(plan.rows_root, tagged(leaf_hash(record.as_bytes()).as_bytes()));
}

#[test]
fn the_plan_digest_covers_everything_that_matters_and_nothing_else() {
    let none = HashMap::new();
    let digest = |file: &str| plan(file, &none).1.digest;
    let base = digest(FILE);
    assert_eq!(base, digest(FILE), "the same file gives the same plan");
    assert_eq!(base, digest(&FILE.replace('\n', "\r\n")), "line endings are not part of the plan");
    let others = [
        digest("external_id,name,labels.tier\na,A,gold\nb,C,\n"),
        digest("external_id,name,labels.tier\nb,B,\na,A,gold\n"),
        digest("external_id,name,labels.tier\na,A,gold\n"),
        digest("external_id,name,labels.kind\na,A,gold\nb,B,\n"),
        plan(FILE, &HashMap::from([("b".to_owned(), existing("B", "{}"))])).1.digest,
        plan_with(
            options(Format::Ndjson),
            "{\"external_id\":\"a\",\"name\":\"A\",\"labels\":{\"tier\":\"gold\"}}\n{\"external_id\":\"b\",\"name\":\"B\"}\n",
            &none,
        )
        .1
        .digest,
        Planner::new().finish(Format::Csv, &Mapping::new(), "tnt_owner").digest,
        Planner::new().finish(Format::Csv, &Mapping::new(), "tnt_other").digest,
    ];
    for (i, other) in others.iter().enumerate() {
        assert_ne!(base, *other, "{i}");
    }
    assert_ne!(others[6], others[7], "the owner is part of the plan");
}

#[test]
fn only_the_first_findings_are_quoted() {
    let file = format!("external_id,name\n{}", ",A\n".repeat(50));
    let mut importer = Importer::new(options(Format::Csv));
    assert_eq!(importer.read(file.as_bytes()), Ok(file.len()));
    let mut planner = Planner::new();
    planner.plan(importer.batch(), &HashMap::new());
    assert_eq!(planner.quoted().len(), 20);
    assert_eq!(planner.quoted()[19].row, 20);
    assert_eq!(planner.counts().error, 50);
}
