//! One request through every check of the contract to its handler.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use companyos_types::ops::{BodyClass, Idempotency, Operation};
use companyos_types::problems;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, TRANSFER_ENCODING,
};
use http::request::Parts;
use serde_json::{Map, Value};

use super::Kernel;
use super::auth::Principal;
use super::body::{BodyStream, RequestBody};
use super::contract::Rules;
use super::ctx::{Ctx, Inner};
use super::headers;
use super::idempotency::{self, Attempt, Fingerprint};
use super::limit::Quota;
use super::policy::{OPERATOR_ONLY, Question, Resource};
use super::privileged::RECEIPT_ID;
use super::problem::{Problem, parameter_finding};
use super::reply::Reply;
use super::router::Route;
use super::trace::TraceContext;
use super::validate;

/// What is known of a request so far; filled while it passes the checks, read when it is answered.
#[derive(Default)]
pub(crate) struct Trail {
    pub(crate) quota: Option<Quota>,
    pub(crate) key_id: Option<String>,
}

/// A request whose operation is known.
pub(crate) struct Incoming<'a> {
    pub(crate) kernel: &'a Arc<Kernel>,
    pub(crate) route: &'a Route,
    pub(crate) params: Vec<(&'a str, &'a str)>,
    pub(crate) parts: &'a Parts,
    pub(crate) request_id: &'a str,
    pub(crate) trace: &'a TraceContext,
}

