//! The CompanyOS reference server: the OpenAPI contract, implemented.

pub mod areas;
pub mod cells;
pub mod kernel;
pub mod keys;
pub mod serve;
pub mod store;
