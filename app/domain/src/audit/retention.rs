//! How long the texts of the log are kept: by what they are, never by whose they are. Entries stay for ever; a legal
//! hold keeps their texts longer, see [`hold`](super::hold).

use super::commitment::Field;
use super::record::What;
use crate::time::{Span, Timestamp};

/// What a text is, as far as keeping it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Where it came from: network addresses and what the program called itself.
    Addresses,
    /// Whom it names: who acted, for whom, whose account it was. What a target that is no account is called is no name.
    Names,
    /// What was written: reasons, refusals, overridden rules, effects.
    Texts,
}

impl Class {
    pub const ALL: [Class; 3] = [Class::Addresses, Class::Names, Class::Texts];

    pub fn of(field: Field) -> Self {
        match field {
            Field::Ip | Field::UserAgent => Class::Addresses,
            Field::ActorName | Field::OwnerName | Field::Target(_) => Class::Names,
            Field::Reason | Field::Why | Field::Overridden(_) | Field::Effect(_) => Class::Texts,
        }
    }

    /// The stable name, as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Addresses => "addresses",
            Class::Names => "names",
            Class::Texts => "texts",
        }
    }
}

/// How long each class is kept; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    pub addresses: Option<Span>,
    pub names: Option<Span>,
    pub texts: Option<Span>,
}

impl Retention {
    pub fn kept(&self, class: Class) -> Option<Span> {
        match class {
            Class::Addresses => self.addresses,
            Class::Names => self.names,
            Class::Texts => self.texts,
        }
    }

    /// Whether everything is kept for ever.
    pub fn forever(&self) -> bool {
        Class::ALL.into_iter().all(|class| self.kept(class).is_none())
    }

    /// Texts of this class that were written down before this moment are due.
    pub fn before(&self, class: Class, now: Timestamp) -> Option<Timestamp> {
        self.kept(class).map(|span| now - span)
    }

    /// Which of these texts of an entry about this are kept no longer. Exactly as old as allowed is not too old; an entry
    /// from the future is not old at all. The rule takes no names of things: only accounts are people.
    pub fn due(
        &self,
        at: Timestamp,
        now: Timestamp,
        about: &What,
        there: impl IntoIterator<Item = Field>,
    ) -> Vec<Field> {
        let person = |field: &Field| !matches!(field, Field::Target(_)) || matches!(about, What::Account { .. });
        let over = |field: &Field| self.before(Class::of(*field), now).is_some_and(|before| at < before);
        there.into_iter().filter(|field| person(field) && over(field)).collect()
    }

    /// For the log: `addresses are kept for 90 days, texts for 730 days`. Empty if everything is kept for ever.
    pub fn words(&self) -> String {
        let part = |class: Class| Some(format!("{} for {}", class.as_str(), days(self.kept(class)?)));
        let parts: Vec<String> = Class::ALL.into_iter().filter_map(part).collect();
        match parts.split_first() {
            Some((first, rest)) => {
                let first = first.replacen(" for ", " are kept for ", 1);
                std::iter::once(first.as_str()).chain(rest.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
            }
            None => String::new(),
        }
    }
}

/// `90 days`, or as precise as it was set.
fn days(span: Span) -> String {
    const DAY: i64 = 86_400;
    match (span.secs() / DAY, span.secs() % DAY) {
        (1, 0) => "1\u{a0}day".to_owned(),
        (days, 0) if days > 0 => format!("{days}\u{a0}days"),
        _ => span.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const COMMITMENT: &str = "c1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn rule() -> Retention {
        let days = |days| Some(Span::from_secs(days * DAY));
        Retention { addresses: days(90), names: None, texts: days(730) }
    }

    #[test]
    fn given_texts_of_an_age_then_those_beyond_their_class_are_due_and_no_others() {
        let now = Timestamp::from_secs(1_000 * DAY);
        let all = [Field::Reason, Field::ActorName, Field::Target(0), Field::Ip, Field::UserAgent, Field::Effect(3)];
        let about = What::Unknown { text: COMMITMENT.parse().expect("a commitment") };
        let due = |age: i64| rule().due(now - Span::from_secs(age * DAY), now, &about, all);
        assert_eq!(due(0), []);
        assert_eq!(due(90), [], "exactly as old as allowed");
        assert_eq!(due(91), [Field::Ip, Field::UserAgent]);
        assert_eq!(due(731), [Field::Reason, Field::Ip, Field::UserAgent, Field::Effect(3)]);
        assert_eq!(rule().due(now + Span::from_secs(DAY), now, &about, all), [], "the clock was set back");
        assert_eq!(Retention::default().due(Timestamp::default(), now, &about, all), []);
    }

    #[test]
    fn given_targets_of_an_age_then_accounts_are_names_and_things_are_not() {
        let now = Timestamp::from_secs(1_000 * DAY);
        let rule = Retention { names: Some(Span::from_secs(DAY)), ..Retention::default() };
        let name = || COMMITMENT.parse().expect("a commitment");
        let due = |about: What| rule.due(Timestamp::default(), now, &about, [Field::Target(0), Field::OwnerName]);
        assert_eq!(due(What::Account { name: name() }), [Field::Target(0), Field::OwnerName]);
        assert_eq!(due(What::Configuration { names: vec![name()] }), [Field::OwnerName]);
        assert_eq!(due(What::Unknown { text: name() }), [Field::OwnerName]);
    }

    #[test]
    fn a_rule_is_told_in_words() {
        assert_eq!(rule().words(), "addresses are kept for 90\u{a0}days, texts for 730\u{a0}days");
        assert_eq!(
            Retention { names: Some(Span::from_secs(DAY)), ..Retention::default() }.words(),
            "names are kept for 1\u{a0}day"
        );
        assert!(Retention::default().words().is_empty() && Retention::default().forever() && !rule().forever());
    }
}
