use super::*;
use crate::actor::{Actor, Role, Rule};
use crate::id::PersonId;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn maya() -> Actor {
    Actor::Person { id: PersonId(Uuid::nil()), name: "Maya Ortiz".into(), role: Role::OnCall }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn production() -> EnvironmentName {
    EnvironmentName::new("production").expect("plain")
}

fn plan(more: Value) -> FlagPlan {
    let mut plan =
        json!({"key": "feature.discount", "purpose": "Shows the discount.", "owner": "team-pay", "permanent": true});
    plan.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    serde_json::from_value(plan).expect("well-formed")
}

fn flag(more: Value) -> Flag {
    let events = Flag::create(plan(more), &maya(), "first version".into(), at(0)).expect("can be used");
    Flag::fold(&events).expect("begins with its definition")
}

fn split(percent: f64) -> Flag {
    flag(json!({"default": {"enabled": true, "serve": "off", "split": [{"variant": "on", "percent": percent}]}}))
}

fn asker(key: &str) -> Context {
    Context { targeting_key: Some(key.to_owned()) }
}

#[test]
fn given_a_flag_switched_off_then_everybody_gets_off_and_a_value() {
    let off = flag(json!({})).evaluate(&production(), &Context::default()).expect("has a value");
    assert_eq!((off.variant.as_str(), off.value, off.reason), ("off", json!(false), Reason::Disabled));
    let on = flag(json!({"default": {"enabled": true}})).evaluate(&production(), &Context::default());
    assert!(on.is_ok_and(|on| on.value == json!(true) && on.reason == Reason::Static));
}

#[test]
fn given_a_split_without_a_targeting_key_then_the_client_is_told_so() {
    let error = split(50.0).evaluate(&production(), &Context::default()).expect_err("nobody to choose for");
    assert_eq!(error.code(), ErrorCode::TargetingKeyMissing);
}

#[test]
fn given_the_documented_hash_then_these_buckets_never_change() {
    let key: FlagKey = "feature.discount".parse().expect("a key");
    // python3: int.from_bytes(sha256(b"feature.discount\x00user-1").digest()[:8], "big") * 10000 >> 64
    assert_eq!(["user-1", "user-2", "é"].map(|user| bucket(&key, user)), [3620, 1102, 8819]);
}

#[test]
fn given_ten_thousand_people_then_the_share_is_what_was_asked() {
    let flag = split(12.5);
    let on = (0..10_000).filter(|i| {
        let found = flag.evaluate(&production(), &asker(&format!("user-{i}"))).expect("has a value");
        assert_eq!(found.reason, Reason::Split);
        found.value == json!(true)
    });
    let share = on.count();
    assert!((1_150..=1_350).contains(&share), "{share} of 10,000 are not 12.5 %");
}

proptest! {
    #[test]
    fn whoever_is_in_a_share_stays_in_it_as_it_grows(user in ".{1,40}", one in 0.0f64..100.0, two in 0.0f64..100.0) {
        let (small, large) = (one.min(two), one.max(two));
        let on = |percent| split(percent).evaluate(&production(), &asker(&user)).expect("has a value").value == json!(true);
        prop_assert!(!on(small) || on(large));
        prop_assert!(!on(0.0) && on(100.0));
    }
}

#[test]
fn given_a_flip_then_only_that_environment_changes_and_twice_is_once() {
    let flag = flag(json!({"default": {"enabled": true}}));
    let rule = Actor::Automation { rule: Rule::RollBackOnFail };
    let off = Command::Flip { environment: production(), enabled: false, reason: "rollback".into() };
    let events = flag.decide(off.clone(), &rule, at(9)).expect("rules may flip");
    let flag = events.iter().fold(flag, Flag::evolve);
    assert!(!flag.setting(&production()).enabled);
    assert!(flag.setting(&EnvironmentName::new("staging").expect("plain")).enabled);
    assert_eq!(flag.decide(off, &rule, at(10)), Ok(vec![]));
    assert_eq!((flag.version, flag.changed_at), (2, at(9)));
    let split = Command::Split { environment: production(), split: vec![], reason: "more people".into() };
    assert_eq!(flag.decide(split, &rule, at(10)), Err(Refusal::OnlyPeople));
}

#[test]
fn given_a_body_then_the_context_is_read_as_real_clients_send_it() {
    let read = |body| Context::read(&body);
    for empty in [json!({}), json!({"context": null}), json!({"context": {}}), json!({"context": {"targetingKey": ""}})]
    {
        assert_eq!(read(empty), Ok(Context::default()));
    }
    assert_eq!(read(json!({"context": {"targetingKey": "u1", "plan": {"a": 1}}})), Ok(asker("u1")));
    for wrong in [json!([]), json!({"context": 1}), json!({"context": {"targetingKey": 7}})] {
        assert_eq!(read(wrong).expect_err("cannot be used").code(), ErrorCode::InvalidContext);
    }
}

#[test]
fn given_an_evaluation_then_it_has_the_shape_that_clients_need() {
    let success =
        serde_json::to_value(ofrep::single(&flag(json!({})), &production(), &Context::default())).expect("JSON");
    let expected = json!({"key": "feature.discount", "value": false, "reason": "DISABLED", "variant": "off",
        "metadata": {"owner": "team-pay"}});
    assert_eq!(success, expected);
    let failure = ofrep::Failure::new("ghost", &EvaluationError::NotFound("ghost".into()));
    assert_eq!(failure.status(), 404);
    let expected = json!({"key": "ghost", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "there is no flag `ghost`"});
    assert_eq!(serde_json::to_value(failure).expect("JSON"), expected);
}

#[test]
fn given_a_float_flag_then_whole_numbers_keep_their_point() {
    let more = json!({"variants": {"off": 1, "on": 0.5}, "off": "off"});
    let found = flag(more).evaluate(&production(), &Context::default()).expect("has a value");
    assert_eq!(serde_json::to_string(&found.value).expect("JSON"), "1.0");
}

#[test]
fn given_all_flags_then_the_tag_changes_with_what_the_asker_gets_and_only_then() {
    let (one, other) = (flag(json!({})), flag(json!({"key": "b", "default": {"enabled": true}})));
    let bulk = |flags: &[&Flag]| ofrep::bulk(flags.iter().copied(), &production(), &Context::default());
    let before = bulk(&[&one, &other]);
    assert_eq!(before.etag, bulk(&[&other, &one]).etag, "their order does not matter");
    let off = Command::Flip { environment: production(), enabled: false, reason: "rollback".into() };
    let flipped = other.decide(off, &maya(), at(5)).expect("is taken").iter().fold(other.clone(), Flag::evolve);
    let after = bulk(&[&one, &flipped]);
    assert_ne!(before.etag, after.etag);
    assert_eq!(after.last_modified, Some(at(5)));
    assert!(ofrep::unchanged(&format!("\"x\", W/{}", before.etag), &before.etag));
    assert!(!ofrep::unchanged(&before.etag, &after.etag));
}

#[test]
fn given_a_flag_that_cannot_be_used_then_the_field_is_named() {
    let fields = |more| problems(&plan(more)).into_iter().map(|p| p.field).collect::<Vec<_>>();
    assert_eq!(fields(json!({})), Vec::<String>::new());
    assert_eq!(fields(json!({"permanent": false, "owner": " ", "purpose": ""})), ["purpose", "owner", "expires"]);
    assert_eq!(fields(json!({"variants": {"off": 1, "on": true}})), ["variants"]);
    assert_eq!(fields(json!({"off": "ghost"})), ["off"]);
    let split = json!([{"variant": "on", "percent": 60.0}, {"variant": "ghost", "percent": 60.0}]);
    assert_eq!(
        fields(json!({"environments": {"production": {"enabled": true, "split": split}}})),
        ["environments.production.split[1].variant", "environments.production.split"]
    );
}

#[test]
fn given_an_expired_flag_then_the_linter_finds_it() {
    let codes = |end: i64| {
        let flag = flag(json!({"permanent": false, "expires": at(end).to_string()}));
        lint([&flag], at(0)).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(0), ["expired", "never_flipped"]);
    assert_eq!(codes(86_400), ["expires_soon", "never_flipped"]);
    assert_eq!(codes(86_400 * 30), ["never_flipped"]);
}

#[test]
fn given_a_flip_then_writing_the_flag_anew_does_not_undo_it() {
    let on = json!({"default": {"enabled": true}, "environments": {"staging": {"enabled": true}}});
    let flag = flag(on.clone());
    let off = Command::Flip { environment: production(), enabled: false, reason: "too many errors".into() };
    let flag = flag.decide(off, &maya(), at(1)).expect("is taken").iter().fold(flag, Flag::evolve);
    let define = |more| Command::Define { plan: Box::new(plan(more)), reason: "the same file again".into() };
    assert_eq!(flag.decide(define(on), &maya(), at(2)), Ok(vec![]), "a file that says nothing new changes nothing");
    let other =
        json!({"owner": "team-new", "default": {"enabled": true}, "environments": {"staging": {"enabled": false}}});
    let flag = flag.decide(define(other), &maya(), at(3)).expect("is taken").iter().fold(flag, Flag::evolve);
    let staging = EnvironmentName::new("staging").expect("plain");
    assert_eq!(flag.plan.owner, "team-new");
    assert!(!flag.setting(&production()).enabled, "the kill switch stays");
    assert!(!flag.setting(&staging).enabled, "nobody flipped staging, so the file decides");
    assert_eq!(flag.last_flip().map(|flip| flip.reason.as_str()), Some("too many errors"));
}

#[test]
fn given_an_end_written_as_a_date_then_it_is_that_day_at_midnight() {
    let flag = flag(json!({"permanent": false, "expires": "2023-11-20"}));
    assert_eq!(flag.plan.expires.map(|end| end.to_string()).as_deref(), Some("2023-11-20T00:00:00Z"));
    assert!(!flag.expired(at(0)) && flag.expired(at(14 * 86_400)));
}
