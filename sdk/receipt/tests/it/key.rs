use companyos_receipt::key::{Jwk, KeySet, Signer};

use crate::fixture::{b64url, signer, stranger};

fn set_of(key: &str) -> Result<KeySet, String> {
    KeySet::from_jwks(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).map_err(|error| error.to_string())
}

fn good() -> String {
    Jwk::new(*signer().public_key()).to_json()
}

#[test]
fn a_set_reads_back() {
    let set = KeySet::from_public_keys(&[*signer().public_key(), *stranger().public_key()]).unwrap();
    let read = KeySet::from_jwks(set.to_jwks().as_bytes()).unwrap();
    assert_eq!(read.len(), 2);
    assert!(!read.is_empty());
    assert_eq!(read.iter().collect::<Vec<_>>(), set.iter().collect::<Vec<_>>());
    assert_eq!(read.get(stranger().key_id()).unwrap().public_key(), stranger().public_key());
    assert!(read.get("nobody").is_none());
}

#[test]
fn keys_for_other_uses_are_skipped() {
    let set = format!(
        r#"{{"keys":[{{"kty":"RSA","n":"x","e":"AQAB"}},{{"kty":"OKP","crv":"X25519","x":"y"}},{}]}}"#,
        good()
    );
    assert_eq!(KeySet::from_jwks(set.as_bytes()).unwrap().len(), 1);
    assert!(set_of(r#"{"kty":"RSA"}"#).unwrap_err().contains("holds no Ed25519 key"));
}

#[test]
fn a_key_that_is_not_flawless_is_refused() {
    let x = b64url(signer().public_key());
    let identity = {
        let mut point = [0; 32];
        point[0] = 1;
        Jwk::new(point).to_json()
    };
    let no_point = Jwk::new([2; 32]).to_json();
    let table = [
        (good().replace(r#""use":"sig""#, r#""use":"enc""#), "`use`"),
        (good().replace(r#""alg":"Ed25519""#, r#""alg":"ES256""#), "`alg`"),
        (good().replace(r#""use":"sig""#, r#""d":"AA""#), "private key"),
        (good().replace(&x, &format!("{x}=")), "`x`"),
        (good().replace(&x, &x[..42]), "`x`"),
        (good().replace(signer().key_id(), stranger().key_id()), "thumbprint"),
        (good().replace(r#""kid""#, r#""kit""#), "thumbprint"),
        (good().replace(r#""use":"sig""#, r#""use":1"#), "not a string"),
        (good().replace(r#""use":"sig""#, r#""use":"sig","use":"sig""#), "twice"),
        (format!("{0},{0}", good()), "twice"),
        ("1".to_owned(), "not an object"),
        (identity, "not a usable"),
        (no_point, "not a usable"),
    ];
    for (key, reason) in table {
        let error = set_of(&key).unwrap_err();
        assert!(error.contains(reason), "{key}: {error}");
    }
}

#[test]
fn what_is_no_jwk_set_is_refused() {
    for text in ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]} x"#, "\u{feff}{}"] {
        assert!(KeySet::from_jwks(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn debug_shows_no_private_key() {
    let text = format!("{:?}", signer());
    assert_eq!(text, format!("SoftwareSigner {{ key_id: {:?}, .. }}", signer().key_id()));
}
