//! Whether the page of a decision says what the log holds.
//!
//! The record is read as JSON and not as its type: what a reader must see through is only which texts stand as
//! commitments, and the code that knows every field would be half of what a browser loads.

use crate::pin::count;
use crate::report::{Head, Report};
use crate::{open, signed_by};
use serde::Deserialize;
use serde_json::Value;
use sternway_domain::audit::canonical;
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::{Commitment, Field, Opening};
use sternway_domain::audit::merkle::{check_inclusion, leaf_hash};
use sternway_domain::audit::proof::Proof;
use sternway_domain::id::Digest;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// Of which decision the page is, and where it says that this stands.
    id: String,
    index: u64,
    /// What `/log/key` says.
    key: String,
    /// The `.tlog-proof`.
    proof: String,
    /// The record's bytes, and the texts beside it.
    entry: String,
    openings: Vec<Opening>,
    /// The act as the page was made from it, with `instead` where texts were taken out.
    shown: Value,
    instead: String,
    /// Every text as it stands on the page, with the field it is said to be.
    texts: Vec<(Field, String)>,
    /// Which texts the page says were taken out.
    removed: Vec<Field>,
    /// What was seen, if it is there.
    evidence: Option<String>,
}

pub(crate) fn check(asked: &Asked) -> Report {
    let mut report = Report::default();
    let record = record(asked, &mut report);
    path(asked, &mut report);
    if let Some(mut record) = record {
        let evidence = record.get("evidence").and_then(Value::as_str).map(str::to_owned);
        let mut opener = Opener { asked, found: Vec::new(), wrong: Vec::new() };
        opener.open(&mut record, "");
        texts(&opener, &mut report);
        same(asked, record, &mut report);
        seen(asked, evidence.as_deref(), &mut report);
    }
    report
}

/// That these bytes are a record, in the one spelling there is, of this decision.
fn record(asked: &Asked, report: &mut Report) -> Option<Value> {
    let bytes = asked.entry.as_bytes();
    let read = canonical::check(bytes).map_err(|error| error.to_string());
    let read = read.and_then(|()| serde_json::from_slice::<Value>(bytes).map_err(|error| error.to_string()));
    let record = match read {
        Ok(record) => record,
        Err(why) => {
            report.bad("record", "The record cannot be read", vec![format!("{why}.")]);
            return None;
        }
    };
    match record.get("id").and_then(Value::as_str) {
        Some(id) if id == asked.id => {
            report.good("record", "The record hashes to the leaf", vec![leaf_hash(bytes).to_string()]);
        }
        id => {
            let other = format!("It is of {}.", id.unwrap_or("none"));
            report.bad("record", "The record is of another decision", vec![other]);
        }
    }
    Some(record)
}

/// That the leaf is in the tree, and that the tree is signed.
fn path(asked: &Asked, report: &mut Report) {
    let unread = "The proof cannot be read";
    let proof = match Proof::parse(asked.proof.as_bytes()) {
        Ok(proof) => proof,
        Err(error) => return report.bad("path", unread, vec![format!("{error}.")]),
    };
    let head: Checkpoint = match proof.checkpoint.text().parse() {
        Ok(head) => head,
        Err(error) => return report.bad("path", unread, vec![format!("{error}.")]),
    };
    let leads = check_inclusion(proof.index, head.size, leaf_hash(asked.entry.as_bytes()), &proof.hashes, head.root);
    match leads {
        Ok(()) if proof.index == asked.index => {
            let hashes = match proof.hashes.len() {
                0 => "The leaf is the root".to_owned(),
                1 => "One hash leads from the leaf to the root".to_owned(),
                many => format!("{many} hashes lead from the leaf to the root"),
            };
            let place = format!("entry {} of {}", count(proof.index), count(head.size));
            report.good("path", hashes, vec![place, head.root.to_string()]);
        }
        Ok(()) => {
            let places = format!("It stands at {}, the page says {}.", count(proof.index), count(asked.index));
            report.bad("path", "The record stands elsewhere in the log", vec![places]);
        }
        Err(error) => {
            report.bad("path", "The hashes do not lead from the leaf to the root", vec![format!("{error}.")]);
        }
    }
    match open(&asked.key, |list| list.trust().open_note(proof.checkpoint)) {
        Ok((list, trusted)) => {
            let title = format!("The root is signed by {}", trusted.checkpoint.origin);
            let mut values = signed_by(&trusted);
            values.extend(trusted.witnessed.iter().map(|witness| format!("confirmed by {}", witness.name)));
            report.good("signature", title, values);
            report.breaks(&list);
            report.head = Some(Head::of(&trusted));
        }
        Err(why) => report.bad("signature", "The root is not signed by the log's key", vec![why]),
    }
}

/// Puts texts in the place of their commitments.
struct Opener<'a> {
    asked: &'a Asked,
    /// Every text of the record; `None` where it is not kept.
    found: Vec<(Field, Option<&'a str>)>,
    /// Those beside the record that are not what was committed to.
    wrong: Vec<Field>,
}

