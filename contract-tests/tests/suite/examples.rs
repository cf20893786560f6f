//! The contract's examples are what the Rust types read and write.

use companyos_types::{adapters, identity, meta, operations, receipts, retry_tests, shared, tenants};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::watch::CONTRACT;

/// Reads an example as a type and writes it again.
type RoundTrip = fn(Value) -> Result<Value, serde_json::Error>;

fn round_trip<T: Serialize + DeserializeOwned>(example: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(example)?)
}

macro_rules! types {
    ($($area:ident: $($name:ident)*;)*) => {
        &[$($((stringify!($name), round_trip::<$area::$name>),)*)*]
    };
}

/// Every object of the contract that has examples.
const TYPES: &[(&str, RoundTrip)] = types! {
    adapters: Adapter AdapterConfigure AdapterRegister AdapterReport;
    identity: ApiKey ApiKeyCreate ApiKeyRevoke ApiKeyRotate;
    meta: Discovery Health Jwks ServerMeta;
    operations: Operation;
    receipts: ConsistencyProof Log Receipt VerifyReport VerifyRequest;
    retry_tests: RetryTest RetryTestCreate;
    shared: Problem;
    tenants: ImportRow Tenant TenantCreate TenantImport TenantUpdate;
};

#[test]
fn every_example_is_read_and_written_without_a_change() {
    let mut shown = Vec::new();
    for (name, schema) in CONTRACT.model().schemas().filter(|(_, schema)| schema["type"] == "object") {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let known = TYPES.iter().find(|(known, _)| *known == name);
            let (_, round_trip) =
                known.unwrap_or_else(|| panic!("add {name} to TYPES, so that its examples are read"));
            let again = round_trip(example.clone())
                .unwrap_or_else(|error| panic!("{name} does not read {example}: {error}"));
            assert_eq!(again, *example, "{name} writes the example differently");
            shown.push(name);
        }
    }
    for (name, _) in TYPES {
        assert!(shown.contains(name), "{name} has no example any more: remove it from TYPES");
    }
}
