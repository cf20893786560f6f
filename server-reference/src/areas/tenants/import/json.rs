//! JSON: one array of objects, or one object per line (NDJSON).

use super::Limits;
use super::batch::{Batch, Checker, RowWriter};
use super::error::FileError;
use super::member::{JsonMembers, Member};
use super::object::check_object;
use super::sniff::BomStripper;
use super::splitter::{ArraySplitter, LineSplitter, Piece, RowText};

/// How the rows are set apart.
#[derive(Debug)]
enum Splitter {
    Array(ArraySplitter),
    Lines(LineSplitter),
}

/// Reads JSON rows into a batch.
#[derive(Debug)]
pub(super) struct JsonReader {
    limits: Limits,
    bom: BomStripper,
    splitter: Splitter,
    rows: u32,
}

impl JsonReader {
    /// Reads one array.
    pub(super) fn array(limits: Limits) -> Self {
        Self::new(limits, Splitter::Array(ArraySplitter::new(limits)))
    }

    /// Reads one object per line.
    pub(super) fn lines(limits: Limits) -> Self {
        Self::new(limits, Splitter::Lines(LineSplitter::new(limits)))
    }

    fn new(limits: Limits, splitter: Splitter) -> Self {
        Self { limits, bom: BomStripper::default(), splitter, rows: 0 }
    }

    /// Takes bytes and returns how many; fewer than given when the batch is full.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        batch: &mut Batch,
        checker: &mut Checker,
    ) -> Result<usize, FileError> {
        let mut taken = self.bom.strip(input)?;
        while taken < input.len() && !batch.is_full(self.limits.batch_rows) {
            taken += self.row(&input[taken..], batch, checker)?;
        }
        Ok(taken)
    }

    /// Takes at most one row and returns how many bytes it took.
    fn row(&mut self, input: &[u8], batch: &mut Batch, checker: &mut Checker) -> Result<usize, FileError> {
        let piece = match &mut self.splitter {
            Splitter::Array(splitter) => splitter.next(input),
            Splitter::Lines(splitter) => splitter.next(input),
        };
        match piece {
            Piece::Partial => Ok(input.len()),
            Piece::End(taken) => Ok(taken),
            Piece::Malformed(detail) => {
                Err(FileError::malformed(Some(self.rows.saturating_add(1)), "malformed-json", detail))
            }
            Piece::Row(text, taken) => {
                if self.rows >= self.limits.rows {
                    return Err(FileError::TooManyRows { max: self.limits.rows });
                }
                self.rows += 1;
                check_row(text, self.limits, RowWriter::begin(batch, checker, &JsonMembers, self.rows));
                Ok(taken)
            }
        }
    }
    /// Ends the stream: the last line may lack its line ending, an array not its bracket.
    pub(super) fn finish(&mut self, batch: &mut Batch, checker: &mut Checker) -> Result<(), FileError> {
        let detail = match &self.splitter {
            Splitter::Lines(_) => return self.row(b"\n", batch, checker).map(|_| ()),
            Splitter::Array(splitter) if splitter.is_complete() => return Ok(()),
            Splitter::Array(_) => "The file ends before the array does.",
        };
        Err(FileError::malformed(Some(self.rows.saturating_add(1)), "malformed-json", detail))
    }
}

fn check_row(text: RowText<'_>, limits: Limits, mut row: RowWriter<'_, JsonMembers>) {
    match text {
        RowText::Text(text) => check_object(&mut row, text),
        RowText::TooLarge => {
            let detail = format!("The row is larger than {} bytes.", limits.row_bytes);
            row.finding(Member::Row, "row-too-large", detail);
        }
        RowText::TooDeep => {
            let detail = format!("The row is nested deeper than {} levels.", limits.depth);
            row.finding(Member::Row, "too-deep", detail);
        }
    }
    row.end();
}
