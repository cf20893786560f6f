//! Rows of an import as they are stored: some thousand of them in one value.
//!
//! A row is a byte of flags, then what the flags name, in this order: external id, tenant id, version, profile, findings.
//! Texts and counts are preceded by, or are, LEB128 numbers. A row carries what its listing and its application need and
//! no more: one that a dry run would create has its external id only.

use std::str;

use super::super::import::RowView;
use super::super::import::plan::Action;
use crate::store::StoreError;

const ACTION: u8 = 0b11;
const EXTERNAL_ID: u8 = 1 << 2;
const TENANT: u8 = 1 << 3;
const VERSION: u8 = 1 << 4;
const PROFILE: u8 = 1 << 5;
const EMAIL: u8 = 1 << 6;
const FINDINGS: u8 = 1 << 7;

/// Consecutive rows, encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::areas::tenants) struct Block {
    /// The first of its rows, counted from 1.
    pub(in crate::areas::tenants) first: u64,
    /// The last of its rows.
    pub(in crate::areas::tenants) last: u64,
    /// How many of them create a tenant.
    pub(in crate::areas::tenants) create: u64,
    /// How many are equal to an existing one.
    pub(in crate::areas::tenants) unchanged: u64,
    /// How many have findings.
    pub(in crate::areas::tenants) error: u64,
    /// The rows.
    pub(in crate::areas::tenants) content: Vec<u8>,
}

/// One row of a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::areas::tenants) struct StoredRow<'a> {
    /// The record, counted from 1 without the header.
    pub(in crate::areas::tenants) number: u64,
    /// What is done with it.
    pub(in crate::areas::tenants) action: Action,
    /// The external id, if it could be read.
    pub(in crate::areas::tenants) external_id: Option<&'a str>,
    /// The tenant it creates or was compared with.
    pub(in crate::areas::tenants) tenant_id: Option<&'a str>,
    /// The version it was compared with.
    pub(in crate::areas::tenants) version: Option<i64>,
    /// What is created; only of a row to be applied.
    pub(in crate::areas::tenants) profile: Option<StoredProfile<'a>>,
    /// JSON array of findings.
    pub(in crate::areas::tenants) findings: Option<&'a str>,
}

/// What a row creates, beyond its external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::areas::tenants) struct StoredProfile<'a> {
    /// The display name.
    pub(in crate::areas::tenants) name: &'a str,
    /// The region.
    pub(in crate::areas::tenants) region: &'a str,
    /// Whom to write to.
    pub(in crate::areas::tenants) contact_email: Option<&'a str>,
    /// The labels as canonical JSON.
    pub(in crate::areas::tenants) labels: &'a str,
}

impl<'a> From<RowView<'a>> for StoredProfile<'a> {
    fn from(row: RowView<'a>) -> Self {
        Self { name: row.name, region: row.region, contact_email: row.contact_email, labels: row.labels }
    }
}

impl Block {
    /// Adds a row, which is the one after the last.
    pub(in crate::areas::tenants) fn push(&mut self, row: StoredRow<'_>) {
        if self.content.is_empty() {
            self.first = row.number;
        }
        self.last = row.number;
        let action = match row.action {
            Action::Create => &mut self.create,
            Action::Unchanged => &mut self.unchanged,
            Action::Error => &mut self.error,
        };
        *action += 1;
        let email = row.profile.and_then(|profile| profile.contact_email);
        let out = &mut self.content;
        out.push(
            code(row.action)
                | flag(EXTERNAL_ID, row.external_id.is_some())
                | flag(TENANT, row.tenant_id.is_some())
                | flag(VERSION, row.version.is_some())
                | flag(PROFILE, row.profile.is_some())
                | flag(EMAIL, email.is_some())
                | flag(FINDINGS, row.findings.is_some()),
        );
        for text in [row.external_id, row.tenant_id].into_iter().flatten() {
            write_text(out, text);
        }
        if let Some(version) = row.version {
            // Versions count from 1.
            write_number(out, version.unsigned_abs());
        }
        if let Some(profile) = row.profile {
            write_text(out, profile.name);
            write_text(out, profile.region);
            if let Some(email) = email {
                write_text(out, email);
            }
            write_text(out, profile.labels);
        }
        if let Some(findings) = row.findings {
            write_text(out, findings);
        }
    }

    /// The rows in file order. Ends with an error where the content is damaged.
    pub(in crate::areas::tenants) fn rows(&self) -> Rows<'_> {
        Rows { rest: &self.content, next: self.first }
    }
}

