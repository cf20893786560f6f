//! Bulk import: from the bytes of a request to tenants, all of them or none.
//!
//! While the file arrives its rows are checked (`parse`), planned and staged in blocks (`plan`). A dry
//! run, or a file with findings, ends there. Otherwise the request is accepted as an operation
//! (`accept`) whose handler (`job`) creates the tenants block by block, out of everybody's sight, and
//! brings all of them to light in the one transaction that ends the import.

mod accept;
pub(super) mod block;
mod file;
pub(super) mod http;
mod intake;
pub(super) mod job;
pub(super) mod model;
mod parse;
mod plan;
mod request;
mod rows;
mod sweep;

pub(super) use accept::import;
pub use job::TenantImports;
pub use sweep::{forget_rows, sweep};
