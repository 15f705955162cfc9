//! The tree against `ct-merkle`, an implementation of RFC 6962 by others.

use crate::log::{Dice, Log};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use sha2::{Digest, Sha256};
use sternway_domain::audit::merkle::{Plan, TreeHash, check_consistency, check_inclusion, leaf_hash};

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;
type Bytes = sha2::digest::Output<Sha256>;

fn bytes(hash: TreeHash) -> Bytes {
    hash.0.into()
}

fn hashes(bytes: &[u8]) -> Vec<TreeHash> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    assert!(rest.is_empty());
    hashes.iter().copied().map(TreeHash).collect()
}

fn compare_root(ours: &Log, theirs: &Theirs) {
    let root = if theirs.is_empty() { Sha256::digest([]) } else { *theirs.root().as_bytes() };
    assert_eq!(bytes(ours.tree.root()), root, "{} entries", theirs.len());
}

fn compare_inclusion(ours: &Log, theirs: &Theirs, index: usize) {
    let size = theirs.len();
    let plan = Plan::inclusion(index as u64, size).expect("in the log");
    let proof = ours.resolve(&plan);
    let their_proof = theirs.prove_inclusion(index);
    assert_eq!(proof, hashes(their_proof.as_bytes()), "entry {index} of {size}");
    let leaf = leaf_hash(&ours.entries[index]);
    assert_eq!(check_inclusion(index as u64, size, leaf, &proof, ours.tree.root()), Ok(()), "entry {index} of {size}");
    let given: Vec<_> = proof.iter().copied().map(bytes).collect();
    let given = InclusionProof::from_digests(&given);
    assert!(theirs.root().verify_inclusion(&ours.entries[index], index as u64, &given).is_ok());
}

fn compare_consistency(ours: &Log, theirs: &Theirs, old: usize) {
    let size = theirs.len();
    let before = Theirs::from_iter_of(&ours.entries[..old]);
    let plan = Plan::consistency(old as u64, size).expect("it has grown");
    let proof = ours.resolve(&plan);
    let their_proof = theirs.prove_consistency(size as usize - old);
    assert_eq!(proof, hashes(their_proof.as_bytes()), "{old} to {size}");
    let old_root = TreeHash((*before.root().as_bytes()).into());
    assert_eq!(check_consistency(old as u64, old_root, size, ours.tree.root(), &proof), Ok(()), "{old} to {size}");
    let given: Vec<_> = proof.iter().copied().map(bytes).collect();
    assert!(theirs.root().verify_consistency(&before.root(), &ConsistencyProof::from_digests(&given)).is_ok());
}

trait FromEntries {
    fn from_iter_of(entries: &[Vec<u8>]) -> Self;
}

impl FromEntries for Theirs {
    fn from_iter_of(entries: &[Vec<u8>]) -> Self {
        let mut tree = Self::new();
        entries.iter().for_each(|entry| tree.push(entry.clone()));
        tree
    }
}

fn entry(number: usize) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

#[test]
fn given_every_size_up_to_300_then_roots_and_proofs_are_theirs() {
    let (mut ours, mut theirs) = (Log::default(), Theirs::new());
    let mut dice = Dice::new(20_261_121);
    for size in 1..=300 {
        compare_root(&ours, &theirs);
        ours.append(entry(size));
        theirs.push(entry(size));
        let some = if size <= 40 { (0..size).collect() } else { vec![0, size - 1, dice.below(size), dice.below(size)] };
        for at in some {
            compare_inclusion(&ours, &theirs, at);
            if at > 0 {
                compare_consistency(&ours, &theirs, at);
            }
        }
    }
    compare_root(&ours, &theirs);
}

#[test]
fn given_sizes_up_to_100_000_then_roots_and_proofs_are_theirs() {
    let (mut ours, mut theirs) = (Log::default(), Theirs::new());
    let mut dice = Dice::new(42);
    let mut looks: Vec<usize> = (0..20).map(|_| 301 + dice.below(99_700)).collect();
    looks.extend([256, 257, 65_535, 65_536, 65_537, 100_000]);
    looks.sort_unstable();
    for look in looks {
        while ours.entries.len() < look {
            let next = entry(ours.entries.len());
            ours.append(next.clone());
            theirs.push(next);
        }
        compare_root(&ours, &theirs);
        for _ in 0..8 {
            compare_inclusion(&ours, &theirs, dice.below(look));
        }
        compare_consistency(&ours, &theirs, 1 + dice.below(look.min(3_000) - 1));
    }
}
