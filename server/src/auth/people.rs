//! Accounts: made, changed and closed by an admin.

use super::token::owner;
use super::{Auth, Result, password, session};
use crate::service::once::Once;
use crate::service::record::Act;
use crate::service::{Caller, Reading, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{PersonRow, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::Action;
use sternway_domain::actor::Role;
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::PersonId;
use utoipa::ToSchema;

/// An account to be made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// 1 to 80 characters.
    pub name: String,
    /// The name to sign in with, an e-mail address as a rule: 3 to 120 characters without spaces. Stored in lower case.
    pub login: String,
    /// `viewer`, `release_manager`, `on_call`, `auditor` or `admin`.
    pub role: String,
    /// 8 to 128 characters; what is tried first is refused.
    #[serde(skip_serializing)]
    #[schema(format = "password")]
    pub password: String,
}

/// What is to change; what is left out stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A new password ends all sessions and tokens of the person.
    #[serde(default, skip_serializing)]
    #[schema(format = "password")]
    pub password: Option<String>,
    /// `true` closes the account and ends its sessions and tokens; `false` opens it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Why: 3 to 2000 characters.
    pub reason: String,
}

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    #[schema(format = "uuid")]
    pub id: String,
    pub name: String,
    pub login: String,
    pub role: String,
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When the account was closed, if it was.
    #[schema(format = "date-time")]
    pub disabled_at: Option<String>,
}

impl From<&PersonRow> for Person {
    fn from(row: &PersonRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            login: row.login.clone(),
            role: row.role.clone(),
            created_at: row.created_at.to_rfc3339(),
            disabled_at: row.disabled_at.map(|at| at.to_rfc3339()),
        }
    }
}

impl Auth {
    /// For admins and auditors; that somebody reads it is written down.
    pub async fn people(&self, caller: &Caller) -> Result<Vec<Person>> {
        self.service.authorise_reading(caller, Action::ViewPeople, &Reading::People).await?;
        self.service.note_read(caller, &Reading::People).await?;
        Ok(self.service.store.people().await?.iter().map(Person::from).collect())
    }

    /// Makes an account, once per key.
    pub async fn create_person(&self, caller: &Caller, new: NewPerson, key: &str) -> Result<Person> {
        // The password is not part of it: a fast hash of it must not be stored.
        let once = Once::new(&caller.actor.key(), key, &new);
        if let Some(person) = self.service.recall(&once).await? {
            return Ok(person);
        }
        let login = session::normal(&new.login);
        let mut act = Act::on(Action::ManagePeople, Target::Account { name: login.clone() }, "");
        let checked = self.service.authorise(caller, Action::ManagePeople).and_then(|()| {
            check_name(&new.name)?;
            check_login(&login)?;
            password::acceptable(&new.password, &login, &new.name)?;
            read_person_role(&new.role)
        });
        let role = match checked {
            Ok(role) => role,
            Err(error) => return Err(self.service.refuse(caller, &act, error).await.into()),
        };
        let row = PersonRow {
            id: PersonId(self.service.new_id()),
            login,
            name: new.name.trim().to_owned(),
            role: role.as_str().to_owned(),
            password_hash: self.hasher.hash(&new.password).await?,
            created_at: self.service.clock.now(),
            disabled_at: None,
        };
        act.effects.push(format!("made with the role {}", role.label()));
        self.commit_person(caller, &act, row, Vec::new(), Some((once, 201))).await
    }

    /// Changes an account, once per key. Nobody changes their own role or closes their own account.
    pub async fn change_person(
        &self,
        caller: &Caller,
        id: PersonId,
        change: PersonChange,
        key: &str,
    ) -> Result<Person> {
        let once = Once::new(&caller.actor.key(), key, &(id, &change));
        if let Some(person) = self.service.recall(&once).await? {
            return Ok(person);
        }
        let found = self.service.store.person(id).await?;
        let name = found.as_ref().map_or_else(|| id.to_string(), |row| row.login.clone());
        let reason = change.reason.clone();
        let mut act = Act::on(Action::ManagePeople, Target::Account { name }, &reason);
        let checked = self.service.authorise(caller, Action::ManagePeople).and_then(|()| {
            let missing = || ServiceError::NotFound { what: "person", name: id.to_string() };
            let row = found.ok_or_else(missing)?;
            self.changed(caller, row, &change)
        });
        let (mut row, effects) = match checked {
            Ok(changed) => changed,
            Err(error) => return Err(self.service.refuse(caller, &act, error).await.into()),
        };
        let ends = change.disabled == Some(true) || change.password.is_some();
        if let Some(password) = &change.password {
            row.password_hash = self.hasher.hash(password).await?;
        }
        act.effects = effects;
        let end_sessions = if ends { vec![id] } else { Vec::new() };
        self.commit_person(caller, &act, row, end_sessions, Some((once, 200))).await
    }

