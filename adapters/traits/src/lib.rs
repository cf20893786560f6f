#![doc = include_str!("../README.md")]

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod descriptor;
mod error;
pub mod govern;
pub mod payment;
pub mod storage;

pub use context::{Context, ContextBuilder};
pub use descriptor::{CONTRACT_VERSION, Capability, Descriptor, Limits, PartLimits};
pub use error::{Conflict, Error, ErrorKind, Outcome, RetryClass};
pub use govern::Governed;
pub use payment::PaymentProvider;
pub use storage::{ObjectStorage, ObjectStorageExt};
