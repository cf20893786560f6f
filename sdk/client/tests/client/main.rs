//! The client over real sockets, on a clock that the tests move.

#![expect(clippy::expect_used, reason = "a test whose preparation fails has failed")]

mod answers;
mod bodies;
mod connections;
mod hints;
mod interceptors;
mod keys;
mod pages;
mod polling;
mod receipts;
mod requests;
mod retries;
mod secrets;
mod support;
mod timers;
mod traces;

#[cfg(feature = "blocking")]
mod blocking;
