//! Reads the canonical bytes of a record. There is one spelling, so every key has its place, and reading needs one pass
//! without looking back: about as fast as hashing. No text of a record needs an escape.

use super::super::canonical::MAX_NUMBER;
use super::super::commitment::{Commitment, Field};
use super::{Door, Finding, PointsBack, RECORD_VERSION, Record, What, Who, Word};
use crate::id::{Digest, EnvironmentName, FlagKey, ServiceName};
use crate::time::Timestamp;
use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as Unknown, StrDeserializer};
use std::str::FromStr;
use uuid::Uuid;

/// What should have stood at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

type Read<T> = Result<T, Expected>;

pub(super) fn record(bytes: &[u8]) -> Read<Record> {
    let text = str::from_utf8(bytes).map_err(|error| Expected { at: error.valid_up_to(), what: "UTF-8" })?;
    let mut r = Reader { text, bytes, at: 0 };
    r.byte(b'{', "`{`")?;
    let record = Record {
        action: r.key("action", Reader::word)?,
        actor: r.key("actor", Reader::who)?,
        at: r.key("at", Reader::time)?,
        documents: r.list("documents", Reader::digest)?,
        effects: r.list("effects", Reader::commitment)?,
        evidence: r.optional("evidence", Reader::digest)?,
        expected_version: r.optional("expected_version", Reader::version)?,
        id: crate::id::DecisionId(r.key("id", Reader::uuid)?),
        occurred: r.optional("occurred", Reader::time)?,
        origin: r.key("origin", Reader::door)?,
        outcome: r.key("outcome", Reader::finding)?,
        overridden: r.list("overridden", Reader::commitment)?,
        plan: r.optional("plan", Reader::digest)?,
        points_back: r.list("points_back", Reader::points_back)?,
        reason: r.key("reason", Reader::commitment)?,
        runbooks: r.list("runbooks", Reader::digest)?,
        target: r.key("target", Reader::what)?,
        v: r.key("v", |r| match r.natural() {
            Ok(number) if number == u64::from(RECORD_VERSION) => Ok(RECORD_VERSION),
            _ => Err(r.expected("the version of a record")),
        })?,
    };
    r.byte(b'}', "the end of the entry: no key of a record follows here")?;
    if r.at < bytes.len() { Err(r.expected("nothing after the entry")) } else { Ok(record) }
}

