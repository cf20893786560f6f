use super::{Hash, node_hash};
use crate::verify::{Check, Failure};

/// Checks that `leaf` is at `index` in the tree of `size` leaves with this root (RFC 9162 section 2.1.3.2).
///
/// # Errors
///
/// [`Check::InclusionProof`] when it is not shown to be there.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Failure> {
    let fail = |detail| Err(Failure::new(Check::InclusionProof, detail));
    if index >= size {
        return fail(format!("index {index} is not in a tree of {size} leaves"));
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return fail("the proof has too many hashes".into());
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling stands for itself on the levels above.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return fail("the proof has too few hashes".into());
    }
    if hash != *root {
        return fail(format!(
            "the receipt at index {index} does not give the root of the tree of {size} leaves"
        ));
    }
    Ok(())
}

/// Checks that the tree of `to` leaves extends the tree of `from` leaves (RFC 9162 section 2.1.4.2).
///
/// # Errors
///
/// [`Check::ConsistencyProof`] when that is not shown.
pub fn verify_consistency(
    from: u64,
    from_root: &Hash,
    to: u64,
    to_root: &Hash,
    proof: &[Hash],
) -> Result<(), Failure> {
    let fail =
        |detail: &str| Err(Failure::new(Check::ConsistencyProof, format!("from {from} to {to}: {detail}")));
    if from == 0 || from > to {
        return fail("nothing can be shown about the empty tree, nor backwards");
    }
    if from == to {
        return match (proof, from_root == to_root) {
            ([], true) => Ok(()),
            ([], false) => fail("one size has two roots"),
            _ => fail("the proof has too many hashes"),
        };
    }
    // Where the smaller tree is complete its own root starts the proof and is left out of it.
    let (first, rest) = if from.is_power_of_two() {
        (from_root, proof)
    } else if let Some((first, rest)) = proof.split_first() {
        (first, rest)
    } else {
        return fail("the proof has too few hashes");
    };
    let shift = (from - 1).trailing_ones();
    let (mut at, mut last) = ((from - 1) >> shift, (to - 1) >> shift);
    let (mut small, mut large) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return fail("the proof has too many hashes");
        }
        if at & 1 == 1 || at == last {
            small = node_hash(sibling, &small);
            large = node_hash(sibling, &large);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            large = node_hash(&large, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return fail("the proof has too few hashes");
    }
    if small != *from_root {
        return fail("the smaller root does not follow from the proof");
    }
    if large != *to_root {
        return fail("the larger root does not follow from the proof");
    }
    Ok(())
}
