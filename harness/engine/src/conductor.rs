//! Carries a plan out: signals in, commands out, nothing in between but state.
//!
//! ```text
//!              Signal (what happened, and when)
//!   lab  ───────────────────────────────────────────►  Conductor
//!        ◄───────────────────────────────────────────  phases, processes, injections
//!              Command (call, break, heal, wake me)
//! ```
//!
//! The phases: *starting* until the cluster serves; *warm-up*, clients only; *faults*; *healing*,
//! in which everything is undone and then every node has to lead to a completed operation; *final
//! reads* of every key; *done*. Every wait has a deadline, and the next one is always announced
//! with [`Command::WakeAt`], so a lab that does nothing but answer cannot make a run hang.

mod calls;
mod final_reads;
mod injections;
mod pace;
mod processes;
mod tally;

use std::collections::BTreeSet;
use std::time::Duration;

use testimony_history::{Call, Ending};

use crate::chance::Chance;
use crate::workload::Workload;
use crate::{
    Action, ClusterStatus, Command, FaultKind, Nanos, NodeName, Phase, Plan, ProcessId, Recovery,
    RunSummary, Signal,
};
use calls::Calls;
use final_reads::FinalReads;
use injections::Injections;
use pace::Pace;
use processes::{Caller, Processes, Purpose};

/// How much longer than its timeout a call may take before it is given up.
pub(crate) const CALL_GRACE: Duration = Duration::from_secs(1);
/// Nothing is so urgent that it is not done this much later.
const WAKE_MIN: Duration = Duration::from_millis(1);

/// Carries one plan out, once.
#[derive(Clone, Debug)]
pub struct Conductor {
    plan: Plan,
    nodes: Vec<NodeName>,
    phase: Phase,
    /// The latest time heard of.
    now: Nanos,
    started_at: Nanos,
    /// When the present phase, or the present half of it, is over at the latest.
    deadline: Nanos,
    workload: Workload,
    processes: Processes,
    pace: Pace,
    /// The operations that the plan lists, if it does.
    calls: Option<Calls>,
    injections: Injections,
    status: Option<ClusterStatus>,
    /// Who led last, in which term.
    leader: Option<(NodeName, Option<u64>)>,
    /// When the last heal was over.
    healed_at: Option<Nanos>,
    /// The nodes that led to a completed operation since.
    served: BTreeSet<NodeName>,
    /// The final reads, once the workload's last calls have ended.
    final_reads: Option<FinalReads>,
    /// The time of the last `WakeAt`, until it has come.
    armed: Option<Nanos>,
    interruptions: u32,
    summary: RunSummary,
}

impl Conductor {
    /// A run of `plan` that has not begun. It begins with [`Signal::Started`].
    pub fn new(plan: &Plan) -> Self {
        Conductor {
            plan: plan.clone(),
            nodes: plan.node_names(),
            phase: Phase::Starting,
            now: Nanos::ZERO,
            started_at: Nanos::ZERO,
            deadline: Nanos::ZERO,
            workload: Workload::new(plan.seed, &plan.workload),
            processes: Processes::new(plan),
            pace: Pace::new(plan),
            calls: Calls::new(plan),
            injections: Injections::new(plan),
            status: None,
            leader: None,
            healed_at: None,
            served: BTreeSet::new(),
            final_reads: None,
            armed: None,
            interruptions: 0,
            summary: tally::blank(plan),
        }
    }

    /// What to do now that `signal` happened. A time before the last one counts as the last one.
    /// After [`Command::Finish`] nothing is asked for any more.
    pub fn step(&mut self, now: Nanos, signal: Signal) -> Vec<Command> {
        self.now = self.now.max(now);
        self.armed = self.armed.filter(|armed| *armed > self.now);
        if self.phase == Phase::Done {
            return Vec::new();
        }
        let mut commands = self.hear(signal);
        self.advance(&mut commands);
        commands.extend(self.arm());
        commands
    }

