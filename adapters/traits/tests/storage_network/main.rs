//! The checks of failing networks: a client that tells the truth passes them, and each that does not is caught.

mod wire;

use companyos_adapter_traits::conformance::Report;
use companyos_adapter_traits::conformance::faults::{FaultPlan, FaultProxy};
use companyos_adapter_traits::conformance::storage::network::{self, Network};

use self::wire::Flaw::{self, *};
use self::wire::Wire;

type Test = Result<(), Box<dyn std::error::Error>>;

/// Fails, or not, depending on which faults the seed draws.
const DRAWN: &str = "many_faults_lose_nothing_and_double_nothing";

/// Each flaw, and the checks that must fail for it, the drawn one apart.
const ZOO: [(Flaw, &[&str]); 7] = [
    (
        CallsDoubtNotSent,
        &[
            "a_write_whose_answer_is_lost_is_in_doubt",
            "a_create_whose_answer_is_lost_is_in_doubt",
            "a_read_that_is_damaged_on_its_way_is_noticed",
            "a_read_that_breaks_off_is_an_error",
            "a_stall_ends_with_the_deadline",
        ],
    ),
    (RepeatsCreates, &["a_create_whose_answer_is_lost_is_in_doubt"]),
    (TrustsAnswers, &["a_read_that_is_damaged_on_its_way_is_noticed"]),
    (ServerTakesAnything, &["a_write_that_is_damaged_on_its_way_is_not_stored"]),
    (WaitsForEver, &["a_stall_ends_with_the_deadline"]),
    (
        AcknowledgesEarly,
        &[
            "a_write_that_did_not_arrive_is_not_acknowledged",
            "a_write_that_is_damaged_on_its_way_is_not_stored",
            "a_stall_ends_with_the_deadline",
        ],
    ),
    (HandsOutHalves, &["a_read_that_is_damaged_on_its_way_is_noticed", "a_read_that_breaks_off_is_an_error"]),
];

async fn run(flaw: Flaw, objects: usize, rate: f64) -> std::io::Result<Report> {
    let addr = wire::serve(flaw).await?;
    let proxy = FaultProxy::start(addr, FaultPlan::none()).await?;
    let (through, direct) = (Wire::new(proxy.addr(), flaw), Wire::new(addr, Nothing));
    let network = Network::new(&through, &direct, &proxy).load(objects, rate, 7);
    Ok(network::run(&network, &()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_tells_the_truth_passes() -> Test {
    let report = run(Nothing, 1000, 0.05).await?;
    assert!(report.passed() && report.skips().next().is_none(), "{report}");
    assert!(report.results.iter().map(|result| result.name).eq(network::names()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_liar_is_caught_for_its_own_lie() -> Test {
    let runs = ZOO.map(|(flaw, _)| tokio::spawn(run(flaw, 40, 0.2)));
    let mut surprises = Vec::new();
    for (run, (flaw, expected)) in runs.into_iter().zip(ZOO) {
        let report = run.await??;
        let failures: Vec<_> = report.failures().filter(|name| *name != DRAWN).collect();
        if failures != expected {
            surprises.push(format!("{flaw:?}: expected {expected:?}\n{report}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_doubt_is_no_effect_is_caught_among_many_faults() -> Test {
    let report = run(CallsDoubtNotSent, 400, 0.1).await?;
    assert!(report.failures().any(|name| name == DRAWN), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_around_the_proxy_is_noticed() -> Test {
    let addr = wire::serve(Nothing).await?;
    let proxy = FaultProxy::start(addr, FaultPlan::none()).await?;
    let direct = Wire::new(addr, Nothing);
    let report = network::run(&Network::new(&direct, &direct, &proxy), &()).await;
    assert_eq!(report.failures().count(), network::names().count(), "{report}");
    Ok(())
}
