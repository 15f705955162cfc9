//! Makes a pack from the store. Runs on a thread of its own; of the log, one page is held at a time.
//!
//! The log is passed several times, once for each file that shows all of it. A text that is taken out in between would
//! make two files differ: then the pack is not finished, and whoever asked asks again.

use super::consistency::Consistency;
use super::item::{Item, ItemFault};
use super::manifest::{About, FORMAT, Manifest, Stretch};
use super::report::Report;
use super::zip::Writer;
use super::*;
use crate::service::{Service, ServiceError, SignedHead};
use crate::store::StoreError;
use crate::store::rows::{DecisionFilter, RemovedRow};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use sternway_domain::access::Action;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::keys::KeyList;
use sternway_domain::audit::merkle::Plan;
use sternway_domain::audit::proof::Proof;
use sternway_domain::audit::record::{Leaf, Redactions, Shared};
use sternway_domain::audit::retention::Class;
use tokio::runtime::Handle;

/// Acts about the data of one release: there are some phases, and back.
const MOST: u32 = 10_000;

/// Why a pack was not finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Item(#[from] ItemFault),
    #[error("entry {0} of the log is missing")]
    Gap(u64),
    #[error("a text was taken out while the pack was made; ask again")]
    Redacted,
    #[error("the report: {0}")]
    Report(String),
    /// Whoever asked is gone, or takes nothing any more.
    #[error(transparent)]
    Written(#[from] io::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Service(error.into())
    }
}

/// A pack to be made.
pub(crate) struct Job {
    pub(crate) service: Service,
    pub(crate) head: SignedHead,
    /// The log's keys, of all times.
    pub(crate) keys: KeyList,
    pub(crate) about: About,
    /// The size of a log that whoever asked remembers.
    pub(crate) pin: Option<u64>,
}

/// What is seen on the first pass.
#[derive(Default)]
struct Seen {
    evidence: BTreeSet<Digest>,
    /// Of those that get a proof of their own, in the order of the log.
    proofs: Vec<(u64, DecisionId)>,
    /// Texts of which no entry has been seen yet that says why they are gone.
    gone: BTreeSet<(u64, Field)>,
    redactions: Redactions,
    /// What rests on evidence that shows earlier acts, too.
    shared: Vec<(u64, Digest, Shared)>,
    later: BTreeMap<u64, Item>,
}

impl Job {
    /// Everything, into `out`. Not to be called from a thread of the runtime.
    pub(crate) fn write(self, runtime: &Handle, out: impl Write) -> Result<(), Fault> {
        let job = Making { job: &self, runtime };
        let mut zip = Writer::new(out);
        zip.whole::<Fault>(README, readme::text(&self.about).as_bytes())?;
        zip.whole::<Fault>(CHECKPOINT, self.head.row.note.as_bytes())?;
        zip.whole::<Fault>(KEY, self.keys.to_string().as_bytes())?;
        zip.whole::<Fault>(STRETCH, &json(&job.stretch()?))?;
        if let Some(from) = self.pin {
            let to = self.about.log.size;
            let hashes = job.hashes(&Plan::consistency(from, to).map_err(invalid)?)?;
            zip.whole::<Fault>(CONSISTENCY, &json(&Consistency { from, to, hashes }))?;
        }
        let (seen, texts) = job.entries(&mut zip)?;
        let again = |found: [u8; 32]| if found == texts { Ok(()) } else { Err(Fault::Redacted) };
        zip.file::<Fault>(DECISIONS, |out| {
            again(job.chosen(|item| Ok(out.write_all(item.decision()?.line().as_bytes())?))?)
        })?;
        zip.file::<Fault>(SHEET, |out| {
            out.write_all(&sheet::head())?;
            again(job.chosen(|item| Ok(out.write_all(&sheet::line(&item.decision()?))?))?)
        })?;
        for (index, id) in &seen.proofs {
            zip.whole::<Fault>(&proof(*id), job.proof(*index)?.to_string().as_bytes())?;
        }
        let evidence_missing = job.evidence(&seen, &mut zip)?;
        let mut report = Report::new(&self.about);
        again(job.chosen(|item| {
            let decision = item.decision()?;
            let body = match &decision.entry.evidence {
                Some(digest) if report.wants_evidence() => job.wait(self.service.store.evidence(digest))?,
                _ => None,
            };
            report.take(&decision, body.as_deref());
            Ok(())
        })?)?;
        zip.whole::<Fault>(REPORT, &report.finish().map_err(Fault::Report)?)?;
        let manifest =
            Manifest { format: FORMAT.into(), about: self.about.clone(), evidence_missing, files: zip.files().into() };
        zip.whole::<Fault>(MANIFEST, &json(&manifest))?;
        Ok(zip.finish()?)
    }
}

/// For people, too.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("our own types have string keys only");
    bytes.push(b'\n');
    bytes
}

