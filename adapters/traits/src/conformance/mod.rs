//! Behaviour every adapter of a family must show, as checks an adapter author runs against their own.
//!
//! As one test per check, with the macro of the family:
//!
//! ```
//! use companyos_adapter_traits::storage::MemoryStorage;
//!
//! async fn storage() -> MemoryStorage {
//!     MemoryStorage::new()
//! }
//!
//! companyos_adapter_traits::storage_conformance!(storage);
//! # fn main() {}
//! ```
//!
//! Or as one report:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use companyos_adapter_traits::conformance::storage;
//! use companyos_adapter_traits::{Context, storage::MemoryStorage};
//!
//! let report = storage::run(&MemoryStorage::new(), Context::builder("suite", "local").build(), "suite/").await;
//! assert!(report.passed(), "{report}");
//! std::fs::write("/dev/null", report.to_junit())?; // or to_json, to_html
//! # Ok::<(), std::io::Error>(())
//! # });
//! ```
//!
//! Each capability is tested both ways: what the descriptor claims must work, what it does not claim must answer
//! `Unsupported`. A check that could not be made is reported as skipped, with the reason; it is not a pass.
//!
//! Stability: a name of a check is never given to another check. Checks are added and made stricter in minor versions,
//! as the traits' documentation is made more precise; so pin the minor version if a red build must be your own doing.

pub mod faults;
mod http;
pub mod identity;
pub mod payment;
mod report;
pub mod storage;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use report::Report;

use crate::clock::{Clock, SystemClock};

/// How one check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The adapter behaves.
    Passed,
    /// It does not, and this is how.
    Failed(String),
    /// The check could not be made, and this is why.
    Skipped(String),
}

impl Verdict {
    /// The word that reports carry.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// How it failed, or why it was skipped.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(reason) | Self::Skipped(reason) => Some(reason),
        }
    }
}

/// A check and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// The name of the check: a sentence that says what must hold.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// How long it took.
    pub elapsed: Duration,
}

impl CheckResult {
    /// Makes a check and keeps how it went.
    async fn of(name: &'static str, check: impl Future<Output = Result<(), Stop>>) -> Self {
        let start = SystemClock.now();
        let verdict = check.await.into();
        Self { name, verdict, elapsed: SystemClock.now() - start }
    }
}

/// What a suite tells while it runs, so that a long run can be watched.
pub trait Watcher: Send + Sync {
    /// A check has been made; `done` of `total` are.
    fn checked(&self, result: &CheckResult, done: usize, total: usize);
}

/// Watches nothing.
impl Watcher for () {
    fn checked(&self, _: &CheckResult, _: usize, _: usize) {}
}

/// Fails the test that [`storage_conformance!`](crate::storage_conformance) and its like make of a check, or says on
/// standard error that the check was skipped.
#[doc(hidden)]
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it was skipped")]
#[expect(clippy::panic, reason = "it is how a test fails")]
pub fn conclude(result: &CheckResult) {
    match &result.verdict {
        Verdict::Passed => {}
        Verdict::Skipped(why) => eprintln!("skipped {}: {why}", result.name),
        Verdict::Failed(how) => panic!("{}: {how}", result.name),
    }
}

/// Why a check ended early.
#[derive(Debug)]
enum Stop {
    Failed(String),
    Skipped(String),
}

impl From<crate::Error> for Stop {
    fn from(error: crate::Error) -> Self {
        Self::Failed(format!("unexpected error: {error}"))
    }
}

impl From<Result<(), Stop>> for Verdict {
    fn from(result: Result<(), Stop>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(Stop::Failed(how)) => Self::Failed(how),
            Err(Stop::Skipped(why)) => Self::Skipped(why),
        }
    }
}

/// A check under way.
type Checking<'s> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 's>>;

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($how:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Stop::Failed(format!($($how)+)));
        }
    };
}
use ensure;

/// Makes the table of a family's checks, and the macro that makes a test of each.
///
/// `$d` is a dollar sign, which a macro cannot write into the macro it makes.
macro_rules! checks {
    ($d:tt $(#[$doc:meta])* $family:ident as $tests:ident; $($module:ident::$check:ident,)+) => {
        struct Check {
            name: &'static str,
            run: for<'s> fn(&'s Subject<'s>) -> $crate::conformance::Checking<'s>,
        }

        const CHECKS: &[Check] = &[$(Check {
            name: stringify!($check),
            run: |subject| Box::pin($module::$check(subject)),
        }),+];

        $(#[$doc])*
        #[macro_export]
        macro_rules! $tests {
            ($d factory:expr) => {
                $d crate::$tests!($d factory, $d crate::conformance::$family::Settings::default());
            };
            ($d factory:expr, $d settings:expr) => {
                $(#[::tokio::test]
                async fn $check() {
                    let (factory, settings) = ($d factory, $d settings);
                    let adapter = factory().await;
                    let result = $d crate::conformance::$family::check(&adapter, &settings, stringify!($check));
                    $d crate::conformance::conclude(&result.await);
                })+
            };
        }
    };
}
use checks;
