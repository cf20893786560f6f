//! The OIDC adapter, against the certified provider in `contract-tests/peers/oidc` and against issuers made to
//! misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is skipped says so"
)]

mod support;

mod answers;
mod clients;
mod conformance;
mod device;
mod keys;
mod people;
mod rotation;
mod sign_in;
mod tokens;
