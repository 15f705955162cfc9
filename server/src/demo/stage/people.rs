//! The people of the demo: who they are, made anew at each start.

use super::StageError;
use crate::auth::{Auth, NewPerson, NewToken};
use crate::ports::Rng;
use crate::service::Caller;
use serde::Serialize;
use sternway_app::view::door::DemoPersonView;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::Origin;

/// Who is on stage: name, login, role, and what the role may do.
const PEOPLE: [(&str, &str, Role, &str); 5] = [
    ("Maya Ortiz", "maya@demo.example", Role::ReleaseManager, "starts, promotes and rolls back"),
    ("Sam Okoro", "sam@demo.example", Role::OnCall, "holds and rolls back"),
    ("Ada Nowak", "ada@demo.example", Role::Auditor, "reads the log"),
    ("Vic Lindt", "vic@demo.example", Role::Viewer, "looks"),
    ("Robin Adler", "robin@demo.example", Role::Admin, "may do everything"),
];

pub(super) const ADMIN: usize = 4;
pub(super) const MANAGER: usize = 0;

/// A demo person with the keys to the door.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DemoPerson {
    pub name: String,
    pub login: String,
    /// `release_manager`.
    pub role: String,
    pub password: String,
    pub token: String,
}

/// For the sign-in page.
pub(super) fn views(people: &[DemoPerson]) -> Vec<DemoPersonView> {
    let views = people.iter().zip(PEOPLE).map(|(person, (_, _, role, may))| DemoPersonView {
        name: person.name.clone(),
        role: role.label().to_owned(),
        may: may.to_owned(),
        email: person.login.clone(),
        password: person.password.clone(),
    });
    views.collect()
}

/// The people with fresh passwords and tokens, and each as a caller.
pub(super) async fn make(auth: &Auth, rng: &dyn Rng) -> Result<(Vec<DemoPerson>, Vec<Caller>), StageError> {
    let origin = Origin { transport: "demo".into(), ..Origin::default() };
    let mut people = Vec::new();
    let mut callers = Vec::new();
    let (admin_name, admin_login, ..) = PEOPLE[ADMIN];
    let admin_password = password(rng);
    let link = auth.setup_secret().await?;
    let link = link.ok_or_else(|| StageError::Documents("the demo's database already has people".into()))?;
    let signed = auth.set_up(&origin, "sternway demo", &link, admin_name, admin_login, &admin_password).await?;
    let admin = Caller { actor: signed.identity.actor, origin: origin.clone() };
    for (i, (name, login, role, _)) in PEOPLE.into_iter().enumerate() {
        let (caller, secret) = if i == ADMIN {
            (admin.clone(), admin_password.clone())
        } else {
            let secret = password(rng);
            let new = NewPerson {
                name: name.into(),
                login: login.into(),
                role: role.as_str().into(),
                password: secret.clone(),
            };
            let made = auth.create_person(&admin, new, &format!("demo-person-{i}")).await?;
            let id = made.id.parse().map_err(|_| StageError::Documents("a person without an id".into()))?;
            (Caller { actor: Actor::Person { id, name: name.into(), role }, origin: origin.clone() }, secret)
        };
        let new = NewToken { name: "demo".into(), role: None, expires_in_days: Some(7) };
        let token = auth.create_token(&caller, new, &format!("demo-token-{i}")).await?.secret.unwrap_or_default();
        people.push(DemoPerson {
            name: name.to_owned(),
            login: login.to_owned(),
            role: role.as_str().to_owned(),
            password: secret,
            token,
        });
        callers.push(caller);
    }
    Ok((people, callers))
}

/// Twelve letters and digits in three groups: to be typed on a phone.
fn password(rng: &dyn Rng) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut random = [0u8; 12];
    rng.fill(&mut random);
    let letters: Vec<char> =
        random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}
