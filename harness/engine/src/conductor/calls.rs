//! The calls of a plan that lists them, and which of them are still to be made.

use std::collections::VecDeque;

use testimony_history::Value;

use super::{CALL_GRACE, Conductor, Purpose};
use crate::{Command, Nanos, Phase, Plan, PlannedCall, WorkloadKind};

/// The calls that a plan lists.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Whether the nodes are asked after the last heal until they serve.
    pub(super) probes: bool,
    /// What is still to be called, in the order of its time.
    pending: VecDeque<PlannedCall>,
}

impl Calls {
    /// None if the workload draws them.
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        let script = plan.script.as_ref()?;
        let mut pending = script.calls.clone();
        pending.sort_by_key(|call| call.at);
        Some(Calls {
            probes: script.probes,
            pending: pending.into(),
        })
    }

    /// The next call whose time has come and whose client is idle; it counts as made. A client's
    /// later call never overtakes its earlier one: both wait for the same client. O(calls due).
    pub(super) fn next(
        &mut self,
        started: Nanos,
        now: Nanos,
        is_idle: impl Fn(usize) -> bool,
    ) -> Option<PlannedCall> {
        let mut due = self.pending.iter().take_while(|c| started + c.at <= now);
        let place = due.position(|call| is_idle(call.client as usize))?;
        self.pending.remove(place)
    }

    /// When the next one is due that is not yet.
    pub(super) fn wake(&self, started: Nanos, now: Nanos) -> Option<Nanos> {
        let mut at = self.pending.iter().map(|call| started + call.at);
        at.find(|at| *at > now)
    }

    pub(super) fn are_over(&self) -> bool {
        self.pending.is_empty()
    }

    /// When the last one is over at the latest, if none has to wait for another.
    pub(super) fn end(&self, started: Nanos, plan: &Plan) -> Nanos {
        let last = self.pending.back();
        last.map_or(Nanos::ZERO, |call| {
            started + call.at + plan.call_timeout + CALL_GRACE
        })
    }
}

impl Conductor {
    /// A plan that lists its operations has no others, and so no reads at the end. A lock cannot be
    /// read, and to acquire it would say nothing that those who work did not hear.
    pub(super) fn keys_to_read(&self) -> &[Value] {
        match (&self.calls, self.plan.workload.name) {
            (Some(_), _) | (None, WorkloadKind::Lock) => &[],
            (None, _) => self.workload.touched(),
        }
    }

    /// Whether the workload draws operations now: always, unless the plan lists them; then only to
    /// see which nodes serve.
    pub(super) fn draws(&self) -> bool {
        self.calls.as_ref().is_none_or(|calls| {
            calls.probes
                && calls.are_over()
                && self.phase == Phase::Healing
                && self.healed_at.is_some()
        })
    }

    /// Makes the calls that the plan lists and that are due.
    pub(super) fn call_as_planned(&mut self, commands: &mut Vec<Command>) {
        while let Some(calls) = &mut self.calls
            && let Some(planned) = calls.next(self.started_at, self.now, |client| {
                self.processes.is_idle(client)
            })
        {
            let caller = self.processes.caller(planned.client, &planned.node);
            commands.push(self.invoke(&caller, planned.call(), Purpose::Work));
        }
    }
}
