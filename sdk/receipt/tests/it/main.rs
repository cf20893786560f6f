//! Tests through the public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "cli")]
mod cli;
mod entry;
mod fixture;
mod issue;
mod key;
mod mutation;
mod note;
mod oracle;
mod range;
mod receipt_rejects;
mod rfc;
mod tlog;
mod verifier;
