//! The whole product in one process: contract, server and SDK held against each other.
//!
//! One binary, because each one links the whole server. The tests that need processes of their own are in
//! `tests/process`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod access;
mod conformance;
mod drift;
mod engines;
mod examples;
mod export;
mod hostile;
mod load;
mod once;
mod planned;
mod retries;
mod sample;
mod scenarios;
mod trust;
mod watch;
mod world;
