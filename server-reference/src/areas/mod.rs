//! The capability areas. Each owns its tables, its rules and its operations; see ARCHITECTURE.md for their common shape.

pub mod adapters;
pub mod identity;
pub mod meta;
pub mod operations;
pub mod receipts;
pub mod retry_tests;
pub mod tenants;
