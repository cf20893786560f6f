//! `s3`: bucket and region; the standard credential chain unless secrets say otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::storage::StorageClass;
use companyos_adapter_traits::{Context, Error};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, Secrets, member};
use crate::s3::{S3Credentials, S3Storage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    bucket: String,
    /// The provider's name of the region, as in `eu-central-1`.
    region: String,
    endpoint: Option<String>,
    #[serde(default)]
    virtual_hosted: bool,
    #[serde(default)]
    kms_encryption: bool,
    /// The classes to claim, the usual one first.
    #[serde(default)]
    storage_classes: Vec<String>,
}

pub(super) struct Recipe {
    settings: Settings,
    credentials: Option<S3Credentials>,
}

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        let settings = member::settings(settings)?;
        let credentials = if secrets.is_empty() {
            None
        } else {
            let id = member::required(secrets, "access_key_id")?;
            let key = member::required(secrets, "secret_access_key")?;
            let credentials = S3Credentials::new(id.expose(), key.expose());
            Some(match secrets.get("session_token") {
                Some(token) => credentials.session_token(token.expose()),
                None => credentials,
            })
        };
        Ok(Self { settings, credentials })
    }
}

#[async_trait]
impl super::Recipe for Recipe {
    fn origins(&self) -> Vec<String> {
        self.settings.endpoint.iter().cloned().collect()
    }

    async fn open(&self, _: &Context, place: &Place) -> Result<Opened, Error> {
        let Settings { bucket, region, endpoint, virtual_hosted, kms_encryption, storage_classes } =
            &self.settings;
        let mut builder = S3Storage::builder(bucket, region).serves(&place.region);
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint(endpoint);
        }
        if *virtual_hosted {
            builder = builder.virtual_hosted();
        }
        if *kms_encryption {
            builder = builder.kms_encryption();
        }
        if !storage_classes.is_empty() {
            builder = builder.storage_classes(storage_classes.iter().map(StorageClass::new));
        }
        if let Some(credentials) = &self.credentials {
            builder = builder.credentials(credentials.clone());
        }
        Ok(Opened::Storage(Arc::new(builder.connect().await?)))
    }
}
