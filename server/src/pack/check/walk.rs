//! From the first entry of the stretch to the last: they lead to the signed root, and everything shown follows from them.

use super::super::item::{Decision, Item, Line};
use super::super::open::{Lines, Pack};
use super::super::report::Report;
use super::super::*;
use super::pins::Pins;
use super::{About, Asked, Bad, Failed, Head, Stretch, proofs};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use sternway_domain::access::Action;
use sternway_domain::audit::Outcome;
use sternway_domain::audit::commitment::Field;
use sternway_domain::audit::merkle::{Frontier, TreeHash, check_inclusion};
use sternway_domain::audit::record::{Leaf, Missing, Redactions};
use sternway_domain::audit::verify;
use sternway_domain::time::Timestamp;

/// What the entries say.
pub(super) struct Walked {
    pub(super) decisions: u64,
    pub(super) redacted: usize,
    pub(super) evidence: BTreeMap<Digest, Named>,
    /// Entries with a proof of their own.
    pub(super) proven: Vec<(u64, DecisionId, TreeHash)>,
    pub(super) notes: Vec<String>,
    /// The one that these entries make.
    pub(super) report: Vec<u8>,
}

/// The entries that name some evidence, and the first of them.
pub(super) struct Named {
    pub(super) index: u64,
    all: Vec<u64>,
    /// A text of it was taken out: of the entry itself, or of an earlier one that it shows.
    pub(super) redacted: bool,
}

/// A file of which every byte is known beforehand.
struct Follow<'a> {
    name: &'static str,
    reader: Box<dyn Read + 'a>,
}

/// What stands beside entries counts only if the entries themselves are good: they are the evidence.
struct Walk<'a> {
    about: &'a About,
    aside: Option<Bad>,
    json: Follow<'a>,
    sheet: Follow<'a>,
    report: Report,
    redactions: Redactions,
    gone: BTreeSet<(u64, Field)>,
    /// What was asked for, in the order of the log.
    chosen: Vec<u64>,
    malformed: Option<Bad>,
    first: Option<(u64, Timestamp)>,
    last: Option<(u64, Timestamp)>,
    alone: bool,
    walked: Walked,
}

pub(super) fn walk(
    pack: &Pack,
    about: &About,
    stretch: &Stretch,
    head: &Head,
    pins: &mut Pins,
    mut progress: impl FnMut(u64, u64),
) -> Result<Walked, Failed> {
    let StretchView { from, to } = about.stretch;
    if (stretch.from, stretch.to, stretch.size) != (from, to, head.size()) {
        return Err(Bad::file(STRETCH, "it is not about the entries of this pack").into());
    }
    let edge = || Frontier::new(from, stretch.before.clone()).map_err(|error| Bad::file(STRETCH, error.to_string()));
    let (mut tree, mut memory, mut differs) = (edge()?, edge()?, None);
    let mut walk = Walk::new(pack, about)?;
    pins.pass(&tree)?;
    for first in (from..to).step_by(PER_FILE as usize) {
        let name = entries(first);
        let mut lines = Lines::new(pack, &name)?;
        for index in first..to.min(first + PER_FILE) {
            let line = lines.next()?.ok_or_else(|| gap(&name, index, None))?;
            let line: Line = serde_json::from_slice(&line)
                .map_err(|error| Bad::entry(&name, index, format!("entry {index} cannot be read: {error}")))?;
            if line.index != index {
                return Err(gap(&name, index, Some(line.index)).into());
            }
            let hash = sternway_domain::audit::merkle::leaf_hash(line.entry.as_bytes());
            if hash != line.hash {
                differs.get_or_insert(index);
            }
            tree.push(hash);
            memory.push(line.hash);
            pins.pass(&tree)?;
            walk.take(pack, &name, line)?;
        }
        if lines.next()?.is_some() {
            return Err(Bad::file(
                &name,
                format!("it has more than the {} entries it should", PER_FILE.min(to - first)),
            )
            .into());
        }
        progress(to.min(first + PER_FILE) - from, to - from);
    }
    let close =
        |tree: Frontier| tree.close(head.size(), &stretch.after).map_err(|error| Bad::file(STRETCH, error.to_string()));
    let root = head.trusted.checkpoint.root;
    if close(tree)? != root {
        let remembered = close(memory)? == root;
        return Err(walk.changed(pack, head, differs.filter(|_| remembered))?.into());
    }
    if let Some(index) = differs {
        let text = format!("the hash beside entry {index} was changed; the entry itself is the one that was signed");
        return Err(Bad::entry(&entries_with(from, index), index, text).into());
    }
    walk.later(pack, head)?;
    walk.finish(head)
}

fn created(decision: &Decision) -> bool {
    decision.entry.action == Action::Create.as_str() && decision.entry.outcome == Outcome::Accepted
}

/// Which file this entry is in.
fn entries_with(from: u64, index: u64) -> String {
    entries(index - (index - from) % PER_FILE)
}

