//! Which versions of another component one works with.
//!
//! `any` · `1.41.3` · `1.41.*` · `>=1.41 <2` (all must hold) · `1.40.* || >=1.42` (one must hold). Numbers are compared part
//! by part, a missing part is 0, a leading `v` is ignored, `1.2.0-rc1` comes before `1.2.0`, and what follows `+` does not
//! count. A version that is not made of numbers can only be named exactly.

use crate::artifact::Version;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A rule about versions, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Accepts {
    text: String,
    one_of: Vec<Vec<Rule>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Any,
    Exactly(String),
    /// `1.41.*`, without the star.
    Within(Vec<u64>),
    Compared(Sign, Numbers),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// `1.41.0-rc1` as `[1, 41, 0]` and `rc1`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbers {
    parts: Vec<u64>,
    before: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not say which versions: write `any`, `1.41.3`, `1.41.*`, `>=1.41 <2`, alternatives with `||`")]
pub struct AcceptsError(String);

impl Accepts {
    /// Whether the rule takes this version. `None` when the version has no numbers to compare.
    pub fn takes(&self, version: &Version) -> Option<bool> {
        let text = version.as_str();
        let mut unknown = false;
        for all in &self.one_of {
            let mut holds = Some(true);
            for rule in all {
                holds = match (holds, rule.holds(text)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (None, _) | (_, None) => None,
                    _ => Some(true),
                };
            }
            match holds {
                Some(true) => return Some(true),
                None => unknown = true,
                Some(false) => {}
            }
        }
        if unknown { None } else { Some(false) }
    }
}

impl Rule {
    fn holds(&self, version: &str) -> Option<bool> {
        match self {
            Rule::Any => Some(true),
            Rule::Exactly(wanted) if wanted == version => Some(true),
            Rule::Exactly(wanted) => match (numbers(wanted), numbers(version)) {
                (Some(one), Some(two)) => Some(compare(&one, &two) == Ordering::Equal),
                _ => Some(false),
            },
            Rule::Within(start) => {
                let found = numbers(version)?;
                Some(start.iter().enumerate().all(|(i, part)| found.parts.get(i).copied().unwrap_or(0) == *part))
            }
            Rule::Compared(sign, wanted) => {
                let order = compare(&numbers(version)?, wanted);
                Some(match sign {
                    Sign::AtLeast => order != Ordering::Less,
                    Sign::Above => order == Ordering::Greater,
                    Sign::AtMost => order != Ordering::Greater,
                    Sign::Below => order == Ordering::Less,
                })
            }
        }
    }
}

fn numbers(text: &str) -> Option<Numbers> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split('+').next().unwrap_or(text);
    let (core, before) = match text.split_once('-') {
        Some((core, before)) => (core, Some(before.to_owned())),
        None => (text, None),
    };
    let parts = core.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    Some(Numbers { parts, before })
}

fn compare(one: &Numbers, two: &Numbers) -> Ordering {
    let part = |numbers: &Numbers, i: usize| numbers.parts.get(i).copied().unwrap_or(0);
    let longest = one.parts.len().max(two.parts.len());
    (0..longest).map(|i| part(one, i).cmp(&part(two, i))).find(|order| order.is_ne()).unwrap_or_else(|| {
        match (&one.before, &two.before) {
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        }
    })
}

fn rule(word: &str) -> Option<Rule> {
    if word == "any" || word == "*" {
        return Some(Rule::Any);
    }
    for (mark, sign) in [(">=", Sign::AtLeast), ("<=", Sign::AtMost), (">", Sign::Above), ("<", Sign::Below)] {
        if let Some(rest) = word.strip_prefix(mark) {
            return Some(Rule::Compared(sign, numbers(rest)?));
        }
    }
    if let Some(start) = word.strip_suffix(".*") {
        return Some(Rule::Within(numbers(start)?.parts));
    }
    Version::try_from(word.to_owned()).ok().map(|version| Rule::Exactly(version.as_str().to_owned()))
}

impl FromStr for Accepts {
    type Err = AcceptsError;

    fn from_str(text: &str) -> Result<Self, AcceptsError> {
        let wrong = || AcceptsError(text.chars().take(80).collect());
        if text.len() > 300 {
            return Err(wrong());
        }
        let mut one_of = Vec::new();
        for part in text.split("||") {
            let all = part.split_whitespace().map(rule).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
            if all.is_empty() {
                return Err(wrong());
            }
            one_of.push(all);
        }
        Ok(Self { text: text.trim().to_owned(), one_of })
    }
}

impl TryFrom<String> for Accepts {
    type Error = AcceptsError;

    fn try_from(text: String) -> Result<Self, AcceptsError> {
        text.parse()
    }
}

impl From<Accepts> for String {
    fn from(accepts: Accepts) -> String {
        accepts.text
    }
}

impl fmt::Display for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(rule: &str, version: &str) -> Option<bool> {
        let version = Version::try_from(version.to_owned()).expect("a version");
        rule.parse::<Accepts>().expect("a rule").takes(&version)
    }

    #[test]
    fn rules_take_the_versions_they_say() {
        let rows = [
            ("any", "blue", Some(true)),
            ("1.41.3", "1.41.3", Some(true)),
            ("1.41", "1.41.0", Some(true)),
            ("1.41.*", "1.41.9", Some(true)),
            ("1.4.*", "1.41.9", Some(false)),
            (">=1.9 <2", "1.41.0", Some(true)),
            (">=1.9 <2", "2.0.0", Some(false)),
            (">=1.9 <2", "v1.9.0+build7", Some(true)),
            (">=1.42.0", "1.42.0-rc1", Some(false)),
            ("1.40.* || >=1.42", "1.41.0", Some(false)),
            ("1.40.* || >=1.42", "1.43.0", Some(true)),
            (">=1.9", "blue", None),
            ("blue || >=1.9", "blue", Some(true)),
            ("green", "blue", Some(false)),
        ];
        for (rule, version, expected) in rows {
            assert_eq!(takes(rule, version), expected, "{rule} with {version}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for wrong in ["", "||", "1 ||", ">=", ">=blue", "a b;c", "<x.*"] {
            assert!(wrong.parse::<Accepts>().is_err(), "{wrong:?} was taken");
        }
    }
}
