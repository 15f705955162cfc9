//! Signing in, and the first start.

use super::FormFault;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignInView {
    /// Where to go afterwards; a path on this origin, checked by the server.
    pub next: String,
    /// What was typed before, when the form comes back. Never the password.
    pub email: String,
    pub fault: Option<FormFault>,
    /// The people of `sternway demo`: one button each.
    pub people: Vec<DemoPersonView>,
    /// Nobody has an account yet: the log of the first start holds the link.
    pub first_start: bool,
    /// Why the person has to sign in again: `Your session is over.` May be empty.
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DemoPersonView {
    pub name: String,
    /// `release manager`.
    pub role: String,
    /// `starts, promotes and rolls back`.
    pub may: String,
    pub email: String,
    /// Known to everybody: it is a demo, on loopback.
    pub password: String,
}

/// Posted to `/signin`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    pub email: String,
    pub password: String,
    pub next: String,
}

/// The page behind the one-time link of the first start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SetupView {
    /// Goes back with the form, in its address.
    pub token: String,
    /// False: the link was used or is over; the page says how to get another.
    pub valid: bool,
    pub name: String,
    pub email: String,
    pub fault: Option<FormFault>,
}

/// Posted to `/setup/{token}`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    pub name: String,
    pub email: String,
    pub password: String,
}
