//! What the words of a fault mean, and how a plan is used up.

use std::time::Duration;

use companyos_types::retry_tests::RetryTestInstruction;
use http::StatusCode;

use super::model::Plan;
use super::rules::{Step, step};
use crate::kernel::clock::Timestamp;
use crate::kernel::fault::Fault;

const NOW: Timestamp = Timestamp::from_micros(1_768_555_800_000_000);

fn answer(status: u16, retry_after: Option<u32>) -> Fault {
    Fault::Return { status: StatusCode::from_u16(status).unwrap(), retry_after }
}

#[test]
fn the_words_of_a_fault_mean_what_the_contract_says() {
    for (text, meaning) in [
        ("pass", Step::Use(Fault::Pass)),
        ("return-503", Step::Use(answer(503, None))),
        ("return-429-retry-after-7", Step::Use(answer(429, Some(7)))),
        ("return-500-after-0", Step::Use(answer(500, None))),
        ("return-500-after-1", Step::Later("return-500".to_owned())),
        ("return-500-after-12", Step::Later("return-500-after-11".to_owned())),
        ("reset-connection", Step::Use(Fault::ResetConnection)),
        ("reset-after-commit", Step::Use(Fault::ResetAfterCommit)),
        ("stall-5s", Step::Use(Fault::Stall(Duration::from_secs(5)))),
        ("broken-body", Step::Use(Fault::BrokenBody)),
    ] {
        assert_eq!(step(text), Some(meaning), "{text}");
    }
    for text in
        ["", "explode", "return-200", "return-5033", "return-503-", "return-503-after-", "stall-s", "stall-5"]
    {
        assert_eq!(step(text), None, "{text}");
    }
}

#[test]
fn a_plan_is_used_up_in_order_and_keeps_an_account() {
    let faults = vec!["return-503-after-1".to_owned(), "reset-connection".to_owned()];
    let instructions = vec![RetryTestInstruction::new("getTenant", faults)];
    let mut plan = Plan::new("rtt_1".to_owned(), "tnt_1".to_owned(), NOW, instructions);
    assert_eq!(plan.take("listTenants", None, NOW), Fault::Pass);
    assert_eq!(plan.take("getTenant", Some("k1"), NOW), Fault::Pass);
    assert_eq!(plan.take("getTenant", Some("k1"), NOW), answer(503, None));
    assert!(!plan.to_wire().completed);
    assert_eq!(plan.take("getTenant", None, NOW), Fault::ResetConnection);
    assert_eq!(plan.take("getTenant", None, NOW), Fault::Pass);
    let wire = plan.to_wire();
    assert!(wire.completed && wire.instructions.is_empty());
    let seen: Vec<_> = wire.attempts.iter().map(|attempt| attempt.fault.as_str()).collect();
    assert_eq!(seen, ["pass", "pass", "return-503", "reset-connection", "pass"]);
    assert_eq!(wire.attempts[1].idempotency_key.as_deref(), Some("k1"));
}
