//! The whole server put together: the only file that names every area.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use companyos_receipt::key::Signer;
use companyos_types::Secret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::areas::adapters::{Adapters, Bearers};
use crate::areas::identity::{Bootstrap, Deployment, KeyDirectory, TenantDirectory};
use crate::areas::operations::jobs::{Handler, Handlers, Runner};
use crate::areas::retry_tests::RetryTests;
use crate::areas::tenants::TenantImports;
use crate::areas::{adapters, identity, meta, operations, receipts, retry_tests, tenants};
use crate::cells::{Cell, Cells};
use crate::kernel::clock::Clock;
use crate::kernel::dispatch::Dispatcher;
use crate::kernel::fault::Faults;
use crate::kernel::ids::Ids;
use crate::kernel::metrics::Metrics;
use crate::kernel::policy::ScopeDecider;
use crate::kernel::routes::Routes;
use crate::kernel::settings::{Mode, Settings};
use crate::kernel::{ContractError, Kernel, KernelParts};
use crate::keys::KeyStore;
use crate::store::{Store, StoreDeps, StoreError, StoreOptions};

/// How often expired idempotency records are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// What a server is made of.
pub struct AppOptions {
    /// Who it is and what it refuses to exceed.
    pub settings: Settings,
    /// Its database.
    pub store: StoreOptions,
    /// Its keys.
    pub keys: KeyStore,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its ids and randomness.
    pub ids: Arc<dyn Ids>,
    /// Where adapters that work on the own disk keep what is theirs; without it they cannot be opened.
    pub adapter_folder: Option<PathBuf>,
}

/// The server cannot start. For the person who starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This program mounts other operations than its contract has.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The first operator key cannot be kept.
    #[error("the first operator key could not be kept: {0}")]
    OperatorKey(#[source] std::io::Error),
    /// The deployment was made by another server, and then was not there.
    #[error("the deployment record of the database cannot be read")]
    NoDeployment,
}

