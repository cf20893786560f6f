#![no_main]

#[path = "../../tests/it/entry.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entry::jwks(bytes));
