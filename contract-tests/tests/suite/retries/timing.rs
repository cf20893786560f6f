//! Hints, deadlines and stalls, on a clock the test moves.

use std::time::Duration;

use companyos_sdk::{GaveUp, Outcome};

use super::rig::{on_both, wanted};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn the_servers_hint_is_waited_for_and_bounded() {
    on_both(async |rig| {
        let faults = ["return-503-retry-after-7", "return-429-retry-after-0"];
        let (id, options) = rig.plan("listLogs", &faults).await;
        let logs = rig.client.receipts().list_logs().options(options).send().await.unwrap();
        assert_eq!(rig.timer.pauses()[0], seconds(7));
        assert!(rig.timer.pauses()[1] < Duration::from_millis(200), "a hint never shortens our own pause");
        rig.agree(&id, logs.attempts(), true, &[faults[0], faults[1], "pass"]).await;

        let (_, options) = rig.plan("listLogs", &["return-503-retry-after-45"]).await;
        rig.client.receipts().list_logs().options(options).send().await.unwrap();
        let pause = rig.timer.pauses()[2];
        assert!(
            (seconds(30)..seconds(31)).contains(&pause),
            "a mistake of the server parked its caller: {pause:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_hint_beyond_the_deadline_ends_the_call_at_once() {
    on_both(async |rig| {
        for (fault, hint, limit) in
            [("return-503-retry-after-3600", 3_600, None), ("return-429-retry-after-9", 9, Some(seconds(9)))]
        {
            let (id, options) = rig.plan("issueApiKey", &[fault]).await;
            let options = limit.map_or(options.clone(), |limit| options.clone().timeout(limit));
            let error =
                rig.client.identity().issue(&wanted("late")).options(options).send().await.unwrap_err();
            assert_eq!((error.gave_up(), error.retry_after()), (Some(GaveUp::Deadline), Some(seconds(hint))));
            assert!(error.is_retryable(), "later, with the same key");
            rig.agree(&id, error.attempts(), false, &[fault]).await;
        }
        assert_eq!(rig.timer.passed(), Duration::ZERO);
        assert_eq!(rig.client.retry_tokens(), 500, "a retry that does not happen is not paid for");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stalls_is_left_and_asked_again() {
    on_both(async |rig| {
        let (id, options) = rig.plan("issueApiKey", &["stall-60s"]).await;
        let client = rig.client.clone();
        let wanted = wanted("slow");
        let call =
            tokio::spawn(async move { client.identity().issue(&wanted).options(options).send().await });
        while rig.account(&id).await.attempts.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        rig.timer.advance(seconds(29));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!call.is_finished(), "an attempt has 30 seconds");
        rig.timer.advance(seconds(1));
        let issued = tokio::time::timeout(seconds(20), call).await.unwrap().unwrap().unwrap();
        let attempt = &issued.attempts()[0];
        assert_eq!((attempt.code(), attempt.outcome()), ("attempt-timeout", Outcome::MaybeSent));
        assert_eq!(attempt.elapsed(), seconds(30));
        rig.agree(&id, issued.attempts(), true, &["stall-60s", "pass"]).await;
        assert_eq!(rig.client.retry_tokens(), 490, "a timeout costs twice as much");
        assert_eq!(rig.effects("slow").await, (1, 1));
    })
    .await;
}

#[tokio::test]
async fn no_call_outlasts_its_deadline_however_many_attempts_are_left() {
    on_both(async |rig| {
        let (id, options) = rig.plan("listLogs", &["stall-60s"; 3]).await;
        let client = rig.client.clone();
        let call = tokio::spawn(async move { client.receipts().list_logs().options(options).send().await });
        while !call.is_finished() {
            rig.timer.advance(seconds(10));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let error = call.await.unwrap().unwrap_err();
        assert!(error.is_timeout() && error.outcome() == Outcome::MaybeSent, "{error}");
        assert!(error.attempts().len() <= 2, "two attempts of 30 seconds fill a minute: {error}");
        assert_eq!(error.gave_up(), Some(GaveUp::Deadline));
        assert_eq!(rig.account(&id).await.attempts.len(), error.attempts().len());
    })
    .await;
}
