//! CSV: the header line, then one row per record, with `csv-core` as the tokenizer.

use std::collections::BTreeMap;

use csv_core::{Reader, ReaderBuilder};

use super::Limits;
use super::batch::{Batch, Checker, RowWriter};
use super::columns::{Columns, Delimiter, Mapping};
use super::error::{FileError, Finding};
use super::member::Member;
use super::record::{Cells, NotUtf8, Record, Step};
use super::sniff::{FirstRecord, detect_delimiter, stated_delimiter, strip_bom};

/// Reads CSV records into a batch.
#[derive(Debug)]
pub(super) struct CsvReader {
    limits: Limits,
    mapping: Option<Mapping>,
    delimiter: Option<Delimiter>,
    /// The bytes up to the end of the header line, until that has arrived.
    head: Option<(Vec<u8>, FirstRecord)>,
    tokenizer: Reader,
    record: Record,
    columns: Option<Columns>,
    rows: u32,
}

impl CsvReader {
    pub(super) fn new(limits: Limits, mapping: Option<Mapping>, delimiter: Option<Delimiter>) -> Self {
        Self {
            limits,
            mapping,
            delimiter,
            head: Some(Default::default()),
            tokenizer: Reader::new(),
            record: Record::new(limits),
            columns: None,
            rows: 0,
        }
    }

    /// The columns read, once the header has been.
    pub(super) fn mapping(&self) -> Mapping {
        self.columns.as_ref().map(Columns::resolved).unwrap_or_default()
    }

    /// Takes bytes and returns how many; fewer than given when the batch is full.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        batch: &mut Batch,
        checker: &mut Checker,
    ) -> Result<usize, FileError> {
        let mut taken = 0;
        while let Some((head, first)) = &mut self.head {
            let rest = &input[taken..];
            let end = first.find_end(rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            head.extend_from_slice(part);
            if head.len() > self.limits.row_bytes {
                let detail = format!("The header line does not end within {} bytes.", self.limits.row_bytes);
                return Err(FileError::malformed(None, "header-too-large", detail));
            }
            taken += part.len();
            if end.is_none() {
                return Ok(taken);
            }
            self.header()?;
        }
        Ok(taken + self.records(&input[taken..], batch, checker)?)
    }

    /// Ends the stream: the last record may lack its line ending.
    pub(super) fn finish(&mut self, batch: &mut Batch, checker: &mut Checker) -> Result<(), FileError> {
        if self.head.is_some() {
            self.header()?;
        }
        if self.columns.is_none() {
            return Err(FileError::malformed(None, "empty-file", "The file has no header line."));
        }
        if !self.record.begun {
            return Ok(());
        }
        // A line ending ends every record but one whose quotes are still open.
        match self.record.step(&mut self.tokenizer, b"\n") {
            (Step::Record, _) => self.row(batch, checker),
            (Step::NeedsInput, _) => {
                let row = self.rows.saturating_add(1);
                let detail =
                    format!("Row {row} opens a quote that is not closed before the end of the file.");
                Err(FileError::malformed(Some(row), "unterminated-quote", detail))
            }
        }
    }

    fn header(&mut self) -> Result<(), FileError> {
        let (head, _) = self.head.take().unwrap_or_default();
        let text = strip_bom(&head)?;
        let line = text.trim_ascii_start();
        if let Some(stated) = stated_delimiter(line) {
            self.delimiter = self.delimiter.or(Some(stated));
            self.head = Some(Default::default());
            return Ok(());
        }
        let delimiter = self.delimiter.unwrap_or_else(|| detect_delimiter(line));
        self.tokenizer = ReaderBuilder::new().delimiter(delimiter.byte()).build();
        let (mut step, _) = self.record.step(&mut self.tokenizer, text);
        if step == Step::NeedsInput && self.record.begun {
            (step, _) = self.record.step(&mut self.tokenizer, b"\n");
        }
        match step {
            Step::Record => {}
            Step::NeedsInput if self.record.begun => {
                let detail = "The header line opens a quote that is not closed.";
                return Err(FileError::malformed(None, "unterminated-quote", detail));
            }
            Step::NeedsInput => return Ok(()),
        }
        if self.record.too_wide || self.record.too_large {
            let detail = format!("The header line has more than {} columns.", self.limits.columns);
            return Err(FileError::Columns(vec![Finding::of_file(None, "too-many-columns", detail)]));
        }
        let names = header_names(self.record.cells(), self.record.width())?;
        self.record.clear();
        self.columns = Some(Columns::new(names, self.mapping.as_ref()).map_err(FileError::Columns)?);
        Ok(())
    }

    fn records(
        &mut self,
        input: &[u8],
        batch: &mut Batch,
        checker: &mut Checker,
    ) -> Result<usize, FileError> {
        let mut taken = 0;
        while taken < input.len() && !batch.is_full(self.limits.batch_rows) {
            let (step, read) = self.record.step(&mut self.tokenizer, &input[taken..]);
            taken += read;
            if step == Step::Record {
                self.row(batch, checker)?;
            }
        }
        Ok(taken)
    }

    fn row(&mut self, batch: &mut Batch, checker: &mut Checker) -> Result<(), FileError> {
        let Some(columns) = &self.columns else {
            return Ok(());
        };
        if self.rows >= self.limits.rows {
            return Err(FileError::TooManyRows { max: self.limits.rows });
        }
        self.rows += 1;
        let mut row = RowWriter::begin(batch, checker, columns, self.rows);
        if self.record.too_large {
            let detail =
                format!("The row is larger than {} bytes. Is a quote left open?", self.limits.row_bytes);
            row.finding(Member::Row, "row-too-large", detail);
        } else if self.record.too_wide || self.record.width() != columns.count() {
            let more = if self.record.too_wide { "more than " } else { "" };
            let cells = if self.record.too_wide { self.limits.columns } else { self.record.width() };
            let detail = format!("The row has {more}{cells} cells, the header line {}.", columns.count());
            row.finding(Member::Row, "cell-count", detail);
        } else if self.record.cells().are_empty() {
            row.finding(Member::Row, "empty-row", "All cells of the row are empty. Remove the row.");
        } else {
            check_cells(&mut row, columns, self.record.cells());
        }
        row.end();
        self.record.clear();
        Ok(())
    }
}

