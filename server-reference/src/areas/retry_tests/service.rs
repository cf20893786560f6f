//! The plans there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use companyos_types::ops::Operation;
use companyos_types::retry_tests::{RetryTest, RetryTestInstruction};

use super::model::Plan;
use super::rules;
use crate::kernel::auth::Principal;
use crate::kernel::clock::Clock;
use crate::kernel::fault::{Fault, Faults};
use crate::kernel::ids::Ids;
use crate::kernel::problem::{Problem, finding};

/// Every plan of this process, by id; ids sort by time.
pub struct RetryTests {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    plans: Mutex<BTreeMap<String, Plan>>,
}

impl fmt::Debug for RetryTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryTests").finish_non_exhaustive()
    }
}

impl Faults for RetryTests {
    fn next(&self, id: &str, operation: &'static Operation, idempotency_key: Option<&str>) -> Option<Fault> {
        let now = self.clock.now();
        self.plans().get_mut(id).map(|plan| plan.take(operation.id, idempotency_key, now))
    }
}

impl RetryTests {
    /// No plans.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { clock, ids, plans: Mutex::default() }
    }

    /// Makes a plan.
    ///
    /// # Errors
    /// 422 when it names an operation the contract does not have.
    pub(super) fn create(
        &self,
        principal: &Principal,
        instructions: Vec<RetryTestInstruction>,
    ) -> Result<RetryTest, Problem> {
        let unknown = |(index, one): (usize, &RetryTestInstruction)| {
            Operation::by_id(&one.operation_id).is_none().then(|| {
                let pointer = format!("#/instructions/{index}/operation_id");
                finding(&pointer, "unknown", "The contract has no such operation.")
            })
        };
        let errors: Vec<_> = instructions.iter().enumerate().filter_map(unknown).collect();
        if !errors.is_empty() {
            return Err(Problem::validation(errors));
        }
        let now = self.clock.now();
        let plan = Plan::new(self.ids.new_id("rtt", now), principal.tenant_id.clone(), now, instructions);
        let wire = plan.to_wire();
        let mut plans = self.plans();
        if plans.len() >= rules::MOST_PLANS {
            plans.pop_first();
        }
        plans.insert(plan.id.clone(), plan);
        Ok(wire)
    }

    /// A plan of the principal's tenant.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn get(&self, principal: &Principal, id: &str) -> Result<RetryTest, Problem> {
        let plans = self.plans();
        let plan = plans.get(id).filter(|plan| principal.sees(&plan.tenant_id, None));
        plan.map(Plan::to_wire).ok_or_else(Problem::not_found)
    }

    /// Forgets a plan of the principal's tenant.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(super) fn delete(&self, principal: &Principal, id: &str) -> Result<(), Problem> {
        let mut plans = self.plans();
        match plans.get(id).filter(|plan| principal.sees(&plan.tenant_id, None)) {
            Some(_) => plans.remove(id),
            None => return Err(Problem::not_found()),
        };
        Ok(())
    }

    /// The plans that have not expired.
    fn plans(&self) -> MutexGuard<'_, BTreeMap<String, Plan>> {
        let now = self.clock.now();
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        while plans.first_entry().is_some_and(|first| now.since(first.get().made_at) >= rules::KEPT_FOR) {
            plans.pop_first();
        }
        plans
    }
}
