//! Text that can be taken away later without changing what was signed.
//!
//! The leaf holds `SHA-256("sternway/commitment/v1" ‖ 0x00 ‖ field ‖ 0x00 ‖ salt ‖ text)`, the [`Opening`] (salt and
//! text) stands beside it. With the opening anybody can see that it is the text that was written down; without it the
//! 32 random bytes of the salt keep even a name from being guessed. Redacting removes the opening, and nothing else.

use super::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// Keeps these hashes apart from all others.
const DOMAIN: &[u8] = b"sternway/commitment/v1\0";

/// How a commitment is written: `c1:` and 32 bytes in base64.
const PREFIX: &str = "c1:";

/// What stands in the leaf for a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; 32]);

/// 32 random bytes, new for every text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

/// Which text of an entry. Written as a path: `reason`, `actor.name`, `effects.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What the actor gave as reason.
    Reason,
    /// The name shown of who acted.
    ActorName,
    /// The name shown of the person a token acts for.
    OwnerName,
    /// What the actor was told when refused.
    Why,
    /// The name of an account, or the text of a target that could not be told; `target.0` and so on for names of
    /// configuration.
    Target(u16),
    /// Rules that were overridden.
    Overridden(u16),
    /// What the act changed.
    Effect(u16),
    /// The address it came from.
    Ip,
    /// The program it came with.
    UserAgent,
}

/// What shows that a text is the one committed to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    pub field: Field,
    pub salt: Salt,
    pub text: String,
}

impl Commitment {
    pub fn new(field: Field, salt: Salt, text: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(DOMAIN);
        match field.name() {
            (name, None) => hash.update(name),
            (_, Some(_)) => hash.update(field.to_string()),
        }
        let digest = hash.chain_update([0]).chain_update(salt.0).chain_update(text).finalize();
        Self(digest.into())
    }

    /// Whether this opening, for this very field, is the text committed to.
    pub fn opens(&self, opening: &Opening) -> bool {
        *self == Self::new(opening.field, opening.salt, &opening.text)
    }
}

impl Field {
    /// What its path begins with, and its number if it has one.
    fn name(self) -> (&'static str, Option<u16>) {
        match self {
            Field::Reason => ("reason", None),
            Field::ActorName => ("actor.name", None),
            Field::OwnerName => ("actor.owner_name", None),
            Field::Why => ("outcome.why", None),
            Field::Target(at) => ("target", Some(at)),
            Field::Overridden(at) => ("overridden", Some(at)),
            Field::Effect(at) => ("effects", Some(at)),
            Field::Ip => ("origin.ip", None),
            Field::UserAgent => ("origin.user_agent", None),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            (name, None) => f.write_str(name),
            (name, Some(at)) => write!(f, "{name}.{at}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a text of an entry: use `reason`, `actor.name`, `actor.owner_name`, `outcome.why`, `target.0`, `overridden.0`, `effects.0`, `origin.ip` or `origin.user_agent`"
)]
pub struct FieldError(String);

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(given: &str) -> Result<Self, FieldError> {
        let numbered = |(name, at): (&str, &str)| {
            let at = text::decimal(at)?.try_into().ok()?;
            match name {
                "target" => Some(Field::Target(at)),
                "overridden" => Some(Field::Overridden(at)),
                "effects" => Some(Field::Effect(at)),
                _ => None,
            }
        };
        let plain = [Field::Reason, Field::ActorName, Field::OwnerName, Field::Why, Field::Ip, Field::UserAgent];
        plain
            .into_iter()
            .find(|field| field.name().0 == given)
            .or_else(|| given.split_once('.').and_then(numbered))
            .ok_or_else(|| FieldError(text::quote(given)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` should be {1}32 bytes in base64")]
pub struct BytesError(String, &'static str);

fn bytes(given: &str, prefix: &'static str) -> Result<[u8; 32], BytesError> {
    let bytes = given.strip_prefix(prefix).and_then(text::base64_32);
    bytes.ok_or_else(|| BytesError(text::quote(given), prefix))
}

impl FromStr for Commitment {
    type Err = BytesError;

    fn from_str(given: &str) -> Result<Self, BytesError> {
        bytes(given, PREFIX).map(Self)
    }
}

impl FromStr for Salt {
    type Err = BytesError;

    fn from_str(given: &str) -> Result<Self, BytesError> {
        bytes(given, "").map(Self)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", text::to_base64(&self.0))
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::to_base64(&self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Neither salt nor text belong into a log of the program.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening({}, {} bytes)", self.field, self.text.len())
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

as_text!(Commitment, Salt, Field);

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(field: Field, salt: u8, text: &str) -> Opening {
        Opening { field, salt: Salt([salt; 32]), text: text.to_owned() }
    }

    /// The same bytes through `sha256sum`.
    #[test]
    fn given_a_text_then_its_commitment_is_the_documented_hash() {
        let Commitment(bytes) = Commitment::new(Field::Reason, Salt([7; 32]), "errors at 3 %");
        assert_eq!(crate::id::hex(&bytes), "56a6921ffab982eaa11455727d27265fcd3f98297bfa34848553e30b977b14b5");
    }

    #[test]
    fn given_another_text_salt_or_field_then_it_does_not_open() {
        let good = opening(Field::Reason, 7, "errors at 3 %");
        let commitment = Commitment::new(good.field, good.salt, &good.text);
        assert!(commitment.opens(&good));
        for wrong in [
            opening(Field::Reason, 7, "errors at 4 %"),
            opening(Field::Reason, 8, "errors at 3 %"),
            opening(Field::Why, 7, "errors at 3 %"),
            opening(Field::Reason, 7, ""),
        ] {
            assert!(!commitment.opens(&wrong), "{:?}", wrong.field);
        }
    }

    #[test]
    fn given_a_path_then_it_has_one_spelling() {
        for path in
            ["reason", "actor.name", "actor.owner_name", "outcome.why", "target.0", "effects.65535", "origin.ip"]
        {
            assert_eq!(path.parse::<Field>().map(|field| field.to_string()).as_deref(), Ok(path));
        }
        for wrong in ["", "Reason", "effects", "effects.", "effects.00", "effects.65536", "effects.-1", "reason.0"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn given_an_opening_then_debug_shows_neither_salt_nor_text() {
        let shown = format!("{:?}", opening(Field::Reason, 7, "Maya Ortiz was here"));
        assert!(!shown.contains("Maya") && !shown.contains("BwcH"), "{shown}");
        let json = serde_json::to_string(&opening(Field::Effect(1), 7, "x")).expect("JSON");
        assert_eq!(json, r#"{"field":"effects.1","salt":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","text":"x"}"#);
        assert!(serde_json::from_str::<Opening>(&json.replace('}', r#","more":1}"#)).is_err());
    }
}
