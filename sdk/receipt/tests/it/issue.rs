use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_receipt::receipt::{Claims, DIGEST_MULTIPLE, Private, SaltKey, issue};
use companyos_receipt::sdjwt::Disclosure;
use serde_json::{Value, json};

use crate::fixture::{claims, issued, private, salts, signer, stranger, verifier};

fn payload_text(jwt: &str) -> String {
    let payload = jwt.split('.').nth(1).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn digests(jwt: &str) -> Vec<String> {
    let payload: Value = serde_json::from_str(&payload_text(jwt)).unwrap();
    let digests = payload.get("_sd").and_then(Value::as_array).cloned().unwrap_or_default();
    digests.iter().map(|digest| digest.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_receipt_issued_again_has_the_same_bytes() {
    assert_eq!(issued(5), issued(5));
    let in_other_order = Private::new().reason("agreed").trace_id("4bf92f35").amount(1, "EUR");
    let in_other_order = in_other_order.resource("tenant", "ten_1").actor("key_7f");
    assert_eq!(issue(&claims(1), &in_other_order, &salts(), &signer()).unwrap(), issued(1));
}

#[test]
fn the_payload_is_the_clear_claims_in_lexical_order() {
    let issued = issue(&claims(1), &Private::new(), &salts(), &signer()).unwrap();
    assert_eq!(
        payload_text(&issued.jwt),
        r#"{"_sd_alg":"sha-256","act":"tenant.create","iat":1768555801,"iss":"https://eu.companyos.example","jti":"rcp_0001","out":"ok","phase":"outcome","pol":"sha256:ba7816bf8f01cfea","ref":"rcp_0000","region":"eu","tenant":"log_1","v":1}"#
    );
    assert_eq!(issued.sd_jwt(), format!("{}~", issued.jwt));
}

/// The bytes of a receipt are its identity: old receipts must be issued the same by every later version.
#[test]
fn the_bytes_of_a_receipt_do_not_change_between_versions() {
    let issued = issued(0);
    assert_eq!(
        format!("{:?}", issued.leaf_hash()),
        "6a54ca80229ff4bd30188cb806f25253076b2aee13d740513cbfb359a41a9164"
    );
    assert_eq!(
        issued.disclosures,
        [
            "WyJYT1k2TzBCRk9vbXo5V3VhQmhCMXBBIiwiYWN0b3IiLCJrZXlfN2YiXQ",
            "WyJEQXZiNmFVZno3VVVHMUFrb0JnMWhRIiwicmVzb3VyY2UiLHsiaWQiOiJ0ZW5fMCIsImtpbmQiOiJ0ZW5hbnQifV0",
        ]
    );
}

#[test]
fn digests_are_sorted_and_padded_to_a_multiple() {
    for members in 0..=9_usize {
        let names = ["actor", "subject", "reason", "policy_input", "request", "idempotency_key", "trace_id"];
        let mut private = Private::new();
        for n in 0..members {
            private = match names.get(n).copied() {
                Some("actor") => private.actor("a"),
                Some("subject") => private.subject("s"),
                Some("reason") => private.reason("r"),
                Some("policy_input") => private.policy_input("p"),
                Some("request") => private.request("q"),
                Some("idempotency_key") => private.idempotency_key("k"),
                Some(_) => private.trace_id("t"),
                None if n == 7 => private.evidence(["https://a.example", "https://b.example"]),
                None => private.detail_entry("rows", 3),
            };
        }
        let issued = issue(&claims(1), &private, &salts(), &signer()).unwrap();
        let digests = digests(&issued.jwt);
        assert_eq!(issued.disclosures.len(), members);
        assert_eq!(digests.len(), members.next_multiple_of(DIGEST_MULTIPLE));
        assert!(digests.is_sorted(), "{members} members");
        for disclosure in &issued.disclosures {
            assert!(digests.contains(&Disclosure::digest(disclosure)));
        }
        assert!(verifier().verify_receipt(&issued.sd_jwt(), None).is_ok(), "{members} members");
    }
}

#[test]
fn members_and_decoys_depend_on_the_salt_key_alone() {
    let other = issue(&claims(1), &private(1), &SaltKey::from_bytes([1; 32]), &signer()).unwrap();
    let (ours, others) = (digests(&issued(1).jwt), digests(&other.jwt));
    assert_eq!(ours.len(), others.len());
    assert!(ours.iter().all(|digest| !others.contains(digest)), "a digest without its key says nothing");
    let by_stranger = issue(&claims(1), &private(1), &salts(), &stranger()).unwrap();
    assert_eq!(digests(&by_stranger.jwt), ours);
}

#[test]
fn salts_of_one_receipt_all_differ() {
    let issued = issued(1);
    let mut salts: Vec<String> =
        issued.disclosures.iter().map(|text| Disclosure::parse(text).unwrap().salt).collect();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), issued.disclosures.len());
    assert!(salts.iter().all(|salt| salt.len() == 22), "128 bits each: {salts:?}");
}

#[test]
fn values_keep_every_character() {
    let text = "quote \" backslash \\ newline \n tab \t bell \u{7} nul \0 ü 💶 \u{2028}";
    let private =
        Private::new().reason(text).detail_entry("nested", json!({ "b": [1, -2, null, true], "a": text }));
    let issued = issue(&claims(1), &private, &salts(), &signer()).unwrap();
    let verified = verifier().verify_receipt(&issued.sd_jwt(), None).unwrap();
    assert_eq!(verified.disclosed["reason"], text);
    assert_eq!(verified.disclosed["detail"]["nested"], json!({ "a": text, "b": [1, -2, null, true] }));
}

#[test]
fn what_a_verifier_would_refuse_is_not_issued() {
    let refused =
        |private: Private| issue(&claims(1), &private, &salts(), &signer()).unwrap_err().to_string();
    let integer = "member `detail` has a number that is not an integer within 2^53-1";
    assert_eq!(refused(Private::new().detail_entry("share", 0.5)), integer);
    assert_eq!(refused(Private::new().detail_entry("rows", 1_u64 << 53)), integer);
    assert_eq!(refused(Private::new().detail_entry("rows", -(1_i64 << 53))), integer);
    let control = "member `detail` has a member `_sd` or `...`, which SD-JWT keeps for itself";
    assert_eq!(refused(Private::new().detail_entry("a", json!([{ "_sd": [] }]))), control);
    assert_eq!(refused(Private::new().detail_entry("...", "x")), control);
}

#[test]
fn claims_are_held_to_their_rules() {
    type Spoil = fn(&mut Claims);
    let table: [(Spoil, &str); 12] = [
        (|c| c.iss = "ftp://x".into(), "iss"),
        (|c| c.iss = "https://".into(), "iss"),
        (|c| c.iss = "https://a b".into(), "iss"),
        (|c| c.jti = String::new(), "jti"),
        (|c| c.jti = "rcp\n".into(), "jti"),
        (|c| c.iat = -1, "iat"),
        (|c| c.region = "e/u".into(), "region"),
        (|c| c.tenant = String::new(), "tenant"),
        (|c| c.act = "tenant".into(), "act"),
        (|c| c.act = "Tenant.create".into(), "act"),
        (|c| c.reference = Some(String::new()), "ref"),
        (|c| c.pol = String::new(), "pol"),
    ];
    for (spoil, name) in table {
        let mut spoilt = claims(1);
        spoil(&mut spoilt);
        let error = issue(&spoilt, &private(1), &salts(), &signer()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("claim `{name}` ")), "{error}");
    }
}

#[test]
fn merged_members_keep_all_details() {
    let request = Private::new().actor("key_1").detail_entry("rows", 3).detail_entry("file", "a.csv");
    let area = Private::new().actor("key_2").reason("r").detail_entry("rows", 4);
    let merged = request.merge(area);
    assert_eq!(merged.get("actor").unwrap(), "key_2");
    assert_eq!(merged.get("detail").unwrap(), &json!({ "file": "a.csv", "rows": 4 }));
    assert_eq!(merged.names().collect::<Vec<_>>(), ["actor", "detail", "reason"]);
}
