//! API tokens: `swy_<id>_<secret><checksum>`, shown once, kept as a hash, never above the role of their owner.

use super::people::{invalid, read_role};
use super::{Auth, Identity, Proof, Result, note, secret};
use crate::service::once::Once;
use crate::service::record::Act;
use crate::service::{Caller, ServiceError};
use crate::store::StoreError;
use crate::store::rows::{TokenRow, Unit};
use serde::{Deserialize, Serialize};
use sternway_domain::access::{Action, may};
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::{Outcome, Target};
use sternway_domain::id::{PersonId, TokenId, hex};
use sternway_domain::time::Span;
use utoipa::ToSchema;
use uuid::Uuid;

const PREFIX: &str = "swy";
/// The last use is written down at most this often.
const TOUCH: Span = Span::from_secs(60);
/// Days a token may live, and lives when nothing is said.
const MOST_DAYS: u16 = 366;
const USUAL_DAYS: u16 = 90;

/// A token to be made, for oneself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for: `ci-deploy`. 1 to 60 characters.
    pub name: String,
    /// At most one's own; `flag_client` may evaluate flags and nothing else. Left out: one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// 1 to 366; 90 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u16>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    #[schema(format = "uuid")]
    pub id: String,
    pub name: String,
    pub role: String,
    #[schema(format = "date-time")]
    pub created_at: String,
    #[schema(format = "date-time")]
    pub expires_at: String,
    /// Within a minute.
    #[schema(format = "date-time")]
    pub used_at: Option<String>,
    #[schema(format = "date-time")]
    pub revoked_at: Option<String>,
}

/// A token just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenMade {
    pub token: Token,
    /// Shown this once. `null` when the same key asks again.
    pub secret: Option<String>,
}

impl From<&TokenRow> for Token {
    fn from(row: &TokenRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            role: row.role.clone(),
            created_at: row.created_at.to_rfc3339(),
            expires_at: row.expires_at.to_rfc3339(),
            used_at: row.used_at.map(|at| at.to_rfc3339()),
            revoked_at: row.revoked_at.map(|at| at.to_rfc3339()),
        }
    }
}

impl Auth {
    /// Who this token acts for, unless it is over, revoked or never was.
    pub async fn by_token(&self, text: &str) -> Result<Option<Identity>> {
        match parse(text) {
            Some((id, secret)) => self.token(id, &secret::hash(secret)).await,
            None => Ok(None),
        }
    }

    pub(super) async fn token(&self, id: TokenId, hash: &[u8]) -> Result<Option<Identity>> {
        let store = &self.service.store;
        let Some(row) = store.token(id).await? else { return Ok(None) };
        let now = self.service.clock.now();
        if !secret::same(&row.hash, hash) || row.revoked_at.is_some() || now >= row.expires_at {
            return Ok(None);
        }
        let Some(owner) = store.person(row.owner).await?.filter(|owner| owner.disabled_at.is_none()) else {
            return Ok(None);
        };
        let (Ok(role), Ok(owners)) = (row.role.parse::<Role>(), owner.role.parse::<Role>()) else { return Ok(None) };
        if row.used_at.is_none_or(|at| now.since(at) >= TOUCH) {
            let store = store.clone();
            note(async move { store.touch_token(id, now).await }).await;
        }
        // The owner may do less than when the token was made.
        let role = if covers(owners, role) { role } else { Role::Viewer };
        let actor = Actor::Token { id, name: row.name, owner: owner.id, owner_name: owner.name, role };
        Ok(Some(Identity { actor, proof: Proof::Token { id, hash: row.hash }, since: Some(row.created_at) }))
    }

