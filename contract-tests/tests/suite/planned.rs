//! The requests that Postman gets, sent to a server in this process and judged by the whole contract.

use std::time::Duration;

use bytes::Bytes;
use companyos_contract_tests::repo::Repo;
use companyos_contract_tests::scenario::{self, Answer, Call, OVERLAY, Overlay, Wire};
use companyos_server::testing::TestServer;
use http::Request;
use tokio::runtime::Runtime;

use crate::watch::{CONTRACT, COVERAGE};

/// The server, and the runtime it lives on.
struct InProcess {
    runtime: Runtime,
    server: TestServer,
}

impl Wire for InProcess {
    fn send(&mut self, call: &Call) -> Result<Answer, String> {
        // Lists are ordered by time, and this server's clock moves only when it is told to.
        self.server.clock().advance(Duration::from_millis(1));
        let mut request = Request::builder().method(call.method.as_str()).uri(&call.target);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(call.body.clone())).map_err(|error| error.to_string())?;
        let response = self.runtime.block_on(self.server.call(request)).map_err(|error| error.to_string())?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: response.body().to_vec(),
        })
    }

    fn pause(&mut self) {
        self.runtime.block_on(tokio::time::sleep(Duration::from_millis(5)));
    }
}

#[test]
fn every_planned_request_is_answered_as_the_overlay_and_the_contract_say() {
    let overlay = Overlay::parse(&Repo::of_this_crate().unwrap().read(OVERLAY).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(TestServer::start()).unwrap();
    let key = server.operator_key().to_owned();
    let mut wire = InProcess { runtime, server };
    let findings = scenario::run(&CONTRACT, &overlay, &COVERAGE, &key, &mut wire).unwrap();
    assert!(
        findings.is_empty(),
        "if you are here because this failed: each line names request and answer\n{findings:#?}"
    );
}
