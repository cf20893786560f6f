//! The rules, as tables.

use std::collections::BTreeMap;

use crate::areas::tenants::checks::{
    Regions, check_email, check_external_id, check_label_name, check_label_value, check_name, check_region,
};
use crate::areas::tenants::labels::Labels;
use crate::areas::tenants::model::{Profile, Status, Tenant};
use crate::areas::tenants::rules::{Change, ChangeRefused, Ties, change, delete};
use crate::kernel::clock::Timestamp;

fn code(result: Result<(), crate::areas::tenants::checks::Invalid>) -> &'static str {
    result.map_or_else(|invalid| invalid.code, |()| "ok")
}

#[test]
fn names_and_external_ids() {
    let long = "é".repeat(128);
    for (value, expected) in [
        ("a", "ok"),
        ("Müller & Söhne", "ok"),
        (&*long, "ok"),
        ("", "required"),
        ("a\nb", "control-character"),
        ("a\u{7f}", "control-character"),
        ("\0", "control-character"),
    ] {
        assert_eq!(code(check_external_id(value)), expected, "{value:?}");
    }
    assert_eq!(code(check_external_id(&"é".repeat(129))), "too-long");
    assert_eq!(code(check_name(&"x".repeat(200))), "ok");
    assert_eq!(code(check_name(&"x".repeat(201))), "too-long");
}

#[test]
fn addresses() {
    for (value, expected) in [
        ("a@b", "ok"),
        ("ä@ö.example", "ok"),
        ("", "required"),
        ("ab", "email-invalid"),
        ("@b", "email-invalid"),
        ("a@", "email-invalid"),
        ("a@b@c", "email-invalid"),
        ("a b@c", "email-invalid"),
        ("a\u{a0}b@c", "email-invalid"),
        ("a\u{feff}@c", "email-invalid"),
        ("a\t@c", "control-character"),
    ] {
        assert_eq!(code(check_email(value)), expected, "{value:?}");
    }
    assert_eq!(code(check_email(&format!("a@{}", "b".repeat(253)))), "too-long");
}

#[test]
fn regions() {
    for (value, well_formed) in [
        ("us-east-1", true),
        ("eu-west-2", true),
        ("ap-south-east-1", true),
        ("us-1", false),
        ("us-east", false),
        ("us--1", false),
        ("usa-east-1", false),
        ("US-east-1", false),
        ("us-east-12", false),
        ("", false),
        ("us-eeeeeeeeeeeeeeeeeeeeeeeeeeeee-1", false),
    ] {
        assert_eq!(check_region(value).is_ok(), well_formed, "{value:?}");
    }
    let served = Regions::new("eu-west-1", ["us-east-1".to_owned(), "eu-west-1".to_owned()]);
    assert_eq!(code(served.check("us-east-1")), "ok");
    assert_eq!(code(served.check("de-south-1")), "region-not-served");
    assert_eq!(code(served.check("moon")), "region-invalid");
}

#[test]
fn labels() {
    for (name, expected) in [
        ("tier", "ok"),
        ("a.b_c-9", "ok"),
        ("", "label-invalid"),
        ("Tier", "label-invalid"),
        ("9a", "label-invalid"),
    ] {
        assert_eq!(code(check_label_name(name)), expected, "{name:?}");
    }
    assert_eq!(code(check_label_name(&"a".repeat(63))), "ok");
    assert_eq!(code(check_label_name(&"a".repeat(64))), "label-invalid");
    assert_eq!(code(check_label_value("")), "ok");
    assert_eq!(code(check_label_value("line\nbreak")), "ok");
    assert_eq!(code(check_label_value("a\0")), "control-character");
    assert_eq!(code(check_label_value(&"x".repeat(257))), "too-long");
    let many = |n| (0..n).map(|i| (format!("l{i}"), String::new())).collect::<BTreeMap<_, _>>();
    assert!(Labels::new(many(32)).is_ok());
    assert_eq!(Labels::new(many(33)).unwrap_err().1.code, "too-many-labels");
}

