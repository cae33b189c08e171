//! Carries a plan out.

use std::time::Duration;

use crate::{Command, Nanos, Phase, Plan, RunSummary, Signal};

/// How much longer than its timeout a call may take before it is given up.
pub(crate) const CALL_GRACE: Duration = Duration::from_secs(1);

/// Carries a plan out.
#[derive(Clone, Debug)]
pub struct Conductor {
    plan: Plan,
    phase: Phase,
    summary: RunSummary,
}

impl Conductor {
    /// A run of `plan` that has not begun.
    pub fn new(plan: &Plan) -> Self {
        Conductor {
            plan: plan.clone(),
            phase: Phase::Starting,
            summary: RunSummary::default(),
        }
    }

    /// What to do now that `signal` happened. `now` never goes back.
    pub fn step(&mut self, now: Nanos, signal: Signal) -> Vec<Command> {
        let _ = (now, signal, &self.plan);
        Vec::new()
    }

    /// Where the run stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What the run amounted to so far.
    pub fn summary(&self) -> RunSummary {
        self.summary.clone()
    }
}
