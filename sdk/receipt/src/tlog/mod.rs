//! The arithmetic of transparency logs (RFC 6962 section 2.1, RFC 9162 section 2.1, C2SP tlog-tiles).
//!
//! Nothing here stores a tree. A log keeps a [`Frontier`] to append, and asks a plan ([`InclusionPlan`],
//! [`ConsistencyPlan`], [`RangePlan`]) which nodes it has to fetch for a proof. A plan names complete subtrees only
//! ([`NodeId`]), and a complete subtree never changes, so any store of hashes can serve any plan.

mod frontier;
mod hash;
mod node;
mod plan;
mod tile;
mod verify;

pub use frontier::Frontier;
pub use hash::{ENTRY_LEN, Hash, empty_root, entry, leaf_hash, node_hash, receipt_leaf_hash, root_of};
pub use node::{NodeId, StoredSpan};
pub use plan::{ConsistencyPlan, InclusionPlan, RangePlan};
pub use tile::{TILE_HEIGHT, TILE_WIDTH, TilePath};
pub use verify::{verify_consistency, verify_inclusion};