    /// Where the run stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// When the present phase is over at the latest, as far as that is known.
    pub fn deadline(&self) -> Option<Nanos> {
        (!matches!(self.phase, Phase::Starting | Phase::Done)).then_some(self.deadline)
    }

    /// The leader that the last status told.
    pub fn leader(&self) -> Option<&NodeName> {
        self.status.as_ref()?.leader()
    }

    /// The injections that were asked for and are not known to be undone.
    pub fn in_effect(&self) -> impl Iterator<Item = (u64, FaultKind, &Action)> {
        self.injections.in_effect()
    }

    /// Operations that were answered so far.
    pub fn completed(&self) -> u64 {
        self.summary.completed()
    }

    /// What the run amounted to so far.
    pub fn summary(&self) -> RunSummary {
        let mut summary = self.summary.clone();
        summary.injections.clone_from(self.injections.counts());
        summary.troubles = self.injections.troubles().to_vec();
        summary.injections_cut_off = self.injections.cut_off();
        let reads = self.final_reads.clone().unwrap_or_default();
        summary.final_reads = reads.counts(self.keys_to_read());
        summary
    }

    fn hear(&mut self, signal: Signal) -> Vec<Command> {
        match signal {
            Signal::Started => self.start(),
            // A timer may round down; then the wake that came early is the one that was asked for.
            Signal::Woke => {
                self.armed = self.armed.filter(|armed| *armed > self.now + WAKE_MIN);
            }
            Signal::Replied {
                process, ending, ..
            } => return self.replied(process, &ending).into_iter().collect(),
            Signal::Injected { injection } => {
                if self.injections.injected(injection, self.now) {
                    self.workload.look_back(self.now);
                }
            }
            Signal::InjectFailed { injection, reason } => {
                return self.injections.inject_failed(injection, &reason, self.now);
            }
            Signal::Healed { injection } => {
                if self.injections.healed(injection) {
                    self.workload.look_back(self.now);
                }
            }
            Signal::HealFailed { injection, reason } => {
                self.injections.heal_failed(injection, &reason);
            }
            Signal::Status(status) => self.look_at(status),
            Signal::Interrupted => return self.interrupted(),
        }
        Vec::new()
    }

    fn start(&mut self) {
        if self.phase == Phase::Starting {
            self.phase = Phase::WarmUp;
            self.started_at = self.now;
            self.deadline = self.now + self.plan.warm_up;
        }
    }

    fn look_at(&mut self, status: ClusterStatus) {
        let term = |name| status.nodes.get(name).and_then(|node| node.term);
        let leader = status.leader().map(|name| (name.clone(), term(name)));
        if leader.is_some() && leader != self.leader {
            if self.leader.is_some() {
                self.summary.leader_changes += 1;
                self.workload.look_back(self.now);
            }
            self.leader = leader;
        }
        self.status = Some(status);
    }

    fn interrupted(&mut self) -> Vec<Command> {
        self.interruptions += 1;
        self.summary.interrupted = true;
        match self.phase {
            Phase::WarmUp | Phase::Faults => self.heal(),
            Phase::Healing | Phase::FinalReads if self.interruptions < 2 => Vec::new(),
            Phase::Starting | Phase::Healing | Phase::FinalReads => {
                self.injections.abandon("the run was interrupted twice");
                self.finish()
            }
            Phase::Done => Vec::new(),
        }
    }

    fn replied(&mut self, process: ProcessId, ending: &Ending) -> Option<Command> {
        let open = self.processes.end(process)?;
        tally::ended(&mut self.summary, &open.call, ending);
        if self.phase == Phase::Faults && matches!(ending, Ending::Ok(_)) {
            self.summary.completed_during_faults += 1;
        }
        let completed = matches!(ending, Ending::Ok(_));
        match open.purpose {
            Purpose::Work => self.workload.observe(process, &open.call, ending),
            Purpose::FinalRead(index) => {
                if let Some(reads) = &mut self.final_reads {
                    reads.end(index, ending, self.now);
                }
            }
        }
        if completed
            && self
                .healed_at
                .is_some_and(|healed| open.invoked_at >= healed)
        {
            self.served.insert(open.node);
        }
        let Ending::Info(_) = ending else { return None };
        self.processes.retire(process);
        self.summary.processes_retired += 1;
        Some(Command::Retire { process })
    }

