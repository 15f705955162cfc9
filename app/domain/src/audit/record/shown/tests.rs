use super::super::{Links, Sealed};
use super::*;
use crate::actor::{Role, Rule};
use crate::audit::commitment::Salt;
use crate::audit::{Entry, Origin, Outcome, Target};
use crate::id::{DecisionId, Digest, PersonId, ReleaseId, ServiceName, TokenId};
use proptest::prelude::*;

const REDACTED: &str = "[redacted]";

/// What becomes of an opening.
type Change = dyn Fn(Field, Salt, &str) -> (Field, Salt, String);

/// What a store keeps of an act.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    at: Timestamp,
    /// Of columns, in the order of [`Shown`].
    columns: [Option<String>; 9],
}

impl Kept {
    fn of(entry: &Entry) -> Self {
        let plain = |text: &str| text.replace('\0', "\u{fffd}");
        let (release, service) = match &entry.target {
            Target::Release { id, service } => (Some(id.to_string()), Some(service.to_string())),
            Target::Service { name } => (None, Some(name.to_string())),
            _ => (None, None),
        };
        let outcome = if entry.outcome == Outcome::Accepted { "accepted" } else { "refused" };
        let columns = [
            Some(entry.id.to_string()),
            Some(entry.actor.key()),
            Some(plain(&entry.actor.label())),
            Some(entry.action.clone()),
            release,
            service,
            Some(outcome.to_owned()),
            Some(plain(&entry.reason)),
            entry.evidence.as_ref().map(ToString::to_string),
        ];
        Self { at: entry.at, columns }
    }

    fn shown(&self) -> Shown<'_> {
        let [id, key, label, action, release, service, outcome, reason, evidence] = &self.columns;
        fn some(column: &Option<String>) -> Option<&[u8]> {
            column.as_ref().map(String::as_bytes)
        }
        fn text(column: &Option<String>) -> &[u8] {
            some(column).unwrap_or_default()
        }
        Shown {
            id: text(id),
            at: self.at,
            actor_key: text(key),
            actor_label: text(label),
            action: text(action),
            release: some(release),
            service: some(service),
            outcome: text(outcome),
            reason: text(reason),
            evidence: some(evidence),
        }
    }
}

fn sealed(entry: &Entry) -> (Sealed, Texts) {
    let mut next = 0;
    let sealed = Record::seal(entry, &Links::default(), || {
        next += 1;
        Salt([next; 32])
    });
    let sealed = sealed.expect("it fits");
    let mut texts = Texts::default();
    sealed.openings.iter().for_each(|opening| texts.push(opening.field, opening.salt, &opening.text));
    assert_eq!(texts.openings(), sealed.openings);
    (sealed, texts)
}

fn actors() -> impl Strategy<Value = Actor> {
    let roles = prop::sample::select(&Role::ALL[..]);
    let rules = prop::sample::select(vec![Rule::PromoteOnPass, Rule::OnDeadline, Rule::FreezePastNoReturn]);
    prop_oneof![
        Just(Actor::Anonymous),
        rules.prop_map(|rule| Actor::Automation { rule }),
        (any::<u128>(), any::<String>(), roles.clone())
            .prop_map(|(id, name, role)| { Actor::Person { id: PersonId(Uuid::from_u128(id)), name, role } }),
        (any::<[u128; 2]>(), any::<[String; 2]>(), roles).prop_map(|([id, owner], [name, owner_name], role)| {
            let (id, owner) = (TokenId(Uuid::from_u128(id)), PersonId(Uuid::from_u128(owner)));
            Actor::Token { id, name, owner, owner_name, role }
        }),
    ]
}

