//! Runs the stories as a person does, and reads what they print.

use std::process::{Command, Output};

use serde_json::Value;

type Test = Result<(), Box<dyn std::error::Error>>;

fn run(program: &str, arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(program).args(arguments).output()
}

fn document(output: &Output) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(&output.stdout)
}

/// The rows of a story's step.
fn rows<'d>(document: &'d Value, step: &str) -> &'d [Value] {
    let steps = document["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = steps.iter().find(|found| found["step"] == step);
    found.and_then(|step| step["rows"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn write_an_adapter_passes_its_suite_and_says_what_is_next() -> Test {
    let program = env!("CARGO_BIN_EXE_write-an-adapter");
    let output = run(program, &[])?;
    let text = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{text}");
    assert!(text.contains("what_was_put_is_got_back") && text.contains("Try next"), "{text}");

    let output = run(program, &["--json"])?;
    assert!(output.status.success());
    let document = document(&output)?;
    let checks = rows(&document, "Hold it to what it claims, and to what it does not");
    assert!(checks.iter().filter(|check| check["verdict"] == "passed").count() >= 25, "{document:#}");
    assert!(checks.iter().all(|check| check["verdict"] != "failed"), "{document:#}");
    Ok(())
}

#[test]
fn write_an_adapter_says_what_to_do_about_a_file_it_cannot_have() -> Test {
    let output = run(env!("CARGO_BIN_EXE_write-an-adapter"), &["--file", "/dev/null/objects", "--json"])?;
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr.clone())?.contains("Name another file with --file"));
    assert!(document(&output)?["end"]["error"].is_string());
    Ok(())
}

#[test]
fn bring_your_own_idp_calls_the_api_with_the_issuers_tokens_and_no_others() -> Test {
    let program = env!("CARGO_BIN_EXE_bring-your-own-idp");
    let output = run(program, &["--json"])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document = document(&output)?;
    assert_eq!(rows(&document, "Call the API with the issuer's token")[0]["kind"], "oidc", "{document:#}");
    let refused = rows(&document, "Try tokens that are not good");
    assert!(
        refused.len() == 3 && refused.iter().all(|row| row["answer"] == "401 Unauthorized"),
        "{document:#}"
    );
    let receipts = rows(&document, "Read the receipts");
    assert!(receipts.iter().any(|receipt| receipt["action"] == "adapter.register"), "{document:#}");
    let denied = receipts.iter().any(|receipt| receipt["outcome"] == "deny");
    assert!(denied, "the refusal left no receipt: {document:#}");

    let text = run(program, &[])?.stdout;
    assert!(String::from_utf8(text)?.contains("Try next"));
    Ok(())
}
