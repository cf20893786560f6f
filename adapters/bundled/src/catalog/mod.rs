//! Adapters by name and settings, for programs that read a configuration.
//!
//! A [`Plan`] is a kind with settings and secrets that have been checked, before anything is asked of a provider;
//! [`Plan::open`] makes the adapter.
//!
//! ```
//! # use std::collections::BTreeMap;
//! use companyos_adapters::catalog::{Kind, Plan};
//!
//! let settings = serde_json::json!({ "nonsense": true });
//! let refused = Plan::new(Kind::Fs, settings.as_object().unwrap(), &BTreeMap::new()).unwrap_err();
//! assert_eq!(refused.member, "settings");
//! ```

#![cfg_attr(
    not(any(
        all(feature = "fs", unix),
        feature = "gcs",
        feature = "oidc",
        feature = "payments-stripe",
        feature = "payments-stub",
        feature = "s3"
    )),
    expect(unused, reason = "a catalog of nothing refuses everything")
)]

#[cfg(all(feature = "fs", unix))]
mod fs;
#[cfg(feature = "gcs")]
mod gcs;
mod kind;
mod member;
#[cfg(feature = "oidc")]
mod oidc;
#[cfg(feature = "payments-stripe")]
mod payments_stripe;
#[cfg(feature = "payments-stub")]
mod payments_stub;
#[cfg(feature = "s3")]
mod s3;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "conformance")]
use companyos_adapter_traits::conformance::payment::Stage;
use companyos_adapter_traits::{
    Context, Descriptor, Error, IdentityProvider, ObjectStorage, PaymentProvider, Secret,
};
use serde_json::{Map, Value};

pub use self::kind::{Family, Kind};
pub use self::member::Invalid;

/// Secrets by name.
pub type Secrets = BTreeMap<String, Secret>;

/// An adapter that could be opened: its kind, with settings and secrets it takes.
pub struct Plan {
    kind: Kind,
    recipe: Box<dyn Recipe>,
}

/// What a kind makes of its settings.
#[async_trait]
trait Recipe: Send + Sync {
    /// The origins it will talk to, as far as the settings name them.
    fn origins(&self) -> Vec<String>;

    async fn open(&self, ctx: &Context, place: &Place) -> Result<Opened, Error>;

    /// The adapter on the stage of the suite for payment providers, if it has one.
    #[cfg(feature = "conformance")]
    async fn stage(&self, _: &Place) -> Result<Option<Box<dyn Stage>>, Error> {
        Ok(None)
    }
}

/// Where an adapter is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Place {
    /// The region it serves, as the host's contexts name it.
    pub region: String,
    /// A folder that is this adapter's own, for those that keep something on the disk.
    pub folder: Option<PathBuf>,
}

impl Place {
    /// A region, without a folder.
    pub fn new(region: impl Into<String>) -> Self {
        Self { region: region.into(), folder: None }
    }

    /// Gives the adapter a folder of its own.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }
}

/// An adapter that is open.
#[derive(Clone)]
#[non_exhaustive]
pub enum Opened {
    /// A bucket.
    Storage(Arc<dyn ObjectStorage>),
    /// An issuer.
    Identity(Arc<dyn IdentityProvider>),
    /// A payment provider.
    Payment(Arc<dyn PaymentProvider>),
}

impl Opened {
    /// What the adapter says about itself.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Storage(adapter) => adapter.descriptor(),
            Self::Identity(adapter) => adapter.descriptor(),
            Self::Payment(adapter) => adapter.descriptor(),
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opened").field(&self.descriptor().name).finish()
    }
}

impl Plan {
    /// Checks settings and secrets against what a kind takes. Nothing is asked of the provider.
    ///
    /// # Errors
    /// The first thing that is wrong: a name the kind does not know, a value of another type, one that is missing, or
    /// a kind that this build does not have.
    pub fn new(kind: Kind, settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        member::only(secrets, kind.secrets())?;
        let recipe: Box<dyn Recipe> = match kind {
            #[cfg(all(feature = "fs", unix))]
            Kind::Fs => Box::new(fs::Recipe::new(settings)?),
            #[cfg(feature = "gcs")]
            Kind::Gcs => Box::new(gcs::Recipe::new(settings, secrets)?),
            #[cfg(feature = "oidc")]
            Kind::Oidc => Box::new(oidc::Recipe::new(settings, secrets)?),
            #[cfg(feature = "payments-stripe")]
            Kind::PaymentsStripe => Box::new(payments_stripe::Recipe::new(settings, secrets)?),
            #[cfg(feature = "payments-stub")]
            Kind::PaymentsStub => Box::new(payments_stub::Recipe::new(settings, secrets)?),
            #[cfg(feature = "s3")]
            Kind::S3 => Box::new(s3::Recipe::new(settings, secrets)?),
            // With every adapter there is nothing left.
            #[cfg(not(all(
                feature = "fs",
                unix,
                feature = "gcs",
                feature = "oidc",
                feature = "payments-stripe",
                feature = "payments-stub",
                feature = "s3"
            )))]
            other => {
                return Err(Invalid::new(
                    "kind",
                    format!("this program was built without the adapter {other}"),
                ));
            }
        };
        Ok(Self { kind, recipe })
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The origins the adapter will talk to, such as `https://id.example.com`, as far as its settings name them: for a
    /// host that does not let its tenants reach into its own network.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        self.recipe.origins()
    }

    /// Opens the adapter. What that asks of the provider depends on the kind: the location of a bucket, the metadata of
    /// an issuer, or nothing.
    ///
    /// # Errors
    /// Those of the adapter, among them [`WrongRegion`](companyos_adapter_traits::ErrorKind::WrongRegion).
    pub async fn open(&self, ctx: &Context, place: &Place) -> Result<Opened, Error> {
        self.recipe.open(ctx, place).await
    }

    /// Opens a payment provider together with what its suite needs around it; `None` for what has no such stage.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    #[cfg(feature = "conformance")]
    pub async fn stage(&self, place: &Place) -> Result<Option<Box<dyn Stage>>, Error> {
        self.recipe.stage(place).await
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("kind", &self.kind).finish_non_exhaustive()
    }
}