impl Opener<'_> {
    /// `path`: of this value within the record, as fields are named: `actor.name`, `effects.2`.
    fn open(&mut self, value: &mut Value, path: &str) {
        let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::String(text) => {
                if let (Ok(commitment), Some(field)) = (text.parse::<Commitment>(), field(path)) {
                    *text = self.text(field, commitment);
                }
            }
            Value::Array(items) => {
                items.iter_mut().enumerate().for_each(|(at, item)| self.open(item, &within(&at.to_string())));
            }
            Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| self.open(field, &within(name))),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, field: Field, commitment: Commitment) -> String {
        let opening = self.asked.openings.iter().find(|opening| opening.field == field);
        if opening.is_some_and(|opening| !commitment.opens(opening)) {
            self.wrong.push(field);
        }
        let text = opening.map(|opening| opening.text.as_str());
        self.found.push((field, text));
        text.unwrap_or(&self.asked.instead).to_owned()
    }
}

/// The name of a text by its place in a record.
fn field(path: &str) -> Option<Field> {
    match path {
        "target.name" | "target.text" => Some(Field::Target(0)),
        path => path.replace("target.names.", "target.").parse().ok(),
    }
}

/// That the texts beside the record and on the page are those that were committed to.
fn texts(opener: &Opener<'_>, report: &mut Report) {
    let Opener { asked, found, wrong } = opener;
    let names = |fields: &mut dyn Iterator<Item = Field>| {
        let names: Vec<String> = fields.map(|field| format!("`{field}`")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let known = |field: &Field| found.iter().find(|(known, _)| known == field).and_then(|(_, text)| *text);
    let strange = asked.openings.iter().map(|opening| opening.field).filter(|field| known(field).is_none());
    if let Some(which) = names(&mut wrong.iter().copied().chain(strange)) {
        let which = format!("Another text stands beside the record for {which}.");
        return report.bad("texts", "The texts are not those that were written down", vec![which]);
    }
    let mut gone = found.iter().filter(|(_, text)| text.is_none()).map(|(field, _)| *field);
    if let Some(which) = names(&mut gone.clone().filter(|field| !asked.removed.contains(field))) {
        let which = format!("Nothing says who took out {which}, and why.");
        return report.bad("texts", "A text of it is gone", vec![which]);
    }
    let other = |(field, shown): &&(Field, String)| known(field).is_none_or(|kept| lines(kept) != lines(shown));
    if let Some(which) = names(&mut asked.texts.iter().filter(other).map(|(field, _)| *field)) {
        let which = format!("Another text stands on this page for {which}.");
        return report.bad("texts", "A text on this page is not the one that was written down", vec![which]);
    }
    let there = found.iter().filter(|(_, text)| text.is_some()).count();
    let title = match there {
        0 => "No text of it is left".to_owned(),
        1 => "The text of it is the one that was written down".to_owned(),
        many => format!("The {many} texts of it are those that were written down"),
    };
    let gone = names(&mut gone).map(|gone| format!("taken out later: {gone}"));
    report.good("texts", title, gone.into_iter().collect());
}

/// What a record has and an act has not: its version, and what it refers to.
const OF_RECORDS: [&str; 3] = ["v", "documents", "points_back"];

/// That who, what, when and outcome on the page are those of the record.
fn same(asked: &Asked, record: Value, report: &mut Report) {
    let (shown, written) = (plain(asked.shown.clone()), plain(record));
    let names = |one: &Value| -> Vec<String> {
        let fields = one.as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).filter(|name| !OF_RECORDS.contains(&name.as_str())).collect()
    };
    let mut all = names(&written);
    all.extend(names(&shown));
    all.retain(|name| shown.get(name) != written.get(name));
    all.sort();
    all.dedup();
    if all.is_empty() && shown.is_object() {
        report.good("shown", "This page says what the record says", vec!["who, what, when, outcome".to_owned()]);
    } else {
        let which = format!("It says something else for `{}`.", all.join("`, `"));
        report.bad("shown", "This page does not say what the record says", vec![which]);
    }
}

/// The few things that an act and its record write in two ways.
fn plain(mut value: Value) -> Value {
    if let Some(version) = value.get_mut("expected_version")
        && version.is_number()
    {
        *version = Value::String(version.to_string());
    }
    if let Some(Value::Object(target)) = value.get_mut("target")
        && target.get("names").and_then(Value::as_array).is_some_and(Vec::is_empty)
    {
        target.remove("names");
    }
    if let Some(Value::Object(origin)) = value.get_mut("origin") {
        // Older acts do not name the program; it stands among the texts.
        origin.remove("user_agent");
    }
    value
}

/// That what is drawn as evidence is what the record names.
fn seen(asked: &Asked, named: Option<&str>, report: &mut Report) {
    let Some(named) = named else { return };
    let Some(body) = &asked.evidence else {
        return report.note("evidence", "What was seen is no longer kept", vec![named.to_owned()]);
    };
    let found = Digest::of(body.as_bytes());
    if found.as_str() == named {
        report.good("evidence", "What was seen is what the record names", vec![named.to_owned()]);
    } else {
        let values = vec![format!("The record names {named}."), format!("What is kept is {found}.")];
        report.bad("evidence", "What was seen is not what the record names", values);
    }
}

/// A page has one way to break a line.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