    /// Goes on to the next phases as far as they have come, and does what is due in the present
    /// one.
    fn advance(&mut self, commands: &mut Vec<Command>) {
        loop {
            let before = (self.phase, self.healed_at, self.final_reads.is_some());
            commands.extend(self.next_phase());
            if before == (self.phase, self.healed_at, self.final_reads.is_some()) {
                break;
            }
        }
        match self.phase {
            Phase::Starting | Phase::Done => {}
            Phase::WarmUp => self.work(commands),
            Phase::Faults | Phase::Healing => {
                commands.extend(self.injections.advance(self.now, self.status.as_ref()));
                self.work(commands);
            }
            Phase::FinalReads => self.read(commands),
        }
    }

    fn next_phase(&mut self) -> Vec<Command> {
        match self.phase {
            Phase::WarmUp if self.is_late() => {
                self.phase = Phase::Faults;
                self.summary.reached_faults = true;
                self.injections.open(&self.plan, self.deadline);
                self.deadline = self.deadline + self.plan.time;
            }
            Phase::Faults if self.is_late() => return self.heal(),
            Phase::Healing => self.next_half_of_healing(),
            Phase::FinalReads => return self.next_half_of_final_reads(),
            Phase::Starting | Phase::WarmUp | Phase::Faults | Phase::Done => {}
        }
        Vec::new()
    }

    fn is_late(&self) -> bool {
        self.now >= self.deadline
    }

    fn heal(&mut self) -> Vec<Command> {
        self.phase = Phase::Healing;
        self.summary.worked = self.now.since(self.started_at);
        self.summary.operations_planned = tally::planned(&self.plan, self.summary.worked);
        self.deadline = self.now + self.plan.recovery;
        self.injections
            .close(&self.plan, self.summary.interrupted, self.now)
    }

    /// First everything is healed, then every node serves.
    fn next_half_of_healing(&mut self) {
        let Some(healed_at) = self.healed_at else {
            if self.injections.all_over() || self.is_late() {
                self.injections
                    .abandon("it was not undone in the time for recovery");
                self.workload.look_back(self.now);
                self.healed_at = Some(self.now);
                let calls = self.calls.as_ref();
                let end = calls.map_or(self.now, |c| c.end(self.started_at, &self.plan));
                self.deadline = self.now.max(end) + self.plan.recovery;
            }
            return;
        };
        match &self.calls {
            Some(calls) if !calls.are_over() && !self.is_late() => return,
            Some(calls) if !calls.probes => return self.last_calls(Recovery::NotAsked),
            _ => {}
        }
        let silent = self.silent();
        if silent.is_empty() {
            let after = self.now.since(healed_at);
            self.last_calls(Recovery::Recovered { after });
        } else if self.is_late() {
            let silent = silent.iter().map(ToString::to_string).collect();
            self.last_calls(Recovery::NotRecovered { silent });
        }
    }

    fn silent(&self) -> Vec<NodeName> {
        self.nodes
            .iter()
            .filter(|name| !self.served.contains(name))
            .cloned()
            .collect()
    }

    fn last_calls(&mut self, recovery: Recovery) {
        self.summary.recovery = recovery;
        self.phase = Phase::FinalReads;
        self.deadline = self.now + self.plan.call_timeout + CALL_GRACE;
    }

    /// First the workload's last calls end, so that the reads see all they did; then the reads.
    fn next_half_of_final_reads(&mut self) -> Vec<Command> {
        let Some(reads) = &self.final_reads else {
            if !self.processes.any_open() || self.is_late() {
                self.final_reads = Some(self.plan_final_reads());
                self.deadline = self.now + self.plan.final_reads;
            }
            return Vec::new();
        };
        let given_up = self.deadline + self.plan.call_timeout + CALL_GRACE;
        let ended = self.is_late() && (!self.processes.any_open() || self.now >= given_up);
        if !reads.all_completed() && !ended {
            return Vec::new();
        }
        self.summary.finished = true;
        self.finish()
    }

