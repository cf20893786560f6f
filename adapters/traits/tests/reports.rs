//! Reports, read back by parsers that are not ours.

use std::sync::OnceLock;

use companyos_adapter_traits::Context;
use companyos_adapter_traits::conformance::{Report, Verdict, storage};
use companyos_adapter_traits::storage::MemoryStorage;
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

#[expect(clippy::expect_used, reason = "it is a test's, though not marked as one")]
fn blocking<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

/// A real report, with one failure and one skip that say `reason`.
fn report(reason: &str) -> Report {
    static RUN: OnceLock<Report> = OnceLock::new();
    let ctx = Context::builder("suite", "local").build();
    let run = RUN.get_or_init(|| blocking(storage::run(&MemoryStorage::new(), ctx, "suite/")));
    let mut report = run.clone();
    report.results.truncate(5);
    report.results[1].verdict = Verdict::Failed(reason.to_owned());
    report.results[3].verdict = Verdict::Skipped(reason.to_owned());
    report
}

/// Everything that is markup, quotation or escape somewhere, and characters that XML 1.0 cannot hold.
const HOSTILE: &str = "</td><script>alert(1)</script> & \"quoted\" 'single' ]]> \\ \u{0} \u{1b}[31m \u{fffe} \r\n\ttab \u{1f4a5}";

fn find<'a, 'd>(node: Node<'a, 'd>, name: &'a str) -> impl Iterator<Item = Node<'a, 'd>> {
    node.descendants().filter(move |node| node.has_tag_name(name))
}

#[test]
fn json_says_what_the_report_says() {
    let report = report(HOSTILE);
    let json: Value = serde_json::from_str(&report.to_json()).expect("JSON");
    assert_eq!((json["family"].as_str(), json["passed"].as_bool()), (Some("storage"), Some(false)));
    assert_eq!(json["adapter"], report.adapter.as_str());
    assert!(
        json["capabilities"].as_array().is_some_and(|claims| claims.contains(&"storage.multipart".into()))
    );
    let checks = json["checks"].as_array().expect("checks");
    let verdicts: Vec<_> = checks.iter().filter_map(|check| check["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["passed", "failed", "passed", "skipped", "passed"]);
    assert_eq!(checks[1]["name"], report.results[1].name);
    assert_eq!(checks[1]["reason"], HOSTILE);
    assert!(checks[0].get("reason").is_none());
    assert!(checks.iter().all(|check| check["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0)));
}

#[test]
fn junit_is_xml_that_counts_right() {
    let report = report(HOSTILE);
    let text = report.to_junit();
    let document = Document::parse(&text).expect("XML");
    let suite = find(document.root(), "testsuite").next().expect("a suite");
    for (name, count) in [("tests", "5"), ("failures", "1"), ("skipped", "1"), ("errors", "0")] {
        assert_eq!(suite.attribute(name), Some(count), "{name}");
        assert_eq!(document.root_element().attribute(name), Some(count), "{name} of all suites");
    }
    let cases: Vec<_> = find(document.root(), "testcase").collect();
    assert_eq!(cases.len(), 5);
    assert_eq!(cases[1].attribute("name"), Some(report.results[1].name));
    assert_eq!(cases[1].attribute("classname"), Some("storage.memory"));
    let failure = find(cases[1], "failure").next().expect("a failure");
    // U+0000, U+001B and U+FFFE are no characters of XML.
    let readable = HOSTILE.replace(['\u{0}', '\u{1b}', '\u{fffe}'], "\u{fffd}");
    assert_eq!(failure.attribute("message"), Some(readable.as_str()));
    assert_eq!(failure.text(), Some(readable.as_str()));
    let skipped = find(cases[3], "skipped").next().expect("a skip");
    assert_eq!(skipped.attribute("message"), Some(readable.as_str()));
}

#[test]
fn html_is_one_page_with_nothing_from_elsewhere() {
    let text = report(HOSTILE).to_html();
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).expect("a page that is XML as well");
    let page = document.root();
    assert_eq!(find(page, "script").count(), 0, "a reason became markup");
    for (element, attribute) in [("link", "href"), ("img", "src"), ("a", "href")] {
        assert_eq!(find(page, element).filter(|node| node.has_attribute(attribute)).count(), 0);
    }
    assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("url("));
    let rows: Vec<_> = find(page, "tr").filter_map(|row| row.attribute("class")).collect();
    assert_eq!(rows, ["passed", "failed", "passed", "skipped", "passed"]);
    let words: String = page.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    assert!(words.contains("3 passed, 1 failed, 1 skipped"), "{words}");
    assert!(words.contains("alert(1)"), "the reason is there, as text");
}

#[test]
fn a_run_is_told_as_it_goes() {
    use companyos_adapter_traits::conformance::storage::Settings;
    use companyos_adapter_traits::conformance::{CheckResult, Watcher};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Log(Mutex<Vec<(&'static str, usize, usize)>>);
    impl Watcher for Log {
        fn checked(&self, result: &CheckResult, done: usize, total: usize) {
            self.0.lock().expect("no panic").push((result.name, done, total));
        }
    }

    let (log, storage) = (Log::default(), MemoryStorage::new());
    let report = blocking(storage::run_watched(&storage, &Settings::default(), &log));
    let seen = log.0.into_inner().expect("no panic");
    let total = storage::names().count();
    let expected: Vec<_> = storage::names().enumerate().map(|(at, name)| (name, at + 1, total)).collect();
    assert_eq!(seen, expected);
    assert_eq!(
        report.results.iter().map(|result| result.name).collect::<Vec<_>>(),
        storage::names().collect::<Vec<_>>()
    );
}

proptest! {
    #[test]
    fn no_reason_breaks_a_report(reason: String) {
        let report = report(&reason);
        let json: Value = serde_json::from_str(&report.to_json()).expect("JSON");
        prop_assert_eq!(json["checks"][1]["reason"].as_str(), Some(reason.as_str()));
        Document::parse(&report.to_junit()).expect("XML");
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        Document::parse_with_options(&report.to_html(), options).expect("a page");
    }
}
