//! The program, run as a user runs it.

use std::error::Error as StdError;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

type Test = Result<(), Box<dyn StdError>>;

fn run(config: &Path, args: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_companyos-conformance"))
        .arg(config)
        .args(args)
        .env_remove("COMPANYOS_TEST_UNSET")
        .env("COMPANYOS_TEST_SECRET", "hunter2")
        .env("COMPANYOS_TEST_WEBHOOK", "whsec_0123456789abcdef")
        .output()
}

#[test]
fn the_store_of_files_passes_and_its_reports_are_written() -> Test {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let objects = file("objects");
    fs::write(
        file("config.toml"),
        format!("[run]\nregion = \"eu\"\n[adapter]\nkind = \"fs\"\nfolder = {objects:?}\n"),
    )?;
    let (junit, html) = (file("report.xml"), file("report.html"));
    let reports = ["--junit", &junit.to_string_lossy(), "--html", &html.to_string_lossy()];
    let output = run(&file("config.toml"), &reports)?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("storage conformance of fs "), "{text}");
    assert!(text.contains("create never replaces") && text.contains(" 0 failed, "), "{text}");
    assert!(!text.contains('\u{1b}'), "colours go to terminals only");
    assert!(output.stderr.is_empty(), "progress goes to terminals only");
    assert!(fs::read_to_string(junit)?.contains("failures=\"0\""));
    assert!(fs::read_to_string(html)?.starts_with("<!DOCTYPE html>"));
    Ok(())
}

#[test]
fn json_is_all_there_is_on_standard_output() -> Test {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.toml");
    fs::write(&config, "[adapter]\nkind = \"memory\"\nversioned = true\n")?;
    let output = run(&config, &["--json"])?;
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((report["family"].as_str(), report["passed"].as_bool()), (Some("storage"), Some(true)));
    Ok(())
}

#[cfg(feature = "payments-stub")]
#[test]
fn a_payment_provider_is_tried_on_the_suite_of_its_family() -> Test {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.toml");
    let text = "[adapter]\nkind = \"payments-stub\"\nwebhook_secret = { env = \"COMPANYOS_TEST_WEBHOOK\" }\n";
    fs::write(&config, text)?;
    let output = run(&config, &["--json", "--quiet"])?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!((report["family"].as_str(), report["passed"].as_bool()), (Some("payment"), Some(true)));
    Ok(())
}

#[test]
fn a_check_that_fails_is_exit_code_1() -> Test {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.toml");
    fs::write(&config, "[run]\ndeadline_seconds = 0\n[adapter]\nkind = \"memory\"\n")?;
    let output = run(&config, &[])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout)?.contains("FAILED"));
    Ok(())
}

#[test]
fn what_cannot_be_run_is_exit_code_2_and_says_why_without_secrets() -> Test {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.toml");
    let cases = [
        ("", "line 1: missing field `adapter`"),
        ("[adapter]\nversioned = true\n", "line 1: missing field `kind`"),
        ("[adapter]\nkind = 7\n", "line 1: invalid type"),
        ("[adapter]\nkind = \"none\"\n", "line 1: there is no adapter \"none\"; choose of fs, "),
        ("[adapter]\nkind = \"memory\"\nfolder = \"x\"\n", "line 1: unknown field `folder`"),
        ("[adapter]\nkind = \"fs\"\n", "line 1: missing field `folder`"),
        ("[adapter]\nkind = \"fs\"\nfolder = \"/dev/null/x\"\n", "making the folder /dev/null/x: "),
        ("[adapter]\nkind = \"fs\"\nfolder = \"x\"\nsize = 1\n", "settings: unknown field `size`"),
        ("[adapter]\nkind = \"oidc\"\nissuer = \"https://id.example.test\"\n", "needs somebody who signs in"),
        #[cfg(feature = "payments-stub")]
        ("[adapter]\nkind = \"payments-stub\"\n", "secrets.webhook_secret: this secret is required"),
        #[cfg(feature = "s3")]
        (
            "[adapter]\nkind = \"s3\"\nbucket = \"b\"\nregion = \"eu\"\nsecret_access_key = { env = \"COMPANYOS_TEST_SECRET\" }\n",
            "secrets.access_key_id: this secret is required",
        ),
        #[cfg(feature = "s3")]
        (
            "[adapter]\nkind = \"s3\"\nbucket = \"b\"\nregion = \"eu\"\nsecret_access_key = \"hunter2\"\n",
            "{ env = \"NAME\" }",
        ),
        #[cfg(feature = "gcs")]
        (
            "[adapter]\nkind = \"gcs\"\nbucket = \"b\"\nlocation = \"US\"\naccess_token = \"hunter2\"\n",
            "{ env = \"NAME\" }",
        ),
        #[cfg(feature = "gcs")]
        (
            "[adapter]\nkind = \"gcs\"\nbucket = \"bbb\"\nlocation = \"US\"\naccess_token = { env = \"COMPANYOS_TEST_UNSET\" }\n",
            "COMPANYOS_TEST_UNSET is not set",
        ),
        #[cfg(feature = "gcs")]
        (
            "[adapter]\nkind = \"gcs\"\nbucket = \"bbb\"\nlocation = \"US\"\nendpoint = \"ftp://x\"\naccess_token = { env = \"COMPANYOS_TEST_SECRET\" }\n",
            "the adapter cannot be opened",
        ),
    ];
    for (text, why) in cases {
        fs::write(&config, text)?;
        let output = run(&config, &[])?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(why), "{text}: {said}");
        assert!(!said.contains("hunter2") && output.stdout.is_empty(), "{said}");
    }
    let missing = run(&folder.path().join("absent.toml"), &[])?;
    assert_eq!(missing.status.code(), Some(2));
    let usage = Command::new(env!("CARGO_BIN_EXE_companyos-conformance")).output()?;
    assert_eq!(usage.status.code(), Some(2));
    Ok(())
}
