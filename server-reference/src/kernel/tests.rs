//! What the kernel does when a handler, or the one who answers for keys, does not do its part.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use companyos_types::ops;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::Notify;

use super::auth::{Authenticator, CredentialSource, Principal, StoredCredential};
use super::body::RequestBody;
use super::credential;
use super::dispatch::Dispatcher;
use super::ids::RandomIds;
use super::metrics::Metrics;
use super::policy::{AdapterQuestion, Decider, DeciderError, Decision, Question, ScopeDecider};
use super::problem::Problem;
use super::reply::Reply;
use super::routes::Routes;
use super::settings::{Limits, Mode, Settings};
use super::{Kernel, KernelParts};
use crate::keys::KeyStore;
use crate::store::{Store, StoreOptions, testing};
use crate::testing::ManualClock;

/// Knows one key, and takes as long to find it as the test likes.
struct OneKey {
    text: String,
    scopes: Vec<String>,
    slow: AtomicBool,
    asked: Notify,
    answer: Notify,
}

impl fmt::Debug for OneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneKey")
    }
}

impl OneKey {
    fn new(scopes: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            text: credential::generate("test", &RandomIds).to_string(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            slow: AtomicBool::new(false),
            asked: Notify::new(),
            answer: Notify::new(),
        })
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {}", self.text).parse().unwrap())])
    }
}

#[async_trait]
impl CredentialSource for OneKey {
    async fn find(&self, _lookup_id: &str) -> Result<Option<StoredCredential>, Problem> {
        if self.slow.load(Ordering::SeqCst) {
            self.asked.notify_one();
            self.answer.notified().await;
        }
        use sha2::{Digest, Sha256};
        Ok(Some(StoredCredential {
            principal: Principal {
                key_id: "key_1".to_owned(),
                tenant_id: "tnt_1".to_owned(),
                operator: false,
                suspended: false,
                scopes: self.scopes.clone(),
            },
            secret_sha256: Sha256::digest(self.text.as_bytes()).into(),
            ends_at: None,
        }))
    }
}

/// Cannot be asked.
#[derive(Debug)]
struct Unreachable;

#[async_trait]
impl Decider for Unreachable {
    async fn decide(&self, _question: Question<'_>) -> Result<Decision, DeciderError> {
        Err(DeciderError("the policy server is down".to_owned()))
    }

    async fn decide_adapter(&self, _: AdapterQuestion<'_>) -> Result<Decision, DeciderError> {
        Err(DeciderError("the network is down".to_owned()))
    }
}

/// A server whose handlers misbehave.
async fn dispatcher(key: &Arc<OneKey>, decider: Arc<dyn Decider>) -> Dispatcher {
    let ids: Arc<dyn super::ids::Ids> = Arc::new(RandomIds);
    let store = Store::open(StoreOptions::new("sqlite::memory:"), testing::deps()).await.unwrap();
    let keys = KeyStore::in_memory(&ids).unwrap();
    let kernel = Kernel::new(KernelParts {
        settings: Settings {
            mode: Mode::Development,
            region: "eu-west-1".to_owned(),
            issuer: "https://companyos.test".to_owned(),
            cors_origins: Vec::new(),
            limits: Limits { request_timeout: Duration::from_millis(50), ..Limits::default() },
        },
        clock: Arc::new(ManualClock::default()),
        ids,
        store,
        decider,
        tokens: None,
        credentials: Arc::clone(key) as Arc<dyn CredentialSource>,
        metrics: Arc::new(Metrics::default()),
        cursors: keys.cursors().clone(),
        sealer: keys.sealer().clone(),
        faults: None,
    });
    let misbehaving = ["getMeta", "getJwks", "getLivez", "exportTenants", "deleteTenant"];
    let others = ops::ALL.iter().filter(|operation| !misbehaving.contains(&operation.id));
    let routes = others.fold(Routes::new(), |routes, operation| {
        routes.op(operation, |_| async { Ok(Reply::empty(StatusCode::NO_CONTENT)) })
    });
    let routes = routes
        .op(&ops::GET_META, |_| async { panic!("the handler panics") })
        .op(&ops::GET_JWKS, |_| async {
            std::future::pending::<()>().await;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        })
        .op(&ops::GET_LIVEZ, |_| async { Ok(Reply::empty(StatusCode::NO_CONTENT)) })
        .op(&ops::EXPORT_TENANTS, |_| async { Ok(Reply::empty(StatusCode::NO_CONTENT)) })
        .op(&ops::DELETE_TENANT, |ctx| async move {
            ctx.permit(super::policy::Resource::kind("tenant")).await?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        });
    Dispatcher::new(Arc::new(kernel), routes).unwrap()
}

