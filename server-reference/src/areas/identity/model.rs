//! An API key as the server knows it.

use companyos_types::Secret;
use companyos_types::identity::{ApiKey as WireKey, ApiKeyStatus, IssuedApiKey};
use sha2::{Digest, Sha256};

use crate::kernel::clock::Timestamp;
use crate::kernel::credential::{self, ApiKey};
use crate::kernel::ids::{Ids, new_id};

/// A stored API key. Its secret part is known by its digest only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) lookup_id: String,
    pub(super) tenant_id: String,
    pub(super) operator: bool,
    pub(super) name: String,
    pub(super) key_prefix: String,
    pub(super) secret_sha256: [u8; 32],
    pub(super) scopes: Vec<String>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    pub(super) replaced_by: Option<String>,
}

/// What a new key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) tenant_id: String,
    pub(super) operator: bool,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: Option<Timestamp>,
}

/// A key that was just made, and its text.
#[derive(Debug)]
pub(super) struct Minted {
    pub(super) key: Key,
    pub(super) text: Secret,
}

impl Minted {
    /// Makes a key with the text of a new credential.
    pub(super) fn new(id: String, text: &str, wanted: &Wanted, now: Timestamp) -> Self {
        let lookup_id = ApiKey::parse(text).map(|key| key.lookup_id().to_owned()).unwrap_or_default();
        Self {
            key: Key {
                id,
                lookup_id,
                tenant_id: wanted.tenant_id.clone(),
                operator: wanted.operator,
                name: wanted.name.clone(),
                key_prefix: credential::clear_prefix(text).to_owned(),
                secret_sha256: Sha256::digest(text.as_bytes()).into(),
                scopes: wanted.scopes.clone(),
                created_at: now,
                expires_at: wanted.expires_at,
                revoked_at: None,
                replaced_by: None,
            },
            text: Secret::new(text),
        }
    }

    /// Makes a key with a random text.
    pub(super) fn random(environment: &str, ids: &dyn Ids, wanted: &Wanted, now: Timestamp) -> Self {
        let text = credential::generate(environment, ids);
        Self::new(new_id(ids, "key", now), &text, wanted, now)
    }

    /// The one response that shows the secret.
    pub(super) fn to_wire(&self, now: Timestamp) -> IssuedApiKey {
        IssuedApiKey { api_key: self.key.to_wire(now), secret: self.text.clone() }
    }
}

impl Key {
    /// Where the key can be read.
    pub(super) fn path(&self) -> String {
        format!("/api-keys/{}", self.id)
    }

    /// From when on it is refused.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.revoked_at].into_iter().flatten().min()
    }

    /// Whether it can be used at `now`.
    pub(super) fn status(&self, now: Timestamp) -> ApiKeyStatus {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => ApiKeyStatus::Revoked,
            (None, Some(end)) if end <= now => ApiKeyStatus::Expired,
            (None, _) => ApiKeyStatus::Active,
        }
    }

    pub(super) fn to_wire(&self, now: Timestamp) -> WireKey {
        WireKey {
            id: self.id.clone(),
            tenant_id: self.tenant_id.clone(),
            name: self.name.clone(),
            key_prefix: self.key_prefix.clone(),
            scopes: self.scopes.clone(),
            status: self.status(now),
            created_at: self.created_at.to_rfc3339(),
            expires_at: self.expires_at.map(Timestamp::to_rfc3339),
            revoked_at: self.revoked_at.map(Timestamp::to_rfc3339),
            replaced_by: self.replaced_by.clone(),
        }
    }
}
