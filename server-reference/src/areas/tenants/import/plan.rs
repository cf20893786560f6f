//! What is done with every row, and the digests that bind a commit to the plan that was reviewed.
//!
//! A **row record** is one JSON object in the canonical form of RFC 8785. A row that is fine has
//! `action`, `contact_email` (if any), `external_id`, `labels`, `name`, `region`, `row`; a row with
//! findings has `action`, `errors` (each `code` and, if any, `column`), `external_id` (if it could be read), `row`.
//! The **rows root** is the RFC 9162 Merkle root over the row records in file order; the **plan
//! digest** is SHA-256 over one more canonical object: `format`, `mapping`, `owner_id`, `rows`,
//! `rows_root`, `v`. Every row is hashed once. Ids that are drawn anew for each attempt are in neither,
//! so that a dry run and the commit after it come to the same digest.

use std::collections::HashMap;
use std::fmt::Write;

use companyos_receipt::tlog::{Frontier, Hash, leaf_hash};
use sha2::{Digest, Sha256};

use super::Format;
use super::batch::{Batch, RowView};
use super::columns::Mapping;
use super::error::Finding;
use crate::areas::tenants::labels::{write_json_string, write_labels};

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A tenant is created.
    Create,
    /// A tenant with this external id exists and is equal.
    Unchanged,
    /// The row has findings; nothing of the file is applied.
    Error,
}

impl Action {
    /// The wire and database form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Unchanged => "unchanged",
            Self::Error => "error",
        }
    }

    /// Reads the wire or database form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "create" => Some(Self::Create),
            "unchanged" => Some(Self::Unchanged),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// A tenant that exists already, as far as a row is compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Its id.
    pub id: String,
    /// The version compared with.
    pub version: i64,
    /// Its display name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Whom to write to.
    pub contact_email: Option<String>,
    /// Its labels as canonical JSON.
    pub labels: String,
}

impl Existing {
    /// The members in which the row is different; empty when the row is `unchanged`.
    pub fn differences(&self, row: &RowView<'_>) -> Vec<&'static str> {
        [
            ("name", self.name == row.name),
            ("region", self.region == row.region),
            ("contact_email", self.contact_email.as_deref() == row.contact_email),
            ("labels", self.labels == row.labels),
        ]
        .into_iter()
        .filter_map(|(member, equal)| (!equal).then_some(member))
        .collect()
    }
}

/// How many rows there are, by what is done with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows in the file.
    pub total: u64,
    /// Rows that create a tenant.
    pub create: u64,
    /// Rows equal to an existing tenant.
    pub unchanged: u64,
    /// Rows with findings.
    pub error: u64,
}

/// What is done with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub action: Action,
    /// Id and version of the tenant the row was compared with, if one exists.
    pub existing: Option<(String, i64)>,
    /// What comparing found, beyond the row's own findings.
    pub differs: Option<Finding>,
}

impl Decision {
    /// Everything that is wrong with the row this is about.
    pub fn findings<'a>(&'a self, row: &RowView<'a>) -> impl Iterator<Item = &'a Finding> + use<'a> {
        row.findings.iter().chain(&self.differs)
    }
}

/// Most findings quoted in the answer that refuses an import.
const FINDINGS_QUOTED: usize = 20;

/// Decides row by row and keeps the digests.
#[derive(Debug)]
pub struct Planner {
    record: String,
    rows: Frontier,
    counts: Counts,
    quoted: Vec<Finding>,
}

impl Default for Planner {
    fn default() -> Self {
        Self::new()
    }
}

impl Planner {
    /// A planner that has seen no row.
    pub fn new() -> Self {
        Self { record: String::new(), rows: Frontier::new(), counts: Counts::default(), quoted: Vec::new() }
    }

    /// Decides about each row of a batch, given the tenants that have one of its external ids.
    pub fn plan(&mut self, batch: &Batch, existing: &HashMap<String, Existing>) -> Vec<Decision> {
        batch
            .rows()
            .map(|row| {
                let decision = decide(&row, existing);
                self.note(&row, &decision);
                decision
            })
            .collect()
    }

