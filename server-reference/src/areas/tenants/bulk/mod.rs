//! Bulk import: from the bytes of a request to tenants, all of them or none.
//!
//! While the file arrives its rows are checked, planned and staged (`intake`). A dry run, or a file
//! with findings, ends there. Otherwise the request is accepted as an operation (`accept`) whose
//! handler (`job`) creates all tenants in one transaction.

mod accept;
mod file;
pub(super) mod http;
mod intake;
pub(super) mod job;
pub(super) mod model;
mod request;
mod sweep;

pub(super) use accept::import;
pub use job::TenantImports;
pub use sweep::sweep;
