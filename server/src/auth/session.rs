//! Signing in with a password, and the session that follows.

use super::{Auth, AuthError, Identity, Proof, Result, actor_of, note, secret};
use crate::service::record::Act;
use crate::service::{Caller, ServiceError};
use crate::store::rows::{PersonRow, SessionRow, Unit};
use sternway_domain::access::Action;
use sternway_domain::actor::Actor;
use sternway_domain::audit::{Origin, Outcome, Target};
use sternway_domain::time::Span;

/// A session that was not used for this long is over.
pub const IDLE: Span = Span::from_secs(12 * 3600);
/// A session older than this is over.
pub const LIFETIME: Span = Span::from_secs(7 * 24 * 3600);
/// How exactly the last use is written down.
const TOUCH: Span = Span::from_secs(60);
/// Longest text kept of what browser it was, in characters.
const AGENT: usize = 200;

/// Somebody signed in: the value of the new cookie, shown to nobody else.
pub struct SignedIn {
    pub identity: Identity,
    pub cookie: String,
}

impl Auth {
    /// Checks the password and begins a session with a new id. Both outcomes are decisions.
    pub async fn sign_in(&self, origin: &Origin, agent: &str, login: &str, password: &str) -> Result<SignedIn> {
        let login = normal(login);
        let address = origin.ip.as_deref().unwrap_or_default();
        if let Err(limited) = self.doors.check(&login, address) {
            self.service.metrics.signed_in("limited");
            return Err(self.keep_out(origin, address, limited).await);
        }
        let person = self.service.store.person_by_login(&login).await?;
        let stored = person.as_ref().map(|person| person.password_hash.as_str());
        let right = self.hasher.verify(password, stored).await?;
        let actor = person.as_ref().filter(|_| right).and_then(actor_of);
        let (Some(person), Some(actor)) = (&person, actor) else {
            self.doors.failed(&login, address);
            self.service.metrics.signed_in("refused");
            return Err(self.refuse_sign_in(origin, person.as_ref()).await);
        };
        self.service.metrics.signed_in("accepted");
        self.begin(origin, agent, person, actor).await
    }

    /// Ends the session of this request. Nothing happens to who has none.
    pub async fn sign_out(&self, identity: &Identity, origin: &Origin) -> Result<()> {
        let Proof::Session { hash } = &identity.proof else { return Ok(()) };
        let unit = Unit { end_session: Some(hash.clone()), ..Unit::default() };
        self.record(&identity.actor, origin, Action::SignOut, &identity.actor.label(), unit).await
    }

    /// Who this cookie belongs to, unless its session is over.
    pub async fn by_cookie(&self, value: &str) -> Result<Option<Identity>> {
        self.session(&secret::hash(value)).await
    }

    pub(super) async fn session(&self, hash: &[u8]) -> Result<Option<Identity>> {
        let store = &self.service.store;
        let Some(session) = store.session(hash).await? else { return Ok(None) };
        let now = self.service.clock.now();
        if now >= session.expires_at || now.since(session.seen_at) >= IDLE {
            let (store, hash) = (store.clone(), hash.to_vec());
            note(async move { store.end_session(&hash).await }).await;
            return Ok(None);
        }
        let Some(actor) = store.person(session.person).await?.as_ref().and_then(actor_of) else { return Ok(None) };
        if now.since(session.seen_at) >= TOUCH {
            let (store, hash) = (store.clone(), hash.to_vec());
            note(async move { store.touch_session(&hash, now).await }).await;
        }
        let proof = Proof::Session { hash: hash.to_vec() };
        Ok(Some(Identity { actor, proof, since: Some(session.created_at) }))
    }

    pub(super) async fn begin(
        &self,
        origin: &Origin,
        agent: &str,
        person: &PersonRow,
        actor: Actor,
    ) -> Result<SignedIn> {
        self.record(&actor, origin, Action::SignIn, &person.login, Unit::default()).await?;
        let cookie = secret::text(&secret::random(self.service.rng.as_ref()));
        let now = self.service.clock.now();
        let session = SessionRow {
            hash: secret::hash(&cookie),
            person: person.id,
            created_at: now,
            seen_at: now,
            expires_at: now + LIFETIME,
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT).collect(),
        };
        self.service.store.put_session(&session).await?;
        let proof = Proof::Session { hash: session.hash };
        Ok(SignedIn { identity: Identity { actor, proof, since: Some(now) }, cookie })
    }

    /// The first time within the hour this is an entry for each address; the failures before were one each.
    async fn keep_out(&self, origin: &Origin, address: &str, limited: AuthError) -> AuthError {
        let caller = Caller { actor: Actor::Anonymous, origin: origin.clone() };
        let act = Act::on(Action::SignIn, Target::Account { name: "kept out after too many failures".to_owned() }, "");
        let why = ServiceError::Invalid { field: String::new(), text: limited.to_string() };
        match self.service.refuse_once(&caller, &act, "sign-in", address, why).await {
            ServiceError::Invalid { .. } => limited,
            unwritten => unwritten.into(),
        }
    }

    /// What was typed is not written down for a name nobody has: it may be a password in the wrong field.
    async fn refuse_sign_in(&self, origin: &Origin, person: Option<&PersonRow>) -> AuthError {
        let name = person.map_or_else(|| "a name nobody has".to_owned(), |person| person.login.clone());
        let caller = Caller { actor: Actor::Anonymous, origin: origin.clone() };
        let act = Act::on(Action::SignIn, Target::Account { name }, "");
        let why = ServiceError::Invalid { field: "password".into(), text: AuthError::Wrong.to_string() };
        match self.service.refuse(&caller, &act, why).await {
            ServiceError::Invalid { .. } => AuthError::Wrong,
            unwritten => unwritten.into(),
        }
    }

    /// With what goes with it.
    async fn record(&self, actor: &Actor, origin: &Origin, action: Action, account: &str, unit: Unit) -> Result<()> {
        let caller = Caller { actor: actor.clone(), origin: origin.clone() };
        let act = Act::on(action, Target::Account { name: account.to_owned() }, "");
        let decision = self.service.decision(&caller, &act, Outcome::Accepted)?;
        self.service.commit(Unit { decision: Some(decision), ..unit }, None).await?;
        Ok(())
    }
}

/// Login names are compared without case or space around them.
pub(super) fn normal(login: &str) -> String {
    login.trim().to_lowercase()
}
