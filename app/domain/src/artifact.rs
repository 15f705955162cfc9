//! An immutable build, named by digest.

use crate::id::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The build of one service. Two artifacts are the same when their digests are; the version is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// What people call it: `1.42.0`. 1 to 64 of `A-Z a-z 0-9 . _ + -`.
    pub version: Version,
    pub digest: Digest,
}

/// What people call a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

impl Version {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: use 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `+` and `-`")]
pub struct VersionError(String);

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(VersionError(text.chars().take(80).collect()))
        }
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
