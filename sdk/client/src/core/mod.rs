//! The hand-written core that every generated operation is built on.

pub(crate) mod attempt;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod builder;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod delay;
pub(crate) mod error;
mod error_kinds;
pub(crate) mod exchange;
pub(crate) mod idempotency;
pub(crate) mod intercept;
pub(crate) mod options;
pub(crate) mod page;
pub(crate) mod poll;
mod problem;
pub(crate) mod rate_limit;
pub(crate) mod receipt;
pub(crate) mod response;
mod retry;
mod retry_after;
mod send;
mod target;
pub(crate) mod timer;
mod trace;
pub(crate) mod transport;
