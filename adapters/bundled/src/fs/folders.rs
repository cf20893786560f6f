//! Folders that survive a crash.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many folders are remembered before all are forgotten. Forgetting costs one more sync, never a folder.
const REMEMBERED: usize = 65_536;

/// The folders known to be on disk, entry and all.
///
/// That a folder exists does not mean that its entry has been synced: another thread, or a process that has crashed
/// since, may have only just made it. So what is not known is synced, made or not.
#[derive(Default)]
pub(super) struct Folders {
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    /// Makes `folder`, and everything between it and `root`, durably. `root` itself must be.
    pub(super) fn ensure(&self, root: &Path, folder: &Path) -> io::Result<()> {
        if folder == root || self.knows(folder) {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(root);
        self.ensure(root, parent)?;
        make(folder)?;
        sync(parent)?;
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= REMEMBERED {
            durable.clear();
        }
        durable.insert(folder.to_owned());
        Ok(())
    }

    fn knows(&self, folder: &Path) -> bool {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }
}

/// Makes one folder, for its owner only, unless it is there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Makes the entries of a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
