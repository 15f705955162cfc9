//! Documents, accounts, sessions, tokens, settings.

use super::support::*;
use rstest::rstest;
use sternway_domain::id::{Digest, PersonId};
use sternway_server::store::StoreError;
use sternway_server::store::rows::*;
use uuid::Uuid;

async fn apply(rig: &Rig, documents: Vec<DocumentWrite>) {
    rig.store.commit(Unit { documents, ..Unit::default() }).await.unwrap();
}

async fn accounts(rig: &Rig, people: Vec<PersonRow>, tokens: Vec<TokenRow>) {
    rig.store.commit(Unit { people, tokens, ..Unit::default() }).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_document_gets_a_version_only_when_it_says_something_new(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    apply(&rig, vec![document("b-2", "one"), document("b", "one"), document("ba", "one")]).await;
    apply(&rig, vec![document("b", "one")]).await;
    apply(&rig, vec![document("b", "two")]).await;
    // Back to what it said before is news as well.
    apply(&rig, vec![DocumentWrite { at: at(9), ..document("b", "one") }]).await;

    let newest = rig.store.documents("plan").await.unwrap();
    let brief: Vec<_> = newest.iter().map(|d| (d.name.as_str(), d.version, d.body.as_str())).collect();
    assert_eq!(brief, [("b", 3, "one"), ("b-2", 1, "one"), ("ba", 1, "one")]);
    assert!(rig.store.documents("runbook").await.unwrap().is_empty());

    let expected = DocumentRow {
        kind: "plan".into(),
        name: "b".into(),
        version: 2,
        digest: Digest::of(b"two"),
        body: "two".into(),
        source: "# two".into(),
        at: at(1),
    };
    assert_eq!(rig.store.document("plan", "b", Some(2)).await.unwrap(), Some(expected.clone()));
    assert_eq!(rig.store.document("plan", "b", None).await.unwrap().unwrap().version, 3);
    assert_eq!(rig.store.document("plan", "b", Some(4)).await.unwrap(), None);
    assert_eq!(rig.store.document_by_digest(&Digest::of(b"two")).await.unwrap(), Some(expected));
    let newest = rig.store.document_by_digest(&Digest::of(b"one")).await.unwrap().unwrap();
    assert_eq!((newest.name.as_str(), newest.version), ("b", 3));
}

#[rstest]
#[tokio::test]
async fn a_person_is_changed_by_id_and_found_by_login(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    accounts(&rig, vec![person(1, "bob"), person(2, "ada")], vec![]).await;
    assert_eq!(rig.store.people().await.unwrap(), [person(2, "ada"), person(1, "bob")]);

    let changed = PersonRow {
        role: "admin".into(),
        disabled_at: Some(at(7)),
        password_hash: "new".into(),
        ..person(1, "robert")
    };
    accounts(&rig, vec![changed.clone()], vec![]).await;
    assert_eq!(rig.store.person(changed.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(rig.store.person_by_login("robert").await.unwrap(), Some(changed));
    assert_eq!(rig.store.person_by_login("bob").await.unwrap(), None);

    let unit = Unit { people: vec![person(1, "ada")], ..Unit::default() };
    let error = rig.store.commit(unit).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error:?}");
}

fn session(n: u8, person: u128) -> SessionRow {
    SessionRow {
        hash: vec![n; 32],
        person: PersonId(Uuid::from_u128(person)),
        created_at: at(1),
        seen_at: at(1),
        expires_at: at(100),
        agent: "browser".into(),
    }
}

#[rstest]
#[tokio::test]
async fn a_session_lasts_until_it_is_ended(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    accounts(&rig, vec![person(1, "ada")], vec![]).await;
    rig.store.put_session(&session(1, 1)).await.unwrap();
    rig.store.put_session(&session(2, 1)).await.unwrap();
    rig.store.touch_session(&[1; 32], at(50)).await.unwrap();
    let touched = SessionRow { seen_at: at(50), ..session(1, 1) };
    assert_eq!(rig.store.session(&[1; 32]).await.unwrap(), Some(touched));
    rig.store.end_session(&[1; 32]).await.unwrap();
    assert_eq!(rig.store.session(&[1; 32]).await.unwrap(), None);
    assert_eq!(rig.store.session(&[2; 32]).await.unwrap(), Some(session(2, 1)));
}

#[rstest]
#[tokio::test]
async fn a_token_is_changed_by_id_and_remembers_its_use(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    accounts(&rig, vec![person(1, "ada"), person(2, "bob")], vec![token(2, 1), token(1, 1), token(3, 2)]).await;
    assert_eq!(rig.store.tokens(person(1, "ada").id).await.unwrap(), [token(1, 1), token(2, 1)]);

    rig.store.touch_token(token(1, 1).id, at(20)).await.unwrap();
    // Somebody revokes it who read it before that use.
    accounts(&rig, vec![], vec![TokenRow { revoked_at: Some(at(30)), ..token(1, 1) }]).await;
    let expected = TokenRow { used_at: Some(at(20)), revoked_at: Some(at(30)), ..token(1, 1) };
    assert_eq!(rig.store.token(token(1, 1).id).await.unwrap(), Some(expected));
}

#[rstest]
#[tokio::test]
async fn a_changed_password_ends_the_persons_sessions_and_tokens(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    let revoked = TokenRow { revoked_at: Some(at(3)), ..token(2, 1) };
    accounts(&rig, vec![person(1, "ada"), person(2, "bob")], vec![token(1, 1), revoked.clone(), token(3, 2)]).await;
    rig.store.put_session(&session(1, 1)).await.unwrap();
    rig.store.put_session(&session(2, 2)).await.unwrap();

    let unit = Unit {
        decision: Some(decision(40)),
        end_sessions: vec![person(1, "ada").id],
        tokens: vec![token(4, 1)],
        ..Unit::default()
    };
    rig.store.commit(unit).await.unwrap();

    assert_eq!(rig.store.session(&[1; 32]).await.unwrap(), None);
    assert!(rig.store.session(&[2; 32]).await.unwrap().is_some());
    let ended = TokenRow { revoked_at: Some(at(40)), ..token(1, 1) };
    assert_eq!(rig.store.tokens(person(1, "ada").id).await.unwrap(), [ended, revoked, token(4, 1)]);
    assert_eq!(rig.store.token(token(3, 2).id).await.unwrap(), Some(token(3, 2)));

    // Without a decision the database's clock says when.
    rig.store.commit(Unit { end_sessions: vec![person(2, "bob").id], ..Unit::default() }).await.unwrap();
    assert!(rig.store.token(token(3, 2).id).await.unwrap().unwrap().revoked_at.unwrap() > at(-200_000_000));
}

#[rstest]
#[tokio::test]
async fn a_setting_is_the_last_one_written(#[values(Sqlite, Postgres)] kind: Kind) {
    let rig = kind.start().await;
    rig.store.put_setting("epoch", "1").await.unwrap();
    rig.store.put_setting("epoch", "2").await.unwrap();
    assert_eq!(rig.store.setting("epoch").await.unwrap().as_deref(), Some("2"));
    assert_eq!(rig.store.take_setting("epoch").await.unwrap().as_deref(), Some("2"));
    assert_eq!(rig.store.take_setting("epoch").await.unwrap(), None);
}
