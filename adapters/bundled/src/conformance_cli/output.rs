//! What people see.

use std::fmt::{self, Write as _};

use companyos_adapter_traits::conformance::{CheckResult, Report, Verdict, Watcher};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line of progress on standard error, shown only where that is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(total: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        // A template that cannot be read leaves the default, which will do.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Progress {
    fn checked(&self, result: &CheckResult, done: usize, _: usize) {
        self.bar.set_position(done as u64);
        self.bar.set_message(result.name.replace('_', " "));
    }
}

/// The report as lines of columns.
pub(super) fn table(report: &Report, colours: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut text, report, colours);
    text
}

fn write_table(text: &mut String, report: &Report, colours: bool) -> fmt::Result {
    writeln!(text, "{} conformance of {}", report.family, report.adapter)?;
    for CheckResult { name, verdict, elapsed, .. } in &report.results {
        let (word, colour) = match verdict {
            Verdict::Passed => ("passed ", "32"),
            Verdict::Failed(_) => ("FAILED ", "31"),
            Verdict::Skipped(_) => ("skipped", "33"),
        };
        let word = if colours { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() };
        writeln!(text, "  {word} {:>7.2} s  {}", elapsed.as_secs_f64(), name.replace('_', " "))?;
        if let Some(reason) = verdict.reason() {
            writeln!(text, "                      {}", printable(reason))?;
        }
    }
    let (failed, skipped) = (report.failures().count(), report.skips().count());
    let passed = report.results.len() - failed - skipped;
    let seconds = report.elapsed().as_secs_f64();
    writeln!(text, "{passed} passed, {failed} failed, {skipped} skipped in {seconds:.1} s")
}

/// A reason on one line. It may quote what a provider sent, and that must not steer the terminal.
fn printable(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
