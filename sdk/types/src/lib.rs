#![doc = include_str!("../README.md")]

mod nullable;
mod operation;
mod present;
mod problem;
mod secret;
mod string_enum;

pub mod adapters;
pub mod identity;
pub mod meta;
pub mod operations;
pub mod ops;
pub mod problems;
pub mod receipts;
pub mod retry_tests;
pub mod shared;
pub mod tenants;

pub use operation::{BodyClass, Deprecation, Idempotency, Method, Operation};
pub use problem::ProblemType;
pub use secret::Secret;
pub use string_enum::UnknownValue;

/// The contract these types were generated from: OpenAPI 3.1.1, as JSON.
pub const CONTRACT_JSON: &str = include_str!("companyos.json");
