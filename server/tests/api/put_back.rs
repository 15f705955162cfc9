//! One text that cannot go keeps no other from going.

use super::privacy::{ERIKA, cancelled, redact};
use super::rig::Rig;
use sqlx::{Connection, SqliteConnection};
use std::time::Duration;
use sternway_domain::audit::retention::Retention;
use sternway_domain::time::Span;
use sternway_server::keeper::Keeper;
use sternway_server::ledger::Line;

#[tokio::test]
async fn given_a_text_that_somebody_put_back_when_texts_go_again_then_it_is_left_and_the_others_go() {
    let rig = Rig::new().await;
    let service = rig.base.service.clone();
    let (_, first) = cancelled(&rig, ERIKA).await;
    let done = redact(&rig, &first, "she asked for it").await;
    assert!(done.status.is_success(), "{}", done.text);
    let mut lines = service.ledger.lines().expect("read");
    let entry = lines[0].entry;
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    let back = "DROP TRIGGER audit_text_no_return; INSERT INTO audit_text (leaf_index, field, salt, text) \
        SELECT leaf_index, 'reason', salt, 'back again' FROM audit_text WHERE leaf_index = $1 LIMIT 1";
    let back = back.replace("$1", &entry.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(back)).execute(&mut connection).await.expect("put back");
    connection.close().await.expect("closed");
    // One more that is to go, as after a restore.
    let (_, second) = cancelled(&rig, "Erika Mustermann wrote a letter").await;
    let row = service.store.decision(second.parse().expect("an id")).await.expect("read").expect("there");
    let leaf = service.store.leaves(row.leaf_index, 1).await.expect("read").remove(0);
    let hash = leaf.leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    lines.push(Line { entry: row.leaf_index, hash, ..lines[0].clone() });

    let going = tokio::time::timeout(Duration::from_secs(30), service.redact_again(&lines)).await;
    assert_eq!(going.expect("it comes to an end").expect("gone"), 1);
    let reason = async |id: &str| {
        let row = service.store.decision(id.parse().expect("an id")).await.expect("read");
        row.expect("there").reason
    };
    assert_eq!((reason(&first).await.as_str(), reason(&second).await.as_str()), ("redacted", "redacted"));

    // The rule on ages goes past it, too.
    rig.forward(Span::from_secs(86_400));
    let rule = Retention { texts: Some(Span::from_secs(3_600)), ..Retention::default() };
    let keeper = Keeper::new(service.clone(), "test".to_owned(), rule);
    assert!(keeper.retain().await.expect("it comes to an end") > 0);

    // The owner of the schema takes it out as the README says, and the guard stands as before.
    let mut connection = SqliteConnection::connect(&rig.base.config.database).await.expect("opened");
    const GUARD: &str = "SELECT sql FROM sqlite_schema WHERE name = 'audit_text_no_delete'";
    let guard: String = sqlx::query_scalar(GUARD).fetch_one(&mut connection).await.expect("there");
    let by_hand = readme().replace("4711", &entry.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(by_hand)).execute(&mut connection).await.expect("taken out");
    let now: String = sqlx::query_scalar(GUARD).fetch_one(&mut connection).await.expect("there");
    assert_eq!(now, guard);
    const LEFT: &str = "SELECT count(*) FROM audit_text WHERE text = 'back again'";
    assert_eq!(sqlx::query_scalar::<_, i64>(LEFT).fetch_one(&mut connection).await.expect("read"), 0);
    connection.close().await.expect("closed");
}

fn readme() -> &'static str {
    let readme = include_str!("../../../README.md");
    let all = readme.split_once("### What somebody put into the log").map(|(_, after)| after);
    let block = all.and_then(|all| all.split("```sql\n-- SQLite\n").nth(1)).and_then(|rest| rest.split("```").next());
    block.expect("the README says how")
}
