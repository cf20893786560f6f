//! A plan of faults and its account.

use std::collections::VecDeque;

use companyos_types::retry_tests::{RetryTest, RetryTestAttempt, RetryTestInstruction};

use super::rules::{self, Step};
use crate::kernel::clock::Timestamp;
use crate::kernel::fault::Fault;

/// A plan of faults and what was seen of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) tenant_id: String,
    pub(super) made_at: Timestamp,
    faults: Vec<(String, VecDeque<String>)>,
    attempts: Vec<RetryTestAttempt>,
}

impl Plan {
    pub(super) fn new(
        id: String,
        tenant_id: String,
        made_at: Timestamp,
        instructions: Vec<RetryTestInstruction>,
    ) -> Self {
        let faults = instructions.into_iter().map(|one| (one.operation_id, one.faults.into())).collect();
        Self { id, tenant_id, made_at, faults, attempts: Vec::new() }
    }

    /// The next fault for an operation, entered in the account.
    pub(super) fn take(
        &mut self,
        operation_id: &str,
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> Fault {
        let queue = self.faults.iter_mut().find(|(id, faults)| id == operation_id && !faults.is_empty());
        let (name, fault) = match queue.and_then(|(_, faults)| faults.pop_front().map(|name| (faults, name)))
        {
            None => ("pass".to_owned(), Fault::Pass),
            Some((faults, name)) => match rules::step(&name) {
                Some(Step::Use(fault)) => (name, fault),
                Some(Step::Later(next)) => {
                    faults.push_front(next);
                    ("pass".to_owned(), Fault::Pass)
                }
                // The contract's pattern lets nothing else in.
                None => ("pass".to_owned(), Fault::Pass),
            },
        };
        if self.attempts.len() < rules::MOST_ATTEMPTS {
            self.attempts.push(RetryTestAttempt {
                operation_id: operation_id.to_owned(),
                fault: name,
                idempotency_key: idempotency_key.map(str::to_owned),
                at: now.to_rfc3339(),
            });
        }
        fault
    }

    pub(super) fn to_wire(&self) -> RetryTest {
        let left = self.faults.iter().filter(|(_, faults)| !faults.is_empty());
        let instructions: Vec<RetryTestInstruction> = left
            .map(|(id, faults)| RetryTestInstruction::new(id, faults.iter().cloned().collect()))
            .collect();
        RetryTest {
            id: self.id.clone(),
            completed: instructions.is_empty(),
            instructions,
            attempts: self.attempts.clone(),
        }
    }
}
