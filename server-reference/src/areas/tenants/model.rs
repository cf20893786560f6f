//! What a tenant is: types whose constructors keep the invariants.

use std::collections::BTreeMap;
use std::fmt;

use super::checks::{Invalid, Regions, check_email, check_external_id, check_name};
use super::labels::Labels;
use crate::kernel::clock::Timestamp;

/// Whether a tenant is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In use.
    Active,
    /// Taken out of use; its data is kept.
    Suspended,
}

impl Status {
    /// The wire and database form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// Reads the wire or database form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            _ => None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a tenant's creator states about it. Every member has passed its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The tenant's name in the creator's own system.
    pub external_id: String,
    /// The display name.
    pub name: String,
    /// The home region.
    pub region: String,
    /// Whom to write to.
    pub contact_email: Option<String>,
    /// Free labels.
    pub labels: Labels,
}

/// A finding about one member of a [`Profile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInvalid {
    /// JSON Pointer to the member, such as `/labels/sector`.
    pub pointer: String,
    /// Why.
    pub invalid: Invalid,
}

impl Profile {
    /// Checks every member and fills in the home region.
    ///
    /// # Errors
    /// Every finding, not only the first.
    pub fn new(
        external_id: String,
        name: String,
        region: Option<String>,
        contact_email: Option<String>,
        labels: BTreeMap<String, String>,
        regions: &Regions,
    ) -> Result<Self, Vec<MemberInvalid>> {
        let mut findings = Vec::new();
        let mut note = |pointer: String, invalid| findings.push(MemberInvalid { pointer, invalid });
        let region = region.unwrap_or_else(|| regions.home().to_owned());
        if let Err(invalid) = check_external_id(&external_id) {
            note("/external_id".into(), invalid);
        }
        if let Err(invalid) = check_name(&name) {
            note("/name".into(), invalid);
        }
        if let Err(invalid) = regions.check(&region) {
            note("/region".into(), invalid);
        }
        if let Some(Err(invalid)) = contact_email.as_deref().map(check_email) {
            note("/contact_email".into(), invalid);
        }
        match Labels::new(labels) {
            Ok(labels) if findings.is_empty() => {
                Ok(Self { external_id, name, region, contact_email, labels })
            }
            Ok(_) => Err(findings),
            Err((name, invalid)) => {
                findings.push(MemberInvalid { pointer: label_pointer(&name), invalid });
                Err(findings)
            }
        }
    }
}

/// The JSON Pointer (RFC 6901) of a label, or of all of them when `name` is empty.
pub fn label_pointer(name: &str) -> String {
    if name.is_empty() {
        return "/labels".to_owned();
    }
    format!("/labels/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// `tnt_` and a UUIDv7.
    pub id: String,
    /// What its creator stated.
    pub profile: Profile,
    /// Whether it is in use.
    pub status: Status,
    /// The tenant that created it.
    pub owner_id: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
