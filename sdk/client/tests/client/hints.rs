//! `Retry-After` and the deadline.

use std::time::Duration;

use companyos_sdk::{CallOptions, GaveUp};

use crate::support::*;

/// The pause before the second attempt, after a 503 with this hint.
async fn pause_after(hint: &str) -> Duration {
    let server = script([status(503).insert_header("retry-after", hint), tenant()]).await;
    let (client, timer) = client(&server);
    client.tenants().get(TENANT).send().await.expect("a tenant");
    let pauses = timer.pauses();
    assert_eq!(pauses.len(), 1);
    pauses[0]
}

#[tokio::test]
async fn seconds_are_waited() {
    assert_eq!(pause_after("7").await, Duration::from_secs(7));
}

#[tokio::test]
async fn a_date_is_waited_for() {
    // The test clock starts at 09:30:00.
    assert_eq!(pause_after("Fri, 16 Jan 2026 09:30:12 GMT").await, Duration::from_secs(12));
}

#[tokio::test]
async fn a_hint_shorter_than_the_jitter_does_not_shorten_it() {
    for hint in ["0", "Fri, 16 Jan 2026 09:00:00 GMT"] {
        assert!(pause_after(hint).await < Duration::from_millis(100), "{hint}");
    }
}

#[tokio::test]
async fn a_long_hint_adds_thirty_seconds_at_most() {
    let pause = pause_after("55").await;
    assert!((30_000..30_100).contains(&pause.as_millis()), "{pause:?}");
}

#[tokio::test]
async fn a_hint_that_cannot_be_read_is_no_hint() {
    for hint in ["soon", "-5", "1.5"] {
        assert!(pause_after(hint).await < Duration::from_millis(100), "{hint}");
    }
}

#[tokio::test]
async fn a_hint_beyond_the_deadline_is_refused_at_once_and_told() {
    let server = script([problem(429, "rate-limited", true).insert_header("retry-after", "60")]).await;
    let (client, timer) = client(&server);
    let error = client.tenants().get(TENANT).send().await.expect_err("limited");
    assert_eq!(error.gave_up(), Some(GaveUp::Deadline));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)), "the hint itself, not what is left of it");
    assert!(error.is_retryable() && error.is_rate_limited());
    assert_eq!(timer.passed(), Duration::ZERO, "nothing was waited for");
    assert_eq!(client.retry_tokens(), 500, "nothing was paid for");
}

#[tokio::test]
async fn the_deadline_of_one_call_counts() {
    let server = script([status(503).insert_header("retry-after", "5")]).await;
    let (client, _timer) = client(&server);
    let options = CallOptions::new().timeout(Duration::from_secs(5));
    let error = client.tenants().get(TENANT).options(options).send().await.expect_err("503");
    assert_eq!(
        (error.gave_up(), error.retry_after()),
        (Some(GaveUp::Deadline), Some(Duration::from_secs(5)))
    );
}

#[tokio::test]
async fn what_earlier_pauses_took_is_not_there_for_later_ones() {
    let wait = |seconds: &str| status(503).insert_header("retry-after", seconds);
    let server = script([wait("25"), wait("36")]).await;
    let (client, timer) = client(&server);
    let error = client.tenants().get(TENANT).send().await.expect_err("503");
    assert_eq!(error.gave_up(), Some(GaveUp::Deadline));
    assert_eq!(timer.passed(), Duration::from_secs(25));
}
