//! An act's texts as they are written down: one form for what reads the same, and never too many for an entry.

use super::{Entry, Outcome, Target};
use crate::actor::Actor;
use unicode_normalization::UnicodeNormalization as _;

/// A list of at most so many texts stays a list, however long they are: in the entry each is 49 bytes.
const FEW: usize = 64;

impl Entry {
    /// Every text in Unicode's normalisation form C, so that one `é` is like the other; NUL, which databases cannot keep,
    /// becomes U+FFFD.
    pub fn plain(mut self) -> Self {
        self.texts().into_iter().for_each(|text| {
            if !text.is_ascii() || text.contains('\0') {
                *text = text.replace('\0', "\u{fffd}").nfc().collect();
            }
        });
        self
    }

    /// Lists too long for an entry, each as one text with a line for each of them: in the entry stands its commitment,
    /// a digest, whatever the length. Nothing is left out.
    pub fn folded(mut self) -> Self {
        let names = match &mut self.target {
            Target::Configuration { names } => Some(names),
            _ => None,
        };
        for list in [&mut self.overridden, &mut self.effects].into_iter().chain(names) {
            if list.len() > FEW {
                *list = vec![list.join("\n")];
            }
        }
        self
    }

    fn texts(&mut self) -> Vec<&mut String> {
        let mut all = vec![&mut self.reason];
        match &mut self.actor {
            Actor::Person { name, .. } => all.push(name),
            Actor::Token { name, owner_name, .. } => all.extend([name, owner_name]),
            Actor::Automation { .. } | Actor::Anonymous => {}
        }
        match &mut self.target {
            Target::Configuration { names } => all.extend(names),
            Target::Account { name } => all.push(name),
            Target::Unknown { text } => all.push(text),
            Target::Release { .. } | Target::Service { .. } | Target::Flag { .. } => {}
        }
        if let Outcome::Refused { why } = &mut self.outcome {
            all.push(why);
        }
        all.extend(self.overridden.iter_mut().chain(&mut self.effects));
        all.extend(&mut self.origin.ip);
        all.extend(&mut self.origin.user_agent);
        all
    }
}

#[cfg(test)]
mod tests;