impl Incoming<'_> {
    /// Who asks, and whether there is quota left.
    pub(crate) async fn principal(&self, trail: &mut Trail) -> Result<Arc<Principal>, Problem> {
        if self.route.operation.public {
            return Ok(Arc::new(Principal::anonymous()));
        }
        let principal = self.kernel.authenticator.authenticate(&self.parts.headers).await?;
        trail.key_id = Some(principal.key_id.clone());
        trail.quota = self.kernel.rate.take(&principal.key_id, self.kernel.clock.now());
        match &trail.quota {
            Some(quota) => quota.admit().map(|()| principal),
            None => Ok(principal),
        }
    }

    /// Everything the contract says about the request, then the handler.
    pub(crate) async fn serve(&self, principal: Arc<Principal>, body: RequestBody) -> Result<Reply, Problem> {
        let operation = self.route.operation;
        headers::check_accept(&self.parts.headers, &self.route.rules)?;
        let raw_query = self.parts.uri.query().unwrap_or("");
        let query = validate::query(&self.route.rules.query, raw_query)?;
        let Tenancy { tenant_id, beyond } = Tenancy::of(&principal, &query);
        if beyond.is_some() && operation.action.is_none() {
            return Err(Problem::new(&problems::POLICY_DENIED)
                .rule(OPERATOR_ONLY)
                .detail("Only operators may act for another tenant."));
        }
        if operation.action.is_none() && !operation.public {
            self.check_scopes(&principal, &tenant_id).await?;
        }
        let path = validate::path(&self.route.rules.path, self.params.iter().copied())?;
        validate::headers(&self.route.rules.headers, &self.parts.headers)?;
        let if_match = self.if_match()?;
        let key = match operation.idempotency {
            Idempotency::Required => Some(idempotency::parse(&self.parts.headers)?),
            Idempotency::Natural | Idempotency::None => None,
        };
        let content_type = headers::text(&self.parts.headers, &CONTENT_TYPE)?;
        let request = Fingerprint::new(
            operation.method.as_str(),
            self.parts.uri.path(),
            raw_query,
            content_type.unwrap_or(""),
            if_match.unwrap_or(""),
        );
        let fingerprint = Arc::new(OnceLock::new());
        let media_type = content_type.map(headers::essence);
        let stream = self.open_body(body, media_type.as_deref())?.settling(request, Arc::clone(&fingerprint));
        let attempt = match key {
            Some(key) => {
                Some(Attempt::begin(&self.kernel.in_flight, key, &principal.tenant_id, operation.id)?)
            }
            None => None,
        };
        let (json, stream) = self.read_body(stream, media_type.as_deref()).await?;
        let ctx = Ctx(Arc::new(Inner {
            kernel: Arc::clone(self.kernel),
            op: operation,
            rules: Arc::clone(&self.route.rules),
            request_id: self.request_id.to_owned(),
            trace: self.trace.clone(),
            principal,
            tenant_id,
            beyond,
            path,
            query,
            content_type: media_type,
            if_match: if_match.map(str::to_owned),
            if_none_match: headers::text(&self.parts.headers, &IF_NONE_MATCH)?.map(str::to_owned),
            json,
            stream: Mutex::new(stream),
            fingerprint,
            attempt,
        }));
        self.answer(&ctx).await
    }

    /// An earlier outcome, or the handler's.
    async fn answer(&self, ctx: &Ctx) -> Result<Reply, Problem> {
        let operation = self.route.operation;
        // A replay shows what the first caller was shown, so it takes the same scopes. Without them the handler is
        // asked, and refuses with a receipt.
        if operation.scopes.iter().all(|scope| ctx.principal().holds(scope))
            && let Some(reply) = ctx.replay().await?
        {
            return Ok(reply);
        }
        let limit = self.time_limit();
        let Ok(answer) = tokio::time::timeout(limit, (self.route.handler)(ctx.clone())).await else {
            return Err(Problem::unavailable(1).detail(format!(
                "The operation did not finish within {} s. Whether it will is unknown; the same request finds out.",
                limit.as_secs()
            )));
        };
        // Not when time ran out: the work may still be under way, and lets go of the key when it is done.
        if let Some(attempt) = &ctx.0.attempt {
            attempt.release();
        }
        let reply = answer?;
        if operation.action.is_some() && reply.header_value(&RECEIPT_ID).is_none() {
            return Err(Problem::internal(format!("{} completed without a receipt", operation.id)));
        }
        Ok(reply)
    }

    fn time_limit(&self) -> Duration {
        let limits = &self.kernel.settings.limits;
        match self.route.operation.body {
            BodyClass::Import => limits.import_timeout,
            BodyClass::None | BodyClass::Normal => limits.request_timeout,
        }
    }

    /// The policy about an operation that leaves no receipt.
    async fn check_scopes(&self, principal: &Principal, tenant_id: &str) -> Result<(), Problem> {
        let operation: &'static Operation = self.route.operation;
        let resource = Resource::kind(operation.area);
        let question = Question { operation, principal, tenant_id, resource: &resource };
        let decision = self.kernel.decide(question).await?;
        if decision.allow { Ok(()) } else { Err(Problem::new(&problems::POLICY_DENIED).rule(decision.rule)) }
    }

    fn if_match(&self) -> Result<Option<&str>, Problem> {
        let value = headers::text(&self.parts.headers, &IF_MATCH)?;
        if self.route.operation.if_match && value.is_none() {
            return Err(Problem::new(&problems::PRECONDITION_REQUIRED));
        }
        Ok(value)
    }

    /// Checks what is said about the body before any of it is read.
    fn open_body(&self, body: RequestBody, media_type: Option<&str>) -> Result<BodyStream, Problem> {
        let limits = &self.kernel.settings.limits;
        let limit = match self.route.operation.body {
            BodyClass::None => 0,
            BodyClass::Normal => limits.body_bytes,
            BodyClass::Import => limits.import_bytes,
        };
        let headers = &self.parts.headers;
        let declared = headers::text(headers, &CONTENT_LENGTH)?.and_then(|length| length.parse::<u64>().ok());
        let empty = !headers.contains_key(TRANSFER_ENCODING) && declared.unwrap_or(0) == 0 && body.is_empty();
        let rules: &Rules = &self.route.rules;
        if (!empty || media_type.is_some()) && !rules.bodies.is_empty() {
            let known =
                media_type.is_some_and(|given| rules.bodies.iter().any(|body| body.media_type == given));
            if !known {
                let types: Vec<&str> = rules.bodies.iter().map(|body| body.media_type.as_str()).collect();
                return Err(Problem::new(&problems::UNSUPPORTED_MEDIA_TYPE)
                    .detail(format!("The operation reads {}.", types.join(" or "))));
            }
        }
        let encoding = headers::text(headers, &CONTENT_ENCODING)?;
        if encoding.is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
            return Err(Problem::new(&problems::UNSUPPORTED_MEDIA_TYPE)
                .detail("The server reads bodies without Content-Encoding only.")
                .error(parameter_finding("content-encoding", "unsupported", "Send the body uncompressed.")));
        }
        Ok(BodyStream::new(body, limit, limits.body_timeout))
    }

    /// Reads and validates a JSON body; leaves the body of an import to its handler.
    async fn read_body(
        &self,
        mut stream: BodyStream,
        media_type: Option<&str>,
    ) -> Result<(Option<Value>, Option<BodyStream>), Problem> {
        let rules = &self.route.rules;
        if self.route.operation.body == BodyClass::Import {
            return Ok((None, Some(stream)));
        }
        // The limit on each piece does not bound the whole.
        let patience = self.kernel.settings.limits.body_timeout;
        let whole: Bytes = tokio::time::timeout(patience, stream.collect())
            .await
            .map_err(|_| Problem::new(&problems::REQUEST_TIMEOUT))??;
        if rules.bodies.is_empty() {
            return Ok((None, None));
        }
        if whole.is_empty() && (!rules.body_required || media_type.is_none()) {
            return if rules.body_required {
                Err(Problem::new(&problems::MALFORMED_REQUEST).detail("The operation needs a body."))
            } else {
                Ok((None, None))
            };
        }
        let body = rules.bodies.iter().find(|body| Some(body.media_type.as_str()) == media_type);
        match body.and_then(|body| body.validator.as_ref()) {
            Some(validator) => Ok((Some(validate::body(validator, &whole)?), None)),
            None => Err(Problem::internal(format!("{} reads a body nobody checks", self.route.operation.id))),
        }
    }
}

/// Whom a request acts for. Only operators may name another tenant than their own.
struct Tenancy {
    tenant_id: String,
    /// The tenant that was named and may not be.
    beyond: Option<String>,
}

impl Tenancy {
    fn of(principal: &Principal, query: &Map<String, Value>) -> Self {
        let own = || principal.tenant_id.clone();
        match query.get("tenant_id").and_then(Value::as_str) {
            None => Self { tenant_id: own(), beyond: None },
            Some(named) if principal.operator || named == principal.tenant_id => {
                Self { tenant_id: named.to_owned(), beyond: None }
            }
            Some(named) => Self { tenant_id: own(), beyond: Some(named.to_owned()) },
        }
    }
}
