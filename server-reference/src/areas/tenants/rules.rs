//! What may become of a tenant.

use std::collections::BTreeMap;

use super::checks::{Invalid, check_email, check_name};
use super::labels::Labels;
use super::model::{MemberInvalid, Status, Tenant, label_pointer};
use crate::kernel::clock::Timestamp;

/// A change of a tenant: what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// A new display name.
    pub name: Option<String>,
    /// A new state.
    pub status: Option<Status>,
    /// A new address, or none any more.
    pub contact_email: Option<Option<String>>,
    /// Labels to set, or to remove.
    pub labels: BTreeMap<String, Option<String>>,
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeRefused {
    /// Members are not valid.
    Invalid(Vec<MemberInvalid>),
    /// The platform's own tenant stays in use.
    Platform,
}

/// Applies a change (RFC 7396). `None` when it leaves the tenant as it is: then there is no new version.
///
/// # Errors
/// Every finding, or that this tenant must stay in use.
pub fn change(tenant: &Tenant, change: Change, now: Timestamp) -> Result<Option<Tenant>, ChangeRefused> {
    let mut changed = tenant.clone();
    let mut findings = Vec::new();
    let mut note = |pointer: String, invalid: Invalid| findings.push(MemberInvalid { pointer, invalid });
    if let Some(name) = change.name {
        if let Err(invalid) = check_name(&name) {
            note("/name".to_owned(), invalid);
        }
        changed.profile.name = name;
    }
    if let Some(email) = change.contact_email {
        if let Some(Err(invalid)) = email.as_deref().map(check_email) {
            note("/contact_email".to_owned(), invalid);
        }
        changed.profile.contact_email = email;
    }
    let mut labels = changed.profile.labels.into_map();
    for (name, value) in change.labels {
        match value {
            Some(value) => labels.insert(name, value),
            None => labels.remove(&name),
        };
    }
    changed.profile.labels = match Labels::new(labels) {
        Ok(labels) => labels,
        Err((name, invalid)) => {
            note(label_pointer(&name), invalid);
            tenant.profile.labels.clone()
        }
    };
    if !findings.is_empty() {
        return Err(ChangeRefused::Invalid(findings));
    }
    changed.status = change.status.unwrap_or(changed.status);
    if is_platform(tenant) && changed.status != Status::Active {
        return Err(ChangeRefused::Platform);
    }
    if changed == *tenant {
        return Ok(None);
    }
    changed.version += 1;
    changed.updated_at = now;
    Ok(Some(changed))
}

/// Whether this is the platform's own tenant: the one that owns itself.
pub fn is_platform(tenant: &Tenant) -> bool {
    tenant.owner_id == tenant.id
}

/// What stands in the way of deleting a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ties {
    /// It owns other tenants.
    pub owns_tenants: bool,
    /// It has operations that go on.
    pub has_operations: bool,
    /// The caller's key belongs to it.
    pub is_own: bool,
}

/// Whether a tenant may be deleted.
///
/// # Errors
/// A sentence that says why not and what to do.
pub fn delete(tenant: &Tenant, ties: Ties) -> Result<(), &'static str> {
    if is_platform(tenant) {
        return Err("The platform's own tenant cannot be deleted.");
    }
    if ties.is_own {
        return Err("A tenant cannot delete itself; its owner can.");
    }
    if ties.owns_tenants {
        return Err("The tenant owns other tenants. Delete those first.");
    }
    if ties.has_operations {
        return Err("The tenant has operations that go on. Wait for them or cancel them.");
    }
    Ok(())
}