fn targets() -> impl Strategy<Value = Target> {
    let service = ServiceName::new("checkout").expect("a name");
    let name = service.clone();
    let key = "checkout.new-price".parse().expect("a key");
    prop_oneof![
        any::<u128>()
            .prop_map(move |id| Target::Release { id: ReleaseId(Uuid::from_u128(id)), service: service.clone() }),
        Just(Target::Service { name }),
        Just(Target::Flag { key, environment: "production".parse().expect("a name") }),
        texts().prop_map(|names| Target::Configuration { names }),
        any::<String>().prop_map(|name| Target::Account { name }),
        any::<String>().prop_map(|text| Target::Unknown { text }),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(any::<String>(), 0..4)
}

fn origins() -> impl Strategy<Value = Origin> {
    let some = || proptest::option::of(Just("00f067aa0ba902b7".to_owned()));
    let texts = || proptest::option::of(any::<String>());
    (some(), some(), texts(), texts()).prop_map(|(request_id, trace_id, ip, user_agent)| Origin {
        transport: "browser".into(),
        request_id,
        trace_id,
        ip,
        user_agent,
    })
}

/// As the service writes them down.
fn entries() -> impl Strategy<Value = Entry> {
    let digests = (any::<bool>(), any::<bool>(), 0usize..3);
    let who = (actors(), targets(), origins(), proptest::option::of(any::<String>()));
    let what = (any::<String>(), texts(), texts(), -1i64 << 52..1 << 52, proptest::option::of(any::<i64>()));
    (who, what, digests).prop_map(|((actor, target, origin, why), what, (evidence, plan, books))| {
        let (reason, overridden, effects, at, expected_version) = what;
        let entry = Entry {
            v: 2,
            id: DecisionId(Uuid::from_u128(at.unsigned_abs().into())),
            at: Timestamp(at),
            occurred: (at % 2 == 0).then_some(Timestamp(at - 1)),
            actor,
            action: "rollback".into(),
            target,
            expected_version,
            reason,
            outcome: why.map_or(Outcome::Accepted, |why| Outcome::Refused { why }),
            evidence: evidence.then(|| Digest::of(b"evidence")),
            plan: plan.then(|| Digest::of(b"plan")),
            runbooks: vec![Digest::of(b"book"); books],
            overridden,
            effects,
            origin,
        };
        entry.plain()
    })
}

proptest! {
    #[test]
    fn every_act_is_shown_by_what_is_kept_of_it(entry in entries(), gone in any::<prop::sample::Index>()) {
        let (Sealed { record, openings, .. }, texts) = sealed(&entry);
        prop_assert_eq!(record.shown_by(&Kept::of(&entry).shown(), &texts, REDACTED), Some(vec![]));

        // One text is taken out, and what is shown follows.
        let gone = gone.index(openings.len());
        let (mut left, mut fewer) = (openings.clone(), Texts::default());
        let field = left.remove(gone).field;
        left.iter().for_each(|opening| fewer.push(opening.field, opening.salt, &opening.text));
        let after = record.open(&left, REDACTED).expect("the others open");
        prop_assert_eq!(record.shown_by(&Kept::of(&after).shown(), &fewer, REDACTED), Some(vec![field]));
        if Kept::of(&after) != Kept::of(&entry) {
            prop_assert_eq!(record.shown_by(&Kept::of(&after).shown(), &texts, REDACTED), None);
            prop_assert_eq!(record.shown_by(&Kept::of(&entry).shown(), &fewer, REDACTED), None);
        }
    }

    #[test]
    fn what_is_shown_differently_is_not_taken(entry in entries(), column in 0usize..9, at in any::<prop::sample::Index>(), by in " [ -~]{0,1}") {
        let (Sealed { record, .. }, texts) = sealed(&entry);
        let good = Kept::of(&entry);
        let mut wrong = good.clone();
        wrong.columns[column] = match &good.columns[column] {
            None => Some(by.clone()),
            Some(text) if text.is_empty() => Some(by.clone()),
            Some(text) => {
                let mut all: Vec<char> = text.chars().collect();
                let place = at.index(all.len());
                all.splice(place..=place, by.chars());
                Some(all.into_iter().collect())
            }
        };
        prop_assume!(wrong.columns != good.columns);
        prop_assert_eq!(record.shown_by(&wrong.shown(), &texts, REDACTED), None);
        if good.columns[column].is_some() && [4, 5, 8].contains(&column) {
            wrong.columns[column] = None;
            prop_assert_eq!(record.shown_by(&wrong.shown(), &texts, REDACTED), None);
        }
        wrong = Kept { at: Timestamp(good.at.0 + 1), ..good };
        prop_assert_eq!(record.shown_by(&wrong.shown(), &texts, REDACTED), None);
    }

    #[test]
    fn a_text_that_is_another_too_many_or_there_twice_is_not_taken(entry in entries(), place in any::<prop::sample::Index>()) {
        let (Sealed { record, openings, .. }, good) = sealed(&entry);
        let kept = Kept::of(&entry);
        let place = place.index(openings.len());
        let with = |change: &Change| {
            let mut texts = Texts::default();
            for (at, (field, salt, text)) in good.iter().enumerate() {
                let (field, salt, text) = if at == place { change(field, salt, text) } else { (field, salt, text.into()) };
                texts.push(field, salt, &text);
            }
            record.shown_by(&kept.shown(), &texts, REDACTED)
        };
        prop_assert_eq!(with(&|field, salt, text| (field, salt, text.into())), Some(vec![]));
        prop_assert_eq!(with(&|field, salt, text| (field, salt, format!("{text} "))), None);
        prop_assert_eq!(with(&|field, _, text| (field, Salt([0; 32]), text.into())), None);
        prop_assert_eq!(with(&|_, salt, text| (Field::Effect(99), salt, text.into())), None);

        let mut twice = Texts::default();
        openings.iter().chain([&openings[place]]).for_each(|opening| twice.push(opening.field, opening.salt, &opening.text));
        prop_assert_eq!(record.shown_by(&kept.shown(), &twice, REDACTED), None);
        let mut more = Texts::default();
        openings.iter().for_each(|opening| more.push(opening.field, opening.salt, &opening.text));
        more.push(Field::Effect(99), Salt([0; 32]), "put in");
        prop_assert_eq!(record.shown_by(&kept.shown(), &more, REDACTED), None);
    }
}

/// A column never has a NUL, and the check by reading says so, too.
#[test]
fn given_a_nul_in_a_column_then_it_is_not_taken() {
    let entry = Entry {
        v: 2,
        id: DecisionId(Uuid::from_u128(1)),
        at: Timestamp(1),
        occurred: None,
        actor: Actor::Person { id: PersonId(Uuid::from_u128(2)), name: "Maya".into(), role: Role::Admin },
        action: "rollback".into(),
        target: Target::Unknown { text: String::new() },
        expected_version: None,
        reason: "errors\0".into(),
        outcome: Outcome::Accepted,
        evidence: None,
        plan: None,
        runbooks: vec![],
        overridden: vec![],
        effects: vec![],
        origin: Origin { transport: "browser".into(), ..Origin::default() },
    };
    let (Sealed { mut record, .. }, _) = sealed(&entry);
    let salt = Salt([1; 32]);
    record.reason = crate::audit::commitment::Commitment::new(Field::Reason, salt, &entry.reason);
    let mut texts = Texts::default();
    let (others, _) = sealed(&Entry { reason: String::new(), ..entry.clone() });
    for opening in &others.openings {
        let reason = opening.field == Field::Reason;
        texts.push(
            opening.field,
            if reason { salt } else { opening.salt },
            if reason { &entry.reason } else { &opening.text },
        );
    }
    let mut kept = Kept::of(&entry);
    kept.columns[7] = Some(entry.reason.clone());
    assert_eq!(record.shown_by(&kept.shown(), &texts, REDACTED), None);
}
