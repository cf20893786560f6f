//! `payments-stripe`: an account's API key, and the secrets of its webhook endpoint.

use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "conformance")]
use companyos_adapter_traits::conformance::payment::Stage;
use companyos_adapter_traits::{Context, Error, Secret};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, Secrets, member};
#[cfg(feature = "conformance")]
use crate::payments_stripe::TestMode;
use crate::payments_stripe::{StripePayments, StripePaymentsBuilder};
use crate::webhook::WebhookSecret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Another server that speaks Stripe's API.
    base_url: Option<String>,
    /// Which types of payment method may pay, in Stripe's words; `card` when absent.
    method_types: Option<Vec<String>>,
}

/// The second while the first is rotated.
const WEBHOOK_SECRETS: [&str; 2] = ["webhook_secret", "previous_webhook_secret"];

pub(super) struct Recipe {
    settings: Settings,
    api_key: Secret,
    webhook_secrets: Vec<WebhookSecret>,
}

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        let settings = member::settings(settings)?;
        let api_key = member::required(secrets, "api_key")?.clone();
        let mut webhook_secrets = Vec::new();
        for name in WEBHOOK_SECRETS {
            if let Some(secret) = secrets.get(name) {
                let secret = WebhookSecret::new(secret.expose())
                    .map_err(|error| Invalid::new(format!("secrets.{name}"), error.message()))?;
                webhook_secrets.push(secret);
            }
        }
        let recipe = Self { settings, api_key, webhook_secrets };
        recipe.builder().build().map_err(|error| member::refused(&error))?;
        Ok(recipe)
    }

    fn builder(&self) -> StripePaymentsBuilder {
        let mut builder = StripePayments::builder(self.api_key.clone());
        if let Some(url) = &self.settings.base_url {
            builder = builder.base_url(url);
        }
        if let Some(types) = &self.settings.method_types {
            builder = builder.method_types(types);
        }
        for secret in &self.webhook_secrets {
            builder = builder.webhook_secret(secret.clone());
        }
        builder
    }
}

#[async_trait]
impl super::Recipe for Recipe {
    fn origins(&self) -> Vec<String> {
        self.settings.base_url.iter().cloned().collect()
    }

    async fn open(&self, _: &Context, place: &Place) -> Result<Opened, Error> {
        Ok(Opened::Payment(Arc::new(self.builder().region(&place.region).build()?)))
    }

    /// In the test mode only.
    #[cfg(feature = "conformance")]
    async fn stage(&self, place: &Place) -> Result<Option<Box<dyn Stage>>, Error> {
        let stripe = self.builder().region(&place.region).build()?;
        Ok(Some(Box::new(TestMode::new(stripe)?)))
    }
}
