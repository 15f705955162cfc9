//! Checking proofs with nothing but the proof (RFC 9162, sections 2.1.3.2 and 2.1.4.2 for the trees of RFC 6962).

use super::{TreeHash, empty_root, node_hash};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    #[error("entry {index} is not in a log of {size} entries")]
    Index { index: u64, size: u64 },
    #[error("the proof for entry {index} of {size} has {expected} hashes, {given} are given")]
    Length { index: u64, size: u64, expected: usize, given: usize },
    #[error("the proof leads to the root {found}, the log has {root}: this is not the entry with this index")]
    Root { found: TreeHash, root: TreeHash },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    #[error("a log of {old} entries cannot have become one of {new}: it would have shrunk")]
    Sizes { old: u64, new: u64 },
    #[error("the proof from {old} to {new} entries has {expected} hashes, {given} are given")]
    Length { old: u64, new: u64, expected: usize, given: usize },
    #[error("the proof begins with the root {found}, the older log has {root}")]
    Old { found: TreeHash, root: TreeHash },
    #[error("the proof leads to the root {found}, the newer log has {root}")]
    New { found: TreeHash, root: TreeHash },
}

/// The root that the proof leads to.
pub fn root_of_inclusion(
    index: u64,
    size: u64,
    leaf: TreeHash,
    proof: &[TreeHash],
) -> Result<TreeHash, InclusionError> {
    if index >= size {
        return Err(InclusionError::Index { index, size });
    }
    // Below the point where the ways to the entry and to the last entry part, the entry's own bits say on which side
    // the sibling lies; above, all siblings lie on the left.
    let inner = width(index ^ (size - 1));
    let expected = inner + (index >> inner.min(63)).count_ones() as usize;
    if proof.len() != expected {
        return Err(InclusionError::Length { index, size, expected, given: proof.len() });
    }
    let below = proof[..inner].iter().enumerate().fold(leaf, |hash, (level, sibling)| {
        if index >> level & 1 == 0 { node_hash(hash, *sibling) } else { node_hash(*sibling, hash) }
    });
    Ok(proof[inner..].iter().fold(below, |hash, sibling| node_hash(*sibling, hash)))
}

/// Whether the entry with this leaf hash has this index in the tree with this root.
pub fn check_inclusion(
    index: u64,
    size: u64,
    leaf: TreeHash,
    proof: &[TreeHash],
    root: TreeHash,
) -> Result<(), InclusionError> {
    let found = root_of_inclusion(index, size, leaf, proof)?;
    if found == root { Ok(()) } else { Err(InclusionError::Root { found, root }) }
}

/// Whether the newer tree begins with all entries of the older one.
pub fn check_consistency(
    old: u64,
    old_root: TreeHash,
    new: u64,
    new_root: TreeHash,
    proof: &[TreeHash],
) -> Result<(), ConsistencyError> {
    if old > new {
        return Err(ConsistencyError::Sizes { old, new });
    }
    let length = |expected: usize| match proof.len() {
        given if given == expected => Ok(()),
        given => Err(ConsistencyError::Length { old, new, expected, given }),
    };
    let same = |found: TreeHash, wrong: fn(TreeHash, TreeHash) -> ConsistencyError, root: TreeHash| {
        if found == root { Ok(()) } else { Err(wrong(found, root)) }
    };
    let wrong_old = |found, root| ConsistencyError::Old { found, root };
    let wrong_new = |found, root| ConsistencyError::New { found, root };
    if old == 0 {
        length(0)?;
        same(empty_root(), wrong_old, old_root)?;
        return if new == 0 { same(empty_root(), wrong_new, new_root) } else { Ok(()) };
    }
    if old == new {
        length(0)?;
        return same(old_root, wrong_new, new_root);
    }
    let shift = old.trailing_zeros() as usize;
    let parts = width((old - 1) ^ (new - 1));
    let border = ((old - 1) >> parts.min(63)).count_ones() as usize;
    let inner = parts - shift;
    // A complete old tree is itself where the proof begins.
    let complete = old.is_power_of_two();
    length(usize::from(!complete) + inner + border)?;
    let (seed, rest) = if complete { (old_root, proof) } else { (proof[0], &proof[1..]) };
    let bits = (old - 1) >> shift;
    let (mut before, mut after) = (seed, seed);
    for (level, sibling) in rest[..inner].iter().enumerate() {
        if bits >> level & 1 == 0 {
            after = node_hash(after, *sibling);
        } else {
            before = node_hash(*sibling, before);
            after = node_hash(*sibling, after);
        }
    }
    for sibling in &rest[inner..] {
        before = node_hash(*sibling, before);
        after = node_hash(*sibling, after);
    }
    same(before, wrong_old, old_root)?;
    same(after, wrong_new, new_root)
}

