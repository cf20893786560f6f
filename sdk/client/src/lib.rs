#![doc = include_str!("../README.md")]

pub mod areas;
#[cfg(feature = "blocking")]
pub mod blocking;
mod core;
pub mod testing;
pub mod webhook;

pub use crate::core::attempt::{Attempt, GaveUp, Outcome};
pub use crate::core::body::{Body, RequestBody};
pub use crate::core::builder::ClientBuilder;
pub use crate::core::client::Client;
pub use crate::core::credentials::{Bearer, CredentialSource};
#[cfg(feature = "backoff")]
pub use crate::core::delay::BackoffDelays;
#[cfg(feature = "backon")]
pub use crate::core::delay::BackonDelays;
pub use crate::core::delay::{DelaySource, Delays, FullJitter};
pub use crate::core::error::{BoxError, Error};
pub use crate::core::idempotency::{IdempotencyKey, KeyRequest, KeyStore, RandomKeys};
pub use crate::core::intercept::{AttemptContext, AttemptResult, Interceptor};
pub use crate::core::options::{CallOptions, ResponseLimits, Timeouts};
pub use crate::core::page::{ItemStream, Page, PageStream};
pub use crate::core::poll::{Accepted, PollPolicy, Poller};
pub use crate::core::rate_limit::RateLimit;
pub use crate::core::receipt::VerifiedReceipt;
pub use crate::core::response::Response;
pub use crate::core::timer::{Sleep, Timer, TokioTimer, Wait};
pub use crate::core::transport::{InProcess, ResponseBody, Transport, TransportError};
pub use companyos_receipt as receipt;
pub use companyos_types as types;
pub use companyos_types::Secret;

/// The version of the contract this crate was generated from.
pub const CONTRACT_VERSION: &str = "0.27.0";
