//! Which column of a CSV file feeds which member: by our own names, or by a mapping.

use std::collections::BTreeMap;

use super::error::Finding;
use super::member::{ColumnNames, Member, shorten};
use crate::areas::tenants::checks::check_label_name;

/// Columns of an export that a re-import has no use for.
const READ_ONLY: [&str; 6] = ["id", "status", "owner_id", "version", "created_at", "updated_at"];

/// From member (`external_id`, `name`, `region`, `contact_email`, `labels.<label>`) to column.
pub type Mapping = BTreeMap<String, String>;

/// How the cells of a CSV file are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`, as spreadsheets write where the comma is the decimal sign.
    Semicolon,
    /// U+0009
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// All of them, the likeliest first.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The byte between two cells.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// Reads the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "comma" => Some(Self::Comma),
            "semicolon" => Some(Self::Semicolon),
            "tab" => Some(Self::Tab),
            "pipe" => Some(Self::Pipe),
            _ => None,
        }
    }
}

/// Where each member is found in a record.
#[derive(Debug)]
pub(super) struct Columns {
    header: Vec<String>,
    pub(super) external_id: usize,
    pub(super) name: usize,
    pub(super) region: Option<usize>,
    pub(super) contact_email: Option<usize>,
    /// A column of our own export: all labels as one JSON object.
    pub(super) labels_json: Option<usize>,
    /// Label and column, sorted by label.
    pub(super) labels: Vec<(String, usize)>,
}

impl Columns {
    /// Matches a header line, by the mapping when there is one and else by our own names.
    ///
    /// # Errors
    /// Every finding: columns that are missing, named twice or unknown.
    pub(super) fn new(header: Vec<String>, mapping: Option<&Mapping>) -> Result<Self, Vec<Finding>> {
        let mut findings = duplicates(&header);
        let fields = match mapping {
            Some(mapping) => mapped(&header, mapping, &mut findings),
            None => own_names(&header, &mut findings),
        };
        for required in ["external_id", "name"] {
            let known = fields.contains_key(required)
                || mapping.is_some_and(|mapping| mapping.contains_key(required));
            if !known {
                let detail = match mapping {
                    Some(_) => format!("The mapping names no column for {required}, which every row needs."),
                    None => format!(
                        "There is no column {required}. Name it so, or say in `mapping` which column it is."
                    ),
                };
                findings.push(Finding::of_file(Some(required.to_owned()), "missing-column", detail));
            }
        }
        let at = |field: &str| fields.get(field).copied();
        match (at("external_id"), at("name")) {
            (Some(external_id), Some(name)) if findings.is_empty() => Ok(Self {
                external_id,
                name,
                region: at("region"),
                contact_email: at("contact_email"),
                labels_json: at("labels"),
                labels: fields
                    .iter()
                    .filter_map(|(field, column)| Some((field.strip_prefix("labels.")?.to_owned(), *column)))
                    .collect(),
                header,
            }),
            _ => Err(findings),
        }
    }

    /// How many cells a row must have.
    pub(super) fn count(&self) -> usize {
        self.header.len()
    }

    /// From member to the column as the file names it: what a plan digest covers.
    pub(super) fn resolved(&self) -> Mapping {
        let mut mapping = Mapping::new();
        let mut note = |field: String, column: Option<usize>| {
            if let Some(name) = column.and_then(|column| self.header.get(column)) {
                mapping.insert(field, name.clone());
            }
        };
        note("external_id".to_owned(), Some(self.external_id));
        note("name".to_owned(), Some(self.name));
        note("region".to_owned(), self.region);
        note("contact_email".to_owned(), self.contact_email);
        note("labels".to_owned(), self.labels_json);
        for (label, column) in &self.labels {
            note(format!("labels.{label}"), Some(*column));
        }
        mapping
    }

    fn named(&self, column: Option<usize>) -> Option<String> {
        self.header.get(column?).map(|name| shorten(name).to_owned())
    }
}

impl ColumnNames for Columns {
    fn column(&self, member: Member<'_>) -> Option<String> {
        match member {
            Member::Row => None,
            Member::ExternalId => self.named(Some(self.external_id)),
            Member::Name => self.named(Some(self.name)),
            Member::Region => self.named(self.region),
            Member::ContactEmail => self.named(self.contact_email),
            Member::Labels => self.named(self.labels_json),
            Member::Label(label) => {
                let own = self.labels.iter().find(|(name, _)| name == label).map(|(_, column)| *column);
                self.named(own.or(self.labels_json))
            }
            Member::Other(name) => Some(shorten(name).to_owned()),
        }
    }
}

fn duplicates(header: &[String]) -> Vec<Finding> {
    let mut first = BTreeMap::new();
    let mut findings = Vec::new();
    for (i, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let earlier = *first.entry(name.to_lowercase()).or_insert(i);
        if earlier != i {
            findings.push(Finding::of_file(
                Some(shorten(name).to_owned()),
                "duplicate-column",
                format!("Columns {} and {} have the same name.", earlier + 1, i + 1),
            ));
        }
    }
    findings
}

fn mapped(header: &[String], mapping: &Mapping, findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
    let mut fields = BTreeMap::new();
    for (field, wanted) in mapping {
        match header.iter().position(|name| name == wanted.trim()) {
            Some(column) => {
                fields.insert(field.clone(), column);
            }
            None => findings.push(Finding::of_file(
                Some(shorten(wanted).to_owned()),
                "missing-column",
                format!("The file has no such column, which the mapping names for {field}."),
            )),
        }
    }
    fields
}

fn own_names(header: &[String], findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
    let mut fields = BTreeMap::new();
    // A column without a name is what a spreadsheet leaves behind; it holds nothing of ours.
    for (column, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let field = name.to_lowercase();
        let label = field.strip_prefix("labels.").is_some_and(|label| check_label_name(label).is_ok());
        if label || ["external_id", "name", "region", "contact_email", "labels"].contains(&field.as_str()) {
            fields.entry(field).or_insert(column);
        } else if !READ_ONLY.contains(&field.as_str()) {
            findings.push(Finding::of_file(
                Some(shorten(name).to_owned()),
                "unknown-column",
                format!(
                    "Column {} is none of external_id, name, region, contact_email, labels.<label>. \
                     Remove it, or say in `mapping` which columns to read.",
                    column + 1
                ),
            ));
        }
    }
    fields
}
