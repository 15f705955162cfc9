//! Judges once more what was judged: a verdict must follow from what was stored with it, to the last bit.

use super::Inputs;
use serde_json::Value;
use sternway_domain::judge::JUDGE_VERSION;
use sternway_domain::judge::pair::PAIR_VERSION;

/// What judging again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    Same,
    /// Another verdict follows from the inputs.
    Another,
    /// Nothing was judged, or the inputs were not kept.
    Unjudged,
    /// Another version of the judge made it: this program cannot say.
    Version(String),
}

/// The recorded verdict and the one that follows, or why there is none.
pub fn judge_again(evidence: &Value) -> Result<(Value, Value), Replay> {
    let there = |name: &str| evidence.get(name).filter(|value| !value.is_null());
    let (Some(recorded), Some(inputs)) = (there("verdict"), there("inputs")) else { return Err(Replay::Unjudged) };
    let version = recorded["judge_version"].as_str().unwrap_or_default();
    if ![JUDGE_VERSION, PAIR_VERSION].contains(&version) {
        return Err(Replay::Version(version.chars().take(40).collect()));
    }
    let Ok(inputs) = serde_json::from_value::<Inputs>(inputs.clone()) else { return Err(Replay::Unjudged) };
    Ok((recorded.clone(), serde_json::to_value(inputs.judge()).unwrap_or_default()))
}

/// The same of a body of evidence as it is stored; what is no evidence of a release has no verdict.
pub fn replay(body: &[u8]) -> Replay {
    let Ok(evidence) = serde_json::from_slice::<Value>(body) else { return Replay::Unjudged };
    match judge_again(&evidence) {
        Ok((recorded, again)) if recorded == again => Replay::Same,
        Ok(_) => Replay::Another,
        Err(why) => why,
    }
}
