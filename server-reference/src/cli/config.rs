//! `companyos config check` and `companyos config show`.

use std::process::ExitCode;

use serde::Serialize;

use super::output::Output;
use super::{Common, Ended};
use crate::config::{Finding, SETTINGS, Severity, Shown};

#[derive(Serialize)]
struct Checked {
    ok: bool,
    settings: Vec<Shown>,
    findings: Vec<Finding>,
}

pub(super) fn check(common: &Common, output: Output) -> Ended {
    let layers = common.layers()?;
    let config = layers.resolve()?;
    let findings = config.check(&layers);
    let ok = findings.iter().all(|finding| finding.severity != Severity::Error);
    let mut lines: Vec<String> = config.shown().map(|shown| line(&shown)).collect();
    lines.extend(findings.iter().map(ToString::to_string));
    lines.push(if ok { "the configuration can be used" } else { "the server would not start" }.to_owned());
    output.result(&Checked { ok, settings: config.shown().collect(), findings }, &lines.join("\n"))?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    shown: Shown,
    default: &'static str,
    help: &'static str,
}

pub(super) fn show(common: &Common, output: Output) -> Ended {
    let config = common.layers()?.resolve()?;
    let explained: Vec<Explained> = config
        .shown()
        .zip(SETTINGS)
        .map(|(shown, setting)| Explained { shown, default: setting.default, help: setting.help })
        .collect();
    let lines: Vec<String> =
        explained.iter().map(|one| format!("{}\n    {}", line(&one.shown), one.help)).collect();
    output.result(&explained, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn line(shown: &Shown) -> String {
    format!("{:<34} {:<28} ({})", shown.name, shown.value, shown.source)
}
