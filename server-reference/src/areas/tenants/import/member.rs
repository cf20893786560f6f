//! The members of a row, and how the file at hand names them.

/// What a finding can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// The row as a whole.
    Row,
    ExternalId,
    Name,
    Region,
    ContactEmail,
    /// All labels together.
    Labels,
    /// One label.
    Label(&'a str),
    /// A member the row should not have.
    Other(&'a str),
}

/// Gives the column of a member as the file names it.
pub(super) trait ColumnNames {
    /// `None` for [`Member::Row`] and for members the file has no column for.
    fn column(&self, member: Member<'_>) -> Option<String>;
}

/// JSON rows name their members as the contract does.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonMembers;

impl ColumnNames for JsonMembers {
    fn column(&self, member: Member<'_>) -> Option<String> {
        Some(match member {
            Member::Row => return None,
            Member::ExternalId => "external_id".to_owned(),
            Member::Name => "name".to_owned(),
            Member::Region => "region".to_owned(),
            Member::ContactEmail => "contact_email".to_owned(),
            Member::Labels => "labels".to_owned(),
            Member::Label(name) => format!("labels.{}", shorten(name)),
            Member::Other(name) => shorten(name).to_owned(),
        })
    }
}

/// The beginning of a text from the file, so that a finding never repeats a hostile 64 KiB name.
pub(super) fn shorten(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
