//! All keys of a log in their order, and what follows for whoever knows one of them.

use super::super::checkpoint::{LogKey, Trust};
use super::super::note::{KeyError, VerifierKey};
use super::super::text;
use super::{Change, Statement, StatementError};
use std::fmt;
use std::str::FromStr;

/// A longer list is refused unread.
const MAX_LIST_BYTES: usize = 1_000_000;

/// One key and the smallest size it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerm {
    pub key: VerifierKey,
    pub from: u64,
    /// `None` for the first key.
    pub statement: Option<Statement>,
}

impl KeyTerm {
    /// A key that signs from the beginning.
    pub fn first(key: VerifierKey) -> Self {
        Self { key, from: 0, statement: None }
    }

    pub fn change(&self) -> Change {
        match &self.statement {
            None => Change::First,
            Some(statement) if statement.rotated => Change::Rotated,
            Some(_) => Change::Lost,
        }
    }
}

/// The keys of a log, oldest first. Never empty; every statement is signed, and leads from the key before to its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyList(Vec<KeyTerm>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    #[error("the list of keys has {0} bytes, at most {MAX_LIST_BYTES} are read")]
    Long(usize),
    #[error("the list of keys is empty")]
    Empty,
    #[error("line {line} of the list of keys: {error}")]
    Key { line: usize, error: KeyError },
    #[error("line {0} of the list of keys should be `KEY from SIZE until SIZE HOW STATEMENT`")]
    Line(usize),
    #[error("the statement of the key `{key}`: {error}")]
    Statement { key: VerifierKey, error: Box<StatementError> },
    #[error("the statement of the key `{0}` is about other keys")]
    Strange(VerifierKey),
    #[error("the key `{0}` is in the list twice: a key that was replaced does not come back")]
    Twice(VerifierKey),
    #[error("the key `{0}` begins at a size that does not follow on the one before")]
    Order(VerifierKey),
    #[error("the key `{0}` stands above the list, and another one is its last")]
    Newest(VerifierKey),
}

impl KeyList {
    pub fn new(terms: Vec<KeyTerm>) -> Result<Self, KeyListError> {
        if terms.is_empty() {
            return Err(KeyListError::Empty);
        }
        for (at, term) in terms.iter().enumerate() {
            let key = || term.key.clone();
            let before = at.checked_sub(1).and_then(|at| terms.get(at));
            if terms[..at].iter().any(|earlier| earlier.key == term.key) {
                return Err(KeyListError::Twice(key()));
            }
            match (&term.statement, before) {
                (None, None) if term.from == 0 => {}
                (None, _) => return Err(KeyListError::Order(key())),
                (Some(_), before) if term.from <= before.map_or(0, |before| before.from) => {
                    return Err(KeyListError::Order(key()));
                }
                (Some(statement), before) => {
                    let follows = match before {
                        Some(before) => statement.old.as_ref() == Some(&before.key),
                        // What came before is not known.
                        None => statement.old.is_none(),
                    };
                    if statement.new != term.key || !follows {
                        return Err(KeyListError::Strange(key()));
                    }
                }
            }
        }
        Ok(Self(terms))
    }

    /// A log that was signed with one key only.
    pub fn one(key: VerifierKey) -> Self {
        Self(vec![KeyTerm::first(key)])
    }

    pub fn terms(&self) -> &[KeyTerm] {
        &self.0
    }

    /// The one in use.
    pub fn newest(&self) -> &KeyTerm {
        self.0.last().expect("a list of keys is made with at least one")
    }

    /// The largest size that the key at this place signs; `None`: it is in use.
    pub fn until(&self, at: usize) -> Option<u64> {
        let next = self.0.get(at + 1)?;
        // A rotation is signed by both keys, a loss by one.
        Some(if next.change() == Change::Rotated { next.from } else { next.from - 1 })
    }

    /// Keys that sign this size, oldest first: two where one takes over from the other.
    pub fn at(&self, size: u64) -> Vec<&VerifierKey> {
        let covers =
            |(at, term): &(usize, &KeyTerm)| term.from <= size && self.until(*at).is_none_or(|until| size <= until);
        self.0.iter().enumerate().filter(covers).map(|(_, term)| &term.key).collect()
    }

    /// All of it is believed.
    pub fn trust(&self) -> Trust {
        let keys = (0..self.0.len()).map(|at| self.term(at)).collect();
        Trust { origin: self.newest().key.name().to_owned(), keys, witnesses: Vec::new(), quorum: 0 }
    }

