//! Where the files are.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// A checkout of the repository.
#[derive(Debug, Clone)]
pub struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The checkout that `start` lies in: the nearest folder upwards with `openapi/companyos.yaml`.
    ///
    /// # Errors
    /// When no folder upwards has it.
    pub fn find(start: &Path) -> Result<Self, Error> {
        start.ancestors().find(|folder| folder.join("openapi/companyos.yaml").is_file()).map_or_else(
            || {
                Err(Error::new(
                    format!("{} lies in no checkout of the repository", start.display()),
                    "run the command inside the checkout",
                ))
            },
            |root| Ok(Self { root: root.to_path_buf() }),
        )
    }

    /// The checkout this crate was built from.
    ///
    /// # Errors
    /// When it is no longer there.
    pub fn of_this_crate() -> Result<Self, Error> {
        Self::find(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    /// The checkout's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the checkout.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Reads a text file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, relative: &str) -> Result<String, Error> {
        std::fs::read_to_string(self.path(relative)).map_err(|error| {
            Error::caused_by(
                format!("cannot read {relative}"),
                "restore the file from version control, or regenerate it with `cargo contract generate`",
                error,
            )
        })
    }

    /// Writes a text file, unless it already holds the text. Says whether it wrote.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, relative: &str, text: &str) -> Result<bool, Error> {
        let path = self.path(relative);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return Ok(false);
        }
        let failed = |error| {
            Error::caused_by(
                format!("cannot write {relative}"),
                "check the folder's permissions and free space",
                error,
            )
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::write(&path, text).map_err(failed)?;
        Ok(true)
    }
}
