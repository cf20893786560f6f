//! Listing the rows of an import, out of its blocks.

use companyos_types::shared::ProblemError;
use companyos_types::tenants as wire;

use super::block::StoredRow;
use crate::areas::tenants::import::plan::Action;
use crate::areas::tenants::store::blocks;
use crate::store::{Read, StoreError};

/// In file order, those after row `after`; with one action, or all. One block is in memory at a time.
pub(super) async fn list(
    read: &mut dyn Read,
    import_id: &str,
    action: Option<Action>,
    mut after: u64,
    limit: usize,
) -> Result<Vec<wire::ImportRow>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(block) = blocks::next(read, import_id, action, after).await? else {
            break;
        };
        for row in block.rows() {
            let row = row?;
            if row.number > after && action.is_none_or(|action| action == row.action) {
                found.push(to_wire(row)?);
                if found.len() == limit {
                    break;
                }
            }
        }
        after = block.last;
    }
    Ok(found)
}

fn to_wire(row: StoredRow<'_>) -> Result<wire::ImportRow, StoreError> {
    let errors: Vec<ProblemError> = match row.findings {
        Some(findings) => serde_json::from_str(findings)
            .map_err(|error| StoreError::Inconsistent(format!("findings of an import row: {error}")))?,
        None => Vec::new(),
    };
    Ok(wire::ImportRow {
        row: row.number,
        action: row.action.as_str().into(),
        external_id: row.external_id.map(str::to_owned),
        tenant_id: row.tenant_id.map(str::to_owned),
        errors,
    })
}