    fn changed(
        &self,
        caller: &Caller,
        mut row: PersonRow,
        change: &PersonChange,
    ) -> std::result::Result<(PersonRow, Vec<String>), ServiceError> {
        let chars = change.reason.trim().chars().count();
        if !sternway_domain::release::REASON_CHARS.contains(&chars) {
            return Err(sternway_domain::release::Refusal::Reason(chars).into());
        }
        // Also by a token of one's own.
        let own = owner(caller) == Some(row.id);
        if own && (change.role.is_some() || change.disabled == Some(true)) {
            let field = if change.role.is_some() { "role" } else { "disabled" };
            return Err(invalid(field, "You cannot do this to your own account; ask another admin."));
        }
        let mut effects = Vec::new();
        if let Some(name) = &change.name {
            check_name(name)?;
            row.name = name.trim().to_owned();
            effects.push(format!("named {}", row.name));
        }
        if let Some(role) = &change.role {
            let role = read_person_role(role)?;
            effects.push(format!("role {} to {}", row.role, role.as_str()));
            row.role = role.as_str().to_owned();
        }
        if let Some(disabled) = change.disabled {
            row.disabled_at = disabled.then(|| row.disabled_at.unwrap_or_else(|| self.service.clock.now()));
            effects.push(if disabled { "account closed" } else { "account opened" }.to_owned());
        }
        if let Some(password) = &change.password {
            password::acceptable(password, &row.login, &row.name)?;
            effects.push("new password".to_owned());
        }
        Ok((row, effects))
    }

    async fn commit_person(
        &self,
        caller: &Caller,
        act: &Act<'_>,
        row: PersonRow,
        end_sessions: Vec<PersonId>,
        once: Option<(Once, u16)>,
    ) -> Result<Person> {
        let person = Person::from(&row);
        let decision = self.service.decision(caller, act, Outcome::Accepted)?;
        let idempotency = once.as_ref().map(|(once, status)| self.service.remember(once, *status, &person));
        let login = row.login.clone();
        let unit = Unit { people: vec![row], decision: Some(decision), end_sessions, idempotency, ..Unit::default() };
        match self.service.commit(unit, None).await {
            Ok(_) => Ok(person),
            Err(ServiceError::Store(StoreError::Exists { .. })) => {
                let taken = invalid("login", &format!("There is an account `{login}` already."));
                Err(self.service.refuse(caller, act, taken).await.into())
            }
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => match once {
                Some((once, _)) => Ok(self.service.recall(&once).await?.ok_or(error)?),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn invalid(field: &str, text: &str) -> ServiceError {
    ServiceError::Invalid { field: field.to_owned(), text: text.to_owned() }
}

pub(super) fn check_name(name: &str) -> std::result::Result<(), ServiceError> {
    let name = name.trim();
    let fits = (1..=80).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid("name", "Write a name of 1 to 80 characters.")) }
}

pub(super) fn check_login(login: &str) -> std::result::Result<(), ServiceError> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\'' | '`' | '\\');
    let fits = (3..=120).contains(&login.len()) && login.chars().all(plain);
    let text = "Write a name to sign in with, such as an e-mail address: 3 to 120 letters, digits or signs, no spaces.";
    if fits { Ok(()) } else { Err(invalid("login", text)) }
}

/// The role of a person.
fn read_person_role(role: &str) -> std::result::Result<Role, ServiceError> {
    match read_role(role)? {
        Role::FlagClient => Err(invalid("role", "Only tokens are flag clients; give a person another role.")),
        role => Ok(role),
    }
}

pub(super) fn read_role(role: &str) -> std::result::Result<Role, ServiceError> {
    role.parse().map_err(|error: sternway_domain::actor::RoleError| invalid("role", &error.to_string()))
}
