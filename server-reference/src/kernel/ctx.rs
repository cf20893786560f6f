//! What a handler knows of its request.

use std::sync::{Arc, Mutex, OnceLock};

use companyos_types::ops::Operation;
use companyos_types::problems;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Kernel;
use super::auth::Principal;
use super::body::BodyStream;
use super::clock::Timestamp;
use super::conditional::Version;
use super::contract::Rules;
use super::idempotency::Attempt;
use super::ids::new_id;
use super::page;
use super::problem::{Problem, finding};
use super::reply::Reply;
use super::trace::TraceContext;
use super::validate;
use crate::store::Store;

/// A request that is authenticated and valid by the contract. Cheap to clone, so work closures can own one.
#[derive(Clone)]
pub struct Ctx(pub(crate) Arc<Inner>);

/// What the kernel found out before the handler runs.
pub(crate) struct Inner {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) op: &'static Operation,
    pub(crate) rules: Arc<Rules>,
    pub(crate) request_id: String,
    pub(crate) trace: TraceContext,
    pub(crate) principal: Arc<Principal>,
    pub(crate) tenant_id: String,
    /// The tenant the request names and its principal may not act for. A privileged operation is then refused with a
    /// receipt in the principal's own log: nobody writes into the log of a stranger.
    pub(crate) beyond: Option<String>,
    pub(crate) path: Vec<(String, String)>,
    pub(crate) query: Map<String, Value>,
    pub(crate) content_type: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) json: Option<Value>,
    pub(crate) stream: Mutex<Option<BodyStream>>,
    /// SHA-256 over everything that makes this request what it is. Unset while a streamed body is still coming.
    pub(crate) fingerprint: Arc<OnceLock<[u8; 32]>>,
    pub(crate) attempt: Option<Attempt>,
}

impl Ctx {
    /// The operation asked for.
    #[must_use]
    pub fn op(&self) -> &'static Operation {
        self.0.op
    }

    /// The server's shared parts.
    #[must_use]
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.0.kernel
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.kernel.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.kernel.clock.now()
    }

    /// A new id, such as `tnt_...` for the prefix `tnt`.
    #[must_use]
    pub fn new_id(&self, prefix: &str) -> String {
        new_id(&*self.0.kernel.ids, prefix, self.now())
    }

    /// Names this request in logs and problems.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// The W3C trace id.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.trace.trace_id()
    }

    /// Who asks. Operations without credential have [`Principal::anonymous`].
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The same, to be kept beyond the request.
    pub(crate) fn principal_arc(&self) -> &Arc<Principal> {
        &self.0.principal
    }

    /// The tenant acted for: the principal's own, or the one an operator named with `?tenant_id=`.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.0.tenant_id
    }

    /// A path parameter, percent-decoded; empty when the contract has none of this name.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.0.path.iter().find(|(held, _)| held == name).map_or("", |(_, value)| value)
    }

    /// The query parameters, typed as the contract says and with its defaults filled in.
    ///
    /// # Errors
    /// An internal problem when `T` does not fit the contract.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(&Value::Object(self.0.query.clone())).map_err(Problem::internal)
    }

    /// One query parameter as text, when it was sent or has a default.
    #[must_use]
    pub fn query_str(&self, name: &str) -> Option<&str> {
        self.0.query.get(name).and_then(Value::as_str)
    }

    /// The JSON body, which is valid by its schema already.
    ///
    /// # Errors
    /// 422 when `T` is stricter than the schema; an internal problem when the operation takes no JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let Some(body) = &self.0.json else {
            return Err(Problem::internal(format!("{} has no JSON body", self.0.op.id)));
        };
        typed(body)
    }

    /// The media type of the body without parameters, in lower case; empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.0.content_type.as_deref().unwrap_or("")
    }

    /// The body of an operation with the `import` body class, to be read once and to its end.
    ///
    /// # Errors
    /// An internal problem when it was taken before or the operation streams nothing.
    pub fn body_stream(&self) -> Result<BodyStream, Problem> {
        let mut held = self.0.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.take().ok_or_else(|| Problem::internal(format!("{}: the body is taken already", self.0.op.id)))
    }

    /// The JSON body of an operation with the `import` body class: read to its end, checked against its schema.
    ///
    /// # Errors
    /// Whatever is wrong with the transfer, the JSON or its schema.
    pub async fn read_json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let whole = self.body_stream()?.collect().await?;
        let media_type = self.content_type();
        let body = self.0.rules.bodies.iter().find(|body| body.media_type == media_type);
        let Some(validator) = body.and_then(|body| body.validator.as_ref()) else {
            return Err(Problem::internal(format!("{} reads no JSON as {media_type:?}", self.0.op.id)));
        };
        typed(&validate::body(validator, &whole)?)
    }

    /// Checks `If-Match` against the current version.
    ///
    /// # Errors
    /// 412 when it names another version, 428 when it is missing.
    pub fn require_match(&self, current: Version) -> Result<(), Problem> {
        match &self.0.if_match {
            Some(condition) => current.require(condition),
            None => Err(Problem::new(&problems::PRECONDITION_REQUIRED)),
        }
    }

    /// The 304 to answer with when `If-None-Match` names the current version.
    #[must_use]
    pub fn not_modified(&self, current: Version) -> Option<Reply> {
        let condition = self.0.if_none_match.as_deref()?;
        current.is_named_by(condition).then(|| Reply::empty(StatusCode::NOT_MODIFIED).etag(current))
    }

    /// The most items to put on a page: `limit`, at most [`page::MAX_ITEMS`].
    #[must_use]
    pub fn limit(&self) -> usize {
        let asked = self.0.query.get("limit").and_then(Value::as_u64).unwrap_or(page::DEFAULT_ITEMS);
        usize::try_from(asked.clamp(1, page::MAX_ITEMS)).unwrap_or(1)
    }

    /// Where the page starts: what [`next_cursor`](Self::next_cursor) was given, or `None` for the first page.
    ///
    /// # Errors
    /// 400 `invalid-cursor` when the cursor is not one this list gave out for these filters and this tenant.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        match self.query_str("cursor") {
            Some(text) => self.0.kernel.cursors.open(text, &self.cursor_binding()).map(Some),
            None => Ok(None),
        }
    }

    /// The cursor of the page that starts after `position`.
    ///
    /// # Errors
    /// An internal problem when the position cannot be written as JSON.
    pub fn next_cursor<T: Serialize>(&self, position: &T) -> Result<String, Problem> {
        self.0.kernel.cursors.seal(position, &self.cursor_binding())
    }

    /// What a cursor is good for: this operation, object, tenant and these filters.
    fn cursor_binding(&self) -> Vec<u8> {
        let mut filters = self.0.query.clone();
        filters.remove("cursor");
        filters.remove("limit");
        page::binding(self.0.op.id, &self.0.principal.tenant_id, &self.0.tenant_id, &self.0.path, &filters)
    }
}

/// A valid body as a Rust type.
fn typed<T: DeserializeOwned>(body: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let pointer = page::pointer_of(error.path());
        Problem::validation(vec![finding(&pointer, "type", error.into_inner().to_string())])
    })
}
