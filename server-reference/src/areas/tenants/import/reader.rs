//! The stream of a file, whatever its format.

use std::fmt;

use super::batch::{Batch, Checker};
use super::columns::{Delimiter, Mapping};
use super::csv::CsvReader;
use super::error::FileError;
use super::json::JsonReader;
use super::{Format, Limits};
use crate::areas::tenants::checks::Regions;

/// How to read a file.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it is.
    pub format: Format,
    /// Which column feeds which member; CSV only.
    pub mapping: Option<Mapping>,
    /// How cells are separated; found from the header line when absent. CSV only.
    pub delimiter: Option<Delimiter>,
    /// The regions tenants can live in.
    pub regions: Regions,
    /// How much is accepted.
    pub limits: Limits,
}

/// Reads a file as it arrives and checks its rows.
///
/// ```
/// use companyos_server::areas::tenants::checks::Regions;
/// use companyos_server::areas::tenants::import::{Format, Importer, Limits, Options};
///
/// let mut importer = Importer::new(Options {
///     format: Format::Csv,
///     mapping: None,
///     delimiter: None,
///     regions: Regions::new("eu-west-1", []),
///     limits: Limits::default(),
/// });
/// let file = "external_id;name\nmmm;3M\naos;\n".as_bytes();
/// let mut rest = file;
/// while !rest.is_empty() {
///     rest = &rest[importer.read(rest)?..];
///     for row in importer.batch().rows() {
///         println!("{} {:?} {:?}", row.number, row.external_id, row.findings);
///     }
///     importer.clear();
/// }
/// importer.finish()?;
/// # Ok::<(), companyos_server::areas::tenants::import::FileError>(())
/// ```
pub struct Importer {
    reader: Reader,
    checker: Checker,
    batch: Batch,
    batch_rows: usize,
}

#[derive(Debug)]
enum Reader {
    Csv(Box<CsvReader>),
    Json(JsonReader),
}

impl fmt::Debug for Importer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Importer").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Importer {
    /// Begins a file.
    pub fn new(options: Options) -> Self {
        let Options { format, mapping, delimiter, regions, limits } = options;
        let reader = match format {
            Format::Csv => Reader::Csv(Box::new(CsvReader::new(limits, mapping, delimiter))),
            Format::Json => Reader::Json(JsonReader::array(limits)),
            Format::Ndjson => Reader::Json(JsonReader::lines(limits)),
        };
        Self {
            reader,
            checker: Checker::new(regions),
            batch: Batch::default(),
            batch_rows: limits.batch_rows,
        }
    }

    /// Takes bytes of the file and returns how many: fewer than given when the batch is full and
    /// must be used and [cleared](Self::clear) first.
    ///
    /// # Errors
    /// [`FileError`]; the file cannot be read any further.
    pub fn read(&mut self, input: &[u8]) -> Result<usize, FileError> {
        match &mut self.reader {
            Reader::Csv(reader) => reader.read(input, &mut self.batch, &mut self.checker),
            Reader::Json(reader) => reader.read(input, &mut self.batch, &mut self.checker),
        }
    }

    /// Ends the file, which may add one more row to the batch.
    ///
    /// # Errors
    /// [`FileError`] when the file is incomplete.
    pub fn finish(&mut self) -> Result<(), FileError> {
        match &mut self.reader {
            Reader::Csv(reader) => reader.finish(&mut self.batch, &mut self.checker),
            Reader::Json(reader) => reader.finish(&mut self.batch, &mut self.checker),
        }
    }

    /// The rows read since the batch was last cleared.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Whether no more is read until the batch has been taken or cleared.
    pub fn is_full(&self) -> bool {
        self.batch.is_full(self.batch_rows)
    }

    /// Takes the rows read since the batch was last taken or cleared.
    pub fn take_batch(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }

    /// Forgets the rows of the batch.
    pub fn clear(&mut self) {
        self.batch.clear();
    }

    /// Which column fed which member; empty for JSON.
    pub fn mapping(&self) -> Mapping {
        match &self.reader {
            Reader::Csv(reader) => reader.mapping(),
            Reader::Json(_) => Mapping::new(),
        }
    }
}
