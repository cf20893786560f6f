//! Long operations: what a 202 promised, how far it is, and the runner that does the work.
//!
//! Owns the table `operations`. Does not own what an operation does: an area hands the runner a
//! [`Handler`](jobs::Handler) for each kind.

mod http;
pub mod jobs;
pub mod model;
pub mod rules;
mod run;
pub mod service;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use companyos_types::ops;

use self::jobs::Handlers;
use crate::kernel::routes::Routes;

/// The operations of this area.
pub fn routes(handlers: &Arc<Handlers>) -> Routes {
    let handlers = Arc::clone(handlers);
    Routes::new()
        .op(&ops::LIST_OPERATIONS, http::list)
        .op(&ops::GET_OPERATION, http::get)
        .op(&ops::CANCEL_OPERATION, move |ctx| http::cancel(ctx, Arc::clone(&handlers)))
}
