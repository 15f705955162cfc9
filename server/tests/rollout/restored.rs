//! The database is put back to how it was an hour ago: nothing happens until somebody has looked.

use super::pager::{Pager, raise_something};
use super::support::{Desk, maya, request};
use super::yard::{Yard, plan};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;
use sternway_domain::audit::confirmation::Confirmation;
use sternway_domain::audit::keys::Statement;
use sternway_domain::audit::note::{KeyKind, SignerKey};
use sternway_domain::component::Scope;
use sternway_domain::release::State;
use sternway_domain::time::Span;
use sternway_server::memory::Memory;
use sternway_server::notary::Notary;
use sternway_server::service::{ServiceError, Wanted};
use sternway_server::store::rows::CONFIRMATION;

const SERVICE: &str = "checkout";
const LEASE: Span = Span::from_secs(2);

#[tokio::test]
async fn given_a_restored_database_when_the_engine_starts_then_it_holds_until_a_person_confirms() {
    let yard = Yard::start().await;
    let mut desk = Desk::new().await;
    let known = desk.dir().join("known.state");
    desk.service.memory = Memory::open(&known).expect("there is none yet");
    desk.apply(plan("assisted"), yard.document(SERVICE)).await;
    let engine = desk.engine("one", LEASE);
    let id = desk.started(SERVICE, "quick").await;
    desk.until_release(id, "5 % confirmed", |release| release.confirmed()).await;
    let backup = desk.dir().join("backup.db");
    copy(&desk.database(), &backup.display().to_string()).await;
    // Taken over once more, and back: none of it is in the backup.
    engine.stop().await;
    let engine = desk.engine("two", LEASE);
    desk.act(id, Wanted::Rollback { scope: Scope::default() }).await.expect("accepted");
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    engine.stop().await;
    let before = yard.site(SERVICE);
    assert_eq!(yard.weights(SERVICE), [5, 0]);

    let mut desk = Desk::on(&format!("sqlite:{}", backup.display())).await;
    desk.service.memory = Memory::open(&known).expect("it was written");
    let engine = desk.engine("three", LEASE);
    let pager = Pager::start().await;
    let watch = pager.watch(&desk, "three");
    let rewound = desk.until("held", async || desk.service.memory.rewound()).await;
    // Which of them it misses first: how far the log had come is written down now and then, a larger token at once.
    let missed = ["entries of the log", "events", "for its largest fencing token"];
    assert!(missed.iter().any(|what| rewound.why.contains(what)), "{}", rewound.why);
    assert_eq!(
        desk.release(id).await.asked.map(|asked| asked.weight.percent()),
        Some(5),
        "so it says, and it is wrong"
    );
    let page = pager.until(&desk, "alarm.raised held").await;
    let text = page.body["text"].as_str().expect("a text");
    assert!(text.contains(&rewound.why) && text.contains("sternway confirm-restore"), "{text}");
    // What a person decides is written down, and nothing is told to anybody who acts.
    let version = desk.release(id).await.version;
    desk.service
        .act(&maya(), request(id, Wanted::Rollback { scope: Scope::default() }, version))
        .await
        .expect("accepted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(yard.site(SERVICE).applied, before.applied);
    assert_eq!(yard.site(SERVICE).repeated, before.repeated);
    assert_eq!(desk.release(id).await.state, State::RollingBack);

    let unsaid = desk.service.confirm_restore(&maya(), " ", "k0").await;
    assert!(matches!(unsaid, Err(ServiceError::Invalid { .. })), "{unsaid:?}");
    let said = "The proxy gives the canary nothing";
    let confirmed = desk.service.confirm_restore(&maya(), said, "k1").await.expect("accepted");
    let again = desk.service.confirm_restore(&maya(), said, "k1").await.expect("the same answer");
    assert_eq!(confirmed, again);
    assert!(desk.service.memory.rewound().is_none());
    desk.until_release(id, "rolled back", |release| release.state == State::RolledBack).await;
    pager.until(&desk, "alarm.resolved held").await;
    watch.stop().await;
    engine.stop().await;
    let site = yard.site(SERVICE);
    assert!(site.refused.is_empty(), "tokens went on above the largest that was seen: {site:?}");
    let decision = desk.service.store.decision(confirmed.decision.id).await.expect("read").expect("there");
    assert_eq!((decision.action.as_str(), decision.reason.as_str()), ("resume", said));

    // Where it was confirmed once, it is known from then on.
    let mut later = desk.another().await;
    later.service.memory = Memory::open(&known).expect("it was written");
    let looked = later.service.memory.look(later.service.store.as_ref(), &later.service.notary, later.now()).await;
    assert_eq!(looked.expect("read"), None);
    let nothing = later.service.confirm_restore(&maya(), said, "k2").await;
    assert!(matches!(nothing, Err(ServiceError::Invalid { .. })), "there is nothing to confirm: {nothing:?}");
}

/// Somebody with every right to the database, and without the log's key.
#[tokio::test]
async fn given_a_restored_database_when_somebody_writes_into_it_that_it_was_confirmed_then_it_stays_held() {
    let (yard, mut desk) = (Yard::start().await, Desk::new().await);
    let known = desk.dir().join("known.state");
    desk.service.memory = Memory::open(&known).expect("there is none yet");
    desk.apply(plan("assisted"), yard.document(SERVICE)).await;
    let backup = desk.dir().join("backup.db");
    copy(&desk.database(), &backup.display().to_string()).await;
    desk.created(SERVICE, "quick").await;
    let look = async |desk: &Desk| {
        let service = &desk.service;
        service.memory.look(service.store.as_ref(), &service.notary, desk.now()).await.expect("read")
    };
    assert_eq!(look(&desk).await, None);

    let mut held = Desk::on(&format!("sqlite:{}", backup.display())).await;
    held.service.memory = Memory::open(&known).expect("it was written");
    held.service.notary = Notary::new(key(1), None);
    let store = held.service.store.clone();
    let put = async |times: &str, statement: &str| {
        store.put_setting("restored", times).await.expect("written");
        store.put_setting(CONFIRMATION, statement).await.expect("written");
    };
    let born = store.extent().await.expect("read").born;
    let stranger = signed(Confirmation { born, epoch: 1 }, &key(2));
    let elsewhere = signed(Confirmation { born: born + 1, epoch: 1 }, &key(1));
    for (whose, statement) in [("nobody", ""), ("a stranger", stranger.as_str()), ("another database", &elsewhere)] {
        put(&i64::MAX.to_string(), statement).await;
        let rewound = look(&held).await.unwrap_or_else(|| panic!("the word of {whose} counts"));
        assert!(
            rewound.why.contains("no key of the log that is known here has signed that"),
            "{whose}: {}",
            rewound.why
        );
        assert_eq!(rewound.known_epoch, i64::MAX, "another replica that goes on does not speak for this one");
    }
    let confirmed = held.service.confirm_restore(&maya(), "The proxy gives the canary nothing", "k1").await;
    assert_eq!(confirmed.expect("accepted").epoch, 1, "how often it was is not what the database says");
    assert_eq!(look(&held).await, None);

    // What was signed once counts no second time.
    let first = store.setting(CONFIRMATION).await.expect("read").expect("there");
    put("3", &first).await;
    assert!(look(&held).await.is_some(), "an older confirmation counts");

    // A key that vouched for the next one is retired, wherever it still lies.
    let rotated = Statement::rotated(&key(1), &key(3)).expect("one log").to_string();
    let mut database =
        SqliteConnectOptions::from_str(&held.database()).expect("an address").connect().await.expect("open");
    for (from, key, change, statement) in [(0, key(1), "first", ""), (1, key(3), "rotated", rotated.as_str())] {
        let row = "INSERT INTO log_key (from_size, key, change, statement, at) VALUES ($1, $2, $3, $4, 0)";
        let row = sqlx::query(row).bind(from).bind(key.verifier().to_string()).bind(change).bind(statement);
        row.execute(&mut database).await.expect("written");
    }
    put("3", &signed(Confirmation { born, epoch: 3 }, &key(1))).await;
    assert!(look(&held).await.is_some(), "a retired key confirms");
    let confirmed = held.service.confirm_restore(&maya(), "The proxy gives the canary nothing", "k2").await;
    let text = confirmed.expect_err("no key at hand counts").to_string();
    assert!(text.contains("this replica has none"), "{text}");
    held.service.notary = Notary::new(key(3), None);
    put("3", &signed(Confirmation { born, epoch: 3 }, &key(3))).await;
    assert_eq!(look(&held).await, None);
}

fn key(secret: u8) -> SignerKey {
    SignerKey::new("sternway", KeyKind::Plain, [secret; 32]).expect("a name")
}

fn signed(confirmation: Confirmation, by: &SignerKey) -> String {
    let mut note = confirmation.note("sternway").expect("text");
    note.sign(by);
    note.to_string()
}

#[tokio::test]
async fn given_a_restored_database_that_went_on_by_another_way_when_looked_at_then_it_is_noticed() {
    let mut desk = Desk::new().await;
    let known = desk.dir().join("known.state");
    desk.service.memory = Memory::open(&known).expect("there is none yet");
    let yard = Yard::start().await;
    desk.apply(plan("assisted"), yard.document(SERVICE)).await;
    let backup = desk.dir().join("backup.db");
    copy(&desk.database(), &backup.display().to_string()).await;
    desk.created(SERVICE, "quick").await;
    let store = desk.service.store.clone();
    assert_eq!(desk.service.memory.look(store.as_ref(), &desk.service.notary, desk.now()).await.expect("read"), None);

    let mut desk = Desk::on(&format!("sqlite:{}", backup.display())).await;
    desk.created(SERVICE, "quick").await;
    desk.service.memory = Memory::open(&known).expect("it was written");
    let store = desk.service.store.clone();
    let rewound =
        desk.service.memory.look(store.as_ref(), &desk.service.notary, desk.now()).await.expect("read").expect("held");
    assert!(rewound.why.contains("is another one"), "{}", rewound.why);

    // A new database is not an old one.
    let mut fresh = Desk::new().await;
    fresh.service.memory = Memory::open(&known).expect("it was written");
    let store = fresh.service.store.clone();
    assert_eq!(
        fresh.service.memory.look(store.as_ref(), &fresh.service.notary, fresh.now()).await.expect("read"),
        None
    );
}

#[tokio::test]
async fn given_a_replica_that_starts_while_another_is_held_then_the_alarm_stays_open_until_somebody_confirms() {
    let (yard, mut desk, pager) = (Yard::start().await, Desk::new().await, Pager::start().await);
    let known = desk.dir().join("known.state");
    desk.service.memory = Memory::open(&known).expect("there is none yet");
    desk.apply(plan("assisted"), yard.document(SERVICE)).await;
    let backup = desk.dir().join("backup.db");
    copy(&desk.database(), &backup.display().to_string()).await;
    desk.created(SERVICE, "quick").await;
    let store = desk.service.store.clone();
    assert_eq!(desk.service.memory.look(store.as_ref(), &desk.service.notary, desk.now()).await.expect("read"), None);

    let mut held = Desk::on(&format!("sqlite:{}", backup.display())).await;
    held.service.memory = Memory::open(&known).expect("it was written");
    let one = pager.watch(&held, "one");
    pager.until(&held, "alarm.raised held").await;
    // It knows nothing of what was before. Whoever is held tells nothing else, so that one tells this, and has looked.
    let fresh = held.another().await;
    let two = pager.watch(&fresh, "two");
    raise_something(&fresh).await;
    pager.until(&fresh, "alarm.raised step").await;
    let open = held.service.store.open_alarms().await.expect("read");
    assert_eq!(open.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["held", "step"]);
    assert_eq!(pager.whats(), ["alarm.raised held", "alarm.raised step"]);

    held.service.confirm_restore(&maya(), "The proxy gives the canary nothing", "k1").await.expect("accepted");
    let over = pager.until(&fresh, "alarm.resolved held").await;
    let text = over.body["text"].as_str().expect("a text");
    assert!(text.starts_with("Sternway is no longer held: somebody confirmed"), "{text}");
    one.stop().await;
    two.stop().await;
}

async fn copy(from: &str, to: &str) {
    let options = SqliteConnectOptions::from_str(from).expect("an address");
    let mut connection = options.connect().await.expect("the file opens");
    sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await.expect("copied");
    connection.close().await.expect("closed");
}
