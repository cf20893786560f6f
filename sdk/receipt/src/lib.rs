//! CompanyOS receipts: what a privileged action leaves behind, and how anybody checks it without asking the server.
//!
//! A receipt is an SD-JWT (RFC 9901). Its hash is a leaf of a transparency log (RFC 6962 hashing), and a signed
//! checkpoint (C2SP signed-note and tlog-checkpoint) commits to all leaves at once. This crate holds the formats, the
//! arithmetic and the verifier:
//!
//! - [`key`]: public keys as a JWK set, and the [`key::Signer`] trait that hides where private keys live
//! - [`receipt`]: the claims of a receipt and how one is issued
//! - [`sdjwt`]: the strict SD-JWT codec and selective presentation
//! - [`tlog`]: tree hashing, frontiers, inclusion, consistency and range proofs, tile paths
//! - [`checkpoint`] and [`proof`]: the two C2SP text formats
//! - [`range`]: an exported stretch of a log in one file
//! - [`verify`]: the offline verifier, whose every refusal names the failed [`verify::Check`]
//!
//! # What is absent
//!
//! No IO, no clock and no random numbers: bytes come in, bytes go out, and the same input gives the same bytes. Times,
//! identifiers and keys are the caller's. The one exception is the command line tool `companyos-receipt` (module `cli`),
//! which reads files and is compiled only with feature `cli`.
//!
//! # Issue, log, prove, verify
//!
//! ```
//! use companyos_receipt::checkpoint::{self, Checkpoint};
//! use companyos_receipt::key::{KeySet, Signer, SoftwareSigner};
//! use companyos_receipt::proof::TlogProof;
//! use companyos_receipt::receipt::{Claims, Outcome, Phase, Private, SaltKey, issue};
//! use companyos_receipt::tlog::Frontier;
//! use companyos_receipt::verify::Verifier;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let signer = SoftwareSigner::from_seed([7; 32]);
//! let claims = Claims {
//!     iss: "https://eu.companyos.example".into(),
//!     jti: "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab".into(),
//!     iat: 1_768_555_800,
//!     region: "eu".into(),
//!     tenant: "log_0193e2a1-7b2c-7d10-8a3f-0123456789ac".into(),
//!     act: "tenant.create".into(),
//!     phase: Phase::Outcome,
//!     out: Outcome::Ok,
//!     reference: None,
//!     pol: "sha256:ba7816bf".into(),
//! };
//! let private = Private::new().actor("key_7f").resource("tenant", "ten_42").reason("signed contract");
//! let issued = issue(&claims, &private, &SaltKey::from_bytes([9; 32]), &signer)?;
//!
//! let mut log = Frontier::new();
//! log.push(issued.leaf_hash());
//! let origin = checkpoint::origin(&claims.iss, &claims.region, &claims.tenant);
//! let note = Checkpoint::new(origin, log.size(), log.root())?.sign(&[&signer as &dyn Signer])?;
//! let proof = TlogProof::new(0, Vec::new(), note).to_text();
//!
//! let verifier = Verifier::new(KeySet::from_public_keys(&[*signer.public_key()])?);
//! let verified = verifier.verify_receipt(&issued.sd_jwt(), Some(&proof))?;
//! assert_eq!(verified.claims.act, "tenant.create");
//! assert!(verified.inclusion.is_some());
//! # Ok(())
//! # }
//! ```

mod b64;
mod civil;
mod error;
mod json;
mod sha256;

pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;
pub mod key;
pub mod proof;
pub mod range;
pub mod receipt;
pub mod sdjwt;
pub mod tlog;
pub mod verify;

pub use error::Error;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
