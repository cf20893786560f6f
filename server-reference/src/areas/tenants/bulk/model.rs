//! What a bulk import is.

use companyos_receipt::receipt::Private;
use companyos_types::tenants as wire;

use crate::areas::tenants::import::Format;
use crate::areas::tenants::import::plan::Counts;
use crate::kernel::clock::Timestamp;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::areas::tenants) enum ImportStatus {
    /// The file is still arriving. Not visible outside.
    Receiving,
    /// A dry run without findings.
    Validated,
    /// Some row has findings; nothing is applied.
    Invalid,
    /// Accepted; its operation has not ended.
    Queued,
    /// Its tenants are being created and out of sight.
    Running,
    /// Its tenants exist.
    Succeeded,
    /// Accepted, but its plan no longer held when it was applied.
    Failed,
    /// Its operation was cancelled.
    Cancelled,
}

impl ImportStatus {
    const ALL: [Self; 8] = [
        Self::Receiving,
        Self::Validated,
        Self::Invalid,
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The wire and database form.
    pub(in crate::areas::tenants) fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Validated => "validated",
            Self::Invalid => "invalid",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the wire or database form.
    pub(in crate::areas::tenants) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether an import may go from this state to the next.
    pub(in crate::areas::tenants) fn may_become(self, next: Self) -> bool {
        match self {
            Self::Receiving => matches!(next, Self::Validated | Self::Invalid | Self::Queued),
            Self::Queued => matches!(next, Self::Running | Self::Failed | Self::Cancelled),
            Self::Running => matches!(next, Self::Succeeded | Self::Failed),
            Self::Validated | Self::Invalid | Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// A bulk import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::areas::tenants) struct Import {
    /// `imp_` and a UUIDv7.
    pub(in crate::areas::tenants) id: String,
    /// The tenant that will own what is created.
    pub(in crate::areas::tenants) tenant_id: String,
    pub(in crate::areas::tenants) status: ImportStatus,
    pub(in crate::areas::tenants) dry_run: bool,
    pub(in crate::areas::tenants) format: Format,
    pub(in crate::areas::tenants) counts: Counts,
    /// `sha256:` and hex of the file as sent.
    pub(in crate::areas::tenants) content_digest: String,
    pub(in crate::areas::tenants) plan_digest: Option<String>,
    pub(in crate::areas::tenants) rows_root: Option<String>,
    pub(in crate::areas::tenants) operation_id: Option<String>,
    /// The outcome receipt once it exists, before that the receipt of the request.
    pub(in crate::areas::tenants) receipt_id: Option<String>,
    pub(in crate::areas::tenants) created_at: Timestamp,
    pub(in crate::areas::tenants) completed_at: Option<Timestamp>,
}

impl Import {
    /// What receipts tell about it.
    pub(in crate::areas::tenants) fn facts(&self) -> Private {
        let mut facts = Private::new()
            .resource("tenant_import", &self.id)
            .detail_entry("import_id", self.id.clone())
            .detail_entry("dry_run", self.dry_run)
            .detail_entry("rows_total", self.counts.total)
            .detail_entry("rows_create", self.counts.create)
            .detail_entry("rows_unchanged", self.counts.unchanged)
            .detail_entry("rows_error", self.counts.error)
            .detail_entry("content_digest", self.content_digest.clone());
        for (name, digest) in [("plan_digest", &self.plan_digest), ("rows_root", &self.rows_root)] {
            if let Some(digest) = digest {
                facts = facts.detail_entry(name, digest.clone());
            }
        }
        facts
    }
}

impl From<Import> for wire::TenantImport {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            status: import.status.as_str().into(),
            dry_run: import.dry_run,
            format: import.format.as_str().into(),
            rows_total: import.counts.total,
            rows_create: import.counts.create,
            rows_unchanged: import.counts.unchanged,
            rows_error: import.counts.error,
            content_digest: import.content_digest,
            plan_digest: import.plan_digest,
            rows_root: import.rows_root,
            operation_id: import.operation_id,
            receipt_id: import.receipt_id,
            created_at: import.created_at.to_rfc3339(),
            completed_at: import.completed_at.map(Timestamp::to_rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ImportStatus;

    #[test]
    fn an_import_only_moves_forward() {
        for from in ImportStatus::ALL {
            let next: Vec<_> = ImportStatus::ALL.into_iter().filter(|to| from.may_become(*to)).collect();
            let expected: &[ImportStatus] = match from {
                ImportStatus::Receiving => {
                    &[ImportStatus::Validated, ImportStatus::Invalid, ImportStatus::Queued]
                }
                ImportStatus::Queued => {
                    &[ImportStatus::Running, ImportStatus::Failed, ImportStatus::Cancelled]
                }
                ImportStatus::Running => &[ImportStatus::Succeeded, ImportStatus::Failed],
                _ => &[],
            };
            assert_eq!(next, expected, "from {from:?}");
        }
    }
}
