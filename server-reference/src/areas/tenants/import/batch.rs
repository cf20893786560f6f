//! Checked rows, kept in one text arena so that a row costs no allocation of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use super::error::{FINDINGS_PER_ROW, Finding};
use super::member::{ColumnNames, Member};
use crate::areas::tenants::checks::{
    Invalid, Regions, check_email, check_external_id, check_label_count, check_label_name, check_label_value,
    check_name,
};
use crate::areas::tenants::labels::write_json_string;

/// Bytes of text after which a batch counts as full, however few its rows are.
const TEXT_FULL: usize = 1 << 20;
/// Findings after which a batch counts as full.
const FINDINGS_FULL: usize = 4_000;

/// Rows that have been checked and wait for being planned and stored.
#[derive(Debug, Default)]
pub struct Batch {
    text: String,
    rows: Vec<Row>,
    findings: Vec<Finding>,
}

#[derive(Debug, Default)]
struct Row {
    number: u32,
    external_id: Option<Range<usize>>,
    name: Range<usize>,
    region: Range<usize>,
    contact_email: Option<Range<usize>>,
    labels: Range<usize>,
    findings: Range<usize>,
}

/// One row of a [`Batch`]. Only a row without findings has all its members.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The record, counted from 1 without the header.
    pub number: u32,
    /// The external id, if it could be read.
    pub external_id: Option<&'a str>,
    /// The display name.
    pub name: &'a str,
    /// The region, filled in when the row names none.
    pub region: &'a str,
    /// Whom to write to.
    pub contact_email: Option<&'a str>,
    /// The labels as canonical JSON.
    pub labels: &'a str,
    /// Everything that is wrong with it.
    pub findings: &'a [Finding],
}

impl Batch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
        self.findings.clear();
    }

    /// The rows in file order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RowView<'_>> {
        self.rows.iter().map(|row| RowView {
            number: row.number,
            external_id: row.external_id.clone().map(|span| &self.text[span]),
            name: &self.text[row.name.clone()],
            region: &self.text[row.region.clone()],
            contact_email: row.contact_email.clone().map(|span| &self.text[span]),
            labels: &self.text[row.labels.clone()],
            findings: &self.findings[row.findings.clone()],
        })
    }

    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.rows.len() >= rows || self.text.len() >= TEXT_FULL || self.findings.len() >= FINDINGS_FULL
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}

/// Applies the rules to rows as they are read and remembers the external ids of the whole file.
#[derive(Debug)]
pub(super) struct Checker {
    regions: Regions,
    seen: HashMap<u128, u32>,
    keys: (RandomState, RandomState),
}

impl Checker {
    pub(super) fn new(regions: Regions) -> Self {
        Self { regions, seen: HashMap::new(), keys: (RandomState::new(), RandomState::new()) }
    }

    /// Notes an external id and returns the row that had it first, if one did.
    ///
    /// Two independently keyed 64-bit hashes stand for the text, which keeps a million ids in a few
    /// tens of megabytes; that two of them collide has a chance below 10⁻²⁶.
    fn first_row_with(&mut self, external_id: &str, row: u32) -> Option<u32> {
        let high = u128::from(self.keys.0.hash_one(external_id));
        let low = u128::from(self.keys.1.hash_one(external_id));
        match self.seen.entry(high << 64 | low) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(slot) => {
                slot.insert(row);
                None
            }
        }
    }
}

/// Puts one row into a batch, member by member. Labels come last and sorted by name.
pub(super) struct RowWriter<'a, C> {
    batch: &'a mut Batch,
    checker: &'a mut Checker,
    columns: &'a C,
    row: Row,
    labels: usize,
    dropped: usize,
}

impl<'a, C: ColumnNames> RowWriter<'a, C> {
    pub(super) fn begin(batch: &'a mut Batch, checker: &'a mut Checker, columns: &'a C, number: u32) -> Self {
        let findings = batch.findings.len()..batch.findings.len();
        let row = Row { number, findings, ..Row::default() };
        Self { batch, checker, columns, row, labels: 0, dropped: 0 }
    }

    /// Notes something that is wrong.
    pub(super) fn finding(
        &mut self,
        member: Member<'_>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) {
        if self.batch.findings.len() - self.row.findings.start >= FINDINGS_PER_ROW {
            self.dropped += 1;
            return;
        }
        self.batch.findings.push(Finding {
            row: self.row.number,
            column: self.columns.column(member),
            code,
            detail: detail.into(),
        });
    }

    fn invalid(&mut self, member: Member<'_>, invalid: Invalid) {
        self.finding(member, invalid.code, invalid.detail);
    }

    pub(super) fn external_id(&mut self, value: &str) {
        if let Err(invalid) = check_external_id(value) {
            return self.invalid(Member::ExternalId, invalid);
        }
        self.row.external_id = Some(self.batch.push(value));
        if let Some(first) = self.checker.first_row_with(value, self.row.number) {
            let detail = format!("Row {first} has the same external id; it must be unique in the file.");
            self.finding(Member::ExternalId, "duplicate", detail);
        }
    }

    pub(super) fn name(&mut self, value: &str) {
        match check_name(value) {
            Ok(()) => self.row.name = self.batch.push(value),
            Err(invalid) => self.invalid(Member::Name, invalid),
        }
    }

    /// `None` stands for the home region.
    pub(super) fn region(&mut self, value: Option<&str>) {
        let region = value.unwrap_or_else(|| self.checker.regions.home());
        match self.checker.regions.check(region) {
            Ok(()) => self.row.region = self.batch.push(region),
            Err(invalid) => self.invalid(Member::Region, invalid),
        }
    }

    pub(super) fn contact_email(&mut self, value: &str) {
        match check_email(value) {
            Ok(()) => self.row.contact_email = Some(self.batch.push(value)),
            Err(invalid) => self.invalid(Member::ContactEmail, invalid),
        }
    }

    /// Begins the labels; every row has them, if only none.
    pub(super) fn begin_labels(&mut self) {
        self.row.labels.start = self.batch.text.len();
        self.batch.text.push('{');
    }

    /// Adds a label. Names come in ascending order, each once.
    pub(super) fn label(&mut self, name: &str, value: &str) {
        self.labels += 1;
        if let Err(invalid) = check_label_name(name).and_then(|()| check_label_value(value)) {
            return self.invalid(Member::Label(name), invalid);
        }
        if !self.batch.text.ends_with('{') {
            self.batch.text.push(',');
        }
        write_json_string(&mut self.batch.text, name);
        self.batch.text.push(':');
        write_json_string(&mut self.batch.text, value);
    }

    /// Ends the labels.
    pub(super) fn end_labels(&mut self) {
        self.batch.text.push('}');
        self.row.labels.end = self.batch.text.len();
        if let Err(invalid) = check_label_count(self.labels) {
            self.invalid(Member::Labels, invalid);
        }
    }

    /// Ends the row.
    pub(super) fn end(mut self) {
        if self.dropped > 0 {
            // Over the limit by one, on purpose: it says that there are more.
            self.batch.findings.push(Finding {
                row: self.row.number,
                column: None,
                code: "more-findings",
                detail: format!("{} more findings of this row are not listed.", self.dropped).into(),
            });
        }
        self.row.findings.end = self.batch.findings.len();
        self.batch.rows.push(self.row);
    }
}
