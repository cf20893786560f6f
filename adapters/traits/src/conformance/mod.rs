//! Behaviour every adapter of a family must show, as checks an adapter author runs against their own.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use companyos_adapter_traits::conformance::storage;
//! use companyos_adapter_traits::{Context, storage::MemoryStorage};
//!
//! let report = storage::run(&MemoryStorage::new(), Context::builder("suite", "local").build(), "suite/").await;
//! assert!(report.passed(), "{report}");
//! # });
//! ```
//!
//! Each capability is tested both ways: what the descriptor claims must work, what it does not claim must answer
//! `Unsupported`. A check that could not be made is reported as skipped, with the reason; it is not a pass.

pub mod storage;

use std::fmt;

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

/// A check and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// The name of the check: a sentence that says what must hold.
    pub name: &'static str,
    /// How it went.
    pub verdict: Verdict,
}

/// How a suite went. `Display` prints one line per check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Report {
    /// The adapter's name and version.
    pub adapter: String,
    /// Every check of the suite, in order.
    pub results: Vec<CheckResult>,
}

impl Report {
    /// Whether no check failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The names of the checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &'static str> {
        let failed = |result: &&CheckResult| matches!(result.verdict, Verdict::Failed(_));
        self.results.iter().filter(failed).map(|result| result.name)
    }

    /// The names of the checks that could not be made.
    pub fn skips(&self) -> impl Iterator<Item = &'static str> {
        let skipped = |result: &&CheckResult| matches!(result.verdict, Verdict::Skipped(_));
        self.results.iter().filter(skipped).map(|result| result.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.adapter)?;
        for CheckResult { name, verdict } in &self.results {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed   {name}")?,
                Verdict::Failed(how) => writeln!(f, "  FAILED   {name}: {how}")?,
                Verdict::Skipped(why) => writeln!(f, "  skipped  {name}: {why}")?,
            }
        }
        Ok(())
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

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($how:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Stop::Failed(format!($($how)+)));
        }
    };
}
use ensure;