    fn plan_final_reads(&self) -> FinalReads {
        let mut chance = Chance::new(self.plan.seed, "final reads");
        FinalReads::new(
            self.keys_to_read(),
            &self.nodes,
            &self.plan.workload,
            &mut chance,
            self.now,
        )
    }

    fn finish(&mut self) -> Vec<Command> {
        self.phase = Phase::Done;
        vec![Command::Finish]
    }

    /// Starts the workload's operations that are due.
    fn work(&mut self, commands: &mut Vec<Command>) {
        self.call_as_planned(commands);
        if !self.draws() {
            return;
        }
        while self.pace.due() <= self.now
            && let Some(caller) = self.pick()
        {
            self.pace.started(self.now);
            let call = self.workload.next(caller.process, self.now);
            commands.push(self.invoke(&caller, call, Purpose::Work));
        }
    }

    /// After the heal, every other process asks a node that has not served yet.
    fn pick(&mut self) -> Option<Caller> {
        if self.phase == Phase::Healing && self.healed_at.is_some() {
            let silent = self.silent();
            let turn = usize::try_from(self.summary.invoked()).unwrap_or(0);
            let due = turn.is_multiple_of(2) || self.calls.is_some();
            if due && !silent.is_empty() {
                return self.processes.pick_for(&silent[turn / 2 % silent.len()]);
            }
        }
        self.processes.pick()
    }

    /// Starts the final reads that can start.
    fn read(&mut self, commands: &mut Vec<Command>) {
        while !self.is_late()
            && let Some(reads) = &self.final_reads
            && let Some((index, call, node)) = reads.next(self.now)
            && let Some(caller) = self.processes.pick_for(node)
        {
            self.final_reads
                .as_mut()
                .expect("just looked at")
                .begin(index);
            commands.push(self.invoke(&caller, call, Purpose::FinalRead(index)));
        }
    }

    fn invoke(&mut self, caller: &Caller, call: Call, purpose: Purpose) -> Command {
        tally::invoked(&mut self.summary, &call);
        self.processes.begin(caller, &call, self.now, purpose);
        Command::Invoke {
            process: caller.process,
            node: caller.node.clone(),
            call,
        }
    }

    /// Announces when to be woken, if the lab does not know yet.
    fn arm(&mut self) -> Option<Command> {
        let next = self.wake()?.max(self.now + WAKE_MIN);
        if self.armed.is_some_and(|armed| armed <= next) {
            return None;
        }
        self.armed = Some(next);
        Some(Command::WakeAt(next))
    }

    fn wake(&self) -> Option<Nanos> {
        let idle = self.processes.any_idle();
        let drawn = (idle && self.draws()).then(|| self.pace.due());
        let calls = self.calls.as_ref();
        let planned = calls.and_then(|calls| calls.wake(self.started_at, self.now));
        let work = drawn.or(planned);
        let injections = self.injections.wake(self.now);
        let due = match self.phase {
            Phase::Starting | Phase::Done => return None,
            Phase::WarmUp => [work, None],
            Phase::Faults | Phase::Healing => [work, injections],
            Phase::FinalReads => [self.wake_to_read().filter(|_| idle), None],
        };
        due.into_iter()
            .flatten()
            .chain([self.wake_at_deadline()])
            .min()
    }

    fn wake_to_read(&self) -> Option<Nanos> {
        self.final_reads
            .as_ref()
            .filter(|_| !self.is_late())?
            .wake()
    }

    fn wake_at_deadline(&self) -> Nanos {
        let late = self.phase == Phase::FinalReads && self.is_late();
        let grace = if late {
            self.plan.call_timeout + CALL_GRACE
        } else {
            Duration::ZERO
        };
        self.deadline + grace
    }
}
