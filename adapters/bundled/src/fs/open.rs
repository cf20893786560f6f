//! Opening the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::ChecksumAlgorithm;
use companyos_adapter_traits::{Capability, Descriptor, Error, ErrorKind, Limits, Outcome, PartLimits};

use super::error::not_done;
use super::folders::{self, Folders};
use super::{FsStorage, Shared};

/// Enough that two keys in use at the same time rarely share one.
const STRIPES: usize = 1024;

/// Opens an [`FsStorage`].
#[derive(Debug, Clone)]
#[must_use]
pub struct FsStorageBuilder {
    root: PathBuf,
    region: Option<String>,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl FsStorageBuilder {
    pub(super) fn new(root: &Path) -> Self {
        // A file system does not mind small parts.
        let limits = Limits::default().parts(PartLimits::default().bytes(1, 5 << 30));
        Self { root: root.to_owned(), region: None, limits, clock: Arc::new(SystemClock) }
    }

    /// States the region the folder lies in. Without one the store serves any.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the bounds; 5 GiB per object and per part, 10,000 parts of any size, and 1,000 entries per page unless set.
    /// There is one class of storage and there are two checksums, whatever the limits say.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the time from `clock` instead of the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the folder, creating it when absent, and removes what crashed writes left behind.
    ///
    /// Blocks on file access.
    ///
    /// # Errors
    /// - [`ErrorKind::Unavailable`] when another process, or another store of this one, has the folder open, and when
    ///   the file system fails.
    /// - [`ErrorKind::PermissionDenied`] when the folder may not be written.
    /// - [`ErrorKind::InvalidInput`] for an empty region or a limit of zero.
    pub fn open(self) -> Result<FsStorage, Error> {
        let Self { root, region, limits, clock } = self;
        let limits = limits.storage_classes([]).checksums([ChecksumAlgorithm::Sha256]);
        let mut descriptor =
            Descriptor::new("fs", env!("CARGO_PKG_VERSION")).with_limits(limits).with_capabilities([
                Capability::ConditionalCreate,
                Capability::ConditionalUpdate,
                Capability::Copy,
                Capability::Multipart,
                Capability::Checksums,
            ]);
        descriptor.region = region;
        descriptor.check()?;

        let opening = not_done("opening the storage folder");
        let root = make_root(&root).map_err(&opening)?;
        let lock = lock(&root)?;
        let [objects, staging, uploads] = ["objects", "staging", "uploads"].map(|name| root.join(name));
        for folder in [&objects, &staging, &uploads] {
            folders::make(folder).map_err(&opening)?;
        }
        sweep(&staging)?;
        folders::sync(&root).map_err(&opening)?;
        let shared = Shared {
            descriptor,
            clock,
            objects,
            staging,
            uploads,
            staged: AtomicU64::new(0),
            folders: Folders::default(),
            stripes: std::iter::repeat_with(Default::default).take(STRIPES).collect(),
            _lock: lock,
        };
        Ok(FsStorage { shared: Arc::new(shared) })
    }
}

/// Makes the folder and those above it that are missing, durably, and returns its absolute path: a later change of the
/// working directory must move nothing.
fn make_root(root: &Path) -> io::Result<PathBuf> {
    let root = std::path::absolute(root)?;
    let missing = root.ancestors().take_while(|folder| !folder.exists()).count();
    fs::create_dir_all(&root)?;
    // Only where an entry was made: the folder above one that was there may not be ours to open.
    for parent in root.ancestors().skip(1).take(missing) {
        folders::sync(parent)?;
    }
    Ok(root)
}

/// Takes the folder for this store. The kernel gives it back when the process ends, however it ends.
fn lock(root: &Path) -> Result<File, Error> {
    let locking = not_done("locking the storage folder");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(root.join("lock"))
        .map_err(&locking)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("the storage folder {} is open in another process", root.display());
            Err(Error::new(ErrorKind::Unavailable, message).with_outcome(Outcome::NotSent))
        }
        Err(TryLockError::Error(cause)) => Err(locking(cause)),
    }
}

/// Removes what writes left that were never acknowledged. Nobody else writes here: the lock is ours.
fn sweep(staging: &Path) -> Result<(), Error> {
    let sweeping = not_done("removing the leftovers of crashed writes");
    for entry in fs::read_dir(staging).map_err(&sweeping)? {
        let entry = entry.map_err(&sweeping)?;
        // A folder is an upload on its way in or out.
        let is_folder = entry.file_type().map_err(&sweeping)?.is_dir();
        let remove = if is_folder { fs::remove_dir_all } else { fs::remove_file };
        remove(entry.path()).map_err(&sweeping)?;
    }
    Ok(())
}
