//! Adapters: a tenant's own identity provider, bucket and payment provider.
//!
//! Owns the tables `adapters` and `adapter_calls`. Does not own what an adapter does (`companyos-adapters`) or how a
//! call of one is governed (`companyos_adapter_traits::govern`), whose hooks it implements with the server's own policy
//! and receipts.

mod bearer;
mod checks;
mod governance;
mod http;
mod model;
mod rules;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use companyos_types::ops;

pub use self::bearer::{Bearers, audience_of};
pub use self::service::Adapters;
use crate::kernel::routes::Routes;

/// The operations of this area.
#[must_use]
pub fn routes(adapters: &Arc<Adapters>) -> Routes {
    let shared = || Arc::clone(adapters);
    let (register, configure, remove, test) = (shared(), shared(), shared(), shared());
    Routes::new()
        .op(&ops::REGISTER_ADAPTER, move |ctx| http::register(ctx, Arc::clone(&register)))
        .op(&ops::LIST_ADAPTERS, http::list)
        .op(&ops::GET_ADAPTER, http::get)
        .op(&ops::CONFIGURE_ADAPTER, move |ctx| http::configure(ctx, Arc::clone(&configure)))
        .op(&ops::REMOVE_ADAPTER, move |ctx| http::remove(ctx, Arc::clone(&remove)))
        .op(&ops::TEST_ADAPTER, move |ctx| http::test(ctx, Arc::clone(&test)))
        .op(&ops::GET_ADAPTER_REPORT, http::report)
}
