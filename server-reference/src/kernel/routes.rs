//! What an area mounts: its operations, each named by its contract constant, and their handlers.

use std::future::Future;
use std::sync::Arc;

use companyos_types::ops::Operation;
use futures_util::future::BoxFuture;

use super::ctx::Ctx;
use super::problem::Problem;
use super::reply::Reply;

/// Answers a request that has passed everything the contract says about it.
pub type Handler = Arc<dyn Fn(Ctx) -> BoxFuture<'static, Result<Reply, Problem>> + Send + Sync>;

/// The operations of one area, or of all.
///
/// ```
/// use companyos_server::kernel::ctx::Ctx;
/// use companyos_server::kernel::problem::Problem;
/// use companyos_server::kernel::reply::Reply;
/// use companyos_server::kernel::routes::Routes;
/// use companyos_types::ops;
///
/// async fn meta(ctx: Ctx) -> Result<Reply, Problem> {
///     Reply::json(http::StatusCode::OK, ctx.tenant_id())
/// }
///
/// pub fn routes() -> Routes {
///     Routes::new().op(&ops::GET_META, meta)
/// }
/// ```
#[derive(Default)]
pub struct Routes {
    pub(crate) entries: Vec<(&'static Operation, Handler)>,
}

impl Routes {
    /// No operations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts one operation. Method, path and rules come from the constant.
    #[must_use]
    pub fn op<F, A>(mut self, operation: &'static Operation, handler: F) -> Self
    where
        F: Fn(Ctx) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        self.entries.push((operation, Arc::new(move |ctx| Box::pin(handler(ctx)))));
        self
    }

    /// Mounts another area's operations too.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }
}
