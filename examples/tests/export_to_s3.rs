//! Runs the export as a person does, and reads what it prints.

use std::process::Command;

use serde_json::Value;

type Test = Result<(), Box<dyn std::error::Error>>;

#[test]
fn the_export_is_written_governed_and_verified() -> Test {
    let program = env!("CARGO_BIN_EXE_export-to-s3");
    let output = Command::new(program).arg("--json").output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let empty = Vec::new();
    let steps = document["steps"].as_array().unwrap_or(&empty);
    let rows = |name: &str| {
        let step = steps.iter().find(|step| step["step"] == name);
        step.and_then(|step| step["rows"].as_array()).unwrap_or(&empty)
    };
    let written = rows("Write it to the bucket: policy, intent, effect, outcome");
    assert!(written.len() == 2 && written.iter().all(|row| row["result"] == "written"), "{document:#}");
    let refused: Vec<_> = rows("Try what is not allowed").iter().map(|row| &row["refused as"]).collect();
    assert_eq!(refused, ["policy_denied", "wrong_region"], "{document:#}");

    // Two writes and two reads, an intent and an outcome each, and the two refusals.
    let receipts = rows("Account for every call of the bucket");
    let count = |name: &str, value: &str| receipts.iter().filter(|row| row[name] == value).count();
    assert_eq!((receipts.len(), count("phase", "intent")), (10, 4), "{document:#}");
    assert_eq!((count("verdict", "ok"), count("verdict", "deny")), (4, 2), "{document:#}");
    Ok(())
}

#[test]
fn a_bucket_that_cannot_be_used_is_told_with_what_to_do() -> Test {
    // Nobody listens on the discard port, and the keys are nobody's.
    let output = Command::new(env!("CARGO_BIN_EXE_export-to-s3"))
        .args(["--bucket", "exports", "--endpoint", "http://127.0.0.1:9"])
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "known-to-this-test-only")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()?;
    let told = String::from_utf8(output.stderr)?;
    assert!(!output.status.success() && told.contains("AWS_ACCESS_KEY_ID"), "{told}");
    assert!(!told.contains("known-to-this-test-only"), "{told}");
    Ok(())
}
