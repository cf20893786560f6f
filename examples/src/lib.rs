//! What the examples share: how they tell their stories.

pub mod show;

/// The author guide, whose snippets are compiled and run as documentation tests of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../docs/WRITING-AN-ADAPTER.md")]
struct Guide;