/// How many bits a number needs.
fn width(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::super::definition;
    use super::*;

    /// Every other proof one can make of a good one by one small change.
    fn spoilt(proof: &[TreeHash]) -> Vec<Vec<TreeHash>> {
        let mut out = Vec::new();
        for at in 0..proof.len() {
            let mut changed = proof.to_vec();
            changed[at].0[at % 32] ^= 1;
            out.push(changed);
            let mut shorter = proof.to_vec();
            shorter.remove(at);
            out.push(shorter);
        }
        for at in 1..proof.len() {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            out.push(swapped);
        }
        out.push([proof, &[empty_root()]].concat());
        out.push([&[empty_root()], proof].concat());
        out
    }

    #[test]
    fn given_any_entry_then_its_proof_holds_and_no_other() {
        let leaves = definition::leaves(40);
        for size in 1..=40 {
            let all = &leaves[..size];
            let root = definition::root(all);
            for index in 0..size {
                let proof = definition::path(index, all);
                let check = |index: usize, leaf: TreeHash, proof: &[TreeHash]| {
                    check_inclusion(index as u64, size as u64, leaf, proof, root)
                };
                assert_eq!(check(index, all[index], &proof), Ok(()), "entry {index} of {size}");
                for other in (0..size).filter(|other| *other != index) {
                    assert!(check(other, all[index], &proof).is_err(), "{index} taken for {other} of {size}");
                    assert!(check(index, all[other], &proof).is_err(), "{other} taken for {index} of {size}");
                }
                for wrong in spoilt(&proof) {
                    assert!(check(index, all[index], &wrong).is_err(), "entry {index} of {size}: {wrong:?}");
                }
            }
        }
    }

    #[test]
    fn given_growth_then_its_proof_holds_and_no_other() {
        let leaves = definition::leaves(40);
        for new in 0..=40 {
            let new_root = definition::root(&leaves[..new]);
            for old in 0..=new {
                let old_root = definition::root(&leaves[..old]);
                let proof = if old == 0 { Vec::new() } else { definition::proof(old, &leaves[..new], true) };
                let check = |old_root: TreeHash, new_root: TreeHash, proof: &[TreeHash]| {
                    check_consistency(old as u64, old_root, new as u64, new_root, proof)
                };
                assert_eq!(check(old_root, new_root, &proof), Ok(()), "{old} to {new}");
                let other = super::super::leaf_hash(b"other");
                assert!(check(other, new_root, &proof).is_err(), "{old} to {new}");
                // A tree without entries is the beginning of every tree.
                assert_eq!(check(old_root, other, &proof).is_ok(), old == 0 && new > 0, "{old} to {new}");
                for wrong in spoilt(&proof) {
                    assert!(check(old_root, new_root, &wrong).is_err(), "{old} to {new}: {wrong:?}");
                }
            }
        }
    }

    #[test]
    fn given_a_wrong_length_then_the_error_says_how_many_belong_there() {
        let root = empty_root();
        let error = InclusionError::Length { index: 3, size: 8, expected: 3, given: 0 };
        assert_eq!(check_inclusion(3, 8, root, &[], root), Err(error));
        let error = ConsistencyError::Length { old: 3, new: 7, expected: 4, given: 0 };
        assert_eq!(check_consistency(3, root, 7, root, &[]), Err(error));
        let most = u64::MAX;
        assert!(matches!(check_inclusion(most - 1, most, root, &[], root), Err(InclusionError::Length { .. })));
        assert!(matches!(check_consistency(most - 1, root, most, root, &[]), Err(ConsistencyError::Length { .. })));
        assert_eq!(check_inclusion(0, 0, root, &[], root), Err(InclusionError::Index { index: 0, size: 0 }));
    }
}
