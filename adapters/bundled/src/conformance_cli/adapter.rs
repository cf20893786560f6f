//! The adapters a file can name: those that are compiled in.

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
        service_account_key: Option<super::config::Secret>,
        /// An OAuth 2.0 access token.
        access_token: Option<super::config::Secret>,
        /// Whether to go without credentials.
        #[serde(default)]
        anonymous: bool,
    },
}

impl Adapter {
    pub(super) async fn open(&self, ctx: &Context) -> Result<Box<dyn ObjectStorage>, Problem> {
        match self {
            Self::Memory { versioned: true } => Ok(Box::new(MemoryStorage::versioned())),
            Self::Memory { versioned: false } => Ok(Box::new(MemoryStorage::new())),
            #[cfg(all(feature = "fs", unix))]
            Self::Fs { folder } => {
                let storage = crate::fs::FsStorage::builder(folder).region(&ctx.region).open()?;
                Ok(Box::new(storage))
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
                Ok(Box::new(builder.connect().await?))
            }
        }
    }
}
