//! The offline verifier.
//!
//! Every refusal is a [`Failure`] that names the [`Check`] that failed. What verifies was signed by a trusted key; what
//! verifies with a proof, or in a range, is also committed to by a signed checkpoint of the right log.

mod check;
mod range;
mod verifier;

pub use check::{Check, Failure};
pub use range::RangeReport;
pub use verifier::{Inclusion, Verdict, Verified, Verifier};
