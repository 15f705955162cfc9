//! The first start: a link that makes the first admin, once.

use super::people::{check_login, check_name};
use super::{Auth, AuthError, Result, SignedIn, actor_of, password, secret, session};
use crate::service::record::Act;
use crate::service::{Caller, ServiceError};
use crate::store::rows::{PersonRow, Unit};
use crate::store::{self, Store};
use sternway_domain::access::Action;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::{Origin, Outcome, Target};
use sternway_domain::id::{PersonId, hex};

/// The setting that holds the link's hash.
const SETTING: &str = "setup_link";

/// Whether this link can still be used.
pub async fn setup_open(store: &dyn Store, link: &str) -> store::Result<bool> {
    let stored = store.setting(SETTING).await?;
    Ok(stored.is_some_and(|stored| secret::same(stored.as_bytes(), hex(&secret::hash(link)).as_bytes())))
}

impl Auth {
    /// The secret of a new link, if nobody has an account yet. An earlier link no longer works.
    pub async fn setup_secret(&self) -> Result<Option<String>> {
        if !self.service.store.people().await?.is_empty() {
            return Ok(None);
        }
        let text = secret::text(&secret::random(self.service.rng.as_ref()));
        self.service.store.put_setting(SETTING, &hex(&secret::hash(&text))).await?;
        Ok(Some(text))
    }

    /// Makes the first admin and signs them in. Of two who use the link at once, one gets in.
    pub async fn set_up(
        &self,
        origin: &Origin,
        agent: &str,
        link: &str,
        name: &str,
        login: &str,
        password: &str,
    ) -> Result<SignedIn> {
        let address = origin.ip.as_deref().unwrap_or_default();
        self.doors.check("", address)?;
        if !setup_open(self.service.store.as_ref(), link).await? {
            self.doors.failed("", address);
            let why = ServiceError::Invalid { field: "link".to_owned(), text: AuthError::Link.to_string() };
            return match self.refuse_set_up(origin, why).await {
                ServiceError::Invalid { .. } => Err(AuthError::Link),
                unwritten => Err(unwritten.into()),
            };
        }
        let login = session::normal(login);
        let checked = check_name(name).and_then(|()| check_login(&login));
        if let Err(error) = checked.and_then(|()| password::acceptable(password, &login, name)) {
            return Err(self.refuse_set_up(origin, error).await.into());
        }
        let password_hash = self.hasher.hash(password).await?;
        let person = PersonRow {
            id: PersonId(self.service.new_id()),
            login: login.clone(),
            name: name.trim().to_owned(),
            role: Role::Admin.as_str().to_owned(),
            password_hash,
            created_at: self.service.clock.now(),
            disabled_at: None,
        };
        let actor = actor_of(&person).ok_or(AuthError::Link)?;
        let Some(taken) = self.service.store.take_setting(SETTING).await? else { return Err(AuthError::Link) };
        let caller = Caller { actor: actor.clone(), origin: origin.clone() };
        let mut act =
            Act::on(Action::ManagePeople, Target::Account { name: login }, "first admin, by the one-time link");
        act.effects.push("made with the role admin".to_owned());
        let decision = self.service.decision(&caller, &act, Outcome::Accepted)?;
        let unit = Unit { people: vec![person.clone()], decision: Some(decision), ..Unit::default() };
        if let Err(error) = self.service.commit(unit, None).await {
            // Nobody was made: the link stays good.
            self.service.store.put_setting(SETTING, &taken).await?;
            return Err(error.into());
        }
        self.begin(origin, agent, &person, actor).await
    }

    /// What was typed is not written down: whose it is nobody knows.
    async fn refuse_set_up(&self, origin: &Origin, why: ServiceError) -> ServiceError {
        let caller = Caller { actor: Actor::Anonymous, origin: origin.clone() };
        let act = Act::on(Action::ManagePeople, Target::Account { name: "the first admin".to_owned() }, "");
        self.service.refuse(&caller, &act, why).await
    }
}
