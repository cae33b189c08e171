//! The life of every planned injection: waiting, asked for, in effect, being healed, over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::fault::Unresolved;
use crate::{
    Action, ClusterStatus, Command, FaultKind, InjectionCounts, InjectionTrouble, Nanos, NodeName,
    Plan, PlannedInjection, Trouble,
};

/// Why an injection is skipped if the time of faults ends before it could begin.
const TOO_LATE: &str = "the time of faults was over before it could begin";
const CUT_OFF: &str = "the run was interrupted before";
/// How often the heal of an injection is asked for at most.
const HEALS_MAX: u32 = 3;

/// One planned injection and how far it is.
#[derive(Clone, Debug)]
struct Injection {
    planned: PlannedInjection,
    /// When it is to begin.
    at: Nanos,
    state: State,
    /// What was asked for, once it was.
    action: Option<Action>,
    verified: bool,
    heals: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It has not begun. It waits longer than planned if it cannot begin.
    Waiting,
    /// It was asked for, and is to be seen in effect by then.
    Asked(Nanos),
    /// It is in effect until then.
    Active(Nanos),
    /// Its heal was asked for, and is to be seen by then.
    Healing(Nanos),
    /// Its heal failed, and may be tried again.
    Unhealed,
    /// Nothing more happens to it.
    Over,
}

/// All injections of a plan.
#[derive(Clone, Debug)]
pub(super) struct Injections {
    nodes: Vec<NodeName>,
    verify_timeout: Duration,
    start_wait: Duration,
    list: Vec<Injection>,
    counts: BTreeMap<FaultKind, InjectionCounts>,
    troubles: Vec<InjectionTrouble>,
    cut_off: u64,
    /// Set once the time of faults is over: nothing begins, everything is healed.
    closing: bool,
}

