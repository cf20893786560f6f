use super::frontier::Frontier;
use super::node::{complete_subtrees, fold_right};
use super::{Hash, NodeId};
use crate::Error;

/// One hash of a proof: the root over a range, computed from complete subtrees.
type Part = Vec<NodeId>;

/// What to fetch to prove that a leaf is in a tree (RFC 9162 section 2.1.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionPlan {
    parts: Vec<Part>,
}

impl InclusionPlan {
    /// Plans the proof of the leaf at `index` in the tree of `size` leaves.
    ///
    /// # Errors
    ///
    /// When the tree has no leaf at the index.
    pub fn new(index: u64, size: u64) -> Result<Self, Error> {
        if index >= size {
            return Err(Error::tree("no leaf at that index in a tree of that size"));
        }
        let (mut low, mut high) = (0, size);
        let mut parts = Vec::new();
        // RFC 9162 describes the path from the leaf up; this walks from the root down and turns it round.
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                parts.push(part(middle, high));
                high = middle;
            } else {
                parts.push(part(low, middle));
                low = middle;
            }
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// The nodes that [`Self::finish`] will ask for.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        self.parts.iter().flatten().copied()
    }

    /// The proof, from the leaf's sibling up to the root's child.
    ///
    /// # Errors
    ///
    /// When `lookup` does not know a node.
    pub fn finish(&self, lookup: impl FnMut(NodeId) -> Option<Hash>) -> Result<Vec<Hash>, Error> {
        finish(&self.parts, lookup)
    }
}

/// What to fetch to prove that a tree extends a smaller one (RFC 9162 section 2.1.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyPlan {
    parts: Vec<Part>,
}

impl ConsistencyPlan {
    /// Plans the proof that the tree of `to` leaves extends the tree of `from` leaves. Empty when they are the same.
    ///
    /// # Errors
    ///
    /// When `from` is 0 or greater than `to`: nothing can be proven about the empty tree, nor backwards.
    pub fn new(from: u64, to: u64) -> Result<Self, Error> {
        if from == 0 || from > to {
            return Err(Error::tree(
                "consistency is proven from a tree of at least one leaf to one at least as large",
            ));
        }
        let (mut low, mut high) = (0, to);
        let mut whole = true;
        let mut parts = Vec::new();
        // SUBPROOF of RFC 9162, walked from the root down.
        while from < high {
            let middle = low + split(high - low);
            if from <= middle {
                parts.push(part(middle, high));
                high = middle;
            } else {
                parts.push(part(low, middle));
                low = middle;
                whole = false;
            }
        }
        if !whole {
            parts.push(part(low, high));
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// The nodes that [`Self::finish`] will ask for.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        self.parts.iter().flatten().copied()
    }

    /// The proof, in the order of RFC 9162.
    ///
    /// # Errors
    ///
    /// When `lookup` does not know a node.
    pub fn finish(&self, lookup: impl FnMut(NodeId) -> Option<Hash>) -> Result<Vec<Hash>, Error> {
        finish(&self.parts, lookup)
    }
}

/// What to fetch to join leaves `[from, to)` to the root of a tree: the complete subtrees left and right of them.
///
/// With the leaves themselves this proves completeness: no leaf of the range can be left out, added or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangePlan {
    from: u64,
    to: u64,
    left: Vec<NodeId>,
    right: Vec<NodeId>,
}

impl RangePlan {
    /// Plans the hashes around leaves `[from, to)` in the tree of `size` leaves.
    ///
    /// # Errors
    ///
    /// When the range is empty or reaches past the tree.
    pub fn new(from: u64, to: u64, size: u64) -> Result<Self, Error> {
        if from >= to || to > size {
            return Err(Error::tree("a range has at least one leaf and ends within the tree"));
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        complete_subtrees(0, from, &mut left);
        complete_subtrees(to, size, &mut right);
        Ok(Self { from, to, left, right })
    }

    /// The nodes left of the range and then those right of it.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        self.left.iter().chain(&self.right).copied()
    }

    /// How many of the hashes stand left of the range.
    #[must_use]
    pub fn left_len(&self) -> usize {
        self.left.len()
    }

    /// How many of the hashes stand right of the range.
    #[must_use]
    pub fn right_len(&self) -> usize {
        self.right.len()
    }

    /// The hashes, those left of the range first.
    ///
    /// # Errors
    ///
    /// When `lookup` does not know a node.
    pub fn finish(&self, lookup: impl FnMut(NodeId) -> Option<Hash>) -> Result<Vec<Hash>, Error> {
        self.node_ids().map(lookup).collect::<Option<_>>().ok_or_else(unknown_node)
    }

    /// The root of the tree in which `hashes` stand around the leaves; `None` when the counts do not fit the plan.
    #[must_use]
    pub fn root(&self, hashes: &[Hash], leaves: impl IntoIterator<Item = Hash>) -> Option<Hash> {
        if hashes.len() != self.left.len() + self.right.len() {
            return None;
        }
        let (left, right) = hashes.split_at(self.left.len());
        let mut frontier = Frontier::from_hashes(self.from, left.to_vec())?;
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        if frontier.size() != self.to {
            return None;
        }
        for (node, hash) in self.right.iter().zip(right) {
            frontier.push_subtree(*node, *hash, |_, _| {});
        }
        Some(frontier.root())
    }
}

/// The largest power of two below `width`, where RFC 9162 splits a tree of two or more leaves.
const fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

fn part(start: u64, end: u64) -> Part {
    let mut nodes = Vec::new();
    complete_subtrees(start, end, &mut nodes);
    nodes
}

fn finish(parts: &[Part], mut lookup: impl FnMut(NodeId) -> Option<Hash>) -> Result<Vec<Hash>, Error> {
    parts
        .iter()
        .map(|part| {
            let hashes = part.iter().map(|node| lookup(*node)).collect::<Option<Vec<_>>>()?;
            fold_right(hashes.into_iter())
        })
        .collect::<Option<_>>()
        .ok_or_else(unknown_node)
}

fn unknown_node() -> Error {
    Error::tree("the store of hashes does not hold a node that the tree must have")
}
