//! One CSV record: the buffer it is gathered in, and its cells.

use std::str;

use csv_core::{ReadRecordResult, Reader};

use super::Limits;
use super::cells::restore;

/// The record under construction; one buffer serves all of them.
#[derive(Debug)]
pub(super) struct Record {
    bytes: Vec<u8>,
    len: usize,
    ends: Vec<usize>,
    cells: usize,
    /// The record outgrew the limit of bytes; what overflowed is dropped.
    pub(super) too_large: bool,
    /// The record outgrew the limit of cells; what overflowed is dropped.
    pub(super) too_wide: bool,
    /// Whether input ended inside a record.
    pub(super) begun: bool,
}

/// What feeding the tokenizer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All input is consumed and the record is not complete.
    NeedsInput,
    /// A record is complete.
    Record,
}

/// A cell is not valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Record {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            // One more than the limit, so that a record of exactly the limit is not an overflow.
            bytes: vec![0; limits.row_bytes + 1],
            len: 0,
            ends: vec![0; limits.columns + 1],
            cells: 0,
            too_large: false,
            too_wide: false,
            begun: false,
        }
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.cells) = (0, 0);
        (self.too_large, self.too_wide, self.begun) = (false, false, false);
    }

    /// How many cells the record has.
    pub(super) fn width(&self) -> usize {
        self.cells
    }

    /// Feeds the tokenizer until a record is complete or the input is used up.
    pub(super) fn step(&mut self, tokenizer: &mut Reader, input: &[u8]) -> (Step, usize) {
        let mut taken = 0;
        while taken < input.len() {
            let (result, read, written, ended) = tokenizer.read_record(
                &input[taken..],
                &mut self.bytes[self.len..],
                &mut self.ends[self.cells..],
            );
            let piece = &input[taken..taken + read];
            taken += read;
            self.len += written;
            self.cells += ended;
            match result {
                ReadRecordResult::Record => return (Step::Record, taken),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                    // Line endings between records begin nothing.
                    self.begun |= piece.iter().any(|b| !matches!(b, b'\r' | b'\n'));
                }
                // Dropping what overflows keeps both the place in the file and the memory bounded.
                ReadRecordResult::OutputFull => {
                    (self.too_large, self.begun, self.len) = (true, true, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    (self.too_wide, self.begun, self.cells) = (true, true, 0);
                }
            }
        }
        (Step::NeedsInput, taken)
    }

    /// The cells of a complete record that is neither too large nor too wide.
    pub(super) fn cells(&self) -> Cells<'_> {
        let bytes = &self.bytes[..self.len];
        Cells { bytes, text: str::from_utf8(bytes).ok(), ends: &self.ends[..self.cells] }
    }
}

/// The cells of a complete record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells<'a> {
    bytes: &'a [u8],
    /// The whole record, checked at once; `None` when some byte of it is not UTF-8.
    text: Option<&'a str>,
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    /// Whether no cell holds anything.
    pub(super) fn are_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The text of a cell as it stands.
    pub(super) fn text(&self, index: usize) -> Result<&'a str, NotUtf8> {
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before),
            None => Some(&0),
        };
        let (Some(start), Some(end)) = (start, self.ends.get(index)) else {
            return Ok("");
        };
        // `get` fails where two cells are only together a character; the slow way then says whose fault it is.
        match self.text.and_then(|text| text.get(*start..*end)) {
            Some(text) => Ok(text),
            None => str::from_utf8(&self.bytes[*start..*end]).map_err(|_| NotUtf8),
        }
    }

    /// The value of a cell: `None` when it is empty, without the apostrophe of an export.
    pub(super) fn value(&self, index: usize) -> Result<Option<&'a str>, NotUtf8> {
        Ok(match self.text(index)? {
            "" => None,
            text => Some(restore(text)),
        })
    }
}
