//! Files as people send them, and bytes as nobody should.

mod csv;
mod excerpt;
mod hostile;
mod json;
mod plan;

use super::{FileError, Finding, Format, Importer, Limits, Mapping, Options};
use crate::areas::tenants::checks::Regions;

pub(super) fn options(format: Format) -> Options {
    Options {
        format,
        mapping: None,
        delimiter: None,
        regions: Regions::new("eu-west-1", ["us-east-1".to_owned()]),
        limits: Limits::default(),
    }
}

pub(super) fn mapping(pairs: &[(&str, &str)]) -> Option<Mapping> {
    Some(pairs.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned())).collect())
}

/// A row of a batch, owned, so that tests can compare whole files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) external_id: Option<String>,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) contact_email: Option<String>,
    pub(super) labels: String,
    pub(super) findings: Vec<Finding>,
}

impl Row {
    /// The column and code of each finding.
    pub(super) fn codes(&self) -> Vec<(&str, &str)> {
        self.findings.iter().map(|f| (f.column.as_deref().unwrap_or(""), f.code)).collect()
    }
}

/// Reads a file that arrives in pieces of `size` bytes.
pub(super) fn read_in_pieces(options: Options, file: &[u8], size: usize) -> Result<Vec<Row>, FileError> {
    let mut importer = Importer::new(options);
    let mut rows = Vec::new();
    let mut take = |importer: &mut Importer| {
        rows.extend(importer.batch().rows().map(|row| Row {
            number: row.number,
            external_id: row.external_id.map(str::to_owned),
            name: row.name.to_owned(),
            region: row.region.to_owned(),
            contact_email: row.contact_email.map(str::to_owned),
            labels: row.labels.to_owned(),
            findings: row.findings.to_vec(),
        }));
        importer.clear();
    };
    for mut piece in file.chunks(size) {
        while !piece.is_empty() {
            piece = &piece[importer.read(piece)?..];
            take(&mut importer);
        }
    }
    importer.finish()?;
    take(&mut importer);
    Ok(rows)
}

pub(super) fn read(options: Options, file: impl AsRef<[u8]>) -> Result<Vec<Row>, FileError> {
    read_in_pieces(options, file.as_ref(), usize::MAX)
}

/// The code of the error that made the whole file unusable.
pub(super) fn refused(options: Options, file: impl AsRef<[u8]>) -> String {
    match read(options, file).expect_err("the file must be refused") {
        FileError::Malformed { code, .. } => code.to_owned(),
        FileError::Columns(findings) => {
            let codes: Vec<_> = findings
                .iter()
                .map(|f| format!("{}:{}", f.column.as_deref().unwrap_or(""), f.code))
                .collect();
            codes.join(" ")
        }
        FileError::TooManyRows { max } => format!("more than {max} rows"),
    }
}
