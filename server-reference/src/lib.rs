//! The CompanyOS reference server: the OpenAPI contract, implemented.

pub mod areas;
pub mod kernel;
pub mod store;
