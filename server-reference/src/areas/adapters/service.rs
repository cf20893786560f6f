//! The use cases of adapters.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use companyos_adapters::catalog::{Kind, Opened, Place, Plan, Secrets};
use companyos_adapters::traits::{Context, Error, Governed, Secret};
use companyos_types::adapters::AdapterReport;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::governance::{self, Hooks};
use super::model::{Adapter, Sealed};
use super::rules::{self, Refused};
use super::{checks, store};
use crate::kernel::Kernel;
use crate::kernel::auth::Principal;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::new_id;
use crate::kernel::problem::Problem;
use crate::kernel::settings::Mode;
use crate::keys::Sealer;
use crate::store::{Commit, StoreError, Tx};

/// How many adapters stay open. Beyond that all are let go, and opened again by the next call of each.
const KEPT_OPEN: usize = 1_024;

/// A call that has been open that long was begun by a server that is gone: no deadline is as late.
const ORPHANED_AFTER: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// How many orphans one sweep closes.
const SWEEP_AT_ONCE: i64 = 500;

/// What opens adapters and keeps them open.
#[derive(Debug)]
pub struct Adapters {
    sealer: Sealer,
    /// Below it every local adapter has a folder of its own.
    folder: Option<PathBuf>,
    mode: Mode,
    /// By id, with the version of the configuration they were opened with.
    open: Mutex<HashMap<String, (i64, Opened)>>,
}

impl Adapters {
    /// Seals secrets with `sealer`, and gives local adapters folders below `folder`.
    #[must_use]
    pub fn new(sealer: Sealer, folder: Option<PathBuf>, mode: Mode) -> Self {
        Self { sealer, folder, mode, open: Mutex::default() }
    }

    /// Checks a configuration as a whole.
    pub(super) fn check(
        &self,
        kind: Kind,
        settings: &Map<String, Value>,
        secrets: &Secrets,
    ) -> Result<Plan, Refused> {
        rules::plan(kind, settings, secrets, self.mode)
    }

