//! A server in this process, with everything it says held against the contract.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use companyos_contract_tests::contract::{self, Contract};
use companyos_contract_tests::coverage::Coverage;
use companyos_contract_tests::error::Finding;
use companyos_sdk::{Client, InProcess, Sleep, Timer, TokioTimer, Wait};
use companyos_server::kernel::body::RequestBody;
use companyos_server::testing::{TestServer, TestServerBuilder};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};

/// The region of every server of this suite.
pub(crate) const REGION: &str = "eu-west-1";

/// The committed contract. Compiling its schemas takes a moment, so all tests share it.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::load().expect("the contract loads"));

/// Which operation the scenarios have seen answer with which status.
pub(crate) static COVERAGE: LazyLock<Coverage> = LazyLock::new(Coverage::default);

/// A server whose every answer must be one that the contract declares.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) server: TestServer,
}

impl Watched {
    /// An empty server.
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    /// An empty server that differs in something.
    pub(crate) async fn with(change: impl FnOnce(TestServerBuilder) -> TestServerBuilder) -> Self {
        Self { server: change(TestServer::builder()).start().await.expect("the server starts") }
    }

    /// Sends a request, which may be wrong on purpose. The answer may not.
    pub(crate) async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.stream(request.map(RequestBody::from)).await
    }

    /// Sends a request whose body arrives while it is answered.
    pub(crate) async fn stream(&self, request: Request<RequestBody>) -> Response<Bytes> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let answer = self.server.app().dispatcher().handle(request).await.expect("no connection is reset");
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("the body is complete").to_bytes();
        let response = Response::from_parts(parts, body);
        judge(method.as_str(), uri.path(), &response);
        response
    }

    /// An SDK client whose requests are held against the contract too.
    pub(crate) fn client(&self, api_key: &str) -> Client {
        let watched = self.clone();
        let transport = InProcess::new(move |request: Request<companyos_sdk::RequestBody>| {
            let watched = watched.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let request = Request::from_parts(parts, body);
                judge_request(&request);
                Ok::<_, companyos_sdk::BoxError>(watched.call(request).await.map(Full::new))
            }
        });
        Client::builder()
            .base_url("http://in-process.test")
            .api_key(api_key.to_owned())
            .region(REGION)
            .timer(Hurry)
            .transport(transport)
            .build()
            .expect("a client")
    }

    /// A client of the first operator key.
    pub(crate) fn operator(&self) -> Client {
        self.client(self.server.operator_key())
    }
}

/// Holds a response against the contract, and counts it as seen.
fn judge(method: &str, path: &str, response: &Response<Bytes>) {
    let headers = pairs(response.headers());
    let seen =
        contract::Response { status: response.status().as_u16(), headers: &headers, body: response.body() };
    let mut findings = match CONTRACT.find(method, path) {
        Some(id) => {
            COVERAGE.record(id, seen.status);
            CONTRACT.validate_response(id, &seen)
        }
        None => CONTRACT.validate_problem(&seen),
    };
    for (name, value) in
        [("cache-control", Some("no-store")), ("x-content-type-options", Some("nosniff")), ("server", None)]
    {
        let given = response.headers().get(name).map(|given| given.to_str().unwrap_or("not ASCII"));
        if given != value {
            let problem = format!("every response has {name}: {value:?}, this one {given:?}");
            findings.push(Finding::new(path, "response", problem, "answer with it"));
        }
    }
    complain(&format!("the answer to {method} {path}"), &findings, response.body());
}

fn judge_request(request: &Request<Bytes>) {
    let headers = pairs(request.headers());
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let sent = contract::Request {
        method: request.method().as_str(),
        target,
        headers: &headers,
        body: request.body(),
    };
    let findings = CONTRACT.validate_request(&sent);
    complain(&format!("the request {} {target}", request.method()), &findings, request.body());
}

#[track_caller]
fn complain(about: &str, findings: &[Finding], body: &[u8]) {
    let list: Vec<String> = findings.iter().map(|finding| format!("  {finding}\n")).collect();
    let body = String::from_utf8_lossy(&body[..body.len().min(2_000)]);
    assert!(findings.is_empty(), "{about} is not what the contract says:\n{}  body: {body}", list.concat());
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("headers are ASCII"))).collect()
}

/// The system's time, but no pause before a retry or a poll is longer than a few milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hurry;

impl Timer for Hurry {
    fn now(&self) -> Instant {
        TokioTimer.now()
    }

    fn wall(&self) -> SystemTime {
        TokioTimer.wall()
    }

    fn sleep(&self, duration: Duration, wait: Wait) -> Sleep {
        let most = if wait == Wait::Timeout { duration } else { Duration::from_millis(5) };
        TokioTimer.sleep(duration.min(most), wait)
    }
}