/// The rows of a [`Block`].
#[derive(Debug, Clone)]
pub(in crate::areas::tenants) struct Rows<'a> {
    rest: &'a [u8],
    next: u64,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<StoredRow<'a>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_none() {
            self.rest = &[];
        }
        Some(row.ok_or_else(|| {
            StoreError::Inconsistent(format!("row {} of an import cannot be read back", self.next))
        }))
    }
}

impl<'a> Rows<'a> {
    fn row(&mut self) -> Option<StoredRow<'a>> {
        let flags = self.take(1)?[0];
        let mut row = StoredRow {
            number: self.next,
            action: action(flags & ACTION)?,
            external_id: None,
            tenant_id: None,
            version: None,
            profile: None,
            findings: None,
        };
        if flags & EXTERNAL_ID != 0 {
            row.external_id = Some(self.text()?);
        }
        if flags & TENANT != 0 {
            row.tenant_id = Some(self.text()?);
        }
        if flags & VERSION != 0 {
            row.version = Some(i64::try_from(self.number()?).ok()?);
        }
        if flags & PROFILE != 0 {
            let (name, region) = (self.text()?, self.text()?);
            let contact_email = if flags & EMAIL != 0 { Some(self.text()?) } else { None };
            row.profile = Some(StoredProfile { name, region, contact_email, labels: self.text()? });
        }
        if flags & FINDINGS != 0 {
            row.findings = Some(self.text()?);
        }
        self.next += 1;
        Some(row)
    }

    fn take(&mut self, many: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(many)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let many = usize::try_from(self.number()?).ok()?;
        str::from_utf8(self.take(many)?).ok()
    }
}

fn flag(bit: u8, set: bool) -> u8 {
    if set { bit } else { 0 }
}

fn code(action: Action) -> u8 {
    match action {
        Action::Create => 0,
        Action::Unchanged => 1,
        Action::Error => 2,
    }
}

fn action(code: u8) -> Option<Action> {
    [Action::Create, Action::Unchanged, Action::Error].into_iter().find(|action| self::code(*action) == code)
}

fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = (u8, Option<String>, Option<String>, Option<i64>, Option<[String; 4]>, Option<String>);

    fn row(number: u64, (code, external_id, tenant_id, version, profile, findings): &Parts) -> StoredRow<'_> {
        StoredRow {
            number,
            action: action(*code).unwrap(),
            external_id: external_id.as_deref(),
            tenant_id: tenant_id.as_deref(),
            version: *version,
            profile: profile.as_ref().map(|[name, region, email, labels]| StoredProfile {
                name,
                region,
                contact_email: Some(email.as_str()).filter(|email| !email.is_empty()),
                labels,
            }),
            findings: findings.as_deref(),
        }
    }

    fn block(first: u64, parts: &[Parts]) -> Block {
        let mut block = Block::default();
        (first..).zip(parts).for_each(|(number, parts)| block.push(row(number, parts)));
        block
    }

    prop_compose! {
        fn parts()(
            code in 0..3_u8,
            external_id in any::<Option<String>>(),
            tenant_id in any::<Option<String>>(),
            version in proptest::option::of(0..=i64::MAX),
            profile in any::<Option<[String; 4]>>(),
            findings in proptest::option::of(".{0,300}"),
        ) -> Parts {
            (code, external_id, tenant_id, version, profile, findings)
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_back_as_they_were_pushed(
            first in 1..1_000_000_u64,
            parts in proptest::collection::vec(parts(), 0..20),
        ) {
            let block = block(first, &parts);
            let read: Vec<_> = block.rows().collect::<Result<_, _>>().unwrap();
            let pushed: Vec<_> = (first..).zip(&parts).map(|(number, parts)| row(number, parts)).collect();
            prop_assert_eq!(read, pushed);
            prop_assert_eq!(block.create + block.unchanged + block.error, parts.len() as u64);
        }

        #[test]
        fn damaged_content_is_an_error_and_never_a_panic(
            parts in proptest::collection::vec(parts(), 1..5),
            cut in any::<prop::sample::Index>(),
            noise in any::<Vec<u8>>(),
        ) {
            let mut block = block(1, &parts);
            let rows = block.rows().count();
            block.content.truncate(cut.index(block.content.len()));
            let left = block.rows().filter(Result::is_ok).count();
            prop_assert!(left < rows, "a row that is not whole was read");
            block.content = noise;
            let _ = block.rows().last();
        }
    }
}
