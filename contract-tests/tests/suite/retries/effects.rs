//! One key, one effect, one receipt, whatever happens to the connection.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use bytes::Bytes;
use companyos_sdk::{AttemptContext, BoxError, Interceptor, Outcome};
use companyos_server::kernel::body::RequestBody;
use futures_util::stream;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::oneshot;

use super::rig::{on_both, on_both_with, wanted};

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_is_replayed() {
    on_both(async |rig| {
        for (fault, code) in
            [("reset-after-commit", "connection-lost"), ("broken-body", "response-truncated")]
        {
            let (id, options) = rig.plan("issueApiKey", &[fault]).await;
            let before = rig.timer.pauses().len();
            let issued = rig.client.identity().issue(&wanted(fault)).options(options).send().await.unwrap();
            assert!(issued.replayed(), "{:?}: {fault} was carried out again", rig.over);
            let attempt = &issued.attempts()[0];
            assert_eq!((attempt.code(), attempt.outcome()), (code, Outcome::MaybeSent));
            let seen: Vec<_> = rig.account(&id).await.attempts;
            assert_eq!(seen.len(), 2);
            assert!(seen[0].idempotency_key.is_some() && seen[0].idempotency_key == seen[1].idempotency_key);
            assert_eq!(rig.timer.pauses().len(), before + 1);
            assert_eq!(issued.receipt().await.unwrap().verified.claims.act, "api_key.issue");
            assert_eq!(rig.effects(fault).await.0, 1, "{fault}");
        }
        assert_eq!(rig.effects("").await.1, 2, "one receipt for each key");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_work_leaves_it_to_the_next_attempt() {
    on_both(async |rig| {
        let faults = ["reset-connection", "reset-connection"];
        let (id, options) = rig.plan("issueApiKey", &faults).await;
        let issued =
            rig.client.identity().issue(&wanted("third time")).options(options).send().await.unwrap();
        assert!(!issued.replayed());
        assert!(issued.attempts().iter().all(|attempt| attempt.outcome() == Outcome::MaybeSent));
        rig.agree(&id, issued.attempts(), true, &[faults[0], faults[1], "pass"]).await;
        assert_eq!(rig.effects("third time").await, (1, 1));
    })
    .await;
}

/// Lets the first request go on when the second has met it, and holds the third until the first has ended.
#[derive(Debug)]
struct InTurn {
    release: Mutex<Option<oneshot::Sender<()>>>,
    ended: Mutex<Receiver<()>>,
}

impl Interceptor for InTurn {
    fn modify_attempt(&self, cx: &AttemptContext, _headers: &mut HeaderMap) -> Result<(), BoxError> {
        if cx.operation().id == "issueApiKey" && cx.attempt() == 2 {
            if let Some(release) = self.release.lock().unwrap().take() {
                release.send(()).expect("the first request waits");
            }
            let ended = self.ended.lock().unwrap();
            tokio::task::block_in_place(|| ended.recv_timeout(Duration::from_secs(20)))?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_progress_is_waited_for_and_then_replayed() {
    let (mut releases, mut endings) = (Vec::new(), Vec::new());
    let handles = Mutex::new((&mut releases, &mut endings));
    let in_turn = |builder: companyos_sdk::ClientBuilder| {
        let (release, released) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        let mut handles = handles.lock().unwrap();
        handles.0.push(released);
        handles.1.push(end);
        builder.interceptor(InTurn { release: Mutex::new(Some(release)), ended: Mutex::new(ended) })
    };
    on_both_with(in_turn, async |rig| {
        let (released, end) = {
            let mut handles = handles.lock().unwrap();
            (handles.0.remove(0), handles.1.remove(0))
        };
        let (arrive, arrived) = oneshot::channel();
        let body = Bytes::from(serde_json::to_vec(&wanted("once")).unwrap());
        let held = stream::once(async move {
            arrive.send(()).expect("the test waits");
            released.await.expect("the client lets go");
            Ok::<_, BoxError>(Frame::data(body))
        });
        let first = Request::post("/api-keys")
            .header("authorization", format!("Bearer {}", rig.server.operator_key()))
            .header("content-type", "application/json")
            .header("idempotency-key", "shared")
            .body(RequestBody::Stream(StreamBody::new(held).boxed_unsync()))
            .unwrap();
        let server = rig.server.clone();
        let first = tokio::spawn(async move {
            let answer = server.app().dispatcher().handle(first).await.expect("an answer");
            end.send(()).expect("the client waits");
            answer.into_body().collect().await.expect("a body").to_bytes()
        });
        arrived.await.expect("the body is asked for");

        let issued =
            rig.client.identity().issue(&wanted("once")).idempotency_key("shared").send().await.unwrap();
        assert_eq!(issued.attempts().len(), 1);
        assert_eq!(issued.attempts()[0].code(), "idempotency-in-progress");
        assert_eq!(rig.timer.pauses(), [Duration::from_secs(1)], "the server says when to come back");
        assert!(issued.replayed());
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&first.await.unwrap()).unwrap()["secret"],
            issued.secret.expose()
        );
        assert_eq!(rig.effects("once").await, (1, 1));
    })
    .await;
}
