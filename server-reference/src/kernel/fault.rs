//! Faults on purpose, for clients that want to prove their retry rules. Only a server in development mode has a source
//! of them.

use std::fmt;
use std::time::Duration;

use companyos_types::ops::Operation;
use companyos_types::problems::{self, ProblemType};
use http::StatusCode;
use http::header::HeaderName;

use super::problem::Problem;

/// Names the retry test a request takes its fault from.
pub const RETRY_TEST_ID: HeaderName = HeaderName::from_static("retry-test-id");

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// It is answered with a status and not served.
    Return {
        /// The status, 400 to 599.
        status: StatusCode,
        /// `Retry-After`, in seconds; without it, statuses that always carry the header say 0.
        retry_after: Option<u32>,
    },
    /// Its connection is reset; it is not served.
    ResetConnection,
    /// It is served, then its connection is reset instead of being answered.
    ResetAfterCommit,
    /// It waits before it is served.
    Stall(Duration),
    /// It is served, but the body of the answer breaks off.
    BrokenBody,
}

/// Where faults come from.
pub trait Faults: Send + Sync + fmt::Debug {
    /// The next fault of retry test `id` for a request to `operation`; `None` when there is no such test.
    fn next(&self, id: &str, operation: &'static Operation, idempotency_key: Option<&str>) -> Option<Fault>;
}

/// The connection is to be reset instead of being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is reset on purpose")]
pub struct ConnectionReset;

/// The problem that stands for a status in a fault.
pub(crate) fn problem(status: StatusCode, retry_after: Option<u32>) -> Problem {
    let same = |kind: &&'static ProblemType| kind.status == status.as_u16();
    let fallback =
        if status.is_server_error() { &problems::UNAVAILABLE } else { &problems::MALFORMED_REQUEST };
    let kind = problems::ALL.iter().find(same).unwrap_or(fallback);
    let problem = Problem::new(kind).with_status(status).detail("This answer was planned by a retry test.");
    // The contract promises the header with these two; 0 leaves the pause to the client.
    let promised = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    match retry_after.or(promised.then_some(0)) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}
