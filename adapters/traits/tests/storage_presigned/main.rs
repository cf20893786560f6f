//! The checks of presigned requests: right signatures pass them, and what each wrong one leaves out is noticed.

mod signer;

use companyos_adapter_traits::conformance::Report;
use companyos_adapter_traits::conformance::storage::{Settings, presigned};
use companyos_adapter_traits::storage::MemoryStorage;

use self::signer::Flaw::{self, *};
use self::signer::Signing;

type Test = Result<(), Box<dyn std::error::Error>>;

const ZOO: [(Flaw, &[&str]); 8] = [
    (Nothing, &[]),
    (SignsNoMethod, &["a_presigned_read_reads_and_does_nothing_else"]),
    (SignsNoKey, &["a_presigned_read_reads_and_does_nothing_else"]),
    (NeverEnds, &["a_presigned_request_ends_when_it_was_to_end"]),
    (DropsTheType, &["a_presigned_write_writes_what_was_agreed"]),
    (DropsTheLength, &["a_presigned_length_is_kept"]),
    (DropsTheChecksum, &["a_presigned_checksum_is_kept"]),
    (DropsTheCondition, &["a_presigned_create_replaces_nothing"]),
];

async fn run(flaw: Flaw) -> std::io::Result<Report> {
    let storage = Signing::start(flaw).await?;
    Ok(presigned::run(&storage, &Settings::default(), &()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signature_that_leaves_something_out_is_caught_for_that() -> Test {
    let runs = ZOO.map(|(flaw, _)| tokio::spawn(run(flaw)));
    let mut surprises = Vec::new();
    for (run, (flaw, expected)) in runs.into_iter().zip(ZOO) {
        let report = run.await??;
        let complete = report.skips().next().is_none() && report.results.len() == presigned::names().count();
        if !complete || !report.failures().eq(expected.iter().copied()) {
            surprises.push(format!("{flaw:?}: expected {expected:?}\n{report}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_store_that_signs_nothing_is_not_judged() {
    let report = presigned::run(&MemoryStorage::new(), &Settings::default(), &()).await;
    assert!(report.passed() && report.skips().eq(presigned::names()), "{report}");
}
