//! The Cloud Storage that tests talk to, and who they are to it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companyos_adapters::gcs::{GcsConfig, GcsCredentials, GcsStorage};
use companyos_adapters::traits::{Context, Error};
use serde_json::{Value, json};

const VARIABLE: &str = "COMPANYOS_TEST_GCS";

/// A new bucket on the peer.
pub(crate) struct Bucket {
    pub(crate) peer: String,
    pub(crate) name: String,
}

impl Bucket {
    /// Creates a bucket. `None`, with a word on standard error, when there is no peer.
    #[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
    #[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
    pub(crate) async fn create(wanted: Value) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(peer) = std::env::var(VARIABLE) else {
            eprintln!(
                "skipped: {VARIABLE} is not set; `cargo contract test --only test` starts a peer and sets it"
            );
            return None;
        };
        let name = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let retains = wanted["objectRetention"].is_object();
        let mut body = wanted;
        body["name"] = json!(name);
        let url = format!("{peer}/storage/v1/b?project=test&enableObjectRetention={retains}");
        let answer = reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        Some(Self { peer, name })
    }

    pub(crate) fn config(&self) -> GcsConfig {
        GcsConfig::new(&self.name).endpoint(&self.peer).credentials(GcsCredentials::anonymous())
    }

    pub(crate) async fn connect(&self) -> Result<GcsStorage, Error> {
        GcsStorage::connect(&ctx(), self.config()).await
    }

    /// A service account whose signatures the peer knows.
    pub(crate) async fn service_account(&self) -> GcsCredentials {
        let email = "signer@test.iam.gserviceaccount.com";
        let (json, public) = service_account_key(email);
        let url = format!("{}/peer/signers/{email}", self.peer);
        let answer = reqwest::Client::new().put(url).body(public).send().await.unwrap();
        assert!(answer.status().is_success());
        GcsCredentials::service_account_key(json)
    }
}

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

pub(crate) fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}
