//! An adapter as the server knows it.

use companyos_adapters::catalog::{Kind, Secrets};
use companyos_types::Secret as WireSecret;
use companyos_types::adapters as wire;
use serde_json::{Map, Value};

use crate::kernel::clock::Timestamp;

/// A registered adapter. Its secrets are elsewhere, sealed: see [`Sealed`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Adapter {
    pub(super) id: String,
    pub(super) tenant_id: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) region: String,
    pub(super) settings: Map<String, Value>,
    pub(super) secrets: Sealed,
    pub(super) version: i64,
    pub(super) report: Option<wire::AdapterReport>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Secrets as they are stored: their names, and all else sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) names: Vec<String>,
    pub(super) sealed: Vec<u8>,
}

impl Adapter {
    /// Where it can be read.
    pub(super) fn path(&self) -> String {
        format!("/adapters/{}", self.id)
    }

    /// Whose tokens it judges, if it is there for that.
    pub(super) fn issuer(&self) -> Option<&str> {
        (self.kind == Kind::Oidc).then(|| self.settings.get("issuer")?.as_str()).flatten()
    }

    pub(super) fn to_wire(&self) -> wire::Adapter {
        let last_test = self
            .report
            .as_ref()
            .map(|report| wire::AdapterTest { outcome: report.outcome.clone(), at: report.at.clone() });
        wire::Adapter {
            id: self.id.clone(),
            tenant_id: self.tenant_id.clone(),
            name: self.name.clone(),
            family: self.kind.family().as_str().into(),
            kind: self.kind.as_str().into(),
            region: self.region.clone(),
            settings: self.settings.clone(),
            secret_names: self.secrets.names.clone(),
            last_test,
            version: self.version.unsigned_abs(),
            created_at: self.created_at.to_rfc3339(),
            updated_at: self.updated_at.to_rfc3339(),
        }
    }
}

/// The secrets of a request as adapters take them.
pub(super) fn secrets(wire: std::collections::BTreeMap<String, WireSecret>) -> Secrets {
    wire.into_iter()
        .map(|(name, secret)| (name, companyos_adapters::traits::Secret::new(secret.expose())))
        .collect()
}
