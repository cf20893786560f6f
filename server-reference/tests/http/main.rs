//! The server through its public interface: what every caller can rely on, whatever area it calls.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
#[cfg(feature = "s3")]
mod bucket;
mod exactly_once;
mod identity;
mod issuer;
mod meta;
mod privileged;
mod quota;
mod retry_tests;
mod support;
mod tenancy;
#[cfg(feature = "tls")]
mod tls;
mod wire;
