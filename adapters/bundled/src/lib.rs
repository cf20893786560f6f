#![doc = include_str!("../README.md")]

#[cfg(feature = "catalog")]
pub mod catalog;
#[cfg(feature = "conformance-cli")]
pub mod conformance_cli;
#[cfg(all(feature = "fs", unix))]
pub mod fs;
#[cfg(feature = "gcs")]
pub mod gcs;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "oidc")]
pub mod oidc;
#[cfg(feature = "payments-stripe")]
pub mod payments_stripe;
#[cfg(feature = "payments-stub")]
pub mod payments_stub;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "payments-stub", feature = "payments-stripe"))]
pub mod webhook;

pub use companyos_adapter_traits as traits;
