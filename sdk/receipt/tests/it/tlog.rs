//! Proof arithmetic, for trees of any size.

use companyos_receipt::tlog::{
    ConsistencyPlan, Frontier, Hash, InclusionPlan, NodeId, RangePlan, TILE_HEIGHT, TilePath, leaf_hash,
    root_of, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::fixture::node;

const LARGEST: u64 = 600;

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// Changes one hash, or leaves one out, or adds one, or swaps two.
fn tampered(proof: &[Hash], how: usize) -> Option<Vec<Hash>> {
    let mut proof = proof.to_vec();
    let at = how / 4;
    match how % 4 {
        0 => proof.get_mut(at)?.0[at % 32] ^= 1,
        1 if at < proof.len() => drop(proof.remove(at)),
        2 if at <= proof.len() => proof.insert(at, leaf_hash(b"added")),
        3 if at + 1 < proof.len() => proof.swap(at, at + 1),
        _ => return None,
    }
    Some(proof)
}

proptest! {
    #[test]
    fn a_leaf_is_proven_at_its_place_and_nowhere_else(size in 1..LARGEST, at in any::<u64>(), how in 0..60_usize) {
        let (leaves, index) = (leaves(size), at % size);
        let (leaf, root) = (leaves[index as usize], root_of(&leaves));
        let proof = InclusionPlan::new(index, size)?.finish(|id| node(&leaves, id))?;
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_ok());
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err(), "at {other}");
        }
        prop_assert!(verify_inclusion(&leaf_hash(b"other"), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &leaf_hash(b"other")).is_err());
        if let Some(proof) = tampered(&proof, how) {
            prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        }
    }

    #[test]
    fn a_tree_is_proven_to_extend_its_beginnings_only(size in 1..LARGEST, at in any::<u64>(), how in 0..60_usize) {
        let (leaves, from) = (leaves(size), at % size + 1);
        let (small, large) = (root_of(&leaves[..from as usize]), root_of(&leaves));
        let proof = ConsistencyPlan::new(from, size)?.finish(|id| node(&leaves, id))?;
        prop_assert!(verify_consistency(from, &small, size, &large, &proof).is_ok());
        prop_assert!(verify_consistency(from, &leaf_hash(b"other"), size, &large, &proof).is_err());
        prop_assert!(verify_consistency(from, &small, size, &leaf_hash(b"other"), &proof).is_err());
        if let Some(proof) = tampered(&proof, how) {
            prop_assert!(verify_consistency(from, &small, size, &large, &proof).is_err());
        }
    }

    #[test]
    fn a_range_joins_the_root_complete_or_not_at_all(size in 1..LARGEST, a in any::<u64>(), b in any::<u64>(), how in 0..60_usize) {
        let all = leaves(size);
        let (a, b) = (a % size, b % size);
        let (from, to) = (a.min(b), a.max(b) + 1);
        let plan = RangePlan::new(from, to, size)?;
        let hashes = plan.finish(|id| node(&all, id))?;
        prop_assert_eq!(hashes.len(), plan.left_len() + plan.right_len());
        let range = all[from as usize..to as usize].to_vec();
        let root = root_of(&all);
        prop_assert_eq!(plan.root(&hashes, range.clone()), Some(root));
        if let Some(hashes) = tampered(&hashes, how) {
            prop_assert_ne!(plan.root(&hashes, range.clone()), Some(root));
        }
        if let Some(range) = tampered(&range, how) {
            prop_assert_ne!(plan.root(&hashes, range), Some(root));
        }
    }

    #[test]
    fn a_frontier_survives_storage_at_any_size(size in 0..LARGEST, more in 0..40_u64) {
        let leaves = leaves(size + more);
        let mut frontier = Frontier::new();
        leaves[..size as usize].iter().for_each(|leaf| frontier.push(*leaf));
        let mut loaded = Frontier::from_bytes(&frontier.to_bytes())?;
        prop_assert_eq!(&loaded, &frontier);
        leaves[size as usize..].iter().for_each(|leaf| loaded.push(*leaf));
        prop_assert_eq!(loaded.root(), root_of(&leaves));
        prop_assert_eq!(loaded.size(), size + more);
    }

    #[test]
    fn a_tile_path_reads_back(index in 0..(1_u64 << 55), width in 1..=256_u16) {
        let path = TilePath { index, width };
        prop_assert_eq!(path.to_string().parse::<TilePath>(), Ok(path));
    }

    #[test]
    fn proofs_of_huge_trees_stay_small(size in 1_u64.., at in any::<u64>()) {
        let index = at % size;
        prop_assert!(InclusionPlan::new(index, size)?.node_ids().count() <= 128);
        prop_assert!(ConsistencyPlan::new(index + 1, size)?.node_ids().count() <= 192);
        prop_assert!(RangePlan::new(index, index + 1, size)?.node_ids().count() <= 128);
    }
}

