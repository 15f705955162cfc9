//! The texts beside an entry, as they are found one after the other.

use super::super::commitment::{Commitment, Field, Opening, Salt};

/// Openings of one entry. The same memory serves entry after entry.
#[derive(Debug, Default)]
pub struct Texts {
    all: String,
    /// Where each ends in `all`; it begins where the one before it ends.
    each: Vec<(Field, Salt, usize)>,
}

impl Texts {
    /// None, for the next entry.
    pub fn clear(&mut self) {
        self.all.clear();
        self.each.clear();
    }

    pub fn push(&mut self, field: Field, salt: Salt, text: &str) {
        self.all.push_str(text);
        self.each.push((field, salt, self.all.len()));
    }

    /// In the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Salt, &str)> {
        let mut from = 0;
        self.each.iter().map(move |(field, salt, until)| {
            let text = &self.all[from..*until];
            from = *until;
            (*field, *salt, text)
        })
    }

    pub fn get(&self, field: Field) -> Option<&str> {
        self.iter().find_map(|(of, _, text)| (of == field).then_some(text))
    }

    /// Each as it can be kept.
    pub fn openings(&self) -> Vec<Opening> {
        self.iter().map(|(field, salt, text)| Opening { field, salt, text: text.to_owned() }).collect()
    }

    /// Whether each is the text that stands as its commitment, and none is there twice.
    pub(super) fn open(&self, committed: &[(Field, Commitment)]) -> bool {
        self.iter().enumerate().all(|(at, (field, salt, text))| {
            let twice = self.each[..at].iter().any(|(other, ..)| *other == field);
            let commitment = committed.iter().find(|(of, _)| *of == field);
            !twice && commitment.is_some_and(|(_, commitment)| *commitment == Commitment::new(field, salt, text))
        })
    }
}
