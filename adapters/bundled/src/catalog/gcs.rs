//! `gcs`: bucket and location; Application Default Credentials unless a secret says otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::{Context, Error};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, Secrets, member};
use crate::gcs::{GcsCredentials, GcsStorage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    bucket: String,
    /// The service's name of where the bucket must be, as in `EUROPE-WEST3`.
    location: String,
    endpoint: Option<String>,
    /// No credentials at all: for emulators and public buckets.
    #[serde(default)]
    anonymous: bool,
}

pub(super) struct Recipe {
    settings: Settings,
    credentials: GcsCredentials,
}

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        let settings: Settings = member::settings(settings)?;
        let credentials = match (secrets.get("service_account_key"), secrets.get("access_token")) {
            (Some(_), Some(_)) => {
                return Err(Invalid::new(
                    "secrets",
                    "give a service_account_key or an access_token, not both",
                ));
            }
            (Some(_), None) | (None, Some(_)) if settings.anonymous => {
                return Err(Invalid::new("settings", "anonymous access takes no secrets"));
            }
            (Some(key), None) => GcsCredentials::service_account_key(key.expose()),
            (None, Some(token)) => GcsCredentials::access_token(token.expose()),
            (None, None) if settings.anonymous => GcsCredentials::anonymous(),
            (None, None) => GcsCredentials::application_default(),
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
        let mut builder = GcsStorage::builder(&self.settings.bucket, &self.settings.location)
            .serves(&place.region)
            .credentials(self.credentials.clone());
        if let Some(endpoint) = &self.settings.endpoint {
            builder = builder.endpoint(endpoint);
        }
        Ok(Opened::Storage(Arc::new(builder.connect().await?)))
    }
}
