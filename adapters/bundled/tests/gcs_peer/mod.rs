//! The Cloud Storage that tests talk to, and who they are to it.

use std::sync::atomic::{AtomicU32, Ordering};

use companyos_adapters::gcs::{GcsCredentials, GcsStorage, GcsStorageBuilder};
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

    /// The bucket as nobody in particular, where it lies unless it was created elsewhere.
    pub(crate) fn builder(&self) -> GcsStorageBuilder {
        self.builder_at("US")
    }

    pub(crate) fn builder_at(&self, location: &str) -> GcsStorageBuilder {
        let builder = GcsStorage::builder(&self.name, location).endpoint(&self.peer);
        builder.credentials(GcsCredentials::anonymous())
    }

    pub(crate) async fn connect(&self) -> Result<GcsStorage, Error> {
        self.builder().connect().await
    }

    fn objects(&self) -> String {
        format!("{}/storage/v1/b/{}/o", self.peer, self.name)
    }

    /// Every generation of every object, whoever wrote it.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let url = format!("{}?versions=true", self.objects());
        let body = reqwest::Client::new().get(url).send().await.unwrap().text().await.unwrap();
        let listing: Value = serde_json::from_str(&body).unwrap();
        listing["items"].as_array().cloned().unwrap_or_default()
    }

    /// Writes an object of any name.
    pub(crate) async fn upload(&self, name: &str) {
        let url = format!("{}/upload/storage/v1/b/{}/o?uploadType=media&name={name}", self.peer, self.name);
        let answer = reqwest::Client::new().post(url).body("x").send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// Changes the attributes of an object.
    pub(crate) async fn patch(&self, name: &str, change: Value) {
        let url = format!("{}/{name}", self.objects());
        let answer = reqwest::Client::new().patch(url).body(change.to_string()).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// A service account whose signatures the peer knows.
    pub(crate) async fn service_account(&self) -> GcsCredentials {
        // One per bucket, because the peer knows one key of each.
        let email = format!("{}@test.iam.gserviceaccount.com", self.name);
        let (json, public) = crate::gcs_key::service_account_key(&email);
        let url = format!("{}/peer/signers/{email}", self.peer);
        let answer = reqwest::Client::new().put(url).body(public).send().await.unwrap();
        assert!(answer.status().is_success());
        GcsCredentials::service_account_key(json)
    }
}

pub(crate) fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}
