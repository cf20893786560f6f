//! Errors as the caller sees them: problem details (RFC 9457).
//!
//! A [`Problem`] is one of the contract's problem types plus what is known of this occurrence. What went wrong inside
//! travels along as its source for the log and never reaches the caller.

use std::error::Error;
use std::fmt;

use companyos_types::problems::{self, ProblemType};
use companyos_types::shared::{Problem as WireProblem, ProblemError};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::reply::Reply;

/// The media type of every error response.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error response in the making.
pub struct Problem(Box<Inner>);

struct Inner {
    kind: &'static ProblemType,
    status: StatusCode,
    detail: Option<String>,
    instance: Option<String>,
    rule: Option<String>,
    receipt_id: Option<String>,
    errors: Vec<ProblemError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// An occurrence of `kind`, a constant of [`companyos_types::problems`].
    #[must_use]
    pub fn new(kind: &'static ProblemType) -> Self {
        Self(Box::new(Inner {
            kind,
            status: StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            detail: None,
            instance: None,
            rule: None,
            receipt_id: None,
            errors: Vec::new(),
            headers: Vec::new(),
            source: None,
        }))
    }

    /// 404: there is no such object, or the caller must not know of it.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(&problems::NOT_FOUND)
    }

    /// 409: the object's state does not allow this.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(&problems::CONFLICT).detail(detail)
    }

    /// 422: well formed but not valid, with every finding.
    #[must_use]
    pub fn validation(errors: Vec<ProblemError>) -> Self {
        Self::new(&problems::VALIDATION_FAILED).errors(errors)
    }

    /// 500: a defect. `source` goes to the log only.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(&problems::INTERNAL).caused_by(source)
    }

    /// 503 with `Retry-After: seconds`.
    #[must_use]
    pub fn unavailable(seconds: u32) -> Self {
        Self::new(&problems::UNAVAILABLE).retry_after(seconds)
    }

    /// Says what went wrong this time and what to do next.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the object this is about, as a URI reference.
    #[must_use]
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.0.instance = Some(instance.into());
        self
    }

    /// Names the policy rule that refused.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.0.rule = Some(rule.into());
        self
    }

    /// Adds one finding.
    #[must_use]
    pub fn error(mut self, error: ProblemError) -> Self {
        self.0.errors.push(error);
        self
    }

    /// Adds findings.
    #[must_use]
    pub fn errors(mut self, errors: Vec<ProblemError>) -> Self {
        self.0.errors.extend(errors);
        self
    }

    /// Names the receipt the refusal left.
    #[must_use]
    pub fn receipt(mut self, receipt_id: impl Into<String>) -> Self {
        self.0.receipt_id = Some(receipt_id.into());
        self
    }

    /// Adds `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The problem type.
    #[must_use]
    pub fn kind(&self) -> &'static ProblemType {
        self.0.kind
    }

    /// The machine-readable code, such as `not-found`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Answers with a status the contract has no problem type for. Faults on purpose need that.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The receipt the refusal left, when it left one.
    #[must_use]
    pub fn receipt_id(&self) -> Option<&str> {
        self.0.receipt_id.as_deref()
    }

    /// The body as documented by the contract's `Problem` schema.
    #[must_use]
    pub fn to_wire(&self, request_id: &str, trace_id: Option<&str>) -> WireProblem {
        let inner = &self.0;
        WireProblem {
            r#type: format!("{}{}", problems::TYPE_BASE, inner.kind.code),
            title: inner.kind.title.to_owned(),
            status: inner.status.as_u16(),
            detail: Some(inner.detail.clone().unwrap_or_else(|| inner.kind.detail.to_owned())),
            instance: inner.instance.clone(),
            code: inner.kind.code.to_owned(),
            request_id: request_id.to_owned(),
            trace_id: trace_id.map(str::to_owned),
            retryable: inner.kind.retryable,
            rule: inner.rule.clone(),
            receipt_id: inner.receipt_id.clone(),
            errors: (!inner.errors.is_empty()).then(|| inner.errors.clone()),
        }
    }

    /// The error response.
    #[must_use]
    pub fn to_reply(&self, request_id: &str, trace_id: Option<&str>) -> Reply {
        let body = serde_json::to_vec(&self.to_wire(request_id, trace_id)).unwrap_or_default();
        let mut reply = Reply::bytes(self.status(), PROBLEM_JSON, body);
        for (name, value) in &self.0.headers {
            reply = reply.header(name.clone(), value.clone());
        }
        reply
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.status.as_u16(), self.0.kind.code)?;
        match &self.0.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.0.kind.code)
            .field("detail", &self.0.detail)
            .field("errors", &self.0.errors)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// One finding about the body, at a JSON Pointer such as `#/contact_email`.
#[must_use]
pub fn finding(pointer: &str, code: &str, detail: impl Into<String>) -> ProblemError {
    ProblemError {
        pointer: Some(pointer.to_owned()),
        parameter: None,
        row: None,
        column: None,
        code: code.to_owned(),
        detail: detail.into(),
    }
}

/// One finding about a query, path or header parameter.
#[must_use]
pub fn parameter_finding(parameter: &str, code: &str, detail: impl Into<String>) -> ProblemError {
    ProblemError {
        pointer: None,
        parameter: Some(parameter.to_owned()),
        row: None,
        column: None,
        code: code.to_owned(),
        detail: detail.into(),
    }
}
