//! What a flag gives to whom.

use super::{Flag, Setting};
use crate::id::{EnvironmentName, FlagKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Buckets that people are divided into; one is a hundredth of a percent.
const BUCKETS: u64 = 10_000;

/// Who asks, as far as a kill switch needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// A stable name of whoever gets the value: a user, a session, a device.
    pub targeting_key: Option<String>,
}

/// Why a value was given, as OFREP names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Everybody gets it.
    Static,
    /// Reserved: nothing here targets by attribute.
    TargetingMatch,
    /// By the hash of the targeting key.
    Split,
    /// Switched off.
    Disabled,
    Unknown,
}

/// Why no value was given, as OFREP names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    ParseError,
    TargetingKeyMissing,
    InvalidContext,
    FlagNotFound,
    General,
}

/// A value and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    pub variant: String,
    pub value: Value,
    pub reason: Reason,
}

/// No value and why. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    #[error("the body is not JSON: {0}")]
    Parse(String),
    #[error("`{0}` is split between people, so the context needs a `targetingKey`: a text of 1 to 1024 bytes")]
    TargetingKeyMissing(FlagKey),
    #[error("the context cannot be used: {0}")]
    InvalidContext(&'static str),
    #[error("there is no flag `{0}`")]
    NotFound(String),
    /// A stored flag that names a variant it does not have; [`super::problems`] keeps such flags out.
    #[error("`{key}` names the variant `{variant}`, which it does not have")]
    NoVariant { key: FlagKey, variant: String },
}

impl EvaluationError {
    pub fn code(&self) -> ErrorCode {
        match self {
            EvaluationError::Parse(_) => ErrorCode::ParseError,
            EvaluationError::TargetingKeyMissing(_) => ErrorCode::TargetingKeyMissing,
            EvaluationError::InvalidContext(_) => ErrorCode::InvalidContext,
            EvaluationError::NotFound(_) => ErrorCode::FlagNotFound,
            EvaluationError::NoVariant { .. } => ErrorCode::General,
        }
    }
}

impl Context {
    /// From the body of an OFREP request: `{"context": {"targetingKey": "…", …}}`. An empty body object, a missing and a
    /// `null` context are a context without a key; other attributes are taken and not looked at.
    pub fn read(body: &Value) -> Result<Self, EvaluationError> {
        let wrong = EvaluationError::InvalidContext;
        let Value::Object(body) = body else {
            return Err(wrong("the body is not an object; send `{\"context\": {}}`"));
        };
        let context = match body.get("context") {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(context)) => context,
            Some(_) => return Err(wrong("`context` is not an object")),
        };
        match context.get("targetingKey") {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::String(key)) if key.len() <= 1024 => {
                Ok(Self { targeting_key: Some(key.clone()).filter(|key| !key.is_empty()) })
            }
            Some(Value::String(_)) => Err(wrong("`targetingKey` has more than 1024 bytes")),
            Some(_) => Err(wrong("`targetingKey` is not a text")),
        }
    }
}

/// The bucket of a person for a flag, 0 to 9999: the first eight bytes of `SHA-256(flag key ‖ 0x00 ‖ targeting key)`, both
/// UTF-8, as a big-endian number `h`; the bucket is `h × 10000 / 2^64`, rounded down. The flag's key is part of it, so that
/// the same people are not first in every rollout. It never changes: growing a share keeps everyone who was in it.
pub fn bucket(flag: &FlagKey, targeting_key: &str) -> u16 {
    let mut hasher = Sha256::new();
    hasher.update(flag.as_str());
    hasher.update([0u8]);
    hasher.update(targeting_key);
    let hash = hasher.finalize();
    let mut first = [0u8; 8];
    first.copy_from_slice(&hash[..8]);
    let bucket = (u128::from(u64::from_be_bytes(first)) * u128::from(BUCKETS)) >> 64;
    u16::try_from(bucket).unwrap_or(u16::MAX)
}

impl Flag {
    /// What the flag gives in an environment. Values of type float stay floats (`1.0`) in JSON.
    pub fn evaluate(&self, environment: &EnvironmentName, context: &Context) -> Result<Resolved, EvaluationError> {
        if self.retired.is_some() {
            return Err(EvaluationError::NotFound(self.plan.key.to_string()));
        }
        let setting = self.setting(environment);
        if !setting.enabled {
            return self.resolve(&self.plan.off, Reason::Disabled);
        }
        if setting.split.is_empty() {
            return self.resolve(&setting.serve, Reason::Static);
        }
        let Some(key) = &context.targeting_key else {
            return Err(EvaluationError::TargetingKeyMissing(self.plan.key.clone()));
        };
        self.resolve(chosen(setting, bucket(&self.plan.key, key)), Reason::Split)
    }

    fn resolve(&self, variant: &str, reason: Reason) -> Result<Resolved, EvaluationError> {
        let missing = || EvaluationError::NoVariant { key: self.plan.key.clone(), variant: variant.to_owned() };
        let value = self.plan.variants.get(variant).ok_or_else(missing)?;
        Ok(Resolved { variant: variant.to_owned(), value: self.as_float(value), reason })
    }

    /// When one variant is a float, all are: `1` is given as `1.0`, or typed clients would see two types.
    fn as_float(&self, value: &Value) -> Value {
        let floats = self.plan.variants.values().any(Value::is_f64);
        match value.as_f64() {
            Some(number) if floats => Value::from(number),
            _ => value.clone(),
        }
    }
}

/// Shares are laid end to end in their order; a share of 12.5 % takes 1250 buckets.
fn chosen(setting: &Setting, bucket: u16) -> &str {
    let mut end = 0u64;
    for share in &setting.split {
        end += (share.percent * 100.0).round().max(0.0) as u64;
        if u64::from(bucket) < end {
            return &share.variant;
        }
    }
    &setting.serve
}
