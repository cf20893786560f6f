//! Keys, contexts, descriptors and errors.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::storage::{ObjectKey, Presigned};
use companyos_adapter_traits::{
    CONTRACT_VERSION, Context, Descriptor, Error, ErrorKind, Limits, Outcome, RetryClass,
};
use proptest::prelude::*;

#[test]
fn a_key_that_could_be_mistaken_for_a_path_elsewhere_is_refused() {
    let long = "k".repeat(ObjectKey::MAX_BYTES + 1);
    let bad = [
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        "a\0b",
        "a\nb",
        &long,
    ];
    for key in bad {
        let refused = ObjectKey::new(key).map_err(|error| error.kind().clone());
        assert_eq!(refused, Err(ErrorKind::InvalidInput), "{key:?}");
    }
    for key in ["a", "...", "..a", "a..", ".hidden", "a b", "C:\\x", "\u{e9}", &long[1..]] {
        assert!(ObjectKey::new(key).is_ok(), "{key:?}");
    }
}

proptest! {
    #[test]
    fn an_accepted_key_has_only_safe_segments(key in "[a./\\x00-\\x20é]{0,12}") {
        if let Ok(key) = ObjectKey::new(key) {
            for segment in key.segments() {
                prop_assert!(!["", ".", ".."].contains(&segment));
                prop_assert!(!segment.chars().any(|c| c.is_ascii_control()));
            }
        }
    }
}

#[test]
fn the_time_left_never_goes_below_zero() {
    let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH);
    let ctx = Context::builder("acme", "eu").deadline(clock.now() + Duration::from_secs(2)).build();
    assert_eq!(ctx.remaining(clock.now()), Some(Duration::from_secs(2)));
    assert!(ctx.check_deadline(clock.now()).is_ok());
    clock.advance(Duration::from_secs(3));
    assert_eq!(ctx.remaining(clock.now()), Some(Duration::ZERO));
    let kind = ctx.check_deadline(clock.now()).map_err(|error| error.kind().clone());
    assert_eq!(kind, Err(ErrorKind::DeadlineExceeded));
}

#[test]
fn an_error_prints_itself_and_leaves_its_source_to_the_reporter() {
    let cause = std::io::Error::other("connection reset by peer");
    let error = Error::new(ErrorKind::Unavailable, "the bucket did not answer")
        .with_provider_code("SlowDown")
        .with_source(cause);
    assert_eq!(error.to_string(), "unavailable: the bucket did not answer (provider code SlowDown)");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("connection reset by peer"));
}

#[test]
fn only_a_temporary_error_becomes_persistent() {
    let retried = Error::new(ErrorKind::RateLimited, "slow down").into_persistent();
    assert_eq!(retried.retry(), RetryClass::Persistent);
    let permanent = Error::new(ErrorKind::NotFound, "no").into_persistent();
    assert_eq!(permanent.retry(), RetryClass::Permanent);
}

#[test]
fn an_error_that_knows_nothing_better_claims_nothing_about_the_effect() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Internal, ErrorKind::DeadlineExceeded] {
        assert_eq!(Error::new(kind, "").outcome(), Outcome::MaybeSent);
    }
    assert_eq!(Error::unsupported("storage.copy", "x").outcome(), Outcome::NotSent);
}

#[test]
fn a_descriptor_out_of_order_is_not_taken_into_service() {
    assert!(Descriptor::new("s3", "1.0").with_region("eu").check().is_ok());
    let mut other = Descriptor::new("s3", "1.0");
    other.contract_version = CONTRACT_VERSION + 1;
    let limits = Limits::default().max_page(0);
    let bad = [
        Descriptor::new("", "1.0"),
        Descriptor::new("S3", "1.0"),
        Descriptor::new("s3", ""),
        Descriptor::new("s3", "1.0").with_region(""),
        Descriptor::new("s3", "1.0").with_limits(limits),
        other,
    ];
    for descriptor in bad {
        assert!(descriptor.check().is_err(), "{descriptor:?}");
    }
}

#[test]
fn a_signed_url_does_not_print() {
    let signed =
        Presigned::new("https://bucket.example/a?signature=s3cret", Vec::new(), Duration::from_secs(1));
    assert!(!format!("{signed:?}").contains("s3cret"));
}