    fn note(&mut self, row: &RowView<'_>, decision: &Decision) {
        self.counts.total += 1;
        *match decision.action {
            Action::Create => &mut self.counts.create,
            Action::Unchanged => &mut self.counts.unchanged,
            Action::Error => &mut self.counts.error,
        } += 1;
        if decision.action == Action::Error {
            let room = FINDINGS_QUOTED - self.quoted.len();
            self.quoted.extend(decision.findings(row).take(room).cloned());
        }
        self.record.clear();
        write_record(&mut self.record, row, decision);
        self.rows.push(leaf_hash(self.record.as_bytes()));
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The first findings, to be quoted where the import is refused.
    pub fn quoted(&self) -> &[Finding] {
        &self.quoted
    }

    /// The plan of the whole file.
    pub fn finish(&self, format: Format, mapping: &Mapping, owner_id: &str) -> Plan {
        let rows_root = self.rows.root();
        Plan {
            digest: plan_digest(format, mapping, owner_id, self.counts.total, &rows_root),
            rows_root: tagged(&rows_root.0),
            counts: self.counts,
        }
    }
}

/// The plan of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// `sha256:` and hex, over everything that is going to be done.
    pub digest: String,
    /// `sha256:` and hex of the Merkle root over the row records.
    pub rows_root: String,
    /// How many rows there are.
    pub counts: Counts,
}

fn decide(row: &RowView<'_>, existing: &HashMap<String, Existing>) -> Decision {
    let found = match existing.is_empty() {
        true => None,
        false => row.external_id.and_then(|id| existing.get(id)),
    };
    let (action, differs) = match found.map(|tenant| tenant.differences(row)) {
        _ if !row.findings.is_empty() => (Action::Error, None),
        None => (Action::Create, None),
        Some(members) if members.is_empty() => (Action::Unchanged, None),
        Some(members) => (Action::Error, Some(differs(row.number, &members))),
    };
    Decision { action, existing: found.map(|tenant| (tenant.id.clone(), tenant.version)), differs }
}

/// `sha256:` and lower-case hex.
pub fn tagged(hash: &[u8; 32]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for b in hash {
        // Writing to a String cannot fail.
        let _ = write!(text, "{b:02x}");
    }
    text
}

fn differs(row: u32, members: &[&str]) -> Finding {
    let members = members.join(", ");
    Finding {
        row,
        column: None,
        code: "differs",
        detail: format!(
            "A tenant with this external id exists and differs in {members}. \
             An import only creates; change the tenant with PATCH, or the row."
        )
        .into(),
    }
}

fn plan_digest(format: Format, mapping: &Mapping, owner_id: &str, rows: u64, root: &Hash) -> String {
    let mut text = String::new();
    text.push_str("{\"format\":");
    write_json_string(&mut text, format.as_str());
    text.push_str(",\"mapping\":");
    write_labels(&mut text, mapping.iter().map(|(field, column)| (field.as_str(), column.as_str())));
    text.push_str(",\"owner_id\":");
    write_json_string(&mut text, owner_id);
    let _ = write!(text, ",\"rows\":{rows},\"rows_root\":\"{}\",\"v\":1}}", tagged(&root.0));
    tagged(&Sha256::digest(text.as_bytes()).into())
}

/// Writes the record of a row; its members are in the order RFC 8785 wants.
fn write_record(out: &mut String, row: &RowView<'_>, decision: &Decision) {
    out.push_str("{\"action\":\"");
    out.push_str(decision.action.as_str());
    if decision.action == Action::Error {
        out.push_str("\",\"errors\":[");
        for (i, finding) in decision.findings(row).enumerate() {
            out.push_str(if i == 0 { "{\"code\":\"" } else { ",{\"code\":\"" });
            out.push_str(finding.code);
            out.push('"');
            if let Some(column) = &finding.column {
                out.push_str(",\"column\":");
                write_json_string(out, column);
            }
            out.push('}');
        }
        out.push(']');
    } else {
        out.push('"');
        if let Some(email) = row.contact_email {
            out.push_str(",\"contact_email\":");
            write_json_string(out, email);
        }
    }
    if let Some(external_id) = row.external_id {
        out.push_str(",\"external_id\":");
        write_json_string(out, external_id);
    }
    if decision.action != Action::Error {
        out.push_str(",\"labels\":");
        out.push_str(row.labels);
        out.push_str(",\"name\":");
        write_json_string(out, row.name);
        out.push_str(",\"region\":");
        write_json_string(out, row.region);
    }
    out.push_str(",\"row\":");
    write_number(out, row.number);
    out.push('}');
}

/// Decimal digits, without the formatting machinery: this runs once per row.
fn write_number(out: &mut String, mut number: u32) {
    let mut digits = [0_u8; 10];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits[start..].iter().for_each(|digit| out.push(char::from(*digit)));
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 1_000_000, u32::MAX] {
            let mut text = String::new();
            super::write_number(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }
}