#[test]
fn completed_nodes_are_told_once_each() {
    let leaves = leaves(1000);
    let mut frontier = Frontier::new();
    let mut told = Vec::new();
    for leaf in &leaves {
        frontier.push_with(*leaf, |id, hash| told.push((id, hash)));
    }
    for (id, hash) in &told {
        assert_eq!(node(&leaves, *id), Some(*hash), "{id:?}");
    }
    let of_level =
        |level| told.iter().filter(|(id, _)| id.level == level).map(|(id, _)| id.index).collect::<Vec<_>>();
    assert_eq!(of_level(0), (0..1000).collect::<Vec<_>>());
    assert_eq!(of_level(TILE_HEIGHT), [0, 1, 2]);
    assert_eq!(of_level(9), [0]);
}

#[test]
fn every_node_is_the_root_of_stored_hashes() {
    let leaves = leaves(1 << 10);
    let level_1: Vec<Hash> = leaves.chunks_exact(256).map(root_of).collect();
    for level in 0..=10_u8 {
        for index in 0..(1_u64 << (10 - level)) {
            let id = NodeId { level, index };
            let span = id.stored_span();
            let stored = if span.tile_level == 0 { &leaves } else { &level_1 };
            let start = span.start as usize;
            assert_eq!(
                Some(root_of(&stored[start..start + span.count as usize])),
                node(&leaves, id),
                "{id:?}"
            );
        }
    }
}

#[test]
fn impossible_proofs_are_not_planned() {
    assert!(InclusionPlan::new(3, 3).is_err());
    assert!(InclusionPlan::new(0, 0).is_err());
    assert!(ConsistencyPlan::new(0, 3).is_err());
    assert!(ConsistencyPlan::new(4, 3).is_err());
    assert!(RangePlan::new(2, 2, 3).is_err());
    assert!(RangePlan::new(2, 4, 3).is_err());
    let plan = InclusionPlan::new(0, 2);
    assert!(plan.is_ok_and(|plan| plan.finish(|_| None).is_err()), "a hash that is not there is an error");
}

#[test]
fn a_frontier_of_the_wrong_length_is_refused() {
    let mut frontier = Frontier::new();
    leaves(3).into_iter().for_each(|leaf| frontier.push(leaf));
    let bytes = frontier.to_bytes();
    assert_eq!(bytes.len(), 8 + 2 * 32);
    for wrong in [&bytes[..7], &bytes[..8], &bytes[..bytes.len() - 1], &[bytes.clone(), vec![0; 32]].concat()]
    {
        assert!(Frontier::from_bytes(wrong).is_err(), "{} bytes", wrong.len());
    }
}

#[test]
fn tile_paths_have_one_form() {
    let good =
        [("000", 0, 256), ("067", 67, 256), ("x001/234", 1234, 256), ("x001/x234/067", 1_234_067, 256)];
    for (text, index, width) in good {
        assert_eq!(text.parse(), Ok(TilePath { index, width }));
        assert_eq!(format!("{text}.p/1").parse(), Ok(TilePath { index, width: 1 }));
    }
    let bad = [
        "",
        "0",
        "00",
        "0000",
        "x000/001",
        "001/002",
        "x001",
        "x001/x002",
        "000.p/0",
        "000.p/256",
        "000.p/01",
        "000.p/",
        "000.p/+1",
        "+12",
        "-01",
        "x+01/001",
        "x001//002",
        "000/",
        "/000",
        "x001/x234/x067",
        "x999/x999/x999/x999/x999/x999/x999/999",
        "x072/x057/x594/x037/x927/935",
    ];
    for text in bad {
        assert!(text.parse::<TilePath>().is_err(), "{text:?}");
    }
}

#[test]
fn tiles_exist_as_far_as_the_tree_goes() {
    let tile = |index, width| TilePath { index, width };
    assert!(tile(0, 256).exists(0, 300) && tile(1, 44).exists(0, 300));
    assert!(!tile(1, 45).exists(0, 300) && !tile(1, 256).exists(0, 300) && !tile(2, 1).exists(0, 300));
    assert!(tile(0, 1).exists(1, 300) && !tile(0, 2).exists(1, 300));
    assert!(!tile(0, 1).exists(2, 300) && !tile(0, 1).exists(9, u64::MAX));
    assert_eq!(tile(3, 7).span(), (768, 775));
}
