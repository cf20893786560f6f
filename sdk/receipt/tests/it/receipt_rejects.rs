//! What RFC 9901 section 7 and the receipt profile tell a verifier to reject. Every case is signed by the trusted key:
//! it is the verifier's rules that must refuse it, not its signature.

use companyos_receipt::key::Signer;
use companyos_receipt::sdjwt::{Disclosure, SdJwt, present};
use companyos_receipt::verify::Check;

use crate::fixture::{b64url, forge, header, issued, keys, payload, signer, stranger, verifier};

#[track_caller]
fn refused(sd_jwt: &str) -> Check {
    verifier().verify_receipt(sd_jwt, None).unwrap_err().check
}

/// A well-formed receipt that discloses these members, with the digests in `_sd`.
fn disclosing(disclosures: &[&str]) -> String {
    let mut digests: Vec<String> =
        disclosures.iter().map(|d| format!("{:?}", Disclosure::digest(d))).collect();
    digests.sort_unstable();
    digests.dedup();
    forge(&header(), &payload(&format!(r#""_sd":[{}],"_sd_alg":"sha-256","#, digests.join(","))), disclosures)
}

fn with_payload(front: &str) -> String {
    forge(&header(), &payload(front), &[])
}

const CLEAR: &str = r#""_sd_alg":"sha-256","#;

#[test]
fn the_forgeries_below_differ_from_a_good_receipt_by_one_fault_each() {
    assert!(verifier().verify_receipt(&with_payload(CLEAR), None).is_ok());
    let name = b64url(r#"["c2FsdA","reason","because"]"#);
    let verified = verifier().verify_receipt(&disclosing(&[&name]), None).unwrap();
    assert_eq!(verified.disclosed["reason"], "because");
}

#[test]
fn a_text_that_is_not_an_sd_jwt_is_refused() {
    let good = issued(1).sd_jwt();
    let jwt = &issued(1).jwt;
    let table = [
        (jwt.clone(), Check::SdJwtFormat, "a bare JWT"),
        (String::new(), Check::SdJwtFormat, "nothing"),
        ("~".into(), Check::SdJwtFormat, "no JWT"),
        (format!("{jwt}~~"), Check::SdJwtFormat, "an empty disclosure"),
        (format!("{good}\n"), Check::SdJwtFormat, "a newline"),
        (format!(" {good}"), Check::SdJwtFormat, "a blank"),
        (good.replacen('.', "=.", 1), Check::SdJwtFormat, "padding"),
        (good.replacen('.', "..", 1), Check::SdJwtFormat, "four parts"),
        (format!("{good}{jwt}"), Check::KeyBindingUnexpected, "a key binding JWT"),
        (good.trim_end_matches('~').to_owned(), Check::KeyBindingUnexpected, "no last tilde"),
        (format!("{good}{jwt}~"), Check::SdJwtFormat, "a JWT as a disclosure"),
    ];
    for (text, check, what) in table {
        assert_eq!(refused(&text), check, "{what}");
    }
}

#[test]
fn a_header_that_is_not_a_receipts_is_refused() {
    let kid = signer().key_id().to_owned();
    let stranger = stranger().key_id().to_owned();
    let typ = r#""typ":"receipt+sd-jwt""#;
    let table = [
        (format!(r#"{{"alg":"none","kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"alg":"None","kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"alg":"HS256","kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"alg":"ES256","kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"alg":["Ed25519"],"kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"kid":"{kid}",{typ}}}"#), Check::SdJwtAlgorithm),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}"}}"#), Check::SdJwtType),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"JWT"}}"#), Check::SdJwtType),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"dc+sd-jwt"}}"#), Check::SdJwtType),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}","typ":"Receipt+SD-JWT"}}"#), Check::SdJwtType),
        (format!(r#"{{"alg":"Ed25519",{typ}}}"#), Check::SdJwtHeader),
        (format!(r#"{{"alg":"Ed25519","kid":"{stranger}",{typ}}}"#), Check::UnknownKey),
        (
            format!(r#"{{"alg":"Ed25519","kid":"{kid}",{typ},"crit":["b64"],"b64":false}}"#),
            Check::SdJwtHeader,
        ),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}",{typ},"jwk":{{}}}}"#), Check::SdJwtHeader),
        (format!(r#"{{"alg":"none","alg":"Ed25519","kid":"{kid}",{typ}}}"#), Check::SdJwtHeader),
        (format!(r#"{{"alg":"Ed25519","kid":"{kid}",{typ}}} x"#), Check::SdJwtHeader),
        (r#"["Ed25519"]"#.to_owned(), Check::SdJwtHeader),
        ("not JSON".to_owned(), Check::SdJwtHeader),
    ];
    for (header, check) in table {
        assert_eq!(refused(&forge(&header, &payload(CLEAR), &[])), check, "{header}");
    }
}

#[test]
fn both_names_of_the_algorithm_are_accepted() {
    let header = header().replace("Ed25519", "EdDSA");
    assert!(verifier().verify_receipt(&forge(&header, &payload(CLEAR), &[]), None).is_ok());
}

#[test]
fn a_signature_that_does_not_verify_is_refused() {
    let good = with_payload(CLEAR);
    let (jwt, _) = good.split_once('~').unwrap();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let other = with_payload(r#""_sd_alg":"sha-256","ref":"rcp_0","#);
    let stolen = other.split_once('~').unwrap().0.rsplit_once('.').unwrap().1;
    assert_eq!(refused(&format!("{signed}.{stolen}~")), Check::SdJwtSignature);
    assert_eq!(refused(&format!("{signed}.{}~", &signature[..84])), Check::SdJwtSignature);
    assert_eq!(refused(&format!("{signed}.~")), Check::SdJwtSignature);
    // The last character of 64 bytes carries 2 bits; the 4 below them must be zero.
    let last = signature.chars().last().unwrap();
    let next = char::from(last as u8 + 1);
    assert_eq!(refused(&format!("{signed}.{}{next}~", &signature[..85])), Check::SdJwtSignature);
}

#[test]
fn a_payload_without_one_clear_meaning_is_refused() {
    let claims = payload(CLEAR);
    let table = [
        (claims.replace(r#""v":1"#, r#""v":1,"v":1"#), "a member twice"),
        (claims.replace(r#""iat":1"#, r#""iat":1.0"#), "a fraction"),
        (claims.replace(r#""iat":1"#, r#""iat":1e3"#), "an exponent"),
        (claims.replace(r#""iat":1"#, r#""iat":9007199254740992"#), "an integer past 2^53-1"),
        (claims.replace(r#""iat":1"#, r#""iat":-0"#), "a negative zero"),
        (format!("{claims}{claims}"), "two objects"),
        (claims.replace("rcp_1", "rcp_\u{fffd}").replace('\u{fffd}', "\\ud800"), "half a surrogate pair"),
        ("[1]".to_owned(), "an array"),
        ("[".repeat(100_000), "deep nesting"),
    ];
    for (payload, what) in table {
        assert_eq!(refused(&forge(&header(), &payload, &[])), Check::SdJwtPayload, "{what}");
    }
}

#[test]
fn digests_other_than_sorted_sha_256_are_refused() {
    let (a, b) = (b64url([1; 32]), b64url([2; 32]));
    let short = b64url([1; 31]);
    let sloppy = format!("{}F", &a[..42]);
    let table = [
        (String::new(), Check::SdHashAlgorithm),
        (r#""_sd_alg":"sha-384","#.to_owned(), Check::SdHashAlgorithm),
        (r#""_sd_alg":"SHA-256","#.to_owned(), Check::SdHashAlgorithm),
        (r#""_sd_alg":256,"#.to_owned(), Check::SdHashAlgorithm),
        (format!(r#""_sd":"{a}","_sd_alg":"sha-256","#), Check::SdDigests),
        (r#""_sd":[],"_sd_alg":"sha-256","#.to_owned(), Check::SdDigests),
        (r#""_sd":[1],"_sd_alg":"sha-256","#.to_owned(), Check::SdDigests),
        (format!(r#""_sd":["{short}"],"_sd_alg":"sha-256","#), Check::SdDigests),
        (format!(r#""_sd":["{sloppy}"],"_sd_alg":"sha-256","#), Check::SdDigests),
        (format!(r#""_sd":["{b}","{a}"],"_sd_alg":"sha-256","#), Check::SdDigests),
        (format!(r#""_sd":["{a}","{a}"],"_sd_alg":"sha-256","#), Check::DigestDuplicate),
        (format!(r#"{CLEAR}"more":{{"_sd":["{a}"]}},"#), Check::SdMisplaced),
        (format!(r#"{CLEAR}"list":[{{"...":"{a}"}}],"#), Check::SdMisplaced),
        (format!(r#"{CLEAR}"...":"{a}","#), Check::SdMisplaced),
    ];
    for (front, check) in table {
        assert_eq!(refused(&with_payload(&front)), check, "{front}");
    }
}

#[test]
fn a_disclosure_that_is_not_of_the_receipt_is_refused() {
    let good = issued(1);
    let foreign = issued(2);
    let joined = format!("{}{}~", good.sd_jwt(), foreign.disclosures[0]);
    assert_eq!(refused(&joined), Check::DisclosureUnreferenced);
    let twice = format!("{}{}~", good.sd_jwt(), good.disclosures[0]);
    assert_eq!(refused(&twice), Check::DisclosureDuplicate);
    let rewritten = b64url(r#"["c2FsdA","actor","somebody else"]"#);
    assert_eq!(refused(&format!("{}~{rewritten}~", good.jwt)), Check::DisclosureUnreferenced);
}

#[test]
fn a_disclosure_that_is_not_a_named_member_is_refused() {
    let table = [
        (r#"["c2FsdA","value of an array"]"#, Check::DisclosureFormat),
        (r#"["c2FsdA","a","b","c"]"#, Check::DisclosureFormat),
        (r#"[1,"a","b"]"#, Check::DisclosureFormat),
        (r#"["c2FsdA",1,"b"]"#, Check::DisclosureFormat),
        (r#"{"salt":"c2FsdA"}"#, Check::DisclosureFormat),
        (r#"["c2FsdA","a",1.5]"#, Check::DisclosureFormat),
        (r#"["c2FsdA","a",{"b":1,"b":2}]"#, Check::DisclosureFormat),
        (r#"["c2FsdA","a","b"] "x""#, Check::DisclosureFormat),
        (r#"["c2FsdA","_sd",[]]"#, Check::ClaimReserved),
        (r#"["c2FsdA","...","b"]"#, Check::ClaimReserved),
        (r#"["c2FsdA","_sd_alg","sha-256"]"#, Check::ClaimReserved),
        (r#"["c2FsdA","iss","https://evil.example"]"#, Check::ClaimReserved),
        (r#"["c2FsdA","out","ok"]"#, Check::ClaimReserved),
        (r#"["c2FsdA","ref","rcp_9"]"#, Check::ClaimReserved),
        (r#"["c2FsdA","exp",1]"#, Check::ClaimReserved),
        (r#"["c2FsdA","cnf",{}]"#, Check::ClaimReserved),
        (r#"["c2FsdA","detail",{"_sd":["x"]}]"#, Check::SdMisplaced),
        (r#"["c2FsdA","detail",[{"...":"x"}]]"#, Check::SdMisplaced),
    ];
    for (json, check) in table {
        assert_eq!(refused(&disclosing(&[&b64url(json)])), check, "{json}");
    }
    let sloppy = format!("{}=", b64url(r#"["c2FsdA","a","b"]"#));
    assert_eq!(refused(&disclosing(&[&sloppy])), Check::SdJwtFormat);
}

#[test]
fn two_members_with_one_name_are_refused() {
    let (one, other) = (b64url(r#"["c2FsdA","reason","a"]"#), b64url(r#"["c2FsdB","reason","b"]"#));
    assert_eq!(refused(&disclosing(&[&one, &other])), Check::ClaimCollision);
}

#[test]
fn clear_claims_that_are_missing_unknown_or_wrong_are_refused() {
    let claims = payload(CLEAR);
    let table = [
        claims.replace(r#""v":1"#, r#""v":2"#),
        claims.replace(r#""v":1"#, r#""v":"1""#),
        claims.replace(r#","v":1"#, ""),
        claims.replace(r#""iat":1,"#, ""),
        claims.replace(r#""iat":1"#, r#""iat":"1""#),
        claims.replace(r#""iat":1"#, r#""iat":-1"#),
        claims.replace(r#""jti":"rcp_1","#, ""),
        claims.replace(r#""jti":"rcp_1""#, r#""jti":1"#),
        claims.replace(r#""out":"ok""#, r#""out":"fine""#),
        claims.replace(r#""phase":"outcome""#, r#""phase":"late""#),
        claims.replace("tenant.create", "create"),
        claims.replace("https://", "gopher://"),
        claims.replace(r#""region":"eu""#, r#""region":"e u""#),
        claims.replace(r#""v":1"#, r#""v":1,"sub":"usr_1""#),
        claims.replace(r#""v":1"#, r#""v":1,"ref":null"#),
    ];
    for payload in table {
        assert_eq!(refused(&forge(&header(), &payload, &[])), Check::Claims, "{payload}");
    }
}

#[test]
fn reading_without_keys_says_the_same_and_trusts_nobody() {
    let text = issued(1).sd_jwt();
    let parsed = SdJwt::parse(&text).unwrap();
    assert_eq!(parsed.open_unverified().unwrap(), parsed.verify(&keys()).unwrap());
    let stolen = text.replacen('~', "A~", 1);
    assert!(SdJwt::parse(&stolen).unwrap().open_unverified().is_ok());
    assert_eq!(refused(&stolen), Check::SdJwtSignature);
}

#[test]
fn withheld_members_are_gone_and_the_rest_verifies() {
    let full = issued(1).sd_jwt();
    let redacted = present(&full, &["actor", "amount", "nobody"]).unwrap();
    let verified = verifier().verify_receipt(&redacted, None).unwrap();
    assert_eq!(verified.disclosed.keys().collect::<Vec<_>>(), ["actor", "amount"]);
    assert_eq!(present(&full, &["actor", "amount", "reason", "resource", "trace_id"]).unwrap(), full);
    let bare = present(&full, &[]).unwrap();
    assert_eq!(bare, format!("{}~", issued(1).jwt));
    assert!(verifier().verify_receipt(&bare, None).unwrap().disclosed.is_empty());
}
