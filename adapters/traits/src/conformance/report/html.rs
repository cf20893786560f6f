//! One page, with its style in it and no script.

use std::fmt::{self, Write as _};

use super::{Markup, Report, counts};

/// Both colour schemes, and words beside every colour.
const STYLE: &str = "\
:root{color-scheme:light dark;--ok:#1a7f37;--bad:#cf222e;--skip:#7d6200;--line:#8884}\
@media(prefers-color-scheme:dark){:root{--ok:#3fb950;--bad:#ff7b72;--skip:#d4a72c}}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}\
td:last-child{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.passed b{color:var(--ok)}.failed b{color:var(--bad)}.skipped b{color:var(--skip)}\
p.why{margin:.2rem 0 0;overflow-wrap:anywhere}code{font-size:.9em}";

pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = body(report, &mut text);
    text
}

fn body(report: &Report, text: &mut String) -> fmt::Result {
    let [passed, failed, skipped] = counts(report);
    let title = format!("{} conformance: {}", report.family, report.adapter);
    let title = Markup(&title);
    writeln!(text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>")?;
    writeln!(text, "<meta name=\"viewport\" content=\"width=device-width\"/>")?;
    writeln!(text, "<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>")?;
    writeln!(
        text,
        "<p>{passed} passed, {failed} failed, {skipped} skipped, {:.1} s</p>",
        report.elapsed().as_secs_f64()
    )?;
    write!(text, "<p>Claims:")?;
    if report.capabilities.is_empty() {
        write!(text, " nothing beyond what is required")?;
    }
    for capability in &report.capabilities {
        write!(text, " <code>{}</code>", Markup(capability))?;
    }
    writeln!(
        text,
        "</p>\n<table>\n<thead><tr><th>Verdict</th><th>Check</th><th>Time</th></tr></thead>\n<tbody>"
    )?;
    for result in &report.results {
        let verdict = result.verdict.as_str();
        let name = result.name.replace('_', " ");
        write!(text, "<tr class=\"{verdict}\"><td><b>{verdict}</b></td><td>{}", Markup(&name))?;
        if let Some(reason) = result.verdict.reason() {
            write!(text, "<p class=\"why\">{}</p>", Markup(reason))?;
        }
        writeln!(text, "</td><td>{:.0} ms</td></tr>", result.elapsed.as_secs_f64() * 1000.0)?;
    }
    writeln!(text, "</tbody>\n</table>\n</body>\n</html>")
}
