//! Payment adapters that are wrong in one way each. The suite must catch every one, and for its own reason only: a
//! check that fails for somebody else's fault would send an adapter author looking in the wrong place.

mod payment_booth;

use companyos_adapter_traits::Context;
use companyos_adapter_traits::conformance::payment;
use payment_booth::{Booth, Fault, Fault::*};

/// The random sequences meet every fault of an operation they use.
const CONSERVATION: &str = "money_is_conserved_whatever_goes_wrong";

/// Each fault, and the checks that must fail for it.
const ZOO: [(Fault, &[&str]); 28] = [
    (MissingKeyIsAccepted, &["an_effect_without_a_key_is_refused"]),
    (RefundsAreRepeated, &["a_repeated_call_is_done_once", CONSERVATION]),
    (RacersAllCharge, &["of_racing_repetitions_one_is_done"]),
    (MismatchIsReplayed, &["a_key_used_for_something_else_is_refused"]),
    (TenantsShareKeys, &["keys_of_two_tenants_do_not_meet"]),
    (DeclinesAreForgotten, &["a_declined_call_is_declined_again"]),
    (CaptureIsCapped, &["more_than_was_authorised_is_not_captured", CONSERVATION]),
    (PartialCaptureTakesAll, &["a_partial_capture_takes_its_part_and_releases_the_rest", CONSERVATION]),
    (RefundIsCapped, &["partial_refunds_add_up", "more_than_was_taken_is_not_refunded", CONSERVATION]),
    (
        RefundsAreNotCounted,
        &[
            "a_refund_gives_back_what_was_taken",
            "partial_refunds_add_up",
            "a_repeated_call_is_done_once",
            CONSERVATION,
        ],
    ),
    (
        DeclineIsNoError,
        &[
            "a_declined_payment_says_why_and_takes_nothing",
            "a_declined_call_is_declined_again",
            "what_was_done_under_a_key_is_found_or_unsupported",
        ],
    ),
    (DeclineCodeIsLost, &["a_declined_payment_says_why_and_takes_nothing"]),
    (
        AuthenticationIsSkipped,
        &["an_authentication_is_asked_for_and_honoured", "a_failed_authentication_is_a_decline"],
    ),
    (AbsentCustomerIsAsked, &["an_absent_customer_is_not_asked_to_authenticate"]),
    (CancelOfTakenSucceeds, &["what_was_taken_is_not_canceled", CONSERVATION]),
    (ToleranceIsIgnored, &["a_webhook_outside_the_tolerance_is_refused"]),
    (ReplaysAreAccepted, &["a_replayed_webhook_is_refused_and_a_redelivered_event_is_not"]),
    (BodyIsTrimmed, &["a_forged_webhook_is_refused"]),
    (RedeliveryIsRefused, &["a_replayed_webhook_is_refused_and_a_redelivered_event_is_not"]),
    (KeysAreNotFound, &["what_was_done_under_a_key_is_found_or_unsupported"]),
    (DeadlineIsIgnored, &["a_passed_deadline_is_refused_before_anything_is_done"]),
    (UnclaimedManualCaptureTakes, &["a_manual_payment_takes_nothing_until_captured"]),
    (UnclaimedPayoutsAreRead, &["a_payout_is_read_or_unsupported"]),
    (LostAnswerIsNotSent, &["a_lost_answer_is_reported_as_doubt_and_resolved_by_repeating"]),
    (SignsAreIgnored, &["an_amount_that_makes_no_sense_is_refused"]),
    (NamesAreForgotten, &["a_customer_is_got_back"]),
    (ProcessingIsSuccess, &["a_delayed_payment_is_in_processing"]),
    (AbsentRefundIsInternal, &["an_absent_object_is_not_found"]),
];

#[tokio::test]
async fn every_animal_is_caught_for_its_own_reason() {
    let mut wrong = Vec::new();
    for (fault, expected) in ZOO {
        let ctx = Context::builder("suite", "local").build();
        let report = payment::run(&Booth::new(Some(fault)), ctx, "zoo").await;
        let failures: Vec<_> = report.failures().collect();
        if failures != expected {
            wrong.push(format!("{fault:?}, expected {expected:?}\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_adapter_without_a_fault_passes_everything() {
    let report = payment::run(&Booth::new(None), Context::builder("suite", "local").build(), "zoo").await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skips().collect::<Vec<_>>(), Vec::<&str>::new(), "{report}");
}