struct Reader<'a> {
    text: &'a str,
    /// The same.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn expected(&self, what: &'static str) -> Expected {
        Expected { at: self.at, what }
    }

    fn byte(&mut self, byte: u8, what: &'static str) -> Read<()> {
        if self.bytes.get(self.at) != Some(&byte) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether this key follows, with the comma before it unless it is the first; then the value is next.
    #[inline(always)]
    fn follows(&mut self, name: &str) -> bool {
        let first = self.at > 0 && self.bytes[self.at - 1] == b'{';
        let key = self.bytes[self.at..].strip_prefix(if first { &b"\""[..] } else { b",\"" });
        let rest = key.and_then(|key| key.strip_prefix(name.as_bytes())).and_then(|key| key.strip_prefix(b"\":"));
        let Some(rest) = rest else { return false };
        self.at = self.bytes.len() - rest.len();
        true
    }

    #[inline(always)]
    fn key<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.follows(name) { read(self) } else { Err(self.expected(name)) }
    }

    #[inline(always)]
    fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.follows(name) { read(self).map(Some) } else { Ok(None) }
    }

    /// A list is left out when it is empty.
    #[inline(always)]
    fn list<T>(&mut self, name: &'static str, read: fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        if !self.follows(name) {
            return Ok(Vec::new());
        }
        self.items(read)
    }

    fn items<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.byte(b'[', "`[`")?;
        let mut items = vec![read(self)?];
        while self.byte(b',', "`,`").is_ok() {
            items.push(read(self)?);
        }
        self.byte(b']', "`,` or `]`")?;
        Ok(items)
    }

    /// What stands between two quotes. Escapes are left as they are, and nothing that reads a text takes one.
    fn text(&mut self, what: &'static str) -> Read<&'a str> {
        self.byte(b'"', what)?;
        // After a quote always begins a character.
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(|b| b == b'"').ok_or(self.expected("the end of the text"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    /// A text with a meaning; one that has none is reported where it begins.
    fn parsed<T>(&mut self, what: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        let at = self.at;
        read(self.text(what)?).ok_or(Expected { at, what })
    }

    /// The same of a text that has this length if it has a meaning; then its end need not be looked for. A quote within it
    /// has no meaning to anything that is read like this.
    fn sized<T>(&mut self, length: usize, what: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Read<T> {
        let at = self.at;
        let end = at + 1 + length;
        if self.bytes.get(at) != Some(&b'"') || self.bytes.get(end) != Some(&b'"') {
            return self.parsed(what, read);
        }
        self.at = end + 1;
        read(&self.text[at + 1..end]).ok_or(Expected { at, what })
    }

    /// A name of a fixed set, as `serde` has it.
    fn named<T: Deserialize<'a>>(&mut self, what: &'static str) -> Read<T> {
        let at = self.at;
        let text: StrDeserializer<'a, Unknown> = self.text(what)?.into_deserializer();
        T::deserialize(text).map_err(|_| Expected { at, what })
    }

    fn natural(&mut self) -> Read<u64> {
        let wrong = self.expected("a whole number from 0 to 9007199254740991");
        let rest = &self.bytes[self.at..];
        let digits = rest.iter().take(17).take_while(|b| b.is_ascii_digit()).count();
        let number = rest[..digits].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let plain = (1..=16).contains(&digits) && (rest[0] != b'0' || digits == 1) && number <= MAX_NUMBER;
        self.at += digits;
        if plain { Ok(number) } else { Err(wrong) }
    }

    fn time(&mut self) -> Read<Timestamp> {
        let wrong = self.expected("microseconds since 1970");
        let negative = self.byte(b'-', "").is_ok();
        let amount = self.natural().map_err(|_| wrong)? as i64;
        if negative && amount == 0 { Err(wrong) } else { Ok(Timestamp(if negative { -amount } else { amount })) }
    }

    fn version(&mut self) -> Read<i64> {
        self.parsed("a whole number as text", |text| {
            text.parse().ok().filter(|number: &i64| number.to_string() == text)
        })
    }

    fn word(&mut self) -> Read<Word> {
        self.parsed("a word of `A-Z a-z 0-9 . _ : / -`", |text| Word::new(text).ok())
    }

    fn commitment(&mut self) -> Read<Commitment> {
        self.sized(47, "a commitment, `c1:` and 32 bytes in base64", |text| Commitment::from_str(text).ok())
    }

    fn digest(&mut self) -> Read<Digest> {
        self.sized(71, "a digest, `sha256:` and 64 digits", |text| Digest::from_str(text).ok())
    }

    fn field(&mut self) -> Read<Field> {
        self.parsed("the path of a text", |text| Field::from_str(text).ok())
    }

    fn uuid(&mut self) -> Read<Uuid> {
        let plain = |text: &&str| text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
        self.sized(36, "an id of 36 characters", |text| {
            Some(text).filter(plain).and_then(|text| Uuid::try_parse(text).ok())
        })
    }

    fn service(&mut self) -> Read<ServiceName> {
        self.parsed("the name of a service", |text| ServiceName::new(text).ok())
    }

    fn close<T>(&mut self, value: T) -> Read<T> {
        self.byte(b'}', "`}`").map(|()| value)
    }

    fn who(&mut self) -> Read<Who> {
        self.byte(b'{', "`{`")?;
        if !self.follows("id") {
            let at = self.at;
            let who = match self.key("kind", |r| r.text("a kind of actor"))? {
                "automation" => Who::Automation { rule: self.key("rule", |r| r.named("a rule"))? },
                "anonymous" => Who::Anonymous {},
                _ => return Err(Expected { at, what: "`automation`, `anonymous`, or an id before the kind" }),
            };
            return self.close(who);
        }
        let id = self.uuid()?;
        let at = self.at;
        let kind = self.key("kind", |r| r.text("a kind of actor"))?;
        let name = self.key("name", Self::commitment)?;
        let who = match kind {
            "person" => Who::Person { id: crate::id::PersonId(id), name, role: self.role()? },
            "token" => Who::Token {
                id: crate::id::TokenId(id),
                name,
                owner: crate::id::PersonId(self.key("owner", Self::uuid)?),
                owner_name: self.key("owner_name", Self::commitment)?,
                role: self.role()?,
            },
            _ => return Err(Expected { at, what: "`person` or `token`" }),
        };
        self.close(who)
    }

    fn role(&mut self) -> Read<crate::actor::Role> {
        self.key("role", |r| r.named("a role"))
    }

    fn what(&mut self) -> Read<What> {
        self.byte(b'{', "`{`")?;
        let kind = |r: &mut Self| r.key("kind", |r| r.text("a kind of target"));
        let at = self.at;
        let unknown = Expected { at, what: "a kind of target with the keys it has" };
        let what = if self.follows("id") {
            let id = crate::id::ReleaseId(self.uuid()?);
            match kind(self)? {
                "release" => What::Release { id, service: self.key("service", Self::service)? },
                _ => return Err(unknown),
            }
        } else if self.follows("environment") {
            let environment = self.parsed("an environment", |text| EnvironmentName::new(text).ok())?;
            let key = self.key("key", |r| r.parsed("the key of a flag", |text| FlagKey::from_str(text).ok()))?;
            match kind(self)? {
                "flag" => What::Flag { key, environment },
                _ => return Err(unknown),
            }
        } else {
            match kind(self)? {
                "service" => What::Service { name: self.key("name", Self::service)? },
                "configuration" => What::Configuration { names: self.list("names", Self::commitment)? },
                "account" => What::Account { name: self.key("name", Self::commitment)? },
                "unknown" => What::Unknown { text: self.key("text", Self::commitment)? },
                _ => return Err(unknown),
            }
        };
        self.close(what)
    }

    fn finding(&mut self) -> Read<Finding> {
        self.byte(b'{', "`{`")?;
        let at = self.at;
        let finding = match self.key("kind", |r| r.text("`accepted` or `refused`"))? {
            "accepted" => Finding::Accepted {},
            "refused" => Finding::Refused { why: self.key("why", Self::commitment)? },
            _ => return Err(Expected { at, what: "`accepted` or `refused`" }),
        };
        self.close(finding)
    }

    fn door(&mut self) -> Read<Door> {
        self.byte(b'{', "`{`")?;
        let door = Door {
            ip: self.optional("ip", Self::commitment)?,
            request_id: self.optional("request_id", Self::word)?,
            trace_id: self.optional("trace_id", Self::word)?,
            transport: self.key("transport", Self::word)?,
            user_agent: self.optional("user_agent", Self::commitment)?,
        };
        self.close(door)
    }

    fn points_back(&mut self) -> Read<PointsBack> {
        self.byte(b'{', "`{`")?;
        let back = PointsBack {
            relation: self.key("as", |r| r.named("how it belongs to the earlier entry"))?,
            fields: self.list("fields", Self::field)?,
            index: self.key("index", Self::natural)?,
        };
        self.close(back)
    }
}