fn invalid(error: impl std::fmt::Display) -> Fault {
    Fault::Service(ServiceError::Invalid { field: String::new(), text: error.to_string() })
}

struct Making<'a> {
    job: &'a Job,
    runtime: &'a Handle,
}

impl Making<'_> {
    fn wait<T, E: Into<Fault>>(&self, asked: impl Future<Output = Result<T, E>>) -> Result<T, Fault> {
        self.runtime.block_on(asked).map_err(Into::into)
    }

    fn hashes(&self, plan: &Plan) -> Result<Vec<sternway_domain::audit::merkle::TreeHash>, Fault> {
        self.wait(self.job.service.resolve(plan, self.job.about.log.size))
    }

    fn stretch(&self) -> Result<Stretch, Fault> {
        let StretchView { from, to } = self.job.about.stretch;
        let size = self.job.about.log.size;
        let mut before = self.hashes(&Plan::stretch(from, to, size).map_err(invalid)?)?;
        let after = before.split_off(from.count_ones() as usize);
        Ok(Stretch { from, to, size, before, after })
    }

    /// A page of the log, with the texts of what was asked for.
    fn page(&self, from: u64, to: u64) -> Result<Vec<Item>, Fault> {
        let store = &self.job.service.store;
        let width = (to - from) as u32;
        let rows = self.wait(store.leaves(from as i64, width))?;
        let mut texts = self.wait(store.texts(from as i64, width))?.into_iter().peekable();
        let mut items = Vec::with_capacity(rows.len());
        for (index, row) in (from..to).zip(rows.into_iter().map(Some).chain(std::iter::repeat_with(|| None))) {
            let row = row.filter(|row| row.index as u64 == index).ok_or(Fault::Gap(index))?;
            let mut item = Item::new(index, row.entry)?;
            while texts.next_if(|text| text.leaf_index < row.index).is_some() {}
            let beside = texts.next_if(|text| text.leaf_index == row.index);
            if self.job.about.asked.chooses(&item.leaf) {
                item.texts = Some(beside.map(|beside| beside.openings).unwrap_or_default());
            }
            items.push(item);
        }
        Ok(items)
    }

    fn each(&self, mut take: impl FnMut(Item) -> Result<(), Fault>) -> Result<(), Fault> {
        let StretchView { from, to } = self.job.about.stretch;
        for first in (from..to).step_by(PER_FILE as usize) {
            self.page(first, to.min(first + PER_FILE))?.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    /// What was asked for. Gives the digest of which texts were there.
    fn chosen(&self, mut take: impl FnMut(&Item) -> Result<(), Fault>) -> Result<[u8; 32], Fault> {
        let mut there = Sha256::new();
        self.each(|item| {
            if item.texts.is_some() {
                note(&mut there, &item);
                take(&item)?;
            }
            Ok(())
        })?;
        Ok(there.finalize().into())
    }

    fn entries<W: Write>(&self, zip: &mut Writer<W>) -> Result<(Seen, [u8; 32]), Fault> {
        let StretchView { from, to } = self.job.about.stretch;
        let mut seen = Seen::default();
        let mut there = Sha256::new();
        let alone = self.job.about.decisions <= MOST_PROOFS;
        for first in (from..to).step_by(PER_FILE as usize) {
            let items = self.page(first, to.min(first + PER_FILE))?;
            zip.file::<Fault>(&entries(first), |out| {
                Ok(items.iter().try_for_each(|item| out.write_all(item.line().as_bytes()))?)
            })?;
            for item in items {
                if item.texts.is_some() {
                    note(&mut there, &item);
                }
                seen.take(&item, alone)?;
            }
        }
        self.later(&mut seen)?;
        self.earlier(&mut seen)?;
        if !seen.later.is_empty() {
            zip.file::<Fault>(LATER, |out| {
                Ok(seen.later.values().try_for_each(|item| out.write_all(item.line().as_bytes()))?)
            })?;
        }
        Ok((seen, there.finalize().into()))
    }

    /// Texts are taken out later than they were written: the entries that say so, wherever they stand.
    fn later(&self, seen: &mut Seen) -> Result<(), Fault> {
        let mut before = i64::MAX;
        while !seen.gone.is_empty() {
            let action = Some(Action::Redact.as_str().to_owned());
            let filter = DecisionFilter { action, before: Some(before), limit: 256, ..DecisionFilter::default() };
            let rows = self.wait(self.job.service.store.decisions(&filter))?;
            let Some(last) = rows.last() else { break };
            before = last.leaf_index;
            for row in &rows {
                self.besides(seen, row.leaf_index, Seen::explains)?;
            }
        }
        Ok(())
    }

    /// Evidence went with a text of an earlier act that it showed: that act, and the entry that took its text out.
    fn earlier(&self, seen: &mut Seen) -> Result<(), Fault> {
        let store = &self.job.service.store;
        for (index, digest, shared) in std::mem::take(&mut seen.shared) {
            if seen.redactions.explain_evidence(index) || self.wait(store.evidence(&digest))?.is_some() {
                continue;
            }
            for of in self.about(&shared)?.into_iter().filter(|of| *of < index as i64) {
                let removed = self.wait(store.removed(of))?;
                let shows = |row: &&RemovedRow| row.by_leaf > index as i64 && Class::of(row.field) != Class::Addresses;
                if let Some(row) = removed.iter().find(shows) {
                    self.besides(seen, of, |_, _| true)?;
                    self.besides(seen, row.by_leaf, |_, _| true)?;
                }
                if seen.redactions.explain_evidence(index) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Entries of acts about the same.
    fn about(&self, shared: &Shared) -> Result<Vec<i64>, Fault> {
        let store = &self.job.service.store;
        let mut all = Vec::new();
        match shared {
            Shared::Flag(key) => {
                for event in self.wait(store.flag_events(key, 0))? {
                    let Some(id) = event.decision else { continue };
                    all.extend(self.wait(store.decision(id))?.map(|row| row.leaf_index));
                }
            }
            Shared::Data(release) => {
                for action in [Action::MoveData, Action::BreakGlass] {
                    let action = Some(action.as_str().to_owned());
                    let filter =
                        DecisionFilter { release: Some(*release), action, limit: MOST, ..DecisionFilter::default() };
                    all.extend(self.wait(store.decisions(&filter))?.into_iter().map(|row| row.leaf_index));
                }
            }
        }
        Ok(all)
    }

    /// An entry from elsewhere in the log, with a proof of its own, if it is wanted.
    fn besides(&self, seen: &mut Seen, index: i64, wanted: impl FnOnce(&mut Seen, &Item) -> bool) -> Result<(), Fault> {
        let (about, at) = (&self.job.about, index as u64);
        if (about.stretch.from..about.stretch.to).contains(&at) || seen.later.contains_key(&at) {
            return Ok(());
        }
        let leaf = self.wait(self.job.service.store.leaves(index, 1))?.into_iter().next();
        let item = Item::new(at, leaf.filter(|leaf| leaf.index == index).ok_or(Fault::Gap(at))?.entry)?;
        if !wanted(seen, &item) {
            return Ok(());
        }
        // Too new to be proven: a moment later it can be.
        if at >= about.log.size {
            return Err(Fault::Redacted);
        }
        if let Leaf::Sealed(record) = &item.leaf {
            seen.redactions.take(at, record);
        }
        seen.proofs.push((at, item.leaf.id()));
        seen.later.insert(at, item);
        Ok(())
    }

    fn proof(&self, index: u64) -> Result<Proof, Fault> {
        let hashes = self.hashes(&Plan::inclusion(index, self.job.about.log.size).map_err(invalid)?)?;
        Ok(Proof { extra: None, index, hashes, checkpoint: self.job.head.note.clone() })
    }

    /// Gives what there is no body of.
    fn evidence<W: Write>(&self, seen: &Seen, zip: &mut Writer<W>) -> Result<Vec<Digest>, Fault> {
        let mut missing = Vec::new();
        for digest in &seen.evidence {
            match self.wait(self.job.service.store.evidence(digest))? {
                Some(body) => zip.whole::<Fault>(&evidence(digest), body.as_bytes())?,
                None => missing.push(digest.clone()),
            }
        }
        Ok(missing)
    }
}

impl Seen {
    fn take(&mut self, item: &Item, alone: bool) -> Result<(), Fault> {
        if let Leaf::Sealed(record) = &item.leaf {
            self.redactions.take(item.index, record);
            self.explains(item);
        }
        if item.texts.is_none() {
            return Ok(());
        }
        let decision = item.decision()?;
        if alone {
            self.proofs.push((item.index, decision.entry.id));
        }
        if let (Some(digest), Leaf::Sealed(record)) = (&decision.entry.evidence, &item.leaf)
            && let Some(shared) = Shared::of(record)
        {
            self.shared.push((item.index, digest.clone(), shared));
        }
        self.evidence.extend(decision.entry.evidence);
        let unexplained =
            decision.redacted.into_iter().filter(|field| self.redactions.by(item.index, *field).is_none());
        self.gone.extend(unexplained.map(|field| (item.index, field)));
        Ok(())
    }

    /// Whether this entry says why a text is gone.
    fn explains(&mut self, item: &Item) -> bool {
        let Leaf::Sealed(record) = &item.leaf else { return false };
        let mut explains = false;
        for back in record.redacts() {
            for field in &back.fields {
                explains |= self.gone.remove(&(back.index, *field));
            }
        }
        explains
    }
}

/// Which texts stand beside an entry.
fn note(there: &mut Sha256, item: &Item) {
    there.update(item.index.to_be_bytes());
    for opening in item.texts.iter().flatten() {
        there.update(opening.salt.0);
    }
}
