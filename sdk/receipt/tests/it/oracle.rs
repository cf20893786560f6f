//! Our trees and notes held against implementations that nobody here wrote.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::Signer;
use companyos_receipt::tlog::{
    ConsistencyPlan, Hash, InclusionPlan, TilePath, empty_root, leaf_hash, node_hash, root_of,
    verify_consistency, verify_inclusion,
};
use ct_merkle::HashableLeaf;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList, Verifiers};

use crate::fixture::{ORIGIN, node, signer, stranger};

const SIZES: std::ops::RangeInclusive<u64> = 1..=70;

struct Leaf(u64);

impl HashableLeaf for Leaf {
    fn hash<H: sha2::digest::Update>(&self, hasher: &mut H) {
        hasher.update(&self.0.to_be_bytes());
    }
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn ct_tree(size: u64) -> MemoryBackedTree<Sha256, Leaf> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|n| tree.push(Leaf(n)));
    tree
}

fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[test]
fn proofs_equal_those_of_ct_merkle() {
    for size in SIZES {
        let (leaves, tree) = (leaves(size), ct_tree(size));
        assert_eq!(root_of(&leaves).0[..], tree.root().as_bytes()[..], "root of {size}");
        for index in 0..size {
            let ours = InclusionPlan::new(index, size).unwrap().finish(|id| node(&leaves, id)).unwrap();
            let theirs = tree.prove_inclusion(index as usize);
            assert_eq!(joined(&ours), theirs.as_bytes(), "inclusion of {index} in {size}");
        }
        for from in 1..=size {
            let ours = ConsistencyPlan::new(from, size).unwrap().finish(|id| node(&leaves, id)).unwrap();
            let theirs = tree.prove_consistency((size - from) as usize);
            assert_eq!(joined(&ours), theirs.as_bytes(), "consistency of {from} with {size}");
        }
    }
}

/// Serves the hashes that `tlog_tiles` asks for by its own numbering.
struct Stored<'a>(&'a [Hash]);

impl tlog_tiles::HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, index) = tlog_tiles::split_stored_hash_index(*index);
            node(self.0, companyos_receipt::tlog::NodeId { level, index }).map(theirs)
        };
        indexes.iter().map(hash).collect::<Option<_>>().ok_or(tlog_tiles::Error::IndexesNotInTree)
    }
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

#[test]
fn proofs_pass_between_us_and_tlog_tiles_both_ways() {
    let all = leaves(*SIZES.end());
    assert_eq!(tlog_tiles::EMPTY_HASH, theirs(empty_root()));
    assert_eq!(tlog_tiles::record_hash(b"entry"), theirs(leaf_hash(b"entry")));
    assert_eq!(tlog_tiles::node_hash(theirs(all[0]), theirs(all[1])), theirs(node_hash(&all[0], &all[1])));
    for size in SIZES {
        let leaves = &all[..size as usize];
        let root = root_of(leaves);
        assert_eq!(tlog_tiles::tree_hash(size, &Stored(leaves)).unwrap(), theirs(root));
        for index in 0..size {
            let leaf = leaves[index as usize];
            let made = InclusionPlan::new(index, size).unwrap().finish(|id| node(leaves, id)).unwrap();
            let made: Vec<_> = made.into_iter().map(theirs).collect();
            tlog_tiles::check_record(&made, size, theirs(root), index, theirs(leaf)).unwrap();
            let given = tlog_tiles::prove_record(size, index, &Stored(leaves)).unwrap();
            verify_inclusion(&leaf, index, size, &ours(&given), &root).unwrap();
        }
        for from in 1..=size {
            let small = root_of(&leaves[..from as usize]);
            let made = ConsistencyPlan::new(from, size).unwrap().finish(|id| node(leaves, id)).unwrap();
            let made: Vec<_> = made.into_iter().map(theirs).collect();
            tlog_tiles::check_tree(&made, size, theirs(root), from, theirs(small)).unwrap();
            let given = tlog_tiles::prove_tree(size, from, &Stored(leaves)).unwrap();
            verify_consistency(from, &small, size, &root, &ours(&given)).unwrap();
        }
    }
}

#[test]
fn tile_paths_equal_those_of_tlog_tiles() {
    for index in [0, 1, 67, 255, 256, 999, 1000, 1_234_067, 123_456_789] {
        for width in [1, 8, 255, 256] {
            let theirs = tlog_tiles::Tile::new(8, 0, index, u32::from(width), false).path();
            assert_eq!(format!("tile/8/0/{}", TilePath { index, width }), theirs);
        }
    }
}

#[test]
fn signed_note_and_tlog_tiles_read_our_checkpoints() {
    let tree = Checkpoint::new(ORIGIN, 3, root_of(&leaves(3))).unwrap();
    let note = tree.sign(&[&signer() as &dyn Signer, &stranger()]).unwrap();
    let typed = [&[1][..], signer().public_key()].concat();
    let key = format!("{ORIGIN}+{:08x}+{}", signed_note::key_id(ORIGIN, &typed), STANDARD.encode(&typed));
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&key).unwrap())]);
    let read = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unverified) = read.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 1));
    assert!(known.verifier(ORIGIN, verified[0].id()).is_ok());

    let checkpoint = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 3));
    assert_eq!(*checkpoint.hash(), theirs(*tree.root()));
    assert_eq!(read.to_bytes(), note.as_bytes());
}
