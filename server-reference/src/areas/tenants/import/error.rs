//! What can be wrong: with a row, or with the whole file.

use std::borrow::Cow;

/// Most findings kept per row, so that a hostile row cannot grow the answer without bound.
pub(super) const FINDINGS_PER_ROW: usize = 100;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The record, counted from 1 without the header; 0 when it concerns the file.
    pub row: u32,
    /// The column as the file names it, or the member of a JSON row.
    pub column: Option<String>,
    /// Machine-readable reason.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
}

impl Finding {
    /// A finding about the file as a whole.
    pub(super) fn of_file(
        column: Option<String>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { row: 0, column, code, detail: detail.into() }
    }
}

/// Why a file cannot be read, or not any further. Nothing of it is applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The bytes are not of the format they claim to be.
    #[error("{detail}")]
    Malformed {
        /// The row at which reading stopped, if rows had begun.
        row: Option<u32>,
        /// Machine-readable reason.
        code: &'static str,
        /// A sentence for people.
        detail: Cow<'static, str>,
    },
    /// The header line, or the mapping, does not give the columns that are needed.
    #[error("the columns do not fit: {} findings", .0.len())]
    Columns(Vec<Finding>),
    /// There are more rows than are accepted at once.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// The limit.
        max: u32,
    },
}

impl FileError {
    pub(super) fn malformed(
        row: Option<u32>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Malformed { row, code, detail: detail.into() }
    }
}
