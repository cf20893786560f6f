//! Tenants, and creating many of them from one file.
//!
//! Owns the tables `tenants`, `tenant_imports` and `tenant_import_rows`. Does not own the API keys of
//! a tenant (identity), its receipts (receipts), nor the running of accepted imports (operations).

pub mod checks;
pub mod import;
pub mod labels;
pub mod model;