async fn ask(dispatcher: &Dispatcher, request: http::request::Builder, key: &OneKey) -> (StatusCode, Value) {
    let mut request = request.body(RequestBody::from(Bytes::new())).unwrap();
    request.headers_mut().extend(key.headers());
    let (parts, body) = dispatcher.handle(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_panic_is_an_answer_that_tells_nothing_and_the_server_goes_on() {
    let key = OneKey::new(&[]);
    let dispatcher = dispatcher(&key, Arc::new(ScopeDecider::default())).await;
    let (status, problem) = ask(&dispatcher, Request::get("/meta"), &key).await;
    assert_eq!((status.as_u16(), &problem["code"]), (500, &"internal".into()));
    assert!(!problem.to_string().contains("the handler panics"), "{problem}");
    assert_eq!(ask(&dispatcher, Request::get("/livez"), &key).await.0, StatusCode::NO_CONTENT);
    assert_eq!(dispatcher.kernel().requests_running(), 0);
}

#[tokio::test]
async fn a_handler_that_never_ends_is_given_up() {
    let key = OneKey::new(&[]);
    let dispatcher = dispatcher(&key, Arc::new(ScopeDecider::default())).await;
    let (status, problem) = ask(&dispatcher, Request::get("/.well-known/jwks.json"), &key).await;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &"unavailable".into()));
}

#[tokio::test]
async fn a_privileged_operation_does_not_complete_without_a_receipt() {
    let key = OneKey::new(&["tenants:read"]);
    let dispatcher = dispatcher(&key, Arc::new(ScopeDecider::default())).await;
    let (status, problem) = ask(&dispatcher, Request::get("/tenants/export"), &key).await;
    assert_eq!((status.as_u16(), &problem["code"]), (500, &"internal".into()));
}

#[tokio::test]
async fn without_an_answer_of_the_policy_nothing_happens() {
    let key = OneKey::new(&["tenants:read", "tenants:write"]);
    let dispatcher = dispatcher(&key, Arc::new(Unreachable)).await;
    let path = "/tenants/tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
    let privileged = Request::delete(path).header("if-match", "\"1\"");
    for request in [privileged, Request::get("/tenants")] {
        let (status, problem) = ask(&dispatcher, request, &key).await;
        assert_eq!((status.as_u16(), &problem["code"]), (503, &"unavailable".into()));
        assert!(!problem.to_string().contains("policy server"), "{problem}");
    }
}

#[tokio::test]
async fn an_answer_from_before_a_revocation_is_not_remembered_after_it() {
    let key = OneKey::new(&[]);
    let source = Arc::clone(&key) as Arc<dyn CredentialSource>;
    let authenticator = Arc::new(Authenticator::new(source, Arc::new(ManualClock::default())));
    key.slow.store(true, Ordering::SeqCst);
    let asking = {
        let (authenticator, headers) = (Arc::clone(&authenticator), key.headers());
        tokio::spawn(async move { authenticator.authenticate(&headers).await.map(drop) })
    };
    key.asked.notified().await;
    authenticator.forget();
    key.answer.notify_one();
    asking.await.unwrap().unwrap();
    // Were it remembered, the source would not be asked again.
    let headers = key.headers();
    let again = authenticator.authenticate(&headers);
    assert!(tokio::time::timeout(Duration::from_millis(50), again).await.is_err());
}

#[tokio::test]
async fn a_key_that_was_seen_is_not_looked_up_again_until_it_is_forgotten() {
    let key = OneKey::new(&[]);
    let source = Arc::clone(&key) as Arc<dyn CredentialSource>;
    let clock = Arc::new(ManualClock::default());
    let authenticator = Authenticator::new(source, Arc::clone(&clock) as _);
    let headers = key.headers();
    authenticator.authenticate(&headers).await.unwrap();
    key.slow.store(true, Ordering::SeqCst);
    let patience = Duration::from_millis(50);
    clock.advance(Duration::from_millis(1_999));
    assert!(tokio::time::timeout(patience, authenticator.authenticate(&headers)).await.is_ok());
    clock.advance(Duration::from_millis(1));
    assert!(tokio::time::timeout(patience, authenticator.authenticate(&headers)).await.is_err());
}
