//! What is tried again, how often, and what is not.

use companyos_sdk::{CallOptions, Client, GaveUp, Outcome};
use companyos_types::retry_tests::RetryTestCreate;

use super::rig::{on_both, on_both_with, wanted};
use crate::watch::Hurry;

#[tokio::test]
async fn an_overloaded_server_is_asked_again_after_growing_random_pauses() {
    on_both(async |rig| {
        let (id, options) = rig.plan("listLogs", &["return-503", "return-503"]).await;
        let logs = rig.client.receipts().list_logs().options(options).send().await.unwrap();
        rig.agree(&id, logs.attempts(), true, &["return-503", "return-503", "pass"]).await;
        for (attempt, ceiling) in logs.attempts().iter().zip([100, 200]) {
            assert_eq!((attempt.code(), attempt.outcome()), ("unavailable", Outcome::Answered));
            assert!(attempt.request_id().is_some_and(|id| id.starts_with("req_")));
            assert!(attempt.pause().unwrap().as_millis() < ceiling, "{attempt:?}");
        }
        assert_eq!(rig.client.retry_tokens(), 490);
    })
    .await;
}

#[tokio::test]
async fn three_attempts_are_made_and_their_history_is_kept() {
    on_both(async |rig| {
        let (id, options) = rig.plan("issueApiKey", &["return-503"; 3]).await;
        let call = rig.client.identity().issue(&wanted("never")).options(options.clone());
        let error = call.send().await.unwrap_err();
        assert_eq!((error.gave_up(), error.attempts().len()), (Some(GaveUp::Attempts), 3));
        assert!(error.is_retryable() && error.is_problem("unavailable"));
        rig.agree(&id, error.attempts(), false, &["return-503"; 3]).await;
        let key = error.idempotency_key().unwrap().clone();
        assert_eq!(rig.account(&id).await.attempts[0].idempotency_key.as_deref(), Some(key.as_str()));
        assert_eq!(rig.effects("never").await, (0, 0));

        // The plan is used up: the same key now has its one effect.
        let call = rig.client.identity().issue(&wanted("never")).options(options).idempotency_key(key);
        assert!(!call.send().await.unwrap().replayed());
        assert_eq!(rig.effects("never").await, (1, 1));
    })
    .await;
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_stays_is_not() {
    on_both(async |rig| {
        for status in [408, 429, 502, 503, 504] {
            let fault = format!("return-{status}");
            let (_, options) = rig.plan("listLogs", &[&fault]).await;
            let logs = rig.client.receipts().list_logs().options(options).send().await;
            assert_eq!(logs.unwrap().attempts().len(), 1, "{status} was not tried again");
        }
        let waited = rig.timer.pauses();
        for status in [400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 428, 500] {
            let fault = format!("return-{status}");
            let (id, options) = rig.plan("issueApiKey", &[&fault]).await;
            let call = rig.client.identity().issue(&wanted("refused")).options(options);
            let error = call.send().await.unwrap_err();
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
            assert_eq!((error.gave_up(), error.attempts().len()), (Some(GaveUp::Permanent), 1), "{status}");
            assert_eq!(rig.account(&id).await.attempts.len(), 1, "{status} was tried again");
        }
        assert_eq!(rig.timer.pauses(), waited);
        assert_eq!(rig.effects("refused").await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn without_a_key_nothing_that_may_have_acted_is_repeated() {
    on_both(async |rig| {
        for fault in ["reset-connection", "reset-after-commit", "broken-body"] {
            let (id, options) = rig.plan("createRetryTest", &[fault]).await;
            let body = RetryTestCreate::new(vec![companyos_types::retry_tests::RetryTestInstruction::new(
                "getMeta",
                vec!["pass".to_owned()],
            )]);
            let error = rig.client.retry_tests().create(&body).options(options).send().await.unwrap_err();
            assert_eq!(
                (error.outcome(), error.gave_up()),
                (Outcome::MaybeSent, Some(GaveUp::Unsafe)),
                "{fault}"
            );
            assert!(!error.is_retryable() && error.idempotency_key().is_none());
            assert_eq!(rig.account(&id).await.attempts.len(), 1, "{fault}");
        }
        // The server's own word that nothing happened is enough.
        let (id, options) = rig.plan("createRetryTest", &["return-503"]).await;
        let body = RetryTestCreate::new(vec![companyos_types::retry_tests::RetryTestInstruction::new(
            "getMeta",
            vec!["pass".to_owned()],
        )]);
        let made = rig.client.retry_tests().create(&body).options(options).send().await.unwrap();
        rig.agree(&id, made.attempts(), true, &["return-503", "pass"]).await;
    })
    .await;
}

#[tokio::test]
async fn what_never_left_is_tried_again_whatever_it_is() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let client = Client::builder().base_url(url).timer(Hurry).build().unwrap();
    let error = client.retry_tests().create(&RetryTestCreate::new(Vec::new())).send().await.unwrap_err();
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 3));
    assert!(error.attempts().iter().all(|attempt| attempt.outcome() == Outcome::NotSent));
}

#[tokio::test]
async fn a_natural_repetition_meets_what_the_first_attempt_did() {
    on_both(async |rig| {
        let (victim, _) = rig.plan("getMeta", &["pass"]).await;
        let (id, options) = rig.plan("deleteRetryTest", &["reset-after-commit"]).await;
        let error = rig.client.retry_tests().delete(&victim).options(options).send().await.unwrap_err();
        assert!(error.is_not_found());
        assert_eq!(error.attempts()[0].outcome(), Outcome::MaybeSent, "the history tells why it is gone");
        rig.agree(&id, error.attempts(), false, &["reset-after-commit", "pass"]).await;
    })
    .await;
}

#[tokio::test]
async fn the_budget_ends_retries_and_first_tries_that_succeed_fill_it_again() {
    let eager = |builder: companyos_sdk::ClientBuilder| {
        builder.delays(companyos_sdk::FullJitter::new(std::time::Duration::ZERO, std::time::Duration::ZERO))
    };
    on_both_with(eager, async |rig| {
        let (id, options) = rig.plan("listLogs", &["return-503"; 120]).await;
        let many = |options: CallOptions| {
            rig.client.receipts().list_logs().options(options.max_attempts(200)).send()
        };
        let error = many(options.clone()).await.unwrap_err();
        assert_eq!((error.gave_up(), error.attempts().len()), (Some(GaveUp::Budget), 101));
        assert_eq!(rig.client.retry_tokens(), 0);
        assert_eq!(rig.account(&id).await.attempts.len(), 101);
        assert_eq!(many(options).await.unwrap_err().attempts().len(), 1, "there is nothing to pay with");
        for _ in 0..5 {
            rig.client.meta().livez().send().await.unwrap();
        }
        assert_eq!(rig.client.retry_tokens(), 5);
        let (_, options) = rig.plan("listLogs", &["return-503"]).await;
        assert_eq!(many(options).await.unwrap().attempts().len(), 1);
    })
    .await;
}
