//! Signing receipts, before their write's turn if the log they go to is known by then.
//!
//! A receipt names its log, and takes its salts from it, but not its place in it. So it can be signed while the write
//! still waits, on whichever processor is free, and the lane, through which all writes go one after the other, is left
//! with what only it can do.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use companyos_receipt::receipt::{Claims, SaltKey, issue};
use companyos_receipt::tlog::Hash;

use super::StoreDeps;
use super::commit::ReceiptDraft;
use super::error::StoreError;

/// A receipt that is signed and has no place in its log yet.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) log: Arc<LogIdentity>,
    pub(super) jwt: String,
    pub(super) disclosures: String,
    pub(super) leaf: Hash,
}

/// What a receipt takes from its log. It never changes once the log has been committed.
#[derive(PartialEq, Eq)]
pub(super) struct LogIdentity {
    pub(super) log_id: String,
    pub(super) salt_key: [u8; 32],
}

impl std::fmt::Debug for LogIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogIdentity").field("log_id", &self.log_id).finish_non_exhaustive()
    }
}

impl Issued {
    /// Signs a receipt for a log.
    pub(super) fn new(
        deps: &StoreDeps,
        log: &Arc<LogIdentity>,
        draft: &ReceiptDraft,
    ) -> Result<Self, StoreError> {
        let claims = Claims {
            iss: deps.issuer.clone(),
            jti: draft.id.clone(),
            iat: draft.at.unix_seconds(),
            region: deps.region.clone(),
            tenant: log.log_id.clone(),
            act: draft.action.clone(),
            phase: draft.phase,
            out: draft.outcome,
            reference: draft.reference.clone(),
            pol: draft.policy.clone(),
        };
        let salts = SaltKey::for_month(&log.salt_key, claims.iat);
        let issued = issue(&claims, &draft.private, &salts, deps.signer.as_ref())
            .map_err(|error| StoreError::Receipt(error.to_string()))?;
        Ok(Self {
            log: Arc::clone(log),
            leaf: issued.leaf_hash(),
            disclosures: issued.disclosures.join("~"),
            jwt: issued.jwt,
        })
    }
}

/// How many logs are remembered. Beyond that all are forgotten, and learnt anew with the next write of each.
const KNOWN_LOGS: usize = 16_384;

/// The logs that are known to be committed, by tenant.
#[derive(Debug, Default)]
pub(super) struct KnownLogs(RwLock<HashMap<String, Arc<LogIdentity>>>);

impl KnownLogs {
    /// Signs a receipt if its log is known. An error is left to the lane, which will meet it again.
    pub(super) fn issue(&self, deps: &StoreDeps, draft: &ReceiptDraft) -> Option<Issued> {
        let log = {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.get(&draft.tenant_id)?)
        };
        Issued::new(deps, &log, draft).ok()
    }

    /// Remembers logs that have been committed.
    pub(super) fn learn(&self, logs: Vec<(String, Arc<LogIdentity>)>) {
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if logs.iter().all(|(tenant, log)| known.get(tenant) == Some(log)) {
                return;
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() + logs.len() > KNOWN_LOGS {
            known.clear();
        }
        known.extend(logs);
    }
}
