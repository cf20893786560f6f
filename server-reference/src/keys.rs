//! The server's keys, in files only its user may read.
//!
//! A key store is a folder (`keys/`, 0700) with one JSON file per key (0600): the Ed25519 key that signs receipts and
//! checkpoints, the key that authenticates cursors, and the key that seals stored replies. What is missing is created
//! at the first start, and written so that a crash leaves either no file or a whole one. What is there and damaged, or
//! open to others, stops the server with the file's name and what to do: a key is never replaced silently, because old
//! receipts verify only under the key that signed them.

mod file;
mod mac;
mod sealer;
mod signer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use companyos_receipt::key::Signer as _;

use self::file::KeyFile;
pub use self::mac::MacKey;
pub use self::sealer::{SealError, Sealer};
pub use self::signer::FileSigner;
use crate::kernel::clock::Clock;
use crate::kernel::ids::Ids;

/// Why the keys cannot be used. For the person who starts the server.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}; {remedy}", file.display())]
pub struct KeyError {
    file: PathBuf,
    problem: String,
    remedy: &'static str,
}

impl KeyError {
    fn new(file: &Path, problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { file: file.to_owned(), problem: problem.into(), remedy }
    }

    /// The file or folder it is about.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// All keys of a server. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct KeyStore {
    signer: Arc<FileSigner>,
    cursors: MacKey,
    sealer: Sealer,
}

impl KeyStore {
    /// Reads the keys in `folder` and creates those that are missing.
    ///
    /// # Errors
    /// When a key cannot be read, created or trusted. The text names the file and says what to do.
    pub fn open(folder: &Path, clock: &dyn Clock, ids: &Arc<dyn Ids>) -> Result<Self, KeyError> {
        file::prepare_folder(folder)?;
        let load = |name: &str, algorithm: &'static str| -> Result<(PathBuf, KeyFile), KeyError> {
            let path = folder.join(name);
            let key = match file::read(&path, algorithm)? {
                Some(key) => key,
                None => file::create(&path, algorithm, clock.now(), ids.as_ref())?,
            };
            Ok((path, key))
        };
        let (path, key) = load("signing.json", "Ed25519")?;
        let signer = FileSigner::new(key.secret(), ids.as_ref()).map_err(|problem| {
            KeyError::new(
                &path,
                problem,
                "restore the file from a backup; old receipts verify only under this key",
            )
        })?;
        if key.kid() != signer.key_id() {
            return Err(KeyError::new(
                &path,
                "its `kid` is not the thumbprint of its key",
                "restore the file from a backup; old receipts verify only under this key",
            ));
        }
        let (_, key) = load("cursor.json", "HS256")?;
        let cursors = MacKey::new(key.secret());
        let (path, key) = load("sealing.json", "XA256GCM")?;
        let sealer = Sealer::new(key.secret(), Arc::clone(ids))
            .map_err(|error| KeyError::new(&path, error.to_string(), "restore the file from a backup"))?;
        Ok(Self { signer: Arc::new(signer), cursors, sealer })
    }

    /// Keys that live in memory only and are gone with the process.
    ///
    /// # Errors
    /// When the crypto library refuses them.
    pub fn in_memory(ids: &Arc<dyn Ids>) -> Result<Self, KeyError> {
        let refused = |problem: String| KeyError::new(Path::new("keys in memory"), problem, "start again");
        let secret = || {
            let mut secret = zeroize::Zeroizing::new([0; 32]);
            ids.fill(secret.as_mut());
            secret
        };
        let signer =
            FileSigner::new(&secret(), ids.as_ref()).map_err(|problem| refused(problem.to_owned()))?;
        let sealer = Sealer::new(&secret(), Arc::clone(ids)).map_err(|error| refused(error.to_string()))?;
        Ok(Self { signer: Arc::new(signer), cursors: MacKey::new(&secret()), sealer })
    }

    /// Signs receipts and checkpoints.
    #[must_use]
    pub fn signer(&self) -> Arc<FileSigner> {
        Arc::clone(&self.signer)
    }

    /// Authenticates cursors.
    #[must_use]
    pub fn cursors(&self) -> &MacKey {
        &self.cursors
    }

    /// Seals stored replies.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }
}

/// Whether `folder` holds a key store already.
#[must_use]
pub fn exists(folder: &Path) -> bool {
    fs::exists(folder.join("signing.json")).unwrap_or(false)
}

#[cfg(test)]
mod tests;
