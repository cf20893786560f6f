//! The strict SD-JWT codec (RFC 9901) for receipts.
//!
//! Receipts use the flat part of SD-JWT: one `_sd` at the top of the payload, no digests in arrays or below, no key
//! binding. What RFC 9901 section 7 tells a verifier to reject is rejected, and so is everything that a receipt does
//! not use, because a byte that nobody checks is a byte that somebody else can choose.

mod disclosure;
mod opened;
mod parse;

pub use disclosure::Disclosure;
pub use opened::Opened;
pub use parse::{SdJwt, present};

/// Members that RFC 9901 gives a meaning at any depth.
pub(crate) const CONTROL_MEMBERS: [&str; 2] = ["_sd", "..."];
