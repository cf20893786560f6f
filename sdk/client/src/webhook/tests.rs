use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use sha2::Sha256;

use super::*;

const ID: &str = "msg_1";
const SENT: u64 = 1_768_555_800;
const BODY: &[u8] = br#"{"type":"tenant.created"}"#;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(SENT)
}

fn secret(byte: u8) -> String {
    format!("whsec_{}", STANDARD.encode([byte; 32]))
}

fn v1(byte: u8, id: &str, timestamp: u64, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(&[byte; 32]).expect("a key");
    hmac.update(&[format!("{id}.{timestamp}.").as_bytes(), body].concat());
    format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
}

fn v1a(byte: u8, id: &str, timestamp: u64, body: &[u8]) -> String {
    let signature =
        SigningKey::from_bytes(&[byte; 32]).sign(&[format!("{id}.{timestamp}.").as_bytes(), body].concat());
    format!("v1a,{}", STANDARD.encode(signature.to_bytes()))
}

fn public(byte: u8) -> String {
    format!("whpk_{}", STANDARD.encode(SigningKey::from_bytes(&[byte; 32]).verifying_key().as_bytes()))
}

fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
        .collect()
}

fn one_secret() -> Verifier {
    Verifier::new().secret(&secret(1)).expect("a secret")
}

#[track_caller]
fn refused_because(result: Result<Delivery, Error>, reason: &str) {
    let error = result.expect_err("refused");
    assert!(error.is_webhook() && error.to_string().contains(reason), "{error}");
}

#[test]
fn both_kinds_of_signature_verify() {
    let delivery = Delivery { id: ID.to_owned(), sent_at: now() };
    let verifier = one_secret();
    let sent = headers(ID, &SENT.to_string(), &v1(1, ID, SENT, BODY));
    assert_eq!(verifier.verify(&sent, BODY, now()).expect("valid"), delivery);

    let verifier = Verifier::new().public_key(&public(2)).expect("a key");
    let sent = headers(ID, &SENT.to_string(), &v1a(2, ID, SENT, BODY));
    assert_eq!(verifier.verify(&sent, BODY, now()).expect("valid"), delivery);
}

#[test]
fn any_of_several_signatures_by_any_of_several_keys_counts() {
    let verifier = one_secret().secret(&secret(2)).expect("a secret").public_key(&public(3)).expect("a key");
    let none = v1(9, ID, SENT, BODY);
    for valid in [v1(1, ID, SENT, BODY), v1(2, ID, SENT, BODY), v1a(3, ID, SENT, BODY)] {
        let sent = headers(ID, &SENT.to_string(), &format!("v2,abc {none} {valid}"));
        assert!(verifier.verify(&sent, BODY, now()).is_ok(), "{valid}");
    }
    let sent = headers(ID, &SENT.to_string(), &format!("{none} v1a,!! nonsense"));
    refused_because(verifier.verify(&sent, BODY, now()), "no signature");
}

#[test]
fn a_signature_covers_id_time_and_body() {
    let signature = v1(1, ID, SENT, BODY);
    let verify = |id: &str, time: u64, body: &[u8]| {
        one_secret().verify(&headers(id, &time.to_string(), &signature), body, now())
    };
    assert!(verify(ID, SENT, BODY).is_ok());
    refused_because(verify("msg_2", SENT, BODY), "no signature");
    refused_because(verify(ID, SENT + 1, BODY), "no signature");
    refused_because(verify(ID, SENT, b"{}"), "no signature");
}

#[test]
fn one_version_is_not_taken_for_the_other() {
    let as_v1a = v1(1, ID, SENT, BODY).replace("v1,", "v1a,");
    refused_because(
        one_secret().verify(&headers(ID, &SENT.to_string(), &as_v1a), BODY, now()),
        "no signature",
    );
}

#[test]
fn the_time_of_signing_is_within_the_tolerance_both_ways() {
    let at =
        |sent: u64| one_secret().verify(&headers(ID, &sent.to_string(), &v1(1, ID, sent, BODY)), BODY, now());
    assert!(at(SENT - 300).is_ok() && at(SENT + 300).is_ok());
    refused_because(at(SENT - 301), "too long ago");
    refused_because(at(SENT + 301), "in the future");
}

#[test]
fn headers_are_there_once_and_well_formed() {
    let signature = v1(1, ID, SENT, BODY);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut missing = headers(ID, &SENT.to_string(), &signature);
        missing.remove(name);
        refused_because(one_secret().verify(&missing, BODY, now()), name);
        let mut twice = headers(ID, &SENT.to_string(), &signature);
        twice.append(name, HeaderValue::from_static("x"));
        refused_because(one_secret().verify(&twice, BODY, now()), name);
    }
    for timestamp in ["", "-1", "+1768555800", "1.5", "999999999999", "99999999999999999999999"] {
        let sent = headers(ID, timestamp, &signature);
        refused_because(one_secret().verify(&sent, BODY, now()), "webhook-timestamp");
    }
    refused_because(
        one_secret().verify(&headers("a.b", &SENT.to_string(), &signature), BODY, now()),
        "webhook-id",
    );
}

#[test]
fn keys_that_cannot_be_are_refused_and_none_are_shown() {
    for bad in ["", "whsec_", "whsec_YQ==", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"] {
        assert!(Verifier::new().secret(bad).expect_err(bad).is_invalid_request(), "{bad:?}");
    }
    let low_order = format!("whpk_{}", STANDARD.encode([0_u8; 32]));
    for bad in ["", "whpk_YQ==", &secret(1), &low_order] {
        assert!(Verifier::new().public_key(bad).is_err(), "{bad:?}");
    }
    assert_eq!(format!("{:?}", one_secret()), "Verifier { keys: 1, tolerance: 300s }");
}

proptest! {
    #[test]
    fn whatever_was_signed_verifies(id in "[A-Za-z0-9_-]{1,40}", sent in 0_u64..99_999_999_999, body: Vec<u8>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(sent);
        let verified = one_secret().verify(&headers(&id, &sent.to_string(), &v1(1, &id, sent, &body)), &body, now);
        prop_assert_eq!(verified.expect("valid").id, id);
    }

    #[test]
    fn no_header_makes_it_panic_or_pass(id in "[ -~]*", timestamp in "[ -~]*", signature in "[ -~]*") {
        prop_assert!(one_secret().verify(&headers(&id, &timestamp, &signature), BODY, now()).is_err());
    }
}
