//! The way in and out of the kernel: one request to one response, whatever happens in between.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use companyos_types::ops::Operation;
use futures_util::FutureExt;
use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use tracing::Instrument;

use super::body::RequestBody;
use super::contract::ContractError;
use super::fault::{self, ConnectionReset, Fault, RETRY_TEST_ID};
use super::idempotency::IDEMPOTENCY_KEY;
use super::ids::new_id;
use super::pipeline::{Incoming, Trail};
use super::problem::{Problem, parameter_finding};
use super::reply::Reply;
use super::respond::{Outgoing, ResponseBody, finish};
use super::router::Router;
use super::routes::Routes;
use super::trace::TraceContext;
use super::{Kernel, cors, headers};

/// The server without its sockets: takes requests, gives responses.
pub struct Dispatcher {
    kernel: Arc<Kernel>,
    router: Router,
}

/// How a request ended.
enum Ending {
    Answered(Reply, BreakOff),
    Reset,
}

/// Whether the body of the answer breaks off on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BreakOff {
    No,
    Yes,
}

impl Dispatcher {
    /// Mounts `routes`.
    ///
    /// # Errors
    /// When they are not exactly the operations of the contract for this mode.
    pub fn new(kernel: Arc<Kernel>, routes: Routes) -> Result<Self, ContractError> {
        let router = Router::new(routes, kernel.settings.mode)?;
        Ok(Self { kernel, router })
    }

    /// The parts requests share.
    #[must_use]
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`ConnectionReset`] when a retry test planned it; only in development mode.
    pub async fn handle(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<ResponseBody>, ConnectionReset> {
        let kernel = &self.kernel;
        let started = kernel.clock.instant();
        kernel.metrics.request_started();
        let (parts, body) = request.into_parts();
        let request_id = new_id(&*kernel.ids, "req", kernel.clock.now());
        let trace = TraceContext::of(&parts.headers, &*kernel.ids);
        let span = tracing::info_span!("request", %request_id, trace_id = trace.trace_id());
        let mut trail = Trail::default();
        let mut operation = None;
        let served =
            AssertUnwindSafe(self.serve(&parts, body, &request_id, &trace, &mut trail, &mut operation))
                .catch_unwind()
                .instrument(span.clone())
                .await
                .unwrap_or_else(|panic| Err(Problem::internal(format!("panicked: {}", panic_text(&*panic)))));
        let _entered = span.enter();
        let (ending, problem) = match served {
            Ok(ending) => (ending, None),
            Err(problem) => {
                let reply = problem.to_reply(&request_id, Some(trace.trace_id()));
                (Ending::Answered(reply, BreakOff::No), Some(problem))
            }
        };
        let took = kernel.clock.instant().saturating_duration_since(started);
        let status = match &ending {
            Ending::Answered(reply, _) => reply.status.as_u16(),
            Ending::Reset => 0,
        };
        kernel.metrics.request_ended(
            operation.map_or("none", |operation: &Operation| operation.id),
            operation.map_or("none", |operation| operation.flow),
            status,
            took,
        );
        log(&parts, status, took, &trail, problem.as_ref());
        let Ending::Answered(mut reply, break_off) = ending else {
            return Err(ConnectionReset);
        };
        for (name, value) in trail.quota.iter().flat_map(super::limit::Quota::headers) {
            reply = reply.header(name, value);
        }
        Ok(finish(
            reply,
            &Outgoing {
                request_id: &request_id,
                head_only: parts.method == Method::HEAD,
                break_body: break_off == BreakOff::Yes,
                deprecation: operation.and_then(Operation::deprecation),
                origin: self.allowed_origin(&parts),
            },
        ))
    }

    async fn serve(
        &self,
        parts: &Parts,
        body: RequestBody,
        request_id: &str,
        trace: &TraceContext,
        trail: &mut Trail,
        operation: &mut Option<&'static Operation>,
    ) -> Result<Ending, Problem> {
        let kernel = &self.kernel;
        let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
        headers::check(&parts.headers, target, &kernel.settings.limits)?;
        if let Some(preflight) = cors::preflight(parts, self.allowed_origin(parts)) {
            return Ok(Ending::Answered(preflight, BreakOff::No));
        }
        let found = self.router.find(&parts.method, parts.uri.path())?;
        *operation = Some(found.route.operation);
        let incoming = Incoming {
            kernel,
            route: found.route,
            params: found.params.iter().collect(),
            parts,
            request_id,
            trace,
        };
        // Health checks are answered however busy the server is.
        let _slot = match found.route.operation.flow {
            "health" => None,
            _ => Some(kernel.concurrency.enter()?),
        };
        let principal = incoming.principal(trail).await?;
        match self.fault(parts, found.route.operation)? {
            Fault::Pass => incoming.serve(principal, body).await.map(answered),
            Fault::Return { status, retry_after } => Err(fault::problem(status, retry_after)),
            Fault::ResetConnection => Ok(Ending::Reset),
            Fault::ResetAfterCommit => {
                // Whatever the answer is, the caller is not to see it.
                incoming
                    .serve(principal, body)
                    .await
                    .map_or_else(|_| Ok(Ending::Reset), |_| Ok(Ending::Reset))
            }
            Fault::Stall(time) => {
                tokio::time::sleep(time).await;
                incoming.serve(principal, body).await.map(answered)
            }
            Fault::BrokenBody => {
                incoming.serve(principal, body).await.map(|reply| Ending::Answered(reply, BreakOff::Yes))
            }
        }
    }

    /// The fault a retry test planned for this request.
    fn fault(&self, parts: &Parts, operation: &'static Operation) -> Result<Fault, Problem> {
        let Some(faults) = &self.kernel.faults else {
            return Ok(Fault::Pass);
        };
        let Some(id) = headers::text(&parts.headers, &RETRY_TEST_ID)? else {
            return Ok(Fault::Pass);
        };
        let key = headers::text(&parts.headers, &IDEMPOTENCY_KEY)?;
        faults.next(id, operation, key).ok_or_else(|| {
            Problem::new(&companyos_types::problems::INVALID_PARAMETER).error(parameter_finding(
                RETRY_TEST_ID.as_str(),
                "unknown",
                "There is no such retry test; it may have expired.",
            ))
        })
    }

    /// The request's origin, when CORS is configured for it.
    fn allowed_origin(&self, parts: &Parts) -> Option<HeaderValue> {
        let origin = parts.headers.get(ORIGIN)?;
        let allowed = &self.kernel.settings.cors_origins;
        allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }
}

fn answered(reply: Reply) -> Ending {
    Ending::Answered(reply, BreakOff::No)
}

/// One line per request: what was asked, not what it said. Defects are errors with their cause; refusals are worth
/// reading; the rest is detail.
fn log(parts: &Parts, status: u16, took: Duration, trail: &Trail, problem: Option<&Problem>) {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let (key_id, ms) = (trail.key_id.as_deref(), took.as_secs_f64() * 1_000.0);
    match problem {
        Some(problem) if status >= 500 => {
            let cause = std::error::Error::source(problem).map(ToString::to_string);
            tracing::error!(method, path, status, ms, key_id, code = problem.code(), cause, "failed");
        }
        Some(problem) => tracing::info!(method, path, status, ms, key_id, code = problem.code(), "refused"),
        None => tracing::debug!(method, path, status, ms, key_id, "answered"),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
