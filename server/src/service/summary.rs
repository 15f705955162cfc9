//! The shapes in which releases and decisions leave through the API and the command line.

use serde::{Deserialize, Serialize};
use sternway_domain::id::DecisionId;
use sternway_domain::judge::{GuardFinding, Verdict};
use sternway_domain::release::Release;
use sternway_domain::signal::Source;
use utoipa::ToSchema;

/// One release, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseSummary {
    #[schema(format = "uuid")]
    pub id: String,
    /// Number of events; name it as `expected_version` when acting.
    pub version: i64,
    pub service: String,
    /// `draft`, `ready`, `running`, `holding`, `promoted`, `rolling_back`, `rolled_back`, `partially_rolled_back`,
    /// `rolling_forward`, `frozen` or `cancelled`.
    pub state: String,
    /// Stage in progress, counted from 0.
    pub stage: Option<u8>,
    /// Weights of the plan's stages, in percent.
    pub stages: Vec<u8>,
    pub baseline: ArtifactSummary,
    pub candidate: ArtifactSummary,
    pub plan: String,
    /// `manual`, `assisted` or `automatic`.
    pub mode: String,
    pub note: String,
    /// Percent of traffic asked for the candidate.
    pub asked: Option<u8>,
    /// Whether the proxy has reported what was asked.
    pub confirmed: bool,
    /// The last verdict of this stage: `pass`, `fail`, `suspect`, `insufficient`, `no_data`, `provider_down` or
    /// `config_error`.
    pub verdict: Option<String>,
    /// As it was said when the verdict became this one; what it says now stands in the newest tick.
    pub verdict_sentence: Option<String>,
    #[schema(format = "date-time")]
    pub created_at: String,
    pub created_by: String,
    #[schema(format = "date-time")]
    pub ended_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactSummary {
    pub version: String,
    pub digest: String,
}

/// What one of two sources says of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceSummary {
    /// `first` (`signals` of the service's document) or `second` (`second_signals`).
    pub source: String,
    /// Where it is: `Prometheus prom-b:9090`.
    pub name: String,
    /// Whether its verdict rules, because it is the worse one, or the first of two equal ones.
    pub rules: bool,
    /// As of one source alone: `pass`, `fail`, `suspect`, …
    pub verdict: String,
    pub sentence: String,
    /// One for each guard of the plan.
    pub guards: Vec<GuardSummary>,
}

/// One guard, as one source shows it. Numbers are absent while the source is silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuardSummary {
    /// `errors`, `p99`, …
    pub metric: String,
    pub verdict: String,
    /// Over the plan's window, in the unit of the metric: a ratio 0-1, seconds, requests a second.
    pub canary: Option<f64>,
    pub baseline: Option<f64>,
    pub tolerated: Option<f64>,
}

impl SourceSummary {
    /// Both sources of a verdict, the first one first; none where only one was read.
    pub fn both(verdict: &Verdict) -> Vec<SourceSummary> {
        let Some(pair) = &verdict.pair else { return Vec::new() };
        let one = |source: Source| {
            let said = verdict.of(source)?;
            Some(SourceSummary {
                source: source.as_str().to_owned(),
                name: pair.names.of(source).to_owned(),
                rules: pair.rules == source,
                verdict: said.kind.as_str().to_owned(),
                sentence: said.sentence,
                guards: said.guards.iter().map(GuardSummary::from).collect(),
            })
        };
        Source::BOTH.into_iter().filter_map(one).collect()
    }
}

impl From<&GuardFinding> for GuardSummary {
    fn from(finding: &GuardFinding) -> Self {
        Self {
            metric: finding.metric.to_string(),
            verdict: finding.kind.as_str().to_owned(),
            canary: finding.canary,
            baseline: finding.baseline,
            tolerated: finding.tolerated,
        }
    }
}

/// A decision by its id and its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionBrief {
    #[schema(value_type = String, format = "uuid")]
    pub id: DecisionId,
    pub leaf_index: i64,
}

impl From<&Release> for ReleaseSummary {
    fn from(release: &Release) -> Self {
        let artifact = |artifact: &sternway_domain::artifact::Artifact| ArtifactSummary {
            version: artifact.version.to_string(),
            digest: artifact.digest.to_string(),
        };
        let mode = serde_json::to_value(release.plan.mode).ok().and_then(|mode| mode.as_str().map(str::to_owned));
        Self {
            id: release.id.to_string(),
            version: release.version,
            service: release.service.to_string(),
            state: release.state.as_str().to_owned(),
            stage: release.state.stage(),
            stages: release.plan.stages.iter().map(|stage| stage.weight.percent()).collect(),
            baseline: artifact(&release.baseline),
            candidate: artifact(&release.candidate),
            plan: release.plan_ref.name.to_string(),
            mode: mode.unwrap_or_default(),
            note: release.note.clone(),
            asked: release.asked.as_ref().map(|asked| asked.weight.percent()),
            confirmed: release.confirmed(),
            verdict: release.current_verdict().map(|note| note.kind.as_str().to_owned()),
            verdict_sentence: release.current_verdict().map(|note| note.sentence.clone()),
            created_at: release.created_at.to_rfc3339(),
            created_by: release.created_by.clone(),
            ended_at: release.ended_at.map(|at| at.to_rfc3339()),
        }
    }
}
