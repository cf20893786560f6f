//! The capability areas. Each owns its tables, its rules and its operations; see ARCHITECTURE.md for their common shape.

pub mod receipts;
pub mod tenants;
