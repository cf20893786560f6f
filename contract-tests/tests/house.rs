//! The invariants of ARCHITECTURE.md that can be read off the tree: who may see whom, how large a file may be,
//! what must not be in it. A failure says which file breaks which rule and what to do.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

mod house {
    pub(crate) mod areas;
    pub(crate) mod dependencies;
    pub(crate) mod layers;
    pub(crate) mod pure;
    pub(crate) mod spdx;
    pub(crate) mod tidy;
    pub(crate) mod tree;
    pub(crate) mod vendors;
}
