//! The contract's tool and test kit.
//!
//! The contract is kept by hand in `openapi/*.yaml`. Everything else is made from it or held against it:
//!
//! - [`bundle`] merges the files into one plain OpenAPI 3.1.1 document and expands the `x-companyos-*` shorthands;
//! - [`generate`] writes the wire types, the operation constants and the SDK's area modules;
//! - [`check`] reports where the contract breaks our own conventions, and where a generated file is stale;
//! - [`diff`] reports changes that would break a client of a released version;
//! - [`scenario`] plans requests over the whole API and runs them against any server;
//! - [`postman`] writes the same requests as a Postman collection;
//! - [`contract`] validates requests and responses, for tests;
//! - [`deprecation`] reads from when on an operation is deprecated;
//! - [`coverage`] records which operation answered with which status;
//! - [`test_run`] runs the whole suite.
//!
//! The binary `contract` (`cargo contract ...`) is a thin command line over these modules.

pub mod bundle;
pub mod check;
pub mod contract;
pub mod coverage;
pub mod deprecation;
pub mod diff;
pub mod error;
pub mod generate;
pub mod model;
pub mod postman;
pub mod repo;
pub mod scenario;
pub mod schema;
pub mod test_run;
pub mod yaml;

/// Compiles the example of the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
