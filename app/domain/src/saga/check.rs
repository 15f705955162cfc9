//! What makes a list of steps unusable.

use super::{SagaPlan, Step, StepId};
use crate::time::Span;
use std::collections::BTreeSet;

/// The most steps one saga may have.
const MOST_STEPS: usize = 1_000;

/// One thing wrong with a saga's steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SagaProblem {
    #[error("a saga has at least one step")]
    None,
    #[error("a saga has at most {MOST_STEPS} steps, not {0}")]
    TooMany(usize),
    #[error("step {found} should be number {expected}")]
    Number { found: StepId, expected: u16 },
    #[error("step {step} comes after step {after}, which is not before it")]
    After { step: StepId, after: StepId },
    #[error("step {0} has no time to finish; give it a timeout")]
    Timeout(StepId),
    #[error("step {step} is tried {tries} times; use 1 to 20")]
    Tries { step: StepId, tries: u8 },
    #[error("step {0} has a jitter that is no share; use 0 to 1")]
    Jitter(StepId),
    #[error("step {0} names nobody to call; give it a role")]
    Role(StepId),
    #[error("step {0} waits for in-flight work longer than its timeout; raise the timeout above the limit")]
    Drain(StepId),
}

/// Everything wrong with the steps; empty when they can be run.
pub fn problems(plan: &SagaPlan) -> Vec<SagaProblem> {
    let mut found = Vec::new();
    if plan.steps.is_empty() {
        found.push(SagaProblem::None);
    }
    if plan.steps.len() > MOST_STEPS {
        found.push(SagaProblem::TooMany(plan.steps.len()));
        return found;
    }
    let mut before = BTreeSet::new();
    for (step, expected) in plan.steps.iter().zip(1u16..) {
        if step.id.0 != expected {
            found.push(SagaProblem::Number { found: step.id, expected });
        }
        for after in step.after.iter().filter(|after| !before.contains(*after)) {
            found.push(SagaProblem::After { step: step.id, after: *after });
        }
        before.insert(step.id);
        check_step(step, &mut found);
    }
    found
}

fn check_step(step: &Step, found: &mut Vec<SagaProblem>) {
    if step.timeout == Span::ZERO {
        found.push(SagaProblem::Timeout(step.id));
    }
    if !(1..=20).contains(&step.retry.tries) {
        found.push(SagaProblem::Tries { step: step.id, tries: step.retry.tries });
    }
    if !(0.0..=1.0).contains(&step.retry.jitter) {
        found.push(SagaProblem::Jitter(step.id));
    }
    if step.role.trim().is_empty() {
        found.push(SagaProblem::Role(step.id));
    }
    if let super::StepAct::Drain { limit, .. } = &step.act
        && *limit >= step.timeout
    {
        found.push(SagaProblem::Drain(step.id));
    }
}
