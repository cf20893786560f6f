//! The CompanyOS reference server: the OpenAPI contract, implemented.

pub mod app;
pub mod areas;
#[cfg(feature = "bench")]
pub mod bench;
pub mod cells;
pub mod cli;
pub mod config;
pub mod kernel;
pub mod keys;
pub mod launch;
pub mod serve;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
