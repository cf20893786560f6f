//! One key in one file.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::KeyError;
use super::signer::FileSigner;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Ids;

/// No key file is longer; a longer one is not read to its end.
const MAX_LEN: u64 = 4_096;

const RESTORE: &str = "restore it from a backup, or move it away to have a new key created";

/// A key as it was read from its file.
pub(super) struct KeyFile {
    kid: String,
    secret: Zeroizing<[u8; 32]>,
}

impl KeyFile {
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

/// The file's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    kid: String,
    alg: String,
    created: String,
    /// Base64url without padding, 32 bytes.
    secret: String,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Creates the folder, open to its owner only, or refuses one that others can enter.
pub(super) fn prepare_folder(folder: &Path) -> Result<(), KeyError> {
    let remedy = "make it a folder that the server's user may write to";
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| KeyError::new(folder, error.to_string(), remedy))?;
    let metadata = fs::metadata(folder).map_err(|error| KeyError::new(folder, error.to_string(), remedy))?;
    refuse_loose(folder, &metadata.permissions(), "chmod 700 it")
}

/// Reads a key; `None` when there is no file.
pub(super) fn read(path: &Path, algorithm: &str) -> Result<Option<KeyFile>, KeyError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(KeyError::new(path, error.to_string(), "let the server's user read it"));
        }
    };
    let unreadable = |error: std::io::Error| KeyError::new(path, error.to_string(), RESTORE);
    refuse_loose(path, &file.metadata().map_err(unreadable)?.permissions(), "chmod 600 it")?;
    let mut text = Zeroizing::new(Vec::new());
    (&mut file).take(MAX_LEN).read_to_end(&mut text).map_err(unreadable)?;
    let content: Content = serde_json::from_slice(&text).map_err(|error| {
        // The position only: the message may quote the secret.
        let place = format!("not a key file, at line {} column {}", error.line(), error.column());
        KeyError::new(path, place, RESTORE)
    })?;
    if content.alg != algorithm {
        return Err(KeyError::new(path, format!("its `alg` is not {algorithm}"), RESTORE));
    }
    if Timestamp::parse(&content.created).is_err() {
        return Err(KeyError::new(path, "its `created` is not a time", RESTORE));
    }
    let mut secret = Zeroizing::new([0; 32]);
    match URL_SAFE_NO_PAD.decode_slice(&content.secret, secret.as_mut()) {
        Ok(32) => {}
        _ => return Err(KeyError::new(path, "its `secret` is not 32 bytes of base64url", RESTORE)),
    }
    if algorithm != "Ed25519" && content.kid != symmetric_kid(&secret) {
        return Err(KeyError::new(path, "its `kid` does not belong to its secret", RESTORE));
    }
    Ok(Some(KeyFile { kid: content.kid.clone(), secret }))
}

/// Creates a key and its file.
///
/// The text is written to a second file, flushed, and renamed: a crash leaves no half key under the name. The folder is
/// flushed, too, so that a key is never used that a power cut could take away.
pub(super) fn create(
    path: &Path,
    algorithm: &str,
    now: Timestamp,
    ids: &dyn Ids,
) -> Result<KeyFile, KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    ids.fill(secret.as_mut());
    let kid = if algorithm == "Ed25519" {
        FileSigner::kid_of(&secret, ids).map_err(|problem| KeyError::new(path, problem, "start again"))?
    } else {
        symmetric_kid(&secret)
    };
    let content = Content {
        kid: kid.clone(),
        alg: algorithm.to_owned(),
        created: now.to_rfc3339(),
        secret: URL_SAFE_NO_PAD.encode(secret.as_ref()),
    };
    let failed = |error: std::io::Error| {
        KeyError::new(
            path,
            format!("cannot be created: {error}"),
            "make room and let the server's user write there",
        )
    };
    let mut text = Zeroizing::new(serde_json::to_vec_pretty(&content).map_err(|error| failed(error.into()))?);
    text.push(b'\n');
    write_atomically(path, &text).map_err(failed)?;
    Ok(KeyFile { kid, secret })
}

fn write_atomically(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    // One that was left over by a crash keeps the mode it had.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn refuse_loose(path: &Path, permissions: &Permissions, remedy: &'static str) -> Result<(), KeyError> {
    let mode = permissions.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let problem = format!("users other than its owner may use it (mode {mode:03o})");
    Err(KeyError::new(path, problem, remedy))
}

/// Names a symmetric key without saying anything of it: a truncated hash of 256 random bits.
fn symmetric_kid(secret: &[u8; 32]) -> String {
    let digest = Sha256::new_with_prefix(b"companyos key id\0").chain_update(secret).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..12])
}
