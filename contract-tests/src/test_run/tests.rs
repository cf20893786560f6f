use super::{Console, Counts, LEGS, LegReport, Report, api, peers::PEERS, process, rust, select};
use crate::repo::Repo;
use serde_json::json;
use std::{process::Command, time::Duration};

#[test]
fn the_results_of_test_binaries_are_summed() {
    let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                  noise\ntest result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; finished in 0.03s\n";
    assert_eq!(rust::libtest(output), Counts { passed: 13, failed: 2, skipped: 1, notes: Vec::new() });
    assert_eq!(rust::libtest("error: could not compile"), Counts::default());
}

#[test]
fn assertions_of_newman_are_counted_and_broken_requests_fail() {
    let report = json!({"run": {
        "stats": {"assertions": {"total": 9, "failed": 2}, "requests": {"failed": 1},
            "testScripts": {"failed": 1}, "prerequestScripts": {"failed": 0}},
        "failures": [{"source": {"name": "getTenant: by id"}, "error": {"test": "answers 200", "message": "got 500"}}],
    }});
    let (counts, failures) = api::newman_report(&report);
    assert_eq!((counts.passed, counts.failed), (7, 4));
    assert_eq!(failures, ["  getTenant: by id - answers 200: got 500"]);
}

#[test]
fn junit_suites_are_summed() {
    let text = r#"<testsuites tests="9"><testsuite name="a" errors="1" failures="1" skipped="1" tests="5" time="1">
        <testcase/></testsuite><testsuite tests="4" failures="0" name="b"></testsuite></testsuites>"#;
    assert_eq!(api::junit(text), Counts { passed: 6, failed: 2, skipped: 1, notes: Vec::new() });
    assert_eq!(api::junit(""), Counts::default());
}

#[test]
fn a_run_ends_with_its_totals() {
    let leg = |name, passed, failed, skipped| LegReport {
        name,
        seconds: 1.25,
        counts: Counts { passed, failed, skipped, notes: vec!["why".into()] },
    };
    let report = Report { legs: vec![leg("a", 3, 0, 1), leg("b", 4, 2, 0)], seconds: 2.5 };
    assert_eq!(report.last_line(), "7 passed, 2 failed, 1 skipped");
    assert_eq!(report.to_json()["totals"]["failed"], 2);
    assert_eq!(report.to_json()["legs"][0]["name"], "a");
    assert_eq!(report.legs[1].to_string(), "FAILED b in 1.2 s: 4 passed, 2 failed, 0 skipped\n  note: why");
}

#[test]
fn legs_are_chosen_by_name_and_what_ci_cannot_install_is_not_listed_there() {
    let names = |only: &[&str], ci| -> Vec<&str> {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        select(&only, ci).unwrap().iter().map(|leg| leg.name).collect()
    };
    assert_eq!(names(&[], false).len(), LEGS.len());
    assert!(!names(&[], true).contains(&"deny"));
    assert_eq!(names(&["docs", "format"], true), ["format", "docs"]);
    let error = select(&["nope".into()], false).unwrap_err().to_string();
    assert!(error.contains("nope") && error.contains("schemathesis"), "{error}");
}

#[test]
fn a_command_that_hangs_is_killed_when_its_time_is_up() {
    let log = std::env::temp_dir().join(format!("companyos-process-test-{}", std::process::id()));
    let console = Console::new();
    let error = process::run(&console, Command::new("sleep").arg("60"), &log, Duration::from_millis(100))
        .unwrap_err();
    assert!(error.to_string().contains("killed"), "{error}");
    let done =
        process::run(&console, Command::new("echo").arg("a\nb"), &log, Duration::from_secs(60)).unwrap();
    assert_eq!((done.success, done.tail(1).as_str()), (true, "b"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\nb\n");
    let missing = process::run(&console, &mut Command::new("no-such-program"), &log, Duration::from_secs(1));
    assert!(missing.unwrap_err().to_string().contains("next:"));
    std::fs::remove_file(&log).unwrap();
}

#[test]
fn every_peer_has_its_own_variable_and_pins_every_package() {
    let repo = Repo::of_this_crate().unwrap();
    let mut variables: Vec<&str> = PEERS.iter().map(|peer| peer.variable).collect();
    assert!(variables.iter().all(|name| name.starts_with("COMPANYOS_TEST_")), "{variables:?}");
    variables.sort_unstable();
    variables.dedup();
    assert_eq!(variables.len(), PEERS.len(), "two peers share a variable");
    for peer in &PEERS {
        let folder = format!("contract-tests/peers/{}", peer.name);
        let pins = repo.read(&format!("{folder}/requirements.txt"));
        let Ok(pins) = pins else {
            assert!(repo.path(&format!("{folder}/package-lock.json")).is_file(), "{folder} pins nothing");
            continue;
        };
        let packages: Vec<&str> = pins.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!packages.is_empty(), "{folder} pins nothing");
        assert!(packages.iter().all(|line| line.contains("==")), "{folder} leaves a version open");
    }
}
