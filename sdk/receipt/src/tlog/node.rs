use super::{Hash, TILE_HEIGHT, node_hash};

/// A complete subtree: the root over leaves `index << level` to `(index + 1) << level`, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// Height over the leaves; 0 is a leaf.
    pub level: u8,
    /// Position among the nodes of the level.
    pub index: u64,
}

/// Consecutive hashes of one tile level from which a node is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSpan {
    /// The tile level: 0 are leaf hashes, 1 roots of complete level-0 tiles, and so on.
    pub tile_level: u8,
    /// The first hash.
    pub start: u64,
    /// How many hashes: a power of two up to 128. [`root_of`](super::root_of) them is the node.
    pub count: u32,
}

impl NodeId {
    /// The leaf at an index.
    #[must_use]
    pub const fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// Where the node is found in a log that stores tiles only (C2SP tlog-tiles).
    ///
    /// A log needs to keep only the hashes of levels 0, 8, 16, …; every node in between is the root of at most 128 of
    /// them.
    #[must_use]
    pub const fn stored_span(self) -> StoredSpan {
        let height = self.level % TILE_HEIGHT;
        StoredSpan { tile_level: self.level / TILE_HEIGHT, start: self.index << height, count: 1 << height }
    }
}

/// Splits `[start, end)` into the fewest complete subtrees, from left to right.
pub(super) fn complete_subtrees(start: u64, end: u64, out: &mut Vec<NodeId>) {
    let mut at = start;
    while at < end {
        let aligned = at.trailing_zeros().min(63);
        let fits = (end - at).ilog2();
        let level = aligned.min(fits);
        out.push(NodeId { level: level as u8, index: at >> level });
        at += 1 << level;
    }
}

/// The hash over a range whose [`complete_subtrees`] shrink from left to right, as they do at a tree's right edge.
pub(super) fn fold_right(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(&left, &right))
}
