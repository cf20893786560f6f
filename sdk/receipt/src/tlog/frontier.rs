use super::node::fold_right;
use super::{Hash, NodeId, empty_root, node_hash};
use crate::Error;

/// The right edge of a growing tree: the roots of its complete subtrees, the largest first.
///
/// All that appending needs: at most 64 hashes, whatever the size. Appending costs two hashes on average.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    // One hash for every bit set in `size`, from the highest bit to the lowest.
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the complete subtrees, the largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _| {});
    }

    /// Appends a leaf hash and tells every node that it completes, from the leaf upwards.
    ///
    /// A log that stores tiles keeps the nodes whose level is a multiple of
    /// [`TILE_HEIGHT`](super::TILE_HEIGHT).
    pub fn push_with(&mut self, leaf: Hash, completed: impl FnMut(NodeId, Hash)) {
        self.push_subtree(NodeId::leaf(self.size), leaf, completed);
    }

    /// Appends a complete subtree that starts where the tree ends. `node.index << node.level` must equal the size and
    /// be a multiple of the subtree's width, which holds for the nodes of [`complete_subtrees`].
    ///
    /// [`complete_subtrees`]: super::node::complete_subtrees
    pub(super) fn push_subtree(&mut self, node: NodeId, hash: Hash, mut completed: impl FnMut(NodeId, Hash)) {
        let NodeId { mut level, mut index } = node;
        let mut hash = hash;
        completed(node, hash);
        // Every trailing one of the index is a left sibling that waits at the end of the frontier.
        while index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            index >>= 1;
            completed(NodeId { level, index }, hash);
        }
        self.hashes.push(hash);
        self.size += 1 << node.level;
    }

    /// The root hash of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_right(self.hashes.iter().copied()).unwrap_or_else(empty_root)
    }

    /// The size, eight bytes big-endian, and the hashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.hashes.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// When the number of hashes does not fit the size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = || Error::tree("a frontier is not a size and one hash for each of its bits");
        let (size, hashes) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let size = u64::from_be_bytes(*size);
        if hashes.len() != 32 * size.count_ones() as usize {
            return Err(wrong());
        }
        Self::from_hashes(size, hashes.chunks_exact(32).filter_map(Hash::from_slice).collect())
            .ok_or_else(wrong)
    }

    /// The frontier of a size; `None` when the number of hashes does not fit.
    pub(super) fn from_hashes(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }
}
