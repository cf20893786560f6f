//! Receipts and the transparency logs they are committed to: listing, proving, exporting, verifying.
//!
//! Owns every read of the tables `logs`, `receipts` and `log_tiles`. Does not own writing them: a receipt comes into
//! being only in the transaction of its effect, in [`crate::store`]. Nothing here changes anything; an export is the one
//! privileged operation and leaves a receipt of its own.

mod export;
mod http;
mod model;
mod rules;
mod service;
mod store;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

use companyos_types::ops;

use crate::kernel::routes::Routes;

/// The operations of this area.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .op(&ops::LIST_RECEIPTS, http::list)
        .op(&ops::VERIFY_RECEIPTS, http::verify)
        .op(&ops::EXPORT_RECEIPTS, http::export)
        .op(&ops::GET_RECEIPT, http::get)
        .op(&ops::GET_RECEIPT_PROOF, http::proof)
        .op(&ops::LIST_LOGS, http::logs)
        .op(&ops::GET_LOG_CHECKPOINT, http::checkpoint)
        .op(&ops::GET_LOG_CONSISTENCY, http::consistency)
        .op(&ops::GET_LOG_TILE, http::tile)
        .op(&ops::GET_LOG_ENTRIES, http::entries)
}
