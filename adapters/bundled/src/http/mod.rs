//! The HTTP client that our adapters of web APIs share.
//!
//! What it guarantees, so that no adapter has to:
//! - TLS by rustls against the platform's roots; plain HTTP only to the own machine, and not even there when
//!   [`HttpConfig::https_only`] is set.
//! - Redirects are refused, with an error that names where they led. Following one would carry credentials to a host
//!   nobody configured, and would let a provider send us into the own network.
//! - Connecting, each read and the whole call are bounded in time, the whole call also by the deadline of the
//!   [`Context`](crate::traits::Context). No proxy is taken from the environment.
//! - An answer larger than [`HttpConfig::max_response_bytes`] is refused before it fills the memory.
//! - Every failure says whether the request can have been acted on ([`Outcome`](crate::traits::Outcome)), and keeps
//!   the provider's `Retry-After`. No URL, header or body enters an error, because all three carry secrets.
//! - Nothing is retried: the caller knows what is safe.
//!
//! It is public so that an adapter of your own can stand on the same ground.

mod body;
mod client;
mod config;
mod failure;
mod target;

pub use body::BodyStream;
pub use client::HttpClient;
pub use config::HttpConfig;
pub use failure::{answered, request_id, retry_after};
