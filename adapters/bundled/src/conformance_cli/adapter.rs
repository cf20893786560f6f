//! The adapters a file can name: those that are compiled in.

#[cfg(any(feature = "payments-stripe", feature = "payments-stub"))]
use companyos_adapter_traits::conformance::payment::Stage;
use companyos_adapter_traits::storage::MemoryStorage;
use companyos_adapter_traits::{Context, ObjectStorage};
use serde::Deserialize;

use super::Problem;

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Adapter {
    /// The store in memory, to try the program out.
    Memory {
        /// Whether it keeps versions.
        #[serde(default)]
        versioned: bool,
    },
    /// Objects as files.
    #[cfg(all(feature = "fs", unix))]
    Fs {
        /// Where.
        folder: std::path::PathBuf,
    },
    /// Google Cloud Storage.
    #[cfg(feature = "gcs")]
    Gcs {
        /// The bucket.
        bucket: String,
        /// Another server than Google's, as in `http://127.0.0.1:9023`.
        endpoint: Option<String>,
        /// The bucket's location, as in `EUROPE-WEST3`, which the run's region then stands for.
        location: String,
        /// The JSON text of a service account's key.
        service_account_key: Option<super::secret::Secret>,
        /// An OAuth 2.0 access token.
        access_token: Option<super::secret::Secret>,
        /// Whether to go without credentials.
        #[serde(default)]
        anonymous: bool,
    },
    /// Amazon S3, and servers that speak its protocol.
    #[cfg(feature = "s3")]
    S3(super::s3::S3),
    /// An account in Stripe's test mode.
    #[cfg(feature = "payments-stripe")]
    PaymentsStripe {
        /// A secret or restricted key of the test mode.
        api_key: super::secret::Secret,
        /// The secret its webhooks are signed with; those of webhooks are skipped when absent.
        webhook_secret: Option<super::secret::Secret>,
        /// Another server than Stripe's, as in `http://127.0.0.1:8420`.
        base_url: Option<String>,
    },
    /// The payment provider of a script.
    #[cfg(feature = "payments-stub")]
    PaymentsStub {
        /// Where its books are kept; in memory when absent.
        file: Option<std::path::PathBuf>,
        /// The secret its webhooks are signed with; those of webhooks are skipped when absent.
        webhook_secret: Option<super::secret::Secret>,
    },
}

/// An adapter, by the suite it is for.
pub(super) enum Opened {
    Storage(Box<dyn ObjectStorage>),
    #[cfg(any(feature = "payments-stripe", feature = "payments-stub"))]
    Payment(Box<dyn Stage>),
}

impl Adapter {
    pub(super) async fn open(&self, ctx: &Context) -> Result<Opened, Problem> {
        match self {
            Self::Memory { versioned: true } => Ok(storage(MemoryStorage::versioned())),
            Self::Memory { versioned: false } => Ok(storage(MemoryStorage::new())),
            #[cfg(all(feature = "fs", unix))]
            Self::Fs { folder } => {
                Ok(storage(crate::fs::FsStorage::builder(folder).region(&ctx.region).open()?))
            }
            #[cfg(feature = "gcs")]
            Self::Gcs { bucket, endpoint, location, service_account_key, access_token, anonymous } => {
                use crate::gcs::{GcsCredentials, GcsStorage};
                let credentials = match (service_account_key, access_token, anonymous) {
                    (None, None, false) => GcsCredentials::application_default(),
                    (Some(key), None, false) => GcsCredentials::service_account_key(key.read()?),
                    (None, Some(token), false) => GcsCredentials::access_token(token.read()?),
                    (None, None, true) => GcsCredentials::anonymous(),
                    _ => {
                        return Err(Problem::Config("more than one kind of credentials is named".to_owned()));
                    }
                };
                let builder =
                    GcsStorage::builder(bucket, location).serves(&ctx.region).credentials(credentials);
                let builder = match endpoint {
                    Some(endpoint) => builder.endpoint(endpoint),
                    None => builder,
                };
                Ok(storage(builder.connect().await?))
            }
            #[cfg(feature = "s3")]
            Self::S3(s3) => Ok(storage(s3.connect(ctx).await?)),
            #[cfg(feature = "payments-stripe")]
            Self::PaymentsStripe { api_key, webhook_secret, base_url } => {
                use crate::payments_stripe::{StripePayments, TestMode};
                let mut builder = StripePayments::builder(api_key.read()?.into()).region(&ctx.region);
                if let Some(url) = base_url {
                    builder = builder.base_url(url);
                }
                if let Some(secret) = webhook_secret {
                    builder = builder.webhook_secret(crate::webhook::WebhookSecret::new(secret.read()?)?);
                }
                Ok(Opened::Payment(Box::new(TestMode::new(builder.build()?)?)))
            }
            #[cfg(feature = "payments-stub")]
            Self::PaymentsStub { file, webhook_secret } => {
                let mut builder = crate::payments_stub::StubPayments::builder().region(&ctx.region);
                if let Some(file) = file {
                    builder = builder.file(file);
                }
                if let Some(secret) = webhook_secret {
                    builder = builder.webhook_secret(crate::webhook::WebhookSecret::new(secret.read()?)?);
                }
                Ok(Opened::Payment(Box::new(builder.open()?)))
            }
        }
    }
}

fn storage(storage: impl ObjectStorage + 'static) -> Opened {
    Opened::Storage(Box::new(storage))
}
