//! JUnit XML, in the dialect that Jenkins, GitLab and GitHub's actions read.

use std::fmt::{self, Write as _};

use super::super::Verdict;
use super::{Markup, Report, counts};

pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = body(report, &mut text);
    text
}

fn body(report: &Report, text: &mut String) -> fmt::Result {
    let [_, failed, skipped] = counts(report);
    let name = format!("{} conformance of {}", report.family, report.adapter);
    let class = format!("{}.{}", report.family, report.adapter.split(' ').next().unwrap_or_default());
    let (name, class) = (Markup(&name), Markup(&class));
    let total = report.results.len();
    let seconds = report.elapsed().as_secs_f64();
    let numbers = format!(
        "tests=\"{total}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.6}\""
    );
    writeln!(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(text, "<testsuites {numbers}>\n  <testsuite name=\"{name}\" {numbers}>")?;
    for result in &report.results {
        let (check, seconds) = (Markup(result.name), result.elapsed.as_secs_f64());
        write!(text, "    <testcase classname=\"{class}\" name=\"{check}\" time=\"{seconds:.6}\"")?;
        match &result.verdict {
            Verdict::Passed => writeln!(text, "/>")?,
            Verdict::Failed(how) => {
                let how = Markup(how);
                writeln!(text, ">\n      <failure message=\"{how}\">{how}</failure>\n    </testcase>")?;
            }
            Verdict::Skipped(why) => {
                writeln!(text, ">\n      <skipped message=\"{}\"/>\n    </testcase>", Markup(why))?;
            }
        }
    }
    writeln!(text, "  </testsuite>\n</testsuites>")
}
