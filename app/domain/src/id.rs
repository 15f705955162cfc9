//! One type per kind of name or number, so that a release can never be mistaken for a decision.

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_id! {
    /// One release: the stream of events it is folded from.
    ReleaseId,
    /// One decision: an act, accepted or refused.
    DecisionId,
    /// One person with an account.
    PersonId,
    /// One API token.
    TokenId,
    /// One message of the outbox.
    MessageId,
    /// One run of a saga: a rollback, a rollforward, a drill.
    SagaId,
    /// One legal hold on texts of the decision log.
    HoldId,
    /// One matter that people are told of.
    AlarmId,
}

/// Why a name was not taken. The text names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a name: use 1 to 63 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit")]
pub struct NameError {
    name: String,
}

fn check_name(name: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=63).contains(&name.len())
        && name.chars().all(|c| plain(c) || c == '-')
        && name.starts_with(plain)
        && name.ends_with(plain);
    if fits { Ok(()) } else { Err(NameError { name: name.chars().take(80).collect() }) }
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                check_name(&name)?;
                Ok(Self(name))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )+};
}

name! {
    /// A service: something deployed on its own.
    ServiceName,
    /// A plan.
    PlanName,
    /// A checklist.
    ChecklistName,
    /// A runbook.
    RunbookName,
    /// One item of a checklist, unique within it.
    ItemId,
    /// A cell or region: a part of a service's instances that can be moved on its own.
    CellName,
    /// A data migration.
    MigrationName,
    /// A connection of the user's, to a database or a cache, set up by name on the server.
    ConnectionName,
    /// An environment: `production`, `staging`.
    EnvironmentName,
    /// A change freeze.
    FreezeName,
}

/// The key of a flag: 1 to 128 of `A-Z a-z 0-9 . _ -`. Nothing else, because OpenFeature's clients put it into an
/// address as it is; for the same reason never `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FlagKey(String);

impl FlagKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the key of a flag: use 1 to 128 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, not dots alone")]
pub struct FlagKeyError(String);

impl FromStr for FlagKey {
    type Err = FlagKeyError;

    fn from_str(text: &str) -> Result<Self, FlagKeyError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(plain) && text.bytes().any(|b| b != b'.');
        if fits { Ok(Self(text.to_owned())) } else { Err(FlagKeyError(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for FlagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FlagKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(&Sha256::digest(bytes))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `sha256:9f2c…a41b`: enough for an eye to compare, never for a machine.
    pub fn short(&self) -> String {
        format!("{}…{}", &self.0[..11], &self.0[67..])
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix("sha256:").unwrap_or_default();
        // Without a way out in between, sixteen are looked at together.
        let good = |good, b| good & matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == 64 && digits.bytes().fold(true, good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_out_what_could_be_a_command() {
        for wrong in ["", "-a", "a-", "A", "a b", "a;b", "a\nb", "ä", &"a".repeat(64)] {
            assert!(ServiceName::new(wrong).is_err(), "{wrong:?} was taken");
        }
        assert!(ServiceName::new("media-resize-2").is_ok());
    }

    #[test]
    fn keys_of_flags_need_no_escaping_in_an_address() {
        for wrong in ["", ".", "..", "a/b", "a b", "a%2f", "ä", &"a".repeat(129)] {
            assert!(wrong.parse::<FlagKey>().is_err(), "{wrong:?} was taken");
        }
        assert!("feature.discount_field-2".parse::<FlagKey>().is_ok());
    }

    #[test]
    fn digests_are_sha256_in_lower_case() {
        let empty = Digest::of(b"");
        assert_eq!(empty.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.short(), "sha256:e3b0…b855");
        assert!("sha256:E3B0".parse::<Digest>().is_err());
    }
}
