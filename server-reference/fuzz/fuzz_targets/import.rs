//! Arbitrary bytes as a file of tenants: `cargo +nightly fuzz run import`.
//!
//! What must hold is asserted by `companyos_server::areas::tenants::import::fuzz`, which ordinary tests run over
//! mutated seeds too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| companyos_server::areas::tenants::import::fuzz(data));
