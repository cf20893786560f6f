//! The server and the SDK keep the contract, and nothing in the contract goes untested.
//!
//! A scenario walks a part of the API on a server of its own. Every answer it gets must be one the contract declares,
//! and every request the SDK makes one the contract describes. Together the scenarios must have seen every declared
//! status of every operation, but for those in `uncovered.txt`.

use std::panic::AssertUnwindSafe;
use std::sync::{LazyLock, OnceLock};

use futures_util::future::BoxFuture;

use crate::scenarios as walk;
use crate::watch::{CONTRACT, COVERAGE};

/// The pairs of operation and status that no scenario has seen.
const UNCOVERED: &str = include_str!("uncovered.txt");

struct Scenario {
    name: &'static str,
    start: fn() -> BoxFuture<'static, ()>,
    ended: OnceLock<Result<(), String>>,
}

/// Makes each scenario a test of its own, and all of them known to the test about coverage.
macro_rules! scenarios {
    ($($name:ident: $path:path,)*) => {
        static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| vec![$(Scenario {
            name: stringify!($name),
            start: || Box::pin($path()),
            ended: OnceLock::new(),
        },)*]);

        $(#[test]
        fn $name() {
            let scenario = SCENARIOS.iter().find(|scenario| scenario.name == stringify!($name)).unwrap();
            if let Err(why) = scenario.run() {
                panic!("{why}");
            }
        })*
    };
}

scenarios! {
    the_server_tells_who_it_is_and_how_it_fares: walk::meta::walk,
    an_api_key_is_issued_read_rotated_and_revoked: walk::identity::walk,
    a_tenant_is_created_read_changed_listed_and_deleted: walk::tenants::walk,
    a_file_of_tenants_is_planned_refused_imported_and_withdrawn: walk::imports::walk,
    an_adapter_is_registered_tested_configured_and_removed: walk::adapters::walk,
    receipts_are_listed_proven_exported_and_verified: walk::receipts::walk,
    faults_are_planned_accounted_for_and_forgotten: walk::retry_tests::walk,
    every_operation_refuses_what_its_contract_refuses: walk::refusals::walk,
    every_operation_keeps_to_the_limits_of_the_server: walk::limits::walk,
}

impl Scenario {
    /// Runs the scenario, unless it has run already.
    fn run(&self) -> &Result<(), String> {
        self.ended.get_or_init(|| {
            let walked = std::panic::catch_unwind(AssertUnwindSafe(|| {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.unwrap().block_on((self.start)());
            }));
            walked.map_err(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                format!("{}: {text}", self.name)
            })
        })
    }
}

#[test]
fn every_declared_status_of_every_operation_is_exercised_or_listed() {
    let failed: Vec<&str> =
        SCENARIOS.iter().filter_map(|one| one.run().as_ref().err().map(|_| one.name)).collect();
    assert!(failed.is_empty(), "coverage says nothing while these scenarios fail: {failed:?}");
    let verdict = COVERAGE.verdict(CONTRACT.model(), UNCOVERED);
    assert!(
        verdict.is_clean(),
        "tests/suite/uncovered.txt is not what the scenarios leave uncovered:\n{verdict}\nuncovered now:\n{}",
        COVERAGE.list(CONTRACT.model())
    );
}