    /// What is believed by whoever believes only these keys: them, and those that a rotation leads to, forward and back. A
    /// key that is in no list counts for every size.
    pub fn trust_from(&self, known: &[VerifierKey]) -> Trust {
        let rotated = |at: usize| self.0.get(at).is_some_and(|term| term.change() == Change::Rotated);
        let mut believed = vec![false; self.0.len()];
        for (at, _) in self.0.iter().enumerate().filter(|(_, term)| known.contains(&term.key)) {
            believed[at] = true;
            let later = (at + 1..self.0.len()).take_while(|later| rotated(*later));
            let earlier = (0..at).rev().take_while(|earlier| rotated(earlier + 1));
            later.chain(earlier).for_each(|other| believed[other] = true);
        }
        let strangers = known.iter().filter(|key| !self.0.iter().any(|term| term.key == **key));
        let listed = believed.iter().enumerate().filter(|(_, believed)| **believed).map(|(at, _)| self.term(at));
        let keys = listed.chain(strangers.cloned().map(LogKey::always)).collect();
        let origin = known.first().map_or_else(|| self.newest().key.name(), VerifierKey::name).to_owned();
        Trust { origin, keys, witnesses: Vec::new(), quorum: 0 }
    }

    /// Where nothing leads from one key to the next.
    pub fn breaks(&self) -> impl Iterator<Item = &KeyTerm> {
        self.0.iter().filter(|term| term.change() == Change::Lost)
    }

    fn term(&self, at: usize) -> LogKey {
        LogKey { key: self.0[at].key.clone(), from: self.0[at].from, until: self.until(at) }
    }
}

impl fmt::Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.newest().key)?;
        for (at, term) in self.0.iter().enumerate() {
            write!(f, "{} from {}", term.key, term.from)?;
            if let Some(until) = self.until(at) {
                write!(f, " until {until}")?;
            }
            match &term.statement {
                Some(statement) => {
                    let signed = text::to_base64(statement.to_string().as_bytes());
                    writeln!(f, " {} {signed}", term.change().as_str())?;
                }
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// The list, or one key alone.
impl FromStr for KeyList {
    type Err = KeyListError;

    fn from_str(given: &str) -> Result<Self, KeyListError> {
        if given.len() > MAX_LIST_BYTES {
            return Err(KeyListError::Long(given.len()));
        }
        let mut lines = (1..).zip(given.lines()).filter(|(_, line)| !line.trim().is_empty());
        let (line, newest) = lines.next().ok_or(KeyListError::Empty)?;
        let key = |line: usize, text: &str| -> Result<VerifierKey, KeyListError> {
            text.parse().map_err(|error| KeyListError::Key { line, error })
        };
        let newest = key(line, newest.trim())?;
        let mut terms = Vec::new();
        let mut untils = Vec::new();
        for (line, text) in lines {
            let wrong = || KeyListError::Line(line);
            let words: Vec<&str> = text.trim_end().split(' ').collect();
            let number = |text: &str| text::decimal(text).ok_or_else(wrong);
            let (given, from, until, rest) = match words[..] {
                [key, "from", from, "until", until, ref rest @ ..] => (key, from, Some(number(until)?), rest),
                [key, "from", from, ref rest @ ..] => (key, from, None, rest),
                _ => return Err(wrong()),
            };
            let (key, from) = (key(line, given)?, number(from)?);
            let statement = match *rest {
                [] => None,
                [how, encoded] => {
                    let bytes = text::base64(encoded).ok_or_else(wrong)?;
                    let statement = Statement::open(&bytes);
                    let statement = statement
                        .map_err(|error| KeyListError::Statement { key: key.clone(), error: Box::new(error) })?;
                    let says = if statement.rotated { Change::Rotated } else { Change::Lost };
                    if Change::parse(how) != Some(says) {
                        return Err(wrong());
                    }
                    Some(statement)
                }
                _ => return Err(wrong()),
            };
            terms.push(KeyTerm { key, from, statement });
            untils.push((line, until));
        }
        if terms.is_empty() {
            return Ok(Self::one(newest));
        }
        let list = Self::new(terms)?;
        if list.newest().key != newest {
            return Err(KeyListError::Newest(newest));
        }
        match untils.iter().enumerate().find(|(at, (_, until))| list.until(*at) != *until) {
            Some((_, (line, _))) => Err(KeyListError::Line(*line)),
            None => Ok(list),
        }
    }
}
