//! The data folder: one server at a time, and a database file that is what it claims to be.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::engine::Database;
use super::error::{Fault, StoreError};

/// Checking every page of a larger file would hold up the start for too long; its pages are checked as they are read.
const CHECKED_SIZE: u64 = 1 << 30;

/// What every SQLite database file starts with.
const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// Holds a data folder for this process. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder, or says that another server has it. Creates it, for this user
    /// only, when it is not there.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let open = |error: std::io::Error| StoreError::Open {
            database: folder.display().to_string(),
            reason: format!("the data folder cannot be used: {error}"),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(open)?;
        let path = folder.join("companyos.lock");
        let mut file =
            File::options().create(true).read(true).write(true).truncate(false).open(path).map_err(open)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::FolderInUse { folder: folder.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(open(error)),
        }
        // For people who look: the lock itself is what counts.
        let note = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "held by process {}", std::process::id()));
        note.map_err(open)?;
        Ok(Self { _file: file })
    }
}

/// Refuses a database file that is damaged or is no SQLite database.
pub(super) async fn check(database: &Database, file: &Path) -> Result<(), StoreError> {
    let corrupt = |finding: String| StoreError::Corrupt { file: file.to_owned(), finding };
    let size = match fs::metadata(file) {
        Ok(metadata) if metadata.len() > 0 => metadata.len(),
        _ => return Ok(()),
    };
    let mut header = [0; SQLITE_HEADER.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut header));
    if read.is_err() || header != *SQLITE_HEADER {
        return Err(corrupt("it does not start like an SQLite database".to_owned()));
    }
    if size > CHECKED_SIZE {
        return Ok(());
    }
    match database.find_damage().await {
        Ok(None) => Ok(()),
        Ok(Some(finding)) => Err(corrupt(finding)),
        Err(StoreError::Database { fault: Fault::Unavailable, source }) if is_damage(&source) => {
            Err(corrupt(source.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// CORRUPT or NOTADB.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// The folder a database file lies in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("/")).to_owned()
}
