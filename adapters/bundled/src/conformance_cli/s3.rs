//! A bucket of Amazon S3, as the file describes it.

use std::time::Duration;

use companyos_adapter_traits::Context;
use companyos_adapter_traits::storage::StorageClass;
use serde::Deserialize;

use super::Problem;
use super::secret::Secret;
use crate::s3::{S3Credentials, S3Storage};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3 {
    bucket: String,
    /// The provider's name of the region the bucket is in, as in `eu-central-1`.
    bucket_region: String,
    /// Another server than Amazon's, as in `http://127.0.0.1:9000`.
    endpoint: Option<String>,
    /// Keys, instead of the standard chain: environment, shared files, web identity, container, instance.
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    /// The classes to claim, the usual one first.
    #[serde(default)]
    storage_classes: Vec<String>,
    /// Whether to claim encryption with customer-managed keys.
    #[serde(default)]
    kms_encryption: bool,
    timeout_seconds: Option<u64>,
}

impl S3 {
    pub(super) async fn connect(&self, ctx: &Context) -> Result<S3Storage, Problem> {
        let mut builder = S3Storage::builder(&self.bucket, &self.bucket_region).serves(&ctx.region);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(credentials) = self.credentials()? {
            builder = builder.credentials(credentials);
        }
        if !self.storage_classes.is_empty() {
            builder = builder.storage_classes(self.storage_classes.iter().map(StorageClass::new));
        }
        if self.kms_encryption {
            builder = builder.kms_encryption();
        }
        if let Some(seconds) = self.timeout_seconds {
            builder = builder.timeout(Duration::from_secs(seconds));
        }
        Ok(builder.connect().await?)
    }

    fn credentials(&self) -> Result<Option<S3Credentials>, Problem> {
        let (id, secret) = match (&self.access_key_id, &self.secret_access_key) {
            (None, None) => return Ok(None),
            (Some(id), Some(secret)) => (id.read()?, secret.read()?),
            _ => return Err(Problem::Config("an access key is an id and a secret".to_owned())),
        };
        let credentials = S3Credentials::new(id, secret);
        Ok(Some(match &self.session_token {
            Some(token) => credentials.session_token(token.read()?),
            None => credentials,
        }))
    }
}