impl Injections {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut counts: BTreeMap<FaultKind, InjectionCounts> = BTreeMap::new();
        for injection in &plan.injections {
            counts.entry(injection.kind).or_default().planned += 1;
        }
        Injections {
            nodes: plan.node_names(),
            verify_timeout: plan.verify_timeout,
            start_wait: plan.start_wait,
            list: Vec::new(),
            counts,
            troubles: Vec::new(),
            cut_off: 0,
            closing: false,
        }
    }

    /// The time of faults has begun at `now`.
    pub(super) fn open(&mut self, plan: &Plan, now: Nanos) {
        let waiting = |planned: &PlannedInjection| Injection {
            planned: planned.clone(),
            at: now + planned.at,
            state: State::Waiting,
            action: None,
            verified: false,
            heals: 0,
        };
        self.list = plan.injections.iter().map(waiting).collect();
    }

    /// The time of faults is over, early if the user `interrupted` it. What has not begun never
    /// will, and everything else is healed.
    pub(super) fn close(&mut self, plan: &Plan, interrupted: bool, now: Nanos) -> Vec<Command> {
        if self.list.is_empty() {
            self.open(plan, now);
        }
        self.closing = true;
        let reason = if interrupted { CUT_OFF } else { TOO_LATE };
        for index in 0..self.list.len() {
            if self.list[index].state == State::Waiting {
                self.cut_off += u64::from(interrupted);
                self.give_up(index, Trouble::Skipped, reason);
            }
        }
        self.advance(now, None)
    }

    /// Does whatever is due: ends waits, heals what has lasted long enough, begins what can begin.
    pub(super) fn advance(&mut self, now: Nanos, status: Option<&ClusterStatus>) -> Vec<Command> {
        let mut commands = Vec::new();
        for index in 0..self.list.len() {
            commands.extend(self.heal_due(index, now));
        }
        for index in 0..self.list.len() {
            if self.list[index].state == State::Waiting && self.list[index].at <= now {
                commands.extend(self.begin(index, now, status));
            }
        }
        commands
    }

    /// The injection was seen in effect. Whether that was news.
    pub(super) fn injected(&mut self, id: u64, now: Nanos) -> bool {
        let Some(index) = self.find(id, |state| matches!(state, State::Asked(_))) else {
            return false;
        };
        let injection = &mut self.list[index];
        injection.verified = true;
        let instant = injection.planned.fault.is_instant();
        injection.state = if instant {
            State::Over
        } else {
            State::Active(now + injection.planned.duration)
        };
        let counts = self.count(index);
        counts.verified += 1;
        counts.healed += u64::from(instant);
        true
    }

    /// The injection did not take effect. Parts of it may have: it is healed all the same.
    pub(super) fn inject_failed(&mut self, id: u64, reason: &str, now: Nanos) -> Vec<Command> {
        match self.find(id, |state| matches!(state, State::Asked(_))) {
            Some(index) => self.fail(index, reason, now),
            None => Vec::new(),
        }
    }

    /// The injection was seen to be undone. Whether that was news.
    pub(super) fn healed(&mut self, id: u64) -> bool {
        let undone = |state: &State| matches!(state, State::Healing(_) | State::Unhealed);
        let Some(index) = self.find(id, undone) else {
            return false;
        };
        self.list[index].state = State::Over;
        if self.list[index].verified {
            self.count(index).healed += 1;
        }
        true
    }

    /// The injection was not undone.
    pub(super) fn heal_failed(&mut self, id: u64, reason: &str) {
        if let Some(index) = self.find(id, |state| matches!(state, State::Healing(_))) {
            self.not_healed(index, reason);
        }
    }

    /// Gives up what is still being healed.
    pub(super) fn abandon(&mut self, reason: &str) {
        for index in 0..self.list.len() {
            match self.list[index].state {
                State::Waiting => self.give_up(index, Trouble::Skipped, reason),
                State::Asked(_) => {
                    self.give_up(index, Trouble::Failed, reason);
                    self.give_up(index, Trouble::HealFailed, reason);
                }
                State::Active(_) | State::Healing(_) | State::Unhealed => {
                    self.give_up(index, Trouble::HealFailed, reason);
                }
                State::Over => {}
            }
        }
    }

    /// Whether nothing is in effect and nothing is awaited.
    pub(super) fn all_over(&self) -> bool {
        self.list
            .iter()
            .all(|injection| injection.state == State::Over)
    }

    /// When something is due next.
    pub(super) fn wake(&self, now: Nanos) -> Option<Nanos> {
        let due = |injection: &Injection| match injection.state {
            State::Waiting if injection.at > now => Some(injection.at),
            State::Waiting => Some(injection.at + self.start_wait),
            State::Asked(until) | State::Active(until) | State::Healing(until) => Some(until),
            State::Unhealed | State::Over => None,
        };
        self.list.iter().filter_map(due).min()
    }

    /// What was asked for and is not known to be undone.
    pub(super) fn in_effect(&self) -> impl Iterator<Item = (u64, FaultKind, &Action)> {
        self.list
            .iter()
            .filter(|injection| injection.state != State::Over)
            .filter_map(|injection| {
                let action = injection.action.as_ref()?;
                Some((injection.planned.id, injection.planned.kind, action))
            })
    }

    pub(super) fn counts(&self) -> &BTreeMap<FaultKind, InjectionCounts> {
        &self.counts
    }

    pub(super) fn troubles(&self) -> &[InjectionTrouble] {
        &self.troubles
    }

    pub(super) fn cut_off(&self) -> u64 {
        self.cut_off
    }

    fn begin(
        &mut self,
        index: usize,
        now: Nanos,
        status: Option<&ClusterStatus>,
    ) -> Option<Command> {
        let waited_too_long = now >= self.list[index].at + self.start_wait;
        match self.action(index, status) {
            Ok(action) => Some(self.ask(index, action, now)),
            Err(obstacle) => {
                if waited_too_long || obstacle.is_final() {
                    self.give_up(index, Trouble::Skipped, &obstacle.to_string());
                }
                None
            }
        }
    }

    /// What to do for an injection now, if it can be done now.
    fn action(&self, index: usize, status: Option<&ClusterStatus>) -> Result<Action, Obstacle> {
        let down = self.down();
        let leader = status.and_then(|status| status.foremost_among(|name| !down.contains(name)));
        let action = self.list[index]
            .planned
            .fault
            .resolve(&self.nodes, leader)?;
        for (id, kind, other) in self.in_effect() {
            if action.fights(other) || takes_turns(self.list[index].planned.kind, kind) {
                return Err(Obstacle::Fights { id, kind });
            }
        }
        match needs_up(&action).filter(|name| down.contains(name)) {
            Some(name) => Err(Obstacle::Down(name.clone())),
            None => Ok(action),
        }
    }

    fn ask(&mut self, index: usize, action: Action, now: Nanos) -> Command {
        let injection = &mut self.list[index];
        injection.state = State::Asked(now + self.verify_timeout + super::CALL_GRACE);
        injection.action = Some(action.clone());
        Command::Inject {
            injection: injection.planned.id,
            kind: injection.planned.kind,
            action,
        }
    }

    /// Nodes that injections stop, kill or remove at present.
    fn down(&self) -> BTreeSet<&NodeName> {
        self.in_effect()
            .flat_map(|(_, _, action)| action.lives())
            .collect()
    }

    fn heal_due(&mut self, index: usize, now: Nanos) -> Vec<Command> {
        match self.list[index].state {
            State::Asked(until) if until <= now => {
                let waited = crate::span::format(self.verify_timeout);
                self.fail(
                    index,
                    &format!("it was not seen in effect within {waited}"),
                    now,
                )
            }
            State::Active(until) if until <= now || self.closing => vec![self.heal(index, now)],
            State::Healing(until) if until <= now => {
                let waited = crate::span::format(self.verify_timeout);
                self.not_healed(index, &format!("it was not seen undone within {waited}"));
                self.heal_again(index, now)
            }
            State::Unhealed => self.heal_again(index, now),
            _ => Vec::new(),
        }
    }

    /// A heal that failed is tried once more at once, and once more when the time of faults is
    /// over.
    fn heal_again(&mut self, index: usize, now: Nanos) -> Vec<Command> {
        let injection = &self.list[index];
        let may = self.closing || injection.heals < HEALS_MAX - 1;
        let again = may && injection.state == State::Unhealed;
        if again {
            vec![self.heal(index, now)]
        } else {
            Vec::new()
        }
    }

    fn heal(&mut self, index: usize, now: Nanos) -> Command {
        let injection = &mut self.list[index];
        injection.state = State::Healing(now + self.verify_timeout + super::CALL_GRACE);
        injection.heals += 1;
        Command::Heal {
            injection: injection.planned.id,
        }
    }

    fn fail(&mut self, index: usize, reason: &str, now: Nanos) -> Vec<Command> {
        self.give_up(index, Trouble::Failed, reason);
        if self.list[index].planned.fault.is_instant() {
            return Vec::new();
        }
        vec![self.heal(index, now)]
    }

    fn not_healed(&mut self, index: usize, reason: &str) {
        if self.list[index].heals < HEALS_MAX {
            self.list[index].state = State::Unhealed;
        } else {
            self.give_up(index, Trouble::HealFailed, reason);
        }
    }

    fn give_up(&mut self, index: usize, trouble: Trouble, reason: &str) {
        let injection = &mut self.list[index];
        injection.state = State::Over;
        let (id, kind) = (injection.planned.id, injection.planned.kind);
        let counts = self.count(index);
        match trouble {
            Trouble::Skipped => counts.skipped += 1,
            Trouble::Failed => counts.failed += 1,
            Trouble::HealFailed => counts.heal_failed += 1,
        }
        let reason = reason.to_owned();
        self.troubles.push(InjectionTrouble {
            injection: id,
            kind,
            trouble,
            reason,
        });
    }

    fn count(&mut self, index: usize) -> &mut InjectionCounts {
        self.counts
            .entry(self.list[index].planned.kind)
            .or_default()
    }

    fn find(&self, id: u64, fits: impl Fn(&State) -> bool) -> Option<usize> {
        let wanted = |injection: &Injection| injection.planned.id == id && fits(&injection.state);
        self.list.iter().position(wanted)
    }
}

/// What keeps an injection from beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Obstacle {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error("injection {id} ({kind}) was still at work on the same nodes or links")]
    Fights { id: u64, kind: FaultKind },
    #[error("{0} was down")]
    Down(NodeName),
}

impl Obstacle {
    /// Whether waiting is no use.
    fn is_final(&self) -> bool {
        *self == Obstacle::Unresolved(Unresolved::Nothing)
    }
}

/// In a rolling restart a node goes down only when the one before it is back.
fn takes_turns(kind: FaultKind, other: FaultKind) -> bool {
    kind == FaultKind::RollingRestart && other == kind
}

/// The node that must live for the action to make sense.
fn needs_up(action: &Action) -> Option<&NodeName> {
    match action {
        Action::Transfer { to } => Some(to),
        Action::Snapshot { node } => Some(node),
        _ => None,
    }
}
