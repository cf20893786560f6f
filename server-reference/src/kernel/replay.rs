//! Finding and replaying the outcome of an earlier request with the same idempotency key.

use companyos_types::problems;

use super::ctx::Ctx;
use super::problem::Problem;
use super::reply::Reply;

impl Ctx {
    /// The outcome of an earlier request with this key, when there is one.
    ///
    /// # Errors
    /// 422 when that was another request; whatever reading the rest of a streamed body finds.
    pub(crate) async fn replay(&self) -> Result<Option<Reply>, Problem> {
        let inner = &self.0;
        let Some(attempt) = &inner.attempt else {
            return Ok(None);
        };
        let Some(found) = inner.kernel.recall.find(attempt.record, self.now()).await? else {
            return Ok(None);
        };
        if inner.fingerprint.get().is_none() {
            self.body_stream()?.skip().await?;
        }
        if inner.fingerprint.get() != Some(&found.fingerprint) {
            return Err(Problem::new(&problems::IDEMPOTENCY_KEY_REUSED));
        }
        inner.kernel.metrics.replayed();
        inner.kernel.sealer.open(&found.response, &attempt.record).map(Some)
    }

    /// The outcome that another process committed while this one worked on the same key.
    pub(crate) async fn replay_raced(&self) -> Result<Reply, Problem> {
        // The record may have expired in between; then the caller's next attempt runs.
        let in_progress = || Problem::new(&problems::IDEMPOTENCY_IN_PROGRESS).retry_after(1);
        self.replay().await?.ok_or_else(in_progress)
    }

    /// A problem as this request is answered with it.
    pub(crate) fn render(&self, problem: &Problem) -> Reply {
        problem.to_reply(self.request_id(), Some(self.trace_id()))
    }
}
