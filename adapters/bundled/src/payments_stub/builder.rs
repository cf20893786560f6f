//! Setting a stub up.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::payment::{MemoryReplayGuard, ReplayGuard};
use companyos_adapter_traits::{Capability, Descriptor, Error};

use super::books::Books;
use super::script::Stage;
use super::{Script, Shared, StubPayments};
use crate::webhook::WebhookSecret;

/// Chooses what a [`StubPayments`] does and where it keeps its books.
#[must_use]
pub struct StubPaymentsBuilder {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    script: Script,
    file: Option<PathBuf>,
    secret: Option<WebhookSecret>,
    guard: Option<Arc<dyn ReplayGuard>>,
}

impl StubPaymentsBuilder {
    pub(super) fn new() -> Self {
        let descriptor = Descriptor::new("payments-stub", env!("CARGO_PKG_VERSION")).with_capabilities([
            Capability::ManualCapture,
            Capability::PartialCapture,
            Capability::PartialRefund,
            Capability::FindByKey,
            Capability::Payouts,
        ]);
        Self {
            descriptor,
            clock: Arc::new(SystemClock),
            script: Script::default(),
            file: None,
            secret: None,
            guard: None,
        }
    }

    /// Pins the provider to a region, which its descriptor then names.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.descriptor = self.descriptor.with_region(region);
        self
    }

    /// Does what the script says.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Keeps the books in this file, so that they survive the process. Several processes can share one.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Signs webhooks with this secret, and claims them.
    pub fn webhook_secret(mut self, secret: WebhookSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Remembers webhook deliveries here; in the memory of the process unless this is set.
    pub fn replay_guard(mut self, guard: Arc<dyn ReplayGuard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Reads the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the books. Blocks on file access.
    ///
    /// # Errors
    /// [`InvalidInput`](companyos_adapter_traits::ErrorKind::InvalidInput) for a script that makes no sense,
    /// [`Unavailable`](companyos_adapter_traits::ErrorKind::Unavailable) when the file cannot be opened, and
    /// [`Corrupt`](companyos_adapter_traits::ErrorKind::Corrupt) when it is not one of a stub.
    pub fn open(self) -> Result<StubPayments, Error> {
        self.script.check()?;
        let mut descriptor = self.descriptor;
        if self.secret.is_some() {
            descriptor.capabilities.insert(Capability::Webhooks);
        }
        descriptor.check()?;
        let on_disk = self.file.is_some();
        let books = self.file.map_or_else(|| Ok(Books::default()), |path| Books::open(&path))?;
        let guard = self
            .guard
            .unwrap_or_else(|| Arc::new(MemoryReplayGuard::default().with_clock(Arc::clone(&self.clock))));
        Ok(StubPayments {
            shared: Arc::new(Shared {
                descriptor,
                clock: self.clock,
                stage: Stage::new(self.script),
                secret: self.secret,
                guard,
                on_disk,
                books: Mutex::new(books),
            }),
        })
    }
}

impl fmt::Debug for StubPaymentsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StubPaymentsBuilder")
            .field("descriptor", &self.descriptor)
            .field("script", &self.script)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}