    /// One's own tokens, also those that are over.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<Token>> {
        self.service.authorise(caller, Action::ManageTokens)?;
        let owner = owner(caller).ok_or(sternway_domain::access::Denied::NotSignedIn).map_err(ServiceError::from)?;
        Ok(self.service.store.tokens(owner).await?.iter().map(Token::from).collect())
    }

    /// Makes a token for oneself, once per key.
    pub async fn create_token(&self, caller: &Caller, new: NewToken, key: &str) -> Result<TokenMade> {
        let once = Once::new(&caller.actor.key(), key, &new);
        if let Some(made) = self.service.recall(&once).await? {
            return Ok(made);
        }
        let mut act = Act::on(Action::ManageTokens, Target::Account { name: caller.actor.label() }, "");
        let (owner, role, days) = match self.checked(caller, &new) {
            Ok(checked) => checked,
            Err(error) => return Err(self.service.refuse(caller, &act, error).await.into()),
        };
        let id = TokenId(self.service.new_id());
        let random = hex(&secret::random(self.service.rng.as_ref()));
        let now = self.service.clock.now();
        let row = TokenRow {
            id,
            owner,
            name: new.name.trim().to_owned(),
            role: role.as_str().to_owned(),
            hash: secret::hash(&random),
            created_at: now,
            expires_at: now + Span::from_secs(i64::from(days) * 86_400),
            used_at: None,
            revoked_at: None,
        };
        act.effects.push(format!("token {} made, role {}, until {}", row.name, role.label(), row.expires_at.date()));
        let made = TokenMade { token: Token::from(&row), secret: None };
        let unit = Unit {
            tokens: vec![row],
            decision: Some(self.service.decision(caller, &act, Outcome::Accepted)?),
            idempotency: Some(self.service.remember(&once, 201, &made)),
            ..Unit::default()
        };
        match self.service.commit(unit, None).await {
            Ok(_) => Ok(TokenMade { secret: Some(render(id, &random)), ..made }),
            Err(error @ ServiceError::Store(StoreError::KeyUsed)) => {
                Ok(self.service.recall(&once).await?.ok_or(error)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes one of one's own tokens; an admin any. Revoking twice is revoking once.
    pub async fn revoke_token(&self, caller: &Caller, id: TokenId) -> Result<Token> {
        let mut act = Act::on(Action::ManageTokens, Target::Account { name: caller.actor.label() }, "");
        let found = self.service.store.token(id).await?;
        let checked = self.service.authorise(caller, Action::ManageTokens).and_then(|()| {
            let any = caller.actor.role().is_some_and(|role| may(role, Action::ManagePeople));
            // Somebody else's token does not exist, as far as one can tell.
            let own = found.filter(|row| any || Some(row.owner) == owner(caller));
            own.ok_or_else(|| ServiceError::NotFound { what: "token", name: id.to_string() })
        });
        let mut row = match checked {
            Ok(row) => row,
            Err(error) => return Err(self.service.refuse(caller, &act, error).await.into()),
        };
        if row.revoked_at.is_some() {
            return Ok(Token::from(&row));
        }
        row.revoked_at = Some(self.service.clock.now());
        act.effects.push(format!("token {} revoked", row.name));
        let token = Token::from(&row);
        let decision = self.service.decision(caller, &act, Outcome::Accepted)?;
        self.service.commit(Unit { tokens: vec![row], decision: Some(decision), ..Unit::default() }, None).await?;
        Ok(token)
    }

    fn checked(&self, caller: &Caller, new: &NewToken) -> std::result::Result<(PersonId, Role, u16), ServiceError> {
        self.service.authorise(caller, Action::ManageTokens)?;
        let not_signed_in = || ServiceError::from(sternway_domain::access::Denied::NotSignedIn);
        let (owner, own) = owner(caller).zip(caller.actor.role()).ok_or_else(not_signed_in)?;
        let name = new.name.trim();
        if !(1..=60).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(invalid("name", "Write what the token is for, in 1 to 60 characters."));
        }
        let role = new.role.as_deref().map(read_role).transpose()?.unwrap_or(own);
        if !covers(own, role) {
            let text = format!("You are {}; a token of yours cannot be {}.", own.label(), role.label());
            return Err(invalid("role", &text));
        }
        let days = new.expires_in_days.unwrap_or(USUAL_DAYS);
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(invalid("expires_in_days", "Write 1 to 366 days."));
        }
        Ok((owner, role, days))
    }
}

/// The person who acts, or for whom a token acts.
pub(super) fn owner(caller: &Caller) -> Option<PersonId> {
    match &caller.actor {
        Actor::Person { id, .. } => Some(*id),
        Actor::Token { owner, .. } => Some(*owner),
        Actor::Automation { .. } | Actor::Anonymous => None,
    }
}

/// Whether whoever has `own` may do everything that `role` may.
fn covers(own: Role, role: Role) -> bool {
    Action::ALL.into_iter().all(|action| !may(role, action) || may(own, action))
}

fn render(id: TokenId, secret: &str) -> String {
    let body = format!("{PREFIX}_{}_{secret}", id.0.simple());
    format!("{body}{:08x}", secret::crc32(body.as_bytes()))
}

/// The id and the secret, if the checksum fits.
fn parse(text: &str) -> Option<(TokenId, &str)> {
    let (body, sum) = text.split_at_checked(text.len().checked_sub(8)?)?;
    let rest = body.strip_prefix(PREFIX)?.strip_prefix('_')?;
    let (id, secret) = rest.split_once('_')?;
    let fits = secret.len() == 64 && sum == format!("{:08x}", secret::crc32(body.as_bytes()));
    let id = Uuid::try_parse(id).ok().filter(|_| fits && id.len() == 32)?;
    Some((TokenId(id), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_token_when_one_letter_is_wrong_then_it_is_not_even_looked_up() {
        let id = TokenId(Uuid::from_u128(7));
        let text = render(id, &"ab".repeat(32));
        assert_eq!(parse(&text), Some((id, "ab".repeat(32).as_str())));
        for wrong in
            ["", "swy", "x", &text[1..], &text[..text.len() - 1], &text.replace('a', "c"), "é".repeat(60).as_str()]
        {
            assert_eq!(parse(wrong), None, "{wrong} was taken");
        }
    }

    #[test]
    fn a_role_covers_itself_and_viewers_and_an_admin_covers_all() {
        for role in Role::ALL {
            assert!(covers(role, role) && covers(role, Role::FlagClient) && covers(Role::Admin, role));
            assert_eq!(covers(role, Role::Viewer), role != Role::FlagClient);
        }
        assert!(!covers(Role::OnCall, Role::ReleaseManager));
        assert!(covers(Role::ReleaseManager, Role::OnCall));
    }
}
