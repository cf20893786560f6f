//! What a run found, for people and for machines.

mod html;
mod json;
mod junit;

use std::fmt;
use std::time::Duration;

use super::{CheckResult, Verdict};
use crate::Descriptor;

/// How a suite went. `Display` prints one line per check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Report {
    /// The family of the suite, as in `storage`.
    pub family: &'static str,
    /// The adapter's name and version.
    pub adapter: String,
    /// What the adapter claims, by the names of [`Capability`](crate::Capability).
    pub capabilities: Vec<&'static str>,
    /// Every check of the suite, in order.
    pub results: Vec<CheckResult>,
}

impl Report {
    pub(super) fn new(family: &'static str, descriptor: &Descriptor) -> Self {
        Self {
            family,
            adapter: format!("{} {}", descriptor.name, descriptor.version),
            capabilities: descriptor.capabilities.iter().map(|capability| capability.as_str()).collect(),
            results: Vec::new(),
        }
    }

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

    /// How long all checks took together.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.results.iter().map(|result| result.elapsed).sum()
    }

    /// The report as a JSON document (RFC 8259): `family`, `adapter`, `passed`, `capabilities`, and `checks`, each with
    /// `name`, `verdict` (`passed`, `failed` or `skipped`), `seconds`, and `reason` unless it passed.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// The report as a JUnit XML document, which build servers read: one `testsuite`, one `testcase` per check, its
    /// `classname` the family and the adapter's name.
    #[must_use]
    pub fn to_junit(&self) -> String {
        junit::write(self)
    }

    /// The report as one HTML page that loads nothing from anywhere.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.adapter)?;
        for CheckResult { name, verdict, .. } in &self.results {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed   {name}")?,
                Verdict::Failed(how) => writeln!(f, "  FAILED   {name}: {how}")?,
                Verdict::Skipped(why) => writeln!(f, "  skipped  {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// How many checks passed, failed and were skipped.
fn counts(report: &Report) -> [usize; 3] {
    let (failed, skipped) = (report.failures().count(), report.skips().count());
    [report.results.len() - failed - skipped, failed, skipped]
}

/// Text for a place in XML or HTML, element or attribute. What XML 1.0 §2.2 cannot hold, even escaped, becomes U+FFFD.
struct Markup<'t>(&'t str);

impl fmt::Display for Markup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // A parser would turn them into spaces in an attribute.
                '\t' | '\n' | '\r' => write!(f, "&#{};", u32::from(c))?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