#[test]
fn labels_are_canonical_json_and_read_back() {
    let text = "{\"a\":\"\\u0001\\\"\\\\\\n\\t/é\",\"b\":\"\"}";
    let labels = Labels::from_json(text).unwrap();
    assert_eq!(labels.to_json(), text);
    assert_eq!(serde_json::to_string(labels.as_map()).unwrap(), text);
}

fn tenant() -> Tenant {
    Tenant {
        id: "tnt_a".into(),
        owner_id: "tnt_owner".into(),
        profile: Profile {
            external_id: "a".into(),
            name: "A".into(),
            region: "eu-west-1".into(),
            contact_email: Some("a@b".into()),
            labels: Labels::from_json(r#"{"x":"1","y":"2"}"#).unwrap(),
        },
        status: Status::Active,
        version: 3,
        created_at: Timestamp::from_micros(1),
        updated_at: Timestamp::from_micros(1),
    }
}

const NOW: Timestamp = Timestamp::from_micros(9);

#[test]
fn a_change_merges_and_counts_the_version() {
    let wanted = Change {
        name: Some("B".into()),
        status: Some(Status::Suspended),
        contact_email: Some(None),
        labels: BTreeMap::from([
            ("x".into(), None),
            ("y".into(), Some("3".into())),
            ("z".into(), Some("4".into())),
        ]),
    };
    let changed = change(&tenant(), wanted, NOW).unwrap().unwrap();
    assert_eq!((changed.version, changed.updated_at), (4, NOW));
    assert_eq!((changed.profile.name.as_str(), changed.status), ("B", Status::Suspended));
    assert_eq!(changed.profile.contact_email, None);
    assert_eq!(changed.profile.labels.to_json(), r#"{"y":"3","z":"4"}"#);
    assert_eq!(changed.created_at, tenant().created_at);
}

#[test]
fn a_change_that_changes_nothing_makes_no_version() {
    for same in [
        Change::default(),
        Change { name: Some("A".into()), ..Change::default() },
        Change { contact_email: Some(Some("a@b".into())), ..Change::default() },
        Change { labels: BTreeMap::from([("absent".into(), None)]), ..Change::default() },
    ] {
        assert_eq!(change(&tenant(), same.clone(), NOW), Ok(None), "{same:?}");
    }
}

#[test]
fn every_finding_of_a_change_is_reported() {
    let wanted = Change {
        name: Some(String::new()),
        contact_email: Some(Some("nobody".into())),
        labels: BTreeMap::from([("a/b".into(), Some("x".into()))]),
        status: None,
    };
    let Err(ChangeRefused::Invalid(findings)) = change(&tenant(), wanted, NOW) else {
        panic!("the change must be refused");
    };
    let pointers: Vec<_> = findings.iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/contact_email", "/labels/a~1b"]);
}

#[test]
fn the_platform_stays_in_use() {
    let platform = Tenant { owner_id: "tnt_a".into(), ..tenant() };
    let suspend = Change { status: Some(Status::Suspended), ..Change::default() };
    assert_eq!(change(&platform, suspend, NOW), Err(ChangeRefused::Platform));
    let rename = Change { name: Some("P".into()), ..Change::default() };
    assert!(change(&platform, rename, NOW).is_ok_and(|changed| changed.is_some()));
}

#[test]
fn what_ties_a_tenant_keeps_it_from_being_deleted() {
    let free = Ties { owns_tenants: false, has_operations: false, is_own: false };
    let platform = Tenant { owner_id: "tnt_a".into(), ..tenant() };
    assert!(delete(&tenant(), free).is_ok());
    assert!(delete(&platform, free).is_err());
    for ties in [
        Ties { owns_tenants: true, ..free },
        Ties { has_operations: true, ..free },
        Ties { is_own: true, ..free },
    ] {
        assert!(delete(&tenant(), ties).is_err(), "{ties:?}");
    }
}