    /// Seals secrets for the adapter `id`.
    pub(super) fn seal(&self, id: &str, secrets: &Secrets) -> Result<Sealed, Problem> {
        let plain: HashMap<&str, &str> =
            secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(Problem::internal)?);
        let sealed = self.sealer.seal(purpose(id).as_bytes(), &plain).map_err(Problem::internal)?;
        Ok(Sealed { names: secrets.keys().cloned().collect(), sealed })
    }

    /// Opens the secrets of an adapter.
    pub(super) fn unseal(&self, adapter: &Adapter) -> Result<Secrets, Problem> {
        let plain = self.sealer.open(purpose(&adapter.id).as_bytes(), &adapter.secrets.sealed);
        let plain = Zeroizing::new(plain.map_err(Problem::internal)?);
        let secrets: HashMap<String, String> = serde_json::from_slice(&plain).map_err(Problem::internal)?;
        Ok(secrets.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect())
    }

    /// The adapter, open, without governance: whoever gets it must govern it.
    pub(super) async fn open(&self, ctx: &Context, adapter: &Adapter) -> Result<Opened, OpenError> {
        if let Some((version, opened)) = self.cache().get(&adapter.id)
            && *version == adapter.version
        {
            return Ok(opened.clone());
        }
        // A folder can be open once only: what was open as another version is let go first.
        self.cache().remove(&adapter.id);
        let secrets = self.unseal(adapter)?;
        // It may have been registered under rules that were other ones.
        let plan = self.check(adapter.kind, &adapter.settings, &secrets).map_err(OpenError::Refused)?;
        let mut place = Place::new(&adapter.region);
        if let Some(folder) = self.folder.as_ref().filter(|_| adapter.kind.is_local()) {
            let folder = folder.join(&adapter.id);
            tokio::fs::create_dir_all(&folder).await.map_err(Problem::internal)?;
            place = place.folder(folder);
        }
        let opened = plan.open(ctx, &place).await.map_err(OpenError::Adapter)?;
        let mut cache = self.cache();
        if cache.len() >= KEPT_OPEN {
            cache.clear();
        }
        cache.insert(adapter.id.clone(), (adapter.version, opened.clone()));
        Ok(opened)
    }

    /// The adapter, open and governed on behalf of a principal.
    pub(super) async fn governed(
        &self,
        kernel: &Arc<Kernel>,
        principal: &Arc<Principal>,
        ctx: &Context,
        adapter: &Adapter,
    ) -> Result<Opened, OpenError> {
        let hooks = Arc::new(Hooks::new(Arc::clone(kernel), Arc::clone(principal)));
        Ok(match self.open(ctx, adapter).await? {
            Opened::Storage(inner) => Opened::Storage(Arc::new(Governed::new(inner, hooks.clone(), hooks))),
            Opened::Identity(inner) => Opened::Identity(Arc::new(Governed::new(inner, hooks.clone(), hooks))),
            Opened::Payment(inner) => Opened::Payment(Arc::new(Governed::new(inner, hooks.clone(), hooks))),
            other => other,
        })
    }

    /// Lets an adapter go whose configuration has changed or is gone.
    pub(super) fn forget(&self, id: &str) {
        self.cache().remove(id);
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<String, (i64, Opened)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sealed for one adapter, secrets do not open for another.
fn purpose(id: &str) -> String {
    format!("adapter:{id}")
}

/// Why an adapter could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The provider refused, or is out of reach.
    #[error(transparent)]
    Adapter(Error),
    /// The configuration is not one that is accepted now.
    #[error("{}", .0.detail)]
    Refused(Refused),
    /// It was not even asked.
    #[error(transparent)]
    Problem(#[from] Problem),
}

/// Tests the connection of an adapter.
pub(super) async fn test(
    adapters: &Adapters,
    kernel: &Arc<Kernel>,
    principal: &Arc<Principal>,
    ctx: &Context,
    adapter: &Adapter,
) -> Result<AdapterReport, Problem> {
    let now = kernel.clock.now();
    let report = |name: String, capabilities, checks: Vec<_>| {
        let failed = checks
            .iter()
            .any(|check: &companyos_types::adapters::AdapterCheck| check.verdict.as_str() == "failed");
        AdapterReport {
            adapter_id: adapter.id.clone(),
            adapter_version: adapter.version.unsigned_abs(),
            adapter: name,
            outcome: if failed { "failed" } else { "passed" }.into(),
            at: now.to_rfc3339(),
            capabilities,
            checks,
        }
    };
    let opened = match adapters.governed(kernel, principal, ctx, adapter).await {
        Ok(opened) => opened,
        Err(OpenError::Problem(problem)) => return Err(problem),
        Err(error) => {
            let checks = vec![checks::failed("the_adapter_opens", &error)];
            return Ok(report(adapter.kind.to_string(), Vec::new(), checks));
        }
    };
    let descriptor = opened.descriptor();
    let name = format!("{} {}", descriptor.name, descriptor.version);
    let capabilities = descriptor.capabilities.iter().map(ToString::to_string).collect();
    let unique = kernel.ids.uuid(now).simple().to_string();
    let checks = checks::run(&opened, ctx, &unique).await;
    Ok(report(name, capabilities, checks))
}

/// Deletes the adapters of a tenant.
///
/// # Errors
/// When the store fails.
pub async fn delete_of_tenant(tx: &mut Tx, tenant_id: &str) -> Result<(), StoreError> {
    store::delete_of_tenant(tx, tenant_id).await
}

/// Closes calls that began and never ended, as unknown, and returns how many.
///
/// # Errors
/// When the store fails; what was closed before stays closed.
pub async fn close_orphans(kernel: &Kernel) -> Result<usize, StoreError> {
    let now = kernel.clock.now();
    let mut reader = kernel.store.reader().await?;
    let orphans = store::calls_before(&mut reader, now.saturating_sub(ORPHANED_AFTER), SWEEP_AT_ONCE).await?;
    drop(reader);
    let mut closed = 0;
    for call in orphans {
        let id = new_id(kernel.ids.as_ref(), "rcp", now);
        closed += usize::from(close(kernel, call, id, now).await?);
    }
    Ok(closed)
}

async fn close(
    kernel: &Kernel,
    call: store::OpenCall,
    id: String,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let written = kernel.store.write::<bool, StoreError>(move |tx| {
        let (call, id) = (call.clone(), id.clone());
        Box::pin(async move {
            Ok(match store::end_call(tx, &call.receipt_id).await? {
                true => Commit::with_receipt(true, governance::unknown(&call, id, now)),
                false => Commit::without_receipt(false, "the call has ended in the meantime"),
            })
        })
    });
    written.await
}
