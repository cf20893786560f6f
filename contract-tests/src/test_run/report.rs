//! What a run came to.

use serde_json::{Value, json};
use std::fmt;

/// How many checks passed, failed and were skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that held.
    pub passed: u64,
    /// Checks that did not.
    pub failed: u64,
    /// Checks that were not made.
    pub skipped: u64,
    /// Why something was skipped, or what else a reader should know.
    pub notes: Vec<String>,
}

impl Counts {
    /// One check.
    #[must_use]
    pub fn one(held: bool) -> Self {
        Self { passed: u64::from(held), failed: u64::from(!held), ..Self::default() }
    }

    /// One check that was not made, and why.
    #[must_use]
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skipped: 1, notes: vec![reason.into()], ..Self::default() }
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes.iter().cloned());
    }
}

/// One leg's result.
#[derive(Debug, Clone)]
pub struct LegReport {
    /// The leg.
    pub name: &'static str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What it came to.
    pub counts: Counts,
}

impl fmt::Display for LegReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { passed, failed, skipped, notes } = &self.counts;
        let verdict = if *failed > 0 { "FAILED" } else { "ok" };
        write!(
            f,
            "{verdict} {} in {:.1} s: {passed} passed, {failed} failed, {skipped} skipped",
            self.name, self.seconds
        )?;
        notes.iter().try_for_each(|note| write!(f, "\n  note: {note}"))
    }
}

/// A whole run's result.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Each leg's.
    pub legs: Vec<LegReport>,
    /// How long the run took, in seconds.
    pub seconds: f64,
}

impl Report {
    /// The sum over all legs.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.legs.iter().for_each(|leg| totals.add(&leg.counts));
        totals
    }

    /// The line a run ends with.
    #[must_use]
    pub fn last_line(&self) -> String {
        let Counts { passed, failed, skipped, .. } = self.totals();
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    /// The result for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let counts = |counts: &Counts| json!({"passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped, "notes": counts.notes});
        let legs: Vec<Value> = self
            .legs
            .iter()
            .map(|leg| json!({"name": leg.name, "seconds": leg.seconds, "counts": counts(&leg.counts)}))
            .collect();
        json!({"seconds": self.seconds, "totals": counts(&self.totals()), "legs": legs})
    }
}
