#![doc = include_str!("../README.md")]

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod descriptor;
mod error;
pub mod govern;
pub mod identity;
pub mod payment;
mod secret;
pub mod storage;
#[cfg(feature = "wrappers")]
pub mod wrappers;

pub use context::{Context, ContextBuilder};
pub use descriptor::{CONTRACT_VERSION, Capability, Descriptor, Limits, PartLimits};
pub use error::{Conflict, Error, ErrorKind, Outcome, RetryClass, TokenFault};
pub use govern::Governed;
pub use identity::{IdentityProvider, IdentityProviderExt};
pub use payment::PaymentProvider;
pub use secret::Secret;
pub use storage::{ObjectStorage, ObjectStorageExt};
