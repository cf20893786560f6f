//! What may be done with API keys.

use std::time::Duration;

use companyos_types::identity::ApiKeyStatus;

use super::model::Key;
use crate::kernel::auth::Principal;
use crate::kernel::clock::Timestamp;

/// The first scope that `principal` would give away without having it. Nobody can make a key that can do more than
/// they can; else `api_keys:write` would be every scope.
pub(super) fn excess<'s>(principal: &Principal, scopes: &'s [String]) -> Option<&'s str> {
    scopes.iter().map(String::as_str).find(|scope| !principal.holds(scope))
}

/// Why a key cannot be rotated.
pub(super) fn rotation_refusal(key: &Key, now: Timestamp) -> Option<&'static str> {
    match (key.status(now), &key.replaced_by) {
        (_, Some(_)) => Some("The key has been replaced already. Rotate its replacement."),
        (ApiKeyStatus::Revoked, None) => Some("The key is revoked. Issue a new one."),
        (ApiKeyStatus::Expired, None) => Some("The key has expired. Issue a new one."),
        _ => None,
    }
}

/// When a rotated key ends: after the overlap, but never later than it would have.
pub(super) fn handover(key: &Key, now: Timestamp, overlap: Duration) -> Timestamp {
    let end = now.saturating_add(overlap);
    key.expires_at.map_or(end, |expiry| expiry.min(end))
}
