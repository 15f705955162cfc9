//! Whether the log is the one that somebody remembers. A pack shows it where it has the entries or a proof.

use super::super::consistency::Consistency;
use super::super::open::Pack;
use super::super::*;
use super::{Bad, Failed, Head, Known, files};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::merkle::{Frontier, TreeHash};
use sternway_domain::audit::pin::{Pin, Standing};

pub(super) struct Pins {
    head: Checkpoint,
    /// Where it was kept, and what.
    waiting: Vec<(String, Pin)>,
}

impl Pins {
    pub(super) fn read(pack: &Pack, head: &Head, known: &Known) -> Result<Self, Failed> {
        let mut pins = Self { head: head.trusted.checkpoint.clone(), waiting: Vec::new() };
        let consistency: Option<Consistency> =
            if pack.size(CONSISTENCY).is_some() { Some(files::json(pack, CONSISTENCY)?) } else { None };
        for (place, bytes) in &known.pins {
            let pin = Pin::read(bytes, &head.trust).map_err(|error| Bad {
                file: None,
                entry: None,
                text: format!("the pinned checkpoint {place}: {error}"),
            })?;
            match &consistency {
                Some(Consistency { from, to, hashes }) if *from == pin.size && *to == head.size() => {
                    pins.stands(place, &pin, hashes)?;
                }
                _ if pin.size >= head.size() || pin.origin != pins.head.origin => pins.stands(place, &pin, &[])?,
                _ => pins.waiting.push((place.clone(), pin)),
            }
        }
        Ok(pins)
    }

    fn stands(&self, place: &str, pin: &Pin, hashes: &[TreeHash]) -> Result<(), Failed> {
        let standing = pin.compare(&self.head, hashes);
        let text = format!("{place}: {standing}");
        match standing {
            good if good.good() => Ok(()),
            Standing::Unproven { .. } => Err(Bad::file(CONSISTENCY, text).into()),
            _ => Err(Bad { file: None, entry: None, text }.into()),
        }
    }

    /// The tree has grown: what is known of this size is compared.
    pub(super) fn pass(&mut self, tree: &Frontier) -> Result<(), Bad> {
        let (passed, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, pin)| pin.size == tree.size());
        self.waiting = waiting;
        let passed: Vec<(String, Pin)> = passed;
        for (place, pin) in passed {
            if pin.root != tree.root() {
                let size = pin.size;
                let text = format!(
                    "{place}: the log is not the one you remember: at {size} entries its root was {}, here it is {}. Keep \
                     both, they are the evidence.",
                    pin.root,
                    tree.root()
                );
                return Err(Bad { file: None, entry: None, text });
            }
        }
        Ok(())
    }

    /// Nothing is left open.
    pub(super) fn settled(&self) -> Result<(), Failed> {
        let Some((place, pin)) = self.waiting.first() else { return Ok(()) };
        Err(Failed::Unread(format!(
            "{place}: the pack does not show that the log begins with the {} entries you remember; take it again with \
             `sternway audit export --pin`, or compare with the server by `sternway audit verify --pin`",
            pin.size
        )))
    }
}
