//! Logs and receipts as they are stored, and as they go over the wire.

use companyos_types::receipts as wire;

use crate::kernel::clock::Timestamp;

/// A log and its latest checkpoint, read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogHead {
    pub(super) id: String,
    pub(super) tenant_id: String,
    pub(super) origin: String,
    pub(super) size: u64,
    /// A signed note over exactly `size` entries.
    pub(super) checkpoint: String,
}

impl From<LogHead> for wire::Log {
    fn from(head: LogHead) -> Self {
        Self { id: head.id, origin: head.origin, size: head.size, tenant_id: head.tenant_id }
    }
}

/// A receipt with all of its disclosures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredReceipt {
    pub(super) id: String,
    pub(super) log_id: String,
    pub(super) index: u64,
    pub(super) action: String,
    pub(super) phase: String,
    pub(super) outcome: String,
    pub(super) issued_at: Timestamp,
    pub(super) jwt: String,
    /// Joined by tildes, none at the end; empty when there are none.
    pub(super) disclosures: String,
}

impl StoredReceipt {
    /// The SD-JWT with every disclosure.
    pub(super) fn sd_jwt(&self) -> String {
        sd_jwt(&self.jwt, &self.disclosures)
    }
}

/// An SD-JWT of its stored parts: every part is followed by a tilde (RFC 9901 section 4).
pub(super) fn sd_jwt(jwt: &str, disclosures: &str) -> String {
    let mut text = String::with_capacity(jwt.len() + disclosures.len() + 2);
    text.push_str(jwt);
    text.push('~');
    if !disclosures.is_empty() {
        text.push_str(disclosures);
        text.push('~');
    }
    text
}

impl From<StoredReceipt> for wire::Receipt {
    fn from(receipt: StoredReceipt) -> Self {
        Self {
            sd_jwt: receipt.sd_jwt(),
            id: receipt.id,
            log_id: receipt.log_id,
            index: receipt.index,
            action: receipt.action,
            phase: receipt.phase.as_str().into(),
            outcome: receipt.outcome.as_str().into(),
            issued_at: receipt.issued_at.to_rfc3339(),
        }
    }
}

/// Which receipts of a log are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) action: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) issued_from: Option<Timestamp>,
    pub(super) issued_before: Option<Timestamp>,
}

impl Filter {
    /// Whether every receipt is asked for.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A stretch of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page<T, P> {
    pub(super) items: Vec<T>,
    /// Where the next page starts; `None` at the end of the list.
    pub(super) next: Option<P>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_sd_jwt_is_followed_by_a_tilde() {
        assert_eq!(sd_jwt("jwt", ""), "jwt~");
        assert_eq!(sd_jwt("jwt", "a"), "jwt~a~");
        assert_eq!(sd_jwt("jwt", "a~b"), "jwt~a~b~");
    }
}
