//! Reading a file of tenants: CSV, a JSON array or NDJSON, as a stream, without IO.
//!
//! [`Importer`] is fed bytes as they arrive and fills a [`Batch`] of checked rows; a
//! [`Planner`](plan::Planner) compares each batch with the tenants that exist, decides what is done
//! with every row and hashes it once. Memory is bounded by the limits, never by the file: one row,
//! one batch, and sixteen bytes of hash per external id seen (for duplicates).
//!
//! What concerns one row is a [`Finding`] of that row and reading goes on; what makes the rest of
//! the file unreadable is a [`FileError`].

mod batch;
mod cells;
mod columns;
mod csv;
mod error;
mod fuzz;
mod json;
mod member;
mod object;
pub mod plan;
mod reader;
mod record;
mod sniff;
mod splitter;
#[cfg(test)]
mod tests;

pub use batch::{Batch, RowView};
pub use cells::{neutralise, restore};
pub use columns::{Delimiter, Mapping};
pub use error::{FileError, Finding};
#[doc(hidden)]
pub use fuzz::fuzz;
pub use reader::{Importer, Options};

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line, and what spreadsheets make of it.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
}

impl Format {
    /// The wire and database form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    /// Reads the wire or database form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// The format a media type names, parameters aside.
    pub fn of_media_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [("text/csv", Self::Csv), ("application/json", Self::Json), ("application/x-ndjson", Self::Ndjson)]
            .into_iter()
            .find_map(|(name, format)| essence.eq_ignore_ascii_case(name).then_some(format))
    }
}

/// How much of a file is accepted and kept at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most rows of a file.
    pub rows: u32,
    /// Most bytes of a row: of its cells together, or of its JSON text.
    pub row_bytes: usize,
    /// Most columns of a CSV file.
    pub columns: usize,
    /// Most nested arrays and objects in a JSON row, itself included.
    pub depth: usize,
    /// Rows in a batch.
    pub batch_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 1_000_000, row_bytes: 64 * 1024, columns: 1_024, depth: 8, batch_rows: 4_096 }
    }
}
