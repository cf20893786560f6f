//! `payments-stub`: a script, and the secret it signs webhooks with.

use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "conformance")]
use companyos_adapter_traits::conformance::payment::Stage;
use companyos_adapter_traits::{Context, Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, Secrets, member};
use crate::payments_stub::{Script, StubPayments};
use crate::webhook::WebhookSecret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    script: Script,
}

pub(super) struct Recipe {
    script: Script,
    webhook_secret: WebhookSecret,
}

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        let Settings { script } = member::settings(settings)?;
        let webhook_secret = WebhookSecret::new(member::required(secrets, "webhook_secret")?.expose())
            .map_err(|error| Invalid::new("secrets.webhook_secret", error.message()))?;
        StubPayments::builder().script(script.clone()).open().map_err(|error| member::refused(&error))?;
        Ok(Self { script, webhook_secret })
    }

    async fn provider(&self, place: &Place) -> Result<StubPayments, Error> {
        let mut builder = StubPayments::builder()
            .region(&place.region)
            .script(self.script.clone())
            .webhook_secret(self.webhook_secret.clone());
        if let Some(folder) = &place.folder {
            builder = builder.file(folder.join("payments.log"));
        }
        let opened = tokio::task::spawn_blocking(move || builder.open()).await;
        opened.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the blocking pool dropped the work").with_source(cause))
        })
    }
}

#[async_trait]
impl super::Recipe for Recipe {
    fn origins(&self) -> Vec<String> {
        Vec::new()
    }

    async fn open(&self, _: &Context, place: &Place) -> Result<Opened, Error> {
        Ok(Opened::Payment(Arc::new(self.provider(place).await?)))
    }

    #[cfg(feature = "conformance")]
    async fn stage(&self, place: &Place) -> Result<Option<Box<dyn Stage>>, Error> {
        Ok(Some(Box::new(self.provider(place).await?)))
    }
}
