//! What a host puts between itself and a provider that fails at times, or wants fewer requests. Behind the feature
//! `wrappers`.
//!
//! [`Retrying`] repeats what may be repeated, [`Limited`] keeps to a number of calls at a time and per second. Both wrap
//! any adapter and are one themselves. From the outside in, the order is governance, retries, limits:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use companyos_adapter_traits::storage::{MemoryStorage, ObjectKey};
//! use companyos_adapter_traits::wrappers::{LimitPolicy, Limited, RetryPolicy, Retrying};
//! use companyos_adapter_traits::{Context, ObjectStorageExt};
//!
//! let limited = Limited::new(MemoryStorage::new(), LimitPolicy::default().concurrency(16).per_second(100, 20));
//! let storage = Retrying::new(limited, RetryPolicy::default());
//! // Governed::new(storage, policy, sink): one intent and one outcome, whatever it took.
//!
//! let ctx = Context::builder("acme", "eu-central").build();
//! storage.write(&ctx, &ObjectKey::new("report")?, "figures").await?;
//! # Ok::<(), companyos_adapter_traits::Error>(())
//! # }).unwrap();
//! ```

mod identity;
mod limited;
mod payment;
mod retrying;
mod sleeper;
mod storage;

pub use limited::{LimitPolicy, Limited};
pub use retrying::{RetryBudget, RetryPolicy, Retrying};
pub use sleeper::{Sleeper, TokioSleeper};

/// Whether an operation that may have been done can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// It comes to the same, by the contract of its trait.
    Always,
    /// Under an idempotency key, by which the provider knows it again.
    WithKey,
    /// It does not come to the same.
    Never,
}
