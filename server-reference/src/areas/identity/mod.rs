//! API keys: issue, list, rotate, revoke, and find the one a request carries.
//!
//! Owns the tables `api_keys` and `deployment` (the platform's own tenant id). Does not own the form of a key
//! (`kernel::credential`), its check on each request (`kernel::auth`) or tenants, which it asks about through
//! [`TenantDirectory`].

mod bootstrap;
mod http;
mod model;
mod rules;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use companyos_types::ops;
use futures_util::future::BoxFuture;

pub use self::bootstrap::{Bootstrap, Deployment};
pub use self::service::KeyDirectory;
use crate::kernel::problem::Problem;
use crate::kernel::routes::Routes;
use crate::store::{Reader, StoreError, Tx};

/// What this area has to know of tenants.
pub trait TenantDirectory: Send + Sync + fmt::Debug {
    /// Whether the tenant exists and may have keys.
    fn exists<'a>(&'a self, tx: &'a mut Tx, tenant_id: &'a str) -> BoxFuture<'a, Result<bool, Problem>>;

    /// Whether the tenant is taken out of use, so that its keys may do nothing.
    fn suspended<'a>(
        &'a self,
        reader: &'a mut Reader,
        tenant_id: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// The operations of this area.
#[must_use]
pub fn routes(tenants: Arc<dyn TenantDirectory>) -> Routes {
    Routes::new()
        .op(&ops::ISSUE_API_KEY, move |ctx| http::issue(ctx, Arc::clone(&tenants)))
        .op(&ops::LIST_API_KEYS, http::list)
        .op(&ops::GET_API_KEY, http::get)
        .op(&ops::REVOKE_API_KEY, http::revoke)
        .op(&ops::ROTATE_API_KEY, http::rotate)
}
