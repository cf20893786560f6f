//! Faults on purpose, so that any client can prove its retry rules. Mounted in development mode only.
//!
//! Owns the plans, in memory: at most a thousand, each forgotten ten minutes after it was made. Does not own
//! what a fault does to a request (`kernel::fault`, `kernel::dispatch`).

mod http;
mod model;
mod rules;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use companyos_types::ops;

pub use self::service::RetryTests;
use crate::kernel::routes::Routes;

/// The operations of this area.
#[must_use]
pub fn routes(tests: Arc<RetryTests>) -> Routes {
    let (reading, deleting) = (Arc::clone(&tests), Arc::clone(&tests));
    Routes::new()
        .op(&ops::CREATE_RETRY_TEST, move |ctx| http::create(ctx, Arc::clone(&tests)))
        .op(&ops::GET_RETRY_TEST, move |ctx| http::get(ctx, Arc::clone(&reading)))
        .op(&ops::DELETE_RETRY_TEST, move |ctx| http::delete(ctx, Arc::clone(&deleting)))
}
