//! Tenants, and creating many of them from one file.
//!
//! Owns the tables `tenants`, `tenant_imports` and `tenant_import_blocks`. Does not own the API keys of
//! a tenant (identity), its receipts (receipts), nor the running of accepted imports (operations).

mod bulk;
pub mod checks;
mod export;
mod http;
pub mod import;
pub mod labels;
pub mod model;
pub mod rules;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

use companyos_types::ops;

pub use self::bulk::{TenantImports, forget_rows, sweep};
use super::operations::jobs::Wake;
use crate::kernel::routes::Routes;

/// The operations of this area; `wake` tells the runner of long operations that one was accepted.
pub fn routes(wake: Wake) -> Routes {
    Routes::new()
        .op(&ops::CREATE_TENANT, http::create)
        .op(&ops::LIST_TENANTS, http::list)
        .op(&ops::EXPORT_TENANTS, http::export)
        .op(&ops::GET_TENANT, http::get)
        .op(&ops::UPDATE_TENANT, http::update)
        .op(&ops::DELETE_TENANT, http::delete)
        .op(&ops::BULK_IMPORT_TENANTS, move |ctx| bulk::import(ctx, wake.clone()))
        .op(&ops::LIST_TENANT_IMPORTS, bulk::http::list)
        .op(&ops::GET_TENANT_IMPORT, bulk::http::get)
        .op(&ops::LIST_TENANT_IMPORT_ROWS, bulk::http::rows)
}