fn gap(name: &str, expected: u64, found: Option<u64>) -> Bad {
    let text = match found {
        Some(found) => verify::Bad::Index { expected, found }.to_string(),
        None => format!("entry {expected} is missing: the file ends before it"),
    };
    Bad::entry(name, expected, text)
}

impl<'a> Walk<'a> {
    fn new(pack: &'a Pack, about: &'a About) -> Result<Self, Failed> {
        let follow = |name: &'static str| Ok::<_, Failed>(Follow { name, reader: Box::new(pack.reader(name)?) });
        let mut walk = Self {
            about,
            aside: None,
            json: follow(DECISIONS)?,
            sheet: follow(SHEET)?,
            report: Report::new(about),
            redactions: Redactions::default(),
            gone: BTreeSet::new(),
            chosen: Vec::new(),
            malformed: None,
            first: None,
            last: None,
            alone: about.decisions <= MOST_PROOFS,
            walked: Walked {
                decisions: 0,
                redacted: 0,
                evidence: BTreeMap::new(),
                proven: Vec::new(),
                notes: Vec::new(),
                report: Vec::new(),
            },
        };
        if !walk.sheet.shows(&sheet::head())? {
            walk.aside = Some(Bad::file(SHEET, "its first line has other names of columns"));
        }
        Ok(walk)
    }

    fn take(&mut self, pack: &Pack, name: &str, line: Line) -> Result<(), Failed> {
        let index = line.index;
        let mut item = match Item::new(index, line.entry.into_bytes()) {
            Ok(item) => item,
            Err(fault) => {
                self.malformed.get_or_insert(Bad::entry(name, index, fault.to_string()));
                return Ok(());
            }
        };
        item.texts = line.texts;
        let at = item.leaf.at();
        if self.last.is_some_and(|(_, last)| at < last) && self.walked.notes.len() < 10 {
            self.walked.notes.push(format!("entry {index} is dated before the one before it; the clock was set back"));
        }
        self.first.get_or_insert((index, at));
        self.last = Some((index, at));
        if let Leaf::Sealed(record) = &item.leaf {
            if let Some(back) = record.points_back.iter().find(|back| back.index >= index) {
                let text = verify::Bad::PointsForward { index, to: back.index }.to_string();
                self.malformed.get_or_insert(Bad::entry(name, index, text));
            }
            self.redactions.take(index, record);
        }
        match (self.about.asked.chooses(&item.leaf), &item.texts) {
            (true, Some(_)) => self.asked_for(pack, name, &item)?,
            (false, None) => {}
            (true, None) => {
                self.beside(Bad::entry(name, index, format!("entry {index} was asked for, and its texts are not here")))
            }
            (false, Some(_)) => {
                self.beside(Bad::entry(name, index, format!("entry {index} was not asked for, and has texts")))
            }
        }
        Ok(())
    }

    /// Kept if it is the first.
    fn beside(&mut self, bad: Bad) {
        self.aside.get_or_insert(bad);
    }

    fn asked_for(&mut self, pack: &Pack, name: &str, item: &Item) -> Result<(), Failed> {
        let index = item.index;
        let decision = match item.decision() {
            Ok(decision) => decision,
            Err(fault) => {
                self.beside(Bad::entry(name, index, fault.to_string()));
                return Ok(());
            }
        };
        if self.walked.decisions == 0 {
            self.begins(&decision);
        }
        self.walked.decisions += 1;
        if self.alone {
            self.walked.proven.push((index, decision.entry.id, item.hash()));
        }
        if self.aside.is_none() {
            for (follow, shown) in
                [(&mut self.json, decision.line().into_bytes()), (&mut self.sheet, sheet::line(&decision))]
            {
                if !follow.shows(&shown)? {
                    let text =
                        format!("it does not show entry {index} as it was sealed, or shows another one in its place");
                    self.aside.get_or_insert(Bad::entry(follow.name, index, text));
                }
            }
        }
        let mut body = None;
        if let Some(digest) = &decision.entry.evidence {
            let named = Named { index, all: Vec::new(), redacted: false };
            let named = self.walked.evidence.entry(digest.clone()).or_insert(named);
            named.all.push(index);
            let place = evidence(digest);
            if self.report.wants_evidence() && pack.size(&place).is_some() {
                body = String::from_utf8(pack.whole(&place)?).ok();
            }
        }
        self.report.take(&decision, body.as_deref());
        self.chosen.push(index);
        self.gone.extend(decision.redacted.into_iter().map(|field| (index, field)));
        Ok(())
    }

    /// A release begins with its creation: before that there is nothing to be left out.
    fn begins(&mut self, first: &Decision) {
        if matches!(self.about.asked, Asked::Release { .. }) && !created(first) {
            let text = format!("entry {} is the first one about the release here, and not its creation", first.index);
            self.beside(Bad::entry(DECISIONS, first.index, text));
        }
    }

