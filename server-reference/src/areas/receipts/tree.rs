//! The nodes of a log's tree, computed from the tiles that are stored.

use std::collections::HashMap;

use companyos_receipt::tlog::{Hash, NodeId, TILE_WIDTH, root_of};

use super::store;
use crate::store::{Read, StoreError};

/// The tiles of one log that a proof needs. Tiles of a log only ever grow, so that they need no common snapshot.
pub(super) struct Tiles {
    /// The hashes of a tile by level and index.
    held: HashMap<(u8, u64), Vec<Hash>>,
}

impl Tiles {
    /// Loads whatever takes part in these nodes of a tree of `size` leaves, each tile once.
    pub(super) async fn load(
        db: &mut dyn Read,
        log_id: &str,
        size: u64,
        nodes: impl Iterator<Item = NodeId>,
    ) -> Result<Self, StoreError> {
        let width = u64::from(TILE_WIDTH);
        // A stored span is a power of two up to 128 and aligned, so that it never crosses a tile's edge.
        let mut wanted: Vec<(u8, u64)> = nodes
            .map(|node| {
                let span = node.stored_span();
                (span.tile_level, span.start / width)
            })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut held = HashMap::with_capacity(wanted.len());
        for (level, tile) in wanted {
            let on_level = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let range = tile * width..on_level.min((tile + 1) * width);
            held.insert((level, tile), store::hashes(db, log_id, level, range).await?);
        }
        Ok(Self { held })
    }

    /// The hash of a node that was asked for.
    pub(super) fn node(&self, node: NodeId) -> Option<Hash> {
        let span = node.stored_span();
        let width = u64::from(TILE_WIDTH);
        let tile = self.held.get(&(span.tile_level, span.start / width))?;
        let start = usize::try_from(span.start % width).ok()?;
        let count = usize::try_from(span.count).ok()?;
        tile.get(start..start.checked_add(count)?).map(root_of)
    }
}
