//! A server that misbehaves, a client on a clock of its own, and a second client that keeps the account.

use companyos_sdk::testing::ManualTimer;
use companyos_sdk::{Attempt, CallOptions, Client, ClientBuilder, InProcess};
use companyos_server::testing::{Listening, TestServer};
use companyos_types::identity::ApiKeyCreate;
use companyos_types::retry_tests::{RetryTest, RetryTestCreate, RetryTestInstruction};
use futures_util::TryStreamExt as _;
use http::Request;
use http_body_util::BodyExt as _;

use crate::watch::{Hurry, REGION};

/// How the client reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Sockets,
    Memory,
}

pub(super) struct Rig {
    pub(super) server: TestServer,
    pub(super) over: Over,
    pub(super) timer: ManualTimer,
    /// Its retries are what the test is about.
    pub(super) client: Client,
    /// Plans faults and reads the account, unharmed.
    pub(super) auditor: Client,
    _listening: Option<Listening>,
}

/// Runs a test over sockets, then through memory, each time on a server of its own.
pub(super) async fn on_both(test: impl AsyncFn(Rig)) {
    on_both_with(|builder| builder, test).await;
}

/// As [`on_both`], with clients that differ in something.
pub(super) async fn on_both_with(change: impl Fn(ClientBuilder) -> ClientBuilder, test: impl AsyncFn(Rig)) {
    for over in [Over::Sockets, Over::Memory] {
        let server = TestServer::start().await.expect("a server");
        let listening = match over {
            Over::Sockets => Some(server.listen().await.expect("a port")),
            Over::Memory => None,
        };
        let timer = ManualTimer::new();
        let client = || reach(&server, listening.as_ref());
        let (client, auditor) = (change(client()).timer(timer.clone()), client().timer(Hurry));
        let (client, auditor) = (client.build().expect("a client"), auditor.build().expect("a client"));
        test(Rig { server, over, timer, client, auditor, _listening: listening }).await;
    }
}

fn reach(server: &TestServer, listening: Option<&Listening>) -> ClientBuilder {
    let builder = Client::builder().api_key(server.operator_key().to_owned()).region(REGION);
    if let Some(listening) = listening {
        return builder.base_url(listening.base_url());
    }
    let server = server.clone();
    let carry = move |request: Request<companyos_sdk::RequestBody>| {
        let server = server.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, companyos_sdk::BoxError>(server.handle(Request::from_parts(parts, body)).await?)
        }
    };
    builder.base_url("http://in-process.test").transport(InProcess::new(carry))
}

/// What to issue in order to have an effect that can be counted.
pub(super) fn wanted(name: &str) -> ApiKeyCreate {
    ApiKeyCreate::new(name, vec!["tenants:read".to_owned()])
}

impl Rig {
    /// Plans faults for an operation and returns the plan's id and the options that name it.
    pub(super) async fn plan(&self, operation: &str, faults: &[&str]) -> (String, CallOptions) {
        let faults: Vec<String> = faults.iter().map(|fault| (*fault).to_owned()).collect();
        let lists = faults.chunks(100).map(|faults| RetryTestInstruction::new(operation, faults.to_vec()));
        let plan = RetryTestCreate::new(lists.collect());
        let id = self.auditor.retry_tests().create(&plan).send().await.expect("a plan").id.clone();
        let options = CallOptions::new().header("retry-test-id", &id);
        (id, options)
    }

    /// What the server saw of a plan.
    pub(super) async fn account(&self, id: &str) -> RetryTest {
        self.auditor.retry_tests().get(id).send().await.expect("the account").into_inner()
    }

    /// Fails unless the server saw these faults and no more, one for each failed attempt and `passed` for the last, all
    /// with one key.
    pub(super) async fn agree(&self, id: &str, failed: &[Attempt], passed: bool, faults: &[&str]) {
        let account = self.account(id).await;
        let seen: Vec<&str> = account.attempts.iter().map(|attempt| attempt.fault.as_str()).collect();
        assert_eq!(seen, faults, "{:?}: the server saw something else", self.over);
        assert_eq!(seen.len(), failed.len() + usize::from(passed), "{:?}: {failed:?}", self.over);
        let keys: Vec<_> = account.attempts.iter().map(|attempt| &attempt.idempotency_key).collect();
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "the key changed between attempts: {keys:?}");
        let pauses: Vec<_> = failed.iter().filter_map(Attempt::pause).collect();
        assert_eq!(pauses, self.timer.pauses(), "{:?}: it waited otherwise than it says", self.over);
    }

    /// How many keys of this name there are, and how many receipts of keys that were issued with success.
    pub(super) async fn effects(&self, name: &str) -> (usize, usize) {
        let keys: Vec<_> = self.auditor.identity().list().by_item().try_collect().await.expect("the keys");
        let receipts = self.auditor.receipts().list().action("api_key.issue").by_item();
        let receipts: Vec<_> = receipts.try_collect().await.expect("the receipts");
        // The first operator key left one too.
        (keys.iter().filter(|key| key.name == name).count(), receipts.len() - 1)
    }
}
