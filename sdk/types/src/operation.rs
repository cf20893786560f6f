//! What an operation constant says.

use std::fmt;

/// One operation of the contract: the constants in [`crate::ops`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Its `operationId`.
    pub id: &'static str,
    /// The area that owns it.
    pub area: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template, such as `/tenants/{tenant_id}`.
    pub path: &'static str,
    /// The action named in its receipt. Present means privileged: decided by a policy, and leaving a receipt.
    pub action: Option<&'static str>,
    /// Whether a second person must confirm.
    pub dual_control: bool,
    /// Whether it has no effect but its receipt.
    pub receipt_only: bool,
    /// What makes a repeated request safe.
    pub idempotency: Idempotency,
    /// The scopes a credential needs; all of them.
    pub scopes: &'static [&'static str],
    /// Whether it needs no credential.
    pub public: bool,
    /// The `flow` label of its latency metric.
    pub flow: &'static str,
    /// Whether it answers with pages.
    pub paginated: bool,
    /// Whether it can answer 202 and go on as a long operation.
    pub asynchronous: bool,
    /// Which limit its body is held to.
    pub body: BodyClass,
    /// Whether only a server in development mode has it.
    pub development_only: bool,
    /// The names of its query parameters.
    pub query: &'static [&'static str],
    /// Whether it needs `If-Match`.
    pub if_match: bool,
}

impl Operation {
    /// The operation with this `operationId`.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        crate::ops::ALL.iter().copied().find(|operation| operation.id == id)
    }

    /// Since when it is deprecated; `None` while it is not.
    #[must_use]
    pub fn deprecation(&self) -> Option<&'static Deprecation> {
        crate::ops::DEPRECATED.iter().find(|(id, _)| *id == self.id).map(|(_, deprecation)| deprecation)
    }

    /// Whether it asks a policy first and leaves a receipt.
    #[must_use]
    pub const fn is_privileged(&self) -> bool {
        self.action.is_some()
    }
}

/// Since when an operation is deprecated, as its responses say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The header `Deprecation` (RFC 9745): since when it should not be used.
    pub since: &'static str,
    /// The header `Sunset` (RFC 8594): from when on it may not answer any more.
    pub sunset: Option<&'static str>,
}

/// An HTTP method the contract uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method as it is written in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes a repeated request safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// It needs an `Idempotency-Key`; the first outcome is replayed.
    Required,
    /// The method's own semantics (RFC 9110 section 9.2.2), or `If-Match`.
    Natural,
    /// Nothing: a repeated request may act twice.
    None,
}

/// Which limit a request body is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyClass {
    /// It has no body.
    None,
    /// The usual limit.
    Normal,
    /// The limit of bulk imports; the body is streamed.
    Import,
}
