//! A log in memory, as a store would keep it.

use std::collections::BTreeMap;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::merkle::{Frontier, Node, Plan, TreeHash, leaf_hash};
use sternway_domain::audit::note::{KeyKind, Note, SignerKey};
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::record::{Links, Record};
use sternway_domain::audit::tile::{Resource, Tile, bundle};
use sternway_domain::audit::{Entry, Origin, Outcome, Target};
use sternway_domain::id::{DecisionId, Digest, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "sternway.example/log";

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) tree: Frontier,
    hashes: BTreeMap<Node, TreeHash>,
}

/// Numbers that look random and are the same at every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `limit`, which must not be 0. SplitMix64.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

pub(crate) fn signer() -> SignerKey {
    SignerKey::new(ORIGIN, KeyKind::Plain, [1; 32]).expect("a good name")
}

/// A canonical entry.
pub(crate) fn entry(number: u64) -> Vec<u8> {
    let release = ReleaseId(Uuid::from_u128(u128::from(number) << 64));
    let entry = Entry {
        v: 2,
        id: DecisionId(Uuid::from_u128(u128::from(number))),
        at: Timestamp(1_795_269_795_000_000 + number as i64),
        occurred: None,
        actor: sternway_domain::actor::Actor::Anonymous,
        action: "rollback".into(),
        target: Target::Release { id: release, service: ServiceName::new("checkout").expect("a name") },
        expected_version: Some(17),
        reason: "errors at 3 %".into(),
        outcome: Outcome::Refused { why: "not signed in".into() },
        evidence: Some(Digest::of(b"evidence")),
        plan: None,
        runbooks: vec![],
        overridden: vec![],
        effects: vec!["ask for 0 %".into()],
        origin: Origin { transport: "api".into(), ip: Some("192.0.2.7".into()), ..Origin::default() },
    };
    Record::seal(&entry, &Links::default(), || Salt([7; 32])).expect("it fits").bytes
}

impl Log {
    pub(crate) fn of(entries: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut log = Self::default();
        entries.into_iter().for_each(|entry| log.append(entry));
        log
    }

    pub(crate) fn append(&mut self, entry: Vec<u8>) {
        let hashes = &mut self.hashes;
        self.tree.push_seen(leaf_hash(&entry), |node, hash| {
            hashes.insert(node, hash);
        });
        self.entries.push(entry);
    }

    pub(crate) fn resolve(&self, plan: &Plan) -> Vec<TreeHash> {
        plan.resolve(|node| self.hashes.get(&node).copied().ok_or(node)).expect("plans name complete subtrees")
    }

    pub(crate) fn checkpoint(&self) -> Note {
        let head = Checkpoint::new(ORIGIN, self.tree.size(), self.tree.root()).expect("a good origin");
        let mut note = head.note().expect("text");
        note.sign(&signer());
        note
    }

    pub(crate) fn proof(&self, index: u64) -> Proof {
        let plan = Plan::inclusion(index, self.tree.size()).expect("in the log");
        Proof { extra: None, index, hashes: self.resolve(&plan), checkpoint: self.checkpoint() }
    }

    /// Every file of the log by its path.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::from([("checkpoint".to_owned(), self.checkpoint().to_string().into_bytes())]);
        for tile in Tile::grown(0, self.tree.size()) {
            let from = tile.index * 256;
            let places = from..from + u64::from(tile.width);
            let hash = |index| self.hashes[&Node { level: tile.level * 8, index }].0;
            files.insert(Resource::Tile(tile).to_string(), places.clone().flat_map(hash).collect());
            if tile.level == 0 {
                let entries = places.map(|index| self.entries[index as usize].as_slice());
                files.insert(Resource::Entries(tile).to_string(), bundle(entries).expect("they fit"));
            }
        }
        files
    }
}
