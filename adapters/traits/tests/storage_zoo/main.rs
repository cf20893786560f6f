//! Stores that are wrong in one way each. The suite must catch every one, and for its own reason only: a check that
//! fails for somebody else's fault would send an adapter author looking in the wrong place.

mod faulty;
mod uploads;

use companyos_adapter_traits::conformance::storage::{self, Settings};

use self::faulty::{Fault, Fault::*, Faulty};

/// Each fault, and the checks that must fail for it.
const ZOO: [(Fault, &[&str]); 34] = [
    (CreateOverwrites, &["create_never_replaces", "of_racing_creates_exactly_one_wins"]),
    (CreateChecksThenWrites, &["of_racing_creates_exactly_one_wins"]),
    (UnclaimedModeIsIgnored, &["create_never_replaces", "update_replaces_only_the_version_named"]),
    (UpdateCreates, &["update_replaces_only_the_version_named"]),
    (RangeEndIsInclusive, &["a_range_is_exactly_the_bytes_asked_for"]),
    (GetIgnoresTheVersion, &["a_read_can_insist_on_a_version"]),
    (DeleteOfNothingFails, &["a_deleted_object_is_gone_and_may_be_deleted_again"]),
    (ListStopsAfterOnePage, &["pages_neither_repeat_nor_skip"]),
    (PrefixIsAFolder, &["a_prefix_is_plain_text"]),
    (KeysFoldCase, &["keys_are_opaque"]),
    (EmptyObjectsAreDropped, &["an_empty_object_is_an_object", "a_stream_of_any_length_is_written_whole"]),
    (
        AttributesAreForgotten,
        &["attributes_are_kept_and_replaced_with_the_body", "copy_copies_or_is_unsupported"],
    ),
    (DeadlineIsIgnored, &["a_passed_deadline_is_refused_before_anything_is_done"]),
    (LimitIsIgnored, &["an_object_over_the_limit_is_refused"]),
    (CopyIsClaimedAndMissing, &["copy_copies_or_is_unsupported"]),
    (PresignIsOfferedUnclaimed, &["presign_signs_or_is_unsupported"]),
    (UploadsAreOfferedUnclaimed, &["an_object_is_written_in_parts_or_not_at_all"]),
    (UploadsForgetAttributes, &["an_object_is_written_in_parts_or_not_at_all"]),
    (PartsAreJoinedAsTheyArrive, &["parts_come_in_any_order_and_can_be_replaced"]),
    (
        AllPartsAreJoined,
        &["parts_come_in_any_order_and_can_be_replaced", "only_parts_that_were_uploaded_make_an_object"],
    ),
    (ForgedPartsAreTaken, &["only_parts_that_were_uploaded_make_an_object"]),
    (PartsAreListedOnePage, &["an_upload_goes_on_where_it_stopped"]),
    (AbortDoesNothing, &["an_aborted_upload_leaves_nothing", "leftovers_are_found_and_aborted"]),
    (UploadsAreListedOnePage, &["leftovers_are_found_and_aborted"]),
    (CompleteIgnoresTheMode, &["completing_obeys_its_condition"]),
    (
        ChecksumsAreIgnored,
        &["a_body_that_arrives_damaged_is_refused", "a_part_that_arrives_damaged_is_refused"],
    ),
    (ReportedChecksumIsWrong, &["a_checksum_reported_is_that_of_the_body"]),
    (ClassIsForgotten, &["a_storage_class_is_kept_or_unsupported"]),
    (CustomerKeyIsForgotten, &["a_customer_key_is_used_or_unsupported"]),
    (VersionIsIgnored, &["versions_are_kept_or_unsupported", "a_deleted_object_keeps_its_versions"]),
    (DeleteDestroysTheHistory, &["a_deleted_object_keeps_its_versions"]),
    (HistoryIsOnePage, &["pages_of_a_history_neither_repeat_nor_skip"]),
    (HoldIsForShow, &["a_legal_hold_holds_or_is_unsupported"]),
    (BypassIsAlwaysOn, &["a_retention_holds_until_it_is_bypassed"]),
];

#[tokio::test]
async fn every_animal_is_caught_for_its_own_reason() {
    let mut surprises = Vec::new();
    for (fault, expected) in ZOO {
        let settings = Settings::default().prefix("zoo/").kms_key("key-1");
        let report = storage::run_watched(&Faulty::new(fault), &settings, &()).await;
        let failures: Vec<_> = report.failures().collect();
        if failures != expected {
            surprises.push(format!("{fault:?}: expected {expected:?}\n{report}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// Without this a check that fails whatever it is given would look like a good catch.
#[tokio::test]
async fn the_animal_without_a_fault_is_let_go() {
    let settings = Settings::default().prefix("zoo/").kms_key("key-1");
    let report = storage::run_watched(&Faulty::new(None), &settings, &()).await;
    assert!(report.passed() && report.skips().next().is_none(), "{report}");
}
