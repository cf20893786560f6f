//! What every area stands on: the path of a request from its first byte to its receipt.
//!
//! In the order in which a request meets them: `router` finds the operation, `auth` the principal, `limit` the quota,
//! `validate` checks everything against the contract, `idempotency` and `replay` see whether it was answered before, the
//! area's handler gets a [`Ctx`](ctx::Ctx), asks the `policy`, and commits through `privileged`.

pub mod auth;
pub mod body;
pub mod clock;
pub mod conditional;
pub(crate) mod contract;
pub(crate) mod cors;
pub mod credential;
pub mod ctx;
pub mod dispatch;
pub mod fault;
pub(crate) mod headers;
pub mod health;
pub mod idempotency;
pub mod ids;
pub mod json;
pub mod limit;
pub mod metrics;
pub mod page;
pub(crate) mod pipeline;
pub mod policy;
pub mod privileged;
pub mod problem;
pub(crate) mod recall;
pub(crate) mod replay;
pub mod reply;
pub mod respond;
pub(crate) mod router;
pub mod routes;
pub(crate) mod seen;
pub mod settings;
#[cfg(test)]
mod tests;
pub mod trace;
pub(crate) mod validate;

use std::fmt;
use std::sync::Arc;

use self::auth::{Authenticator, CredentialSource, TokenSource};
use self::clock::Clock;
pub use self::contract::ContractError;
use self::fault::Faults;
use self::health::Health;
use self::idempotency::{InFlight, Sealer};
use self::ids::Ids;
use self::limit::{Concurrency, RateLimiter};
use self::metrics::Metrics;
use self::page::Cursors;
use self::policy::{Decider, Decision, Question};
use self::problem::Problem;
use self::recall::Recall;
use self::settings::Settings;
use crate::keys::{self, MacKey};
use crate::store::Store;

/// The parts of a running server that requests share.
pub struct Kernel {
    /// Who this server is and what it refuses to exceed.
    pub settings: Settings,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids and randomness come from.
    pub ids: Arc<dyn Ids>,
    /// Where everything is kept.
    pub store: Store,
    /// Who answers the policy question.
    pub decider: Arc<dyn Decider>,
    /// Who knows the API keys.
    pub authenticator: Authenticator,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the server takes traffic.
    pub health: Health,
    pub(crate) cursors: Cursors,
    pub(crate) sealer: Sealer,
    pub(crate) rate: RateLimiter,
    pub(crate) concurrency: Arc<Concurrency>,
    pub(crate) recall: Recall,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) faults: Option<Arc<dyn Faults>>,
}

/// What a [`Kernel`] is built from.
pub struct KernelParts {
    /// Who this server is and what it refuses to exceed.
    pub settings: Settings,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids and randomness come from.
    pub ids: Arc<dyn Ids>,
    /// Where everything is kept.
    pub store: Store,
    /// Who answers the policy question.
    pub decider: Arc<dyn Decider>,
    /// Where API keys are looked up.
    pub credentials: Arc<dyn CredentialSource>,
    /// Where access tokens are judged; without it only API keys are taken.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// What is counted; the store's observer is the same object.
    pub metrics: Arc<Metrics>,
    /// The key cursors are authenticated with.
    pub cursors: MacKey,
    /// The key stored outcomes are sealed with.
    pub sealer: keys::Sealer,
    /// Where faults on purpose come from, in development mode.
    pub faults: Option<Arc<dyn Faults>>,
}

impl Kernel {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: KernelParts) -> Self {
        let limits = &parts.settings.limits;
        Self {
            rate: RateLimiter::new(limits.requests_per_second),
            concurrency: Arc::new(Concurrency::new(limits.concurrency)),
            authenticator: Authenticator::new(parts.credentials, Arc::clone(&parts.clock))
                .with_tokens(parts.tokens),
            cursors: Cursors::new(parts.cursors),
            sealer: Sealer::new(parts.sealer),
            recall: Recall::new(parts.store.clone(), parts.clock.now()),
            in_flight: Arc::default(),
            health: Health::default(),
            settings: parts.settings,
            clock: parts.clock,
            ids: parts.ids,
            store: parts.store,
            decider: parts.decider,
            metrics: parts.metrics,
            faults: parts.faults,
        }
    }

    /// Asks the policy and counts its answer.
    pub(crate) async fn decide(&self, question: Question<'_>) -> Result<Decision, Problem> {
        let action = question.operation.action.unwrap_or(question.operation.id);
        let decision = self.decider.decide(question).await;
        let decision = decision.map_err(|error| Problem::unavailable(1).caused_by(error))?;
        self.metrics.decided(action, decision.allow);
        Ok(decision)
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn requests_running(&self) -> usize {
        self.concurrency.running()
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("settings", &self.settings).finish_non_exhaustive()
    }
}
