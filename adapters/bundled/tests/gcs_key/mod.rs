//! The key of a service account.

use std::fmt::Write as _;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// The key of a service account as Google would hand it out, and its public part in PKCS#1.
pub(crate) fn service_account_key(email: &str) -> (String, Vec<u8>) {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let encoded = BASE64_STANDARD.encode(key.as_der().unwrap().as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in encoded.as_bytes().chunks(64) {
        writeln!(pem, "{}", str::from_utf8(line).unwrap()).unwrap();
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    let json = json!({
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": email,
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    (json.to_string(), key.public_key().as_ref().to_vec())
}