    /// The entries do not lead to the signed root: which one is it?
    fn changed(&self, pack: &Pack, head: &Head, remembered: Option<u64>) -> Result<Bad, Failed> {
        let StretchView { from, to } = self.about.stretch;
        let size = head.size();
        let mut named = remembered;
        if named.is_none() {
            for (index, id, hash) in &self.walked.proven {
                let proof = proofs::read(pack, &proof(*id), head)?;
                let root = head.trusted.checkpoint.root;
                if check_inclusion(*index, size, *hash, &proof.hashes, root).is_err() {
                    named = Some(*index);
                    break;
                }
            }
        }
        let named = named.or_else(|| self.malformed.as_ref().and_then(|bad| bad.entry));
        Ok(match named.or((to - from == 1).then_some(from)) {
            Some(index) => {
                Bad::entry(&entries_with(from, index), index, verify::Bad::Changed { index, size }.to_string())
            }
            None => {
                let last = to.saturating_sub(1);
                let text = format!(
                    "at least one of the entries {from} to {last} was changed, removed or put in, or the hashes around them: \
                     they do not lead to the root in the checkpoint of {size} entries"
                );
                Bad::file(STRETCH, text)
            }
        })
    }

    /// Entries from elsewhere in the log that say which texts were taken out, and those whose texts evidence showed.
    fn later(&mut self, pack: &Pack, head: &Head) -> Result<(), Failed> {
        if pack.size(LATER).is_none() {
            return Ok(());
        }
        let mut lines = Lines::new(pack, LATER)?;
        while let Some(line) = lines.next()? {
            let line: Line = serde_json::from_slice(&line).map_err(|error| Bad::file(LATER, error.to_string()))?;
            let index = line.index;
            let item = Item::new(index, line.entry.into_bytes())
                .map_err(|fault| Bad::entry(LATER, index, fault.to_string()))?;
            if line.texts.is_some() || (self.about.stretch.from..self.about.stretch.to).contains(&index) {
                return Err(Bad::entry(LATER, index, format!("entry {index} does not belong there")).into());
            }
            let hash = item.hash();
            let proof = proofs::read(pack, &proof(item.leaf.id()), head)?;
            let root = head.trusted.checkpoint.root;
            if proof.index != index
                || hash != line.hash
                || check_inclusion(index, head.size(), hash, &proof.hashes, root).is_err()
            {
                let text = verify::Bad::Changed { index, size: head.size() }.to_string();
                return Err(Bad::entry(LATER, index, text).into());
            }
            if let Leaf::Sealed(record) = &item.leaf {
                self.redactions.take(index, record);
            }
            self.walked.proven.push((index, item.leaf.id(), hash));
        }
        Ok(())
    }

    fn finish(mut self, head: &Head) -> Result<Walked, Failed> {
        let from = self.about.stretch.from;
        if let Some(bad) = self.malformed.take() {
            return Err(bad.into());
        }
        for (index, field) in &self.gone {
            if self.redactions.by(*index, *field).is_none() {
                let text = Missing::Unexplained { index: *index, field: *field }.to_string();
                return Err(Bad::entry(&entries_with(from, *index), *index, text).into());
            }
        }
        for (index, field, by) in self.redactions.iter() {
            if self.chosen.binary_search(&index).is_ok() && !self.gone.contains(&(index, field)) {
                let text = Missing::StillThere { index, field, by }.to_string();
                return Err(Bad::entry(&entries_with(from, index), index, text).into());
            }
        }
        if let Some(bad) = self.aside.take() {
            return Err(bad.into());
        }
        for follow in [&mut self.json, &mut self.sheet] {
            if !follow.ended()? {
                return Err(Bad::file(follow.name, "it shows more decisions than there are entries").into());
            }
        }
        if let Err(open) = self.about.asked.closed(self.first, self.last, head.size()) {
            return Err(Bad::file(STRETCH, open.to_string()).into());
        }
        for named in self.walked.evidence.values_mut() {
            named.redacted |= named.all.iter().any(|index| self.redactions.explain_evidence(*index));
        }
        self.walked.redacted = self.gone.len();
        let report = self.report.finish().map_err(|error| Failed::Unread(format!("`{REPORT}`: {error}")))?;
        Ok(Walked { report, ..self.walked })
    }
}

impl Follow<'_> {
    /// Whether this comes next.
    fn shows(&mut self, expected: &[u8]) -> Result<bool, Failed> {
        let mut found = vec![0; expected.len()];
        match self.reader.read_exact(&mut found) {
            Ok(()) => Ok(found == expected),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Bad::file(self.name, error.to_string()).into()),
        }
    }

    fn ended(&mut self) -> Result<bool, Failed> {
        let read = self.reader.read(&mut [0]).map_err(|error| Bad::file(self.name, error.to_string()))?;
        Ok(read == 0)
    }
}