fn header_names(cells: Cells<'_>, count: usize) -> Result<Vec<String>, FileError> {
    let mut names = Vec::with_capacity(count);
    for index in 0..count {
        let name = cells.text(index).map_err(|NotUtf8| {
            let detail = "The header line is not valid UTF-8. Save the file as UTF-8.";
            FileError::malformed(None, "unsupported-encoding", detail)
        })?;
        if name.contains('\0') {
            return Err(FileError::malformed(None, "nul-byte", "The header line contains a NUL byte."));
        }
        names.push(name.trim().to_owned());
    }
    Ok(names)
}

fn check_cells(row: &mut RowWriter<'_, Columns>, columns: &Columns, cells: Cells<'_>) {
    // A cell that is not UTF-8 is a finding and then neither a value nor a missing one.
    let read = |row: &mut RowWriter<'_, Columns>, member: Member<'_>, index: usize| {
        let value = cells.value(index);
        if value.is_err() {
            row.finding(member, "invalid-utf8", "The cell is not valid UTF-8.");
        }
        value.ok()
    };
    if let Some(value) = read(row, Member::ExternalId, columns.external_id) {
        row.external_id(value.unwrap_or_default());
    }
    if let Some(value) = read(row, Member::Name, columns.name) {
        row.name(value.unwrap_or_default());
    }
    match columns.region {
        None => row.region(None),
        Some(index) => {
            if let Some(value) = read(row, Member::Region, index) {
                row.region(value);
            }
        }
    }
    if let Some(index) = columns.contact_email
        && let Some(Some(value)) = read(row, Member::ContactEmail, index)
    {
        row.contact_email(value);
    }
    let object = columns.labels_json.and_then(|index| read(row, Member::Labels, index)).flatten();
    if let Some(object) = object {
        return check_label_object(row, columns, cells, object);
    }
    row.begin_labels();
    for (label, index) in &columns.labels {
        if let Some(Some(value)) = read(row, Member::Label(label), *index) {
            row.label(label, value);
        }
    }
    row.end_labels();
}

/// The `labels` column of an export, together with columns for single labels.
fn check_label_object(row: &mut RowWriter<'_, Columns>, columns: &Columns, cells: Cells<'_>, object: &str) {
    let mut labels = match serde_json::from_str::<BTreeMap<String, String>>(object) {
        Ok(labels) => labels,
        Err(_) => {
            let detail = "The cell is not a JSON object from label to text, such as {\"tier\":\"gold\"}.";
            return row.finding(Member::Labels, "labels-invalid", detail);
        }
    };
    for (label, index) in &columns.labels {
        match cells.value(*index) {
            Ok(None) => {}
            Ok(Some(value)) => {
                if labels.insert(label.clone(), value.to_owned()).is_some_and(|other| other != value) {
                    let detail = "The column and the labels object give the label different values.";
                    row.finding(Member::Label(label), "label-conflict", detail);
                }
            }
            Err(NotUtf8) => row.finding(Member::Label(label), "invalid-utf8", "The cell is not valid UTF-8."),
        }
    }
    row.begin_labels();
    for (label, value) in &labels {
        row.label(label, value);
    }
    row.end_labels();
}
