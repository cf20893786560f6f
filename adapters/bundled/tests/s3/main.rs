//! The store of buckets against two servers that others wrote: s3s in process, which is strict about signatures and
//! digests, and moto, which knows versions, locks, classes and keys.

mod bucket;
mod conformance;
mod credentials;
mod failures;
mod faults;
mod integrity;
mod presign;
mod probe;
mod regions;
mod served;

use std::error::Error as StdError;

use companyos_adapter_traits::storage::ObjectKey;
use companyos_adapter_traits::{Context, Error, ErrorKind};

type Test = Result<(), Box<dyn StdError>>;

fn ctx() -> Context {
    Context::builder("acme", "us-east-1").build()
}

fn key(key: &str) -> Result<ObjectKey, Error> {
    ObjectKey::new(key)
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}