/// A running server without its sockets.
pub struct App {
    dispatcher: Arc<Dispatcher>,
    cells: Cells,
    deployment: Deployment,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl App {
    /// Opens the store and puts everything together. `keep` is handed the first operator key before it becomes valid,
    /// once in the life of a database.
    ///
    /// # Errors
    /// [`StartError`], in words for the person who starts the server.
    pub async fn start(
        options: AppOptions,
        keep: impl FnOnce(&Secret) -> std::io::Result<()>,
    ) -> Result<Self, StartError> {
        let AppOptions { settings, store, keys, clock, ids, adapter_folder } = options;
        let metrics = Arc::new(Metrics::default());
        let signer: Arc<dyn Signer> = keys.signer();
        let deps = StoreDeps {
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            signer: Arc::clone(&signer),
            issuer: settings.issuer.clone(),
            region: settings.region.clone(),
            observer: Arc::clone(&metrics) as _,
        };
        let store = Store::open(store, deps).await?;
        let bootstrap = Bootstrap { clock: Arc::clone(&clock), ids: Arc::clone(&ids), mode: settings.mode };
        let deployment = deploy(&store, &bootstrap, keep).await?;
        tenants::service::ensure_platform(&store, &*clock, &deployment.platform_tenant_id, &settings.region)
            .await?;
        let imports: Arc<dyn Handler> = Arc::new(TenantImports::new(Arc::clone(&metrics)));
        let handlers = Arc::new(Handlers::new([imports]));
        let tests = Arc::new(RetryTests::new(Arc::clone(&clock), Arc::clone(&ids)));
        let development = settings.mode == Mode::Development;
        let registered = Arc::new(Adapters::new(keys.sealer().clone(), adapter_folder, settings.mode));
        let directory: Arc<dyn TenantDirectory> = Arc::new(tenants::service::Directory);
        let bearers =
            Bearers::new(store.clone(), Arc::clone(&registered), Arc::clone(&directory), Arc::clone(&clock));
        let routes = routes(signer, &handlers, &registered, development.then(|| Arc::clone(&tests)));
        let kernel = Arc::new(Kernel::new(KernelParts {
            settings,
            clock,
            ids,
            store: store.clone(),
            decider: Arc::new(ScopeDecider::default()),
            credentials: Arc::new(KeyDirectory { store: store.clone(), tenants: directory }),
            tokens: Some(Arc::new(bearers)),
            metrics,
            cursors: keys.cursors().clone(),
            sealer: keys.sealer().clone(),
            faults: development.then_some(tests as Arc<dyn Faults>),
        }));
        let app = Self {
            dispatcher: Arc::new(Dispatcher::new(kernel, routes)?),
            cells: Cells::new(Cell::new(store, keys), []),
            deployment,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let kernel = app.dispatcher.kernel();
        app.tasks.spawn(sweep(Arc::clone(kernel), app.stop.clone()));
        app.tasks.spawn(learn_keys(Arc::clone(kernel), app.stop.clone()));
        let (clock, ids) = (Arc::clone(&kernel.clock), Arc::clone(&kernel.ids));
        app.tasks.spawn(Runner::new(kernel.store.clone(), clock, ids, handlers).run(app.stop.clone()));
        app.tasks.close();
        Ok(app)
    }

    /// Takes requests, gives responses.
    #[must_use]
    pub fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.dispatcher
    }

    /// What there is one of per deployment.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Everything this server's regions own.
    #[must_use]
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Stops what runs in the background, then commits what the stores have accepted and closes them.
    pub async fn shutdown(&self) {
        self.dispatcher.kernel().health.drain();
        self.stop.cancel();
        self.tasks.wait().await;
        self.cells.shutdown().await;
    }
}

/// The deployment of the database, made if this is the first start.
async fn deploy(
    store: &Store,
    bootstrap: &Bootstrap,
    keep: impl FnOnce(&Secret) -> std::io::Result<()>,
) -> Result<Deployment, StartError> {
    if let Some(found) = Bootstrap::find(store).await? {
        return Ok(found);
    }
    let key = bootstrap.new_key();
    keep(&key).map_err(StartError::OperatorKey)?;
    match bootstrap.settle(store, &key).await? {
        Some(made) => Ok(made),
        None => Bootstrap::find(store).await?.ok_or(StartError::NoDeployment),
    }
}

/// Every area's operations.
fn routes(
    signer: Arc<dyn Signer>,
    handlers: &Arc<Handlers>,
    registered: &Arc<Adapters>,
    tests: Option<Arc<RetryTests>>,
) -> Routes {
    let routes = meta::routes(signer)
        .merge(identity::routes(Arc::new(tenants::service::Directory)))
        .merge(receipts::routes())
        .merge(tenants::routes(handlers.wake()))
        .merge(operations::routes(handlers))
        .merge(adapters::routes(registered));
    match tests {
        Some(tests) => routes.merge(retry_tests::routes(tests)),
        None => routes,
    }
}

/// Finds out which idempotency keys are in use. Until then, and if it fails, every key is looked up.
async fn learn_keys(kernel: Arc<Kernel>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        learnt = kernel.recall.learn(kernel.clock.now()) => if let Err(error) = learnt {
            tracing::warn!(%error, "the idempotency keys in use could not be read");
        },
    }
}

/// Deletes expired idempotency records, what was staged for files that stopped arriving, and the rows of imports that
/// ended long ago, now and then.
async fn sweep(kernel: Arc<Kernel>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
        if let Err(error) = kernel.store.sweep_idempotency(kernel.clock.now()).await {
            tracing::warn!(%error, "expired idempotency records could not be deleted");
        }
        if let Err(error) = adapters::service::close_orphans(&kernel).await {
            tracing::warn!(%error, "adapter calls that never ended could not be closed");
        }
        if let Err(error) = tenants::sweep(&kernel).await {
            tracing::warn!(%error, "imports that stopped arriving could not be deleted");
        }
        if let Err(error) = tenants::forget_rows(&kernel).await {
            tracing::warn!(%error, "rows of imports that ended long ago could not be deleted");
        }
    }
}
