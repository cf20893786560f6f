//! JSON.

use serde_json::{Map, Value, json};

use super::{CheckResult, Report};

pub(super) fn write(report: &Report) -> String {
    let checks: Vec<Value> = report.results.iter().map(check).collect();
    let document = json!({
        "family": report.family,
        "adapter": report.adapter,
        "passed": report.passed(),
        "capabilities": report.capabilities,
        "checks": checks,
    });
    format!("{document:#}\n")
}

fn check(result: &CheckResult) -> Value {
    let mut check = Map::new();
    check.insert("name".to_owned(), result.name.into());
    check.insert("verdict".to_owned(), result.verdict.as_str().into());
    check.insert("seconds".to_owned(), result.elapsed.as_secs_f64().into());
    if let Some(reason) = result.verdict.reason() {
        check.insert("reason".to_owned(), reason.into());
    }
    Value::Object(check)
}
