//! Acts as the service commits them: idempotency key, release, event, decision, sealed entry, its texts, in one transaction.

use crate::append::BODY;
use std::sync::Arc;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::record::{Links, RECORD_VERSION, Record};
use sternway_domain::audit::{Entry, Origin, Outcome, Target, leaf_hash};
use sternway_domain::id::{DecisionId, Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use sternway_server::store::Store;
use sternway_server::store::rows::{
    DecisionRow, DecisionWrite, EventWrite, IdempotencyRow, ReleaseRow, ReleaseWrite, Unit,
};
use uuid::Uuid;

/// One release that somebody acts on again and again.
pub(crate) struct Acts {
    store: Arc<dyn Store>,
    release: ReleaseId,
    version: i64,
    /// Whether each leaves its entry in the decision log.
    logged: bool,
}

impl Acts {
    /// `n` keeps releases and decisions of several apart.
    pub(crate) fn new(store: Arc<dyn Store>, n: u128, logged: bool) -> Self {
        let release = ReleaseId(Uuid::from_u128(n));
        Self { store, release, version: 0, logged }
    }

    pub(crate) async fn append(&mut self) {
        let (expected, at) = (self.version, Timestamp::from_secs(1_795_096_800));
        self.version += 1;
        let service = ServiceName::new(if self.logged { "search" } else { "stock" }).expect("a name");
        let row = ReleaseRow {
            id: self.release,
            version: self.version,
            service: service.clone(),
            state: "running".into(),
            active: true,
            created_at: at,
            updated_at: at,
            body: BODY.repeat(8),
        };
        let events = vec![EventWrite { kind: "held", at, body: BODY.to_owned() }];
        let key = format!("bench-{}-{}", self.logged, self.version);
        let idempotency = IdempotencyRow {
            actor: "person:bench".into(),
            request: Digest::of(key.as_bytes()),
            key,
            status: 202,
            response: BODY.to_owned(),
            at,
        };
        let unit = Unit {
            release: Some(ReleaseWrite { expected, events, row, takes: vec![], leaves: vec![] }),
            decision: self.logged.then(|| self.decision(service, at)),
            idempotency: Some(idempotency),
            ..Unit::default()
        };
        self.store.commit(unit).await.expect("nobody else writes");
    }

    /// Only an entry, as a refusal leaves one.
    pub(crate) async fn entry_alone(&mut self) {
        self.version += 1;
        let (service, at) = (ServiceName::new("search").expect("a name"), Timestamp::from_secs(1_795_096_800));
        let unit = Unit { decision: Some(self.decision(service, at)), ..Unit::default() };
        self.store.commit(unit).await.expect("nobody else writes");
    }

    /// Sealed as the service does it.
    fn decision(&self, service: ServiceName, at: Timestamp) -> DecisionWrite {
        let id = DecisionId(Uuid::from_u128(self.release.0.as_u128() << 64 | self.version as u128));
        let actor = Actor::Person { id: PersonId(Uuid::from_u128(1)), name: "Maya Ortiz".into(), role: Role::OnCall };
        let entry = Entry {
            v: RECORD_VERSION,
            id,
            at,
            occurred: None,
            actor: actor.clone(),
            action: "hold".into(),
            target: Target::Release { id: self.release, service: service.clone() },
            expected_version: Some(self.version),
            reason: "errors at 3 %, looking into it".into(),
            outcome: Outcome::Accepted,
            evidence: None,
            plan: Some(Digest::of(b"plan")),
            runbooks: vec![],
            overridden: vec![],
            effects: vec![],
            origin: Origin { transport: "browser".into(), ip: Some("192.0.2.7".into()), ..Origin::default() },
        };
        let mut salt = 0u8;
        let sealed = Record::seal(&entry, &Links::default(), || {
            salt += 1;
            Salt([salt; 32])
        });
        let sealed = sealed.expect("it fits");
        let row = DecisionRow::of(&entry, 0);
        DecisionWrite { row, leaf_hash: leaf_hash(&sealed.bytes), entry: sealed.bytes, openings: sealed.openings }
    }
}
