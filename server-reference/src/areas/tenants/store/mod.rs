//! Every SQL statement of the area's tables, a file per table.

pub(super) mod blocks;
pub(super) mod imports;
pub(super) mod tenants;

/// Sorts after every id, in every collation.
const AFTER_ALL: &str = "zzzz";

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
