//! A lab of a page: virtual time, one store, one leader at a time, faults that can fail. It asserts
//! the rules between conductor and lab as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_engine::{
    Action, ClusterStatus, Command, Conductor, Link, Nanos, NodeName, NodeStatus, Plan, ProcessId,
    Role, RunSummary, Signal,
};
use testimony_history::{Answer, Call, Ending, Function, Model, Value};

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Every so many-th update is acknowledged and not made.
    LosesEvery(u64),
    /// A killed leader takes its last updates with it.
    LosesOnKill,
    /// A leader that is cut off answers reads as of then.
    StaleReads,
}

/// How the lab behaves.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) flaw: Flaw,
    /// How often, in percent, a fault fails, its heal fails, or neither is ever answered.
    pub(crate) trouble: u64,
    /// Whether the cluster stops answering for good after so many operations.
    pub(crate) dies_after: Option<u64>,
    /// Whether a heal takes most of a second.
    pub(crate) slow_heals: bool,
    /// When the user interrupts.
    pub(crate) interrupts: Vec<Duration>,
    /// Whether the lab keeps every `WakeAt`, instead of the last one only.
    pub(crate) keeps_wakes: bool,
}

/// One operation as the lab saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) process: ProcessId,
    pub(crate) call: Call,
    pub(crate) invoked: Nanos,
    pub(crate) ended: Option<(Nanos, Ending)>,
}

/// A run that is over.
pub(crate) struct Outcome {
    pub(crate) commands: Vec<(Nanos, Command)>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) summary: RunSummary,
    pub(crate) steps: u64,
    pub(crate) ended_at: Nanos,
    /// Injections asked for, and those healed or instant.
    pub(crate) injected: BTreeSet<u64>,
    pub(crate) healed: BTreeSet<u64>,
    pub(crate) still_broken: BTreeMap<u64, Action>,
    /// The most nodes that were killed or stopped at a time.
    pub(crate) down_max: usize,
}

enum Happening {
    Wake,
    Apply(usize, NodeName),
    Reply(usize, Ending),
    Injected(u64),
    Healed(u64),
    Poll,
    Elect,
    Interrupt,
}

struct Lab<'a> {
    plan: &'a Plan,
    options: &'a Options,
    conductor: Conductor,
    now: Nanos,
    queue: BTreeMap<(Nanos, u64), Happening>,
    queued: u64,
    wake: Option<(Nanos, u64)>,
    rng: ChaCha8Rng,
    nodes: Vec<NodeName>,
    leader: Option<NodeName>,
    term: u64,
    store: BTreeMap<Value, Value>,
    /// What a deposed leader still holds.
    stale: BTreeMap<NodeName, BTreeMap<Value, Value>>,
    /// The last updates, to be undone if the leader takes them with it.
    undo: Vec<(Nanos, Value, Option<Value>)>,
    updates: u64,
    active: BTreeMap<u64, Action>,
    calling: BTreeSet<ProcessId>,
    retired: BTreeSet<ProcessId>,
    finished: bool,
    out: Outcome,
}

pub(crate) fn options(seed: u64) -> Options {
    Options {
        seed,
        flaw: Flaw::None,
        trouble: 0,
        dies_after: None,
        slow_heals: false,
        interrupts: Vec::new(),
        keeps_wakes: false,
    }
}

pub(crate) fn run(plan: &Plan, options: &Options) -> Outcome {
    let mut lab = Lab::new(plan, options);
    lab.tell(Signal::Started);
    let limit = lab.now + plan.time_max() + Duration::from_secs(1);
    while !lab.finished {
        let ((at, id), happening) = lab
            .queue
            .pop_first()
            .expect("the run hangs: nothing is due");
        assert!(at <= limit, "the run takes longer than {limit}");
        if lab.wake == Some((at, id)) {
            lab.wake = None;
        }
        lab.now = at;
        lab.happen(happening);
    }
    assert!(
        lab.conductor.step(lab.now, Signal::Woke).is_empty(),
        "a command after the end"
    );
    lab.out.summary = lab.conductor.summary();
    lab.out.ended_at = lab.now;
    lab.out.still_broken = lab.active;
    lab.out
}

impl<'a> Lab<'a> {
    fn new(plan: &'a Plan, options: &'a Options) -> Self {
        let nodes = plan.node_names();
        let mut lab = Lab {
            plan,
            options,
            conductor: Conductor::new(plan),
            now: Nanos::from_millis(1_700),
            queue: BTreeMap::new(),
            queued: 0,
            wake: None,
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            leader: nodes.first().cloned(),
            nodes,
            term: 1,
            store: BTreeMap::new(),
            stale: BTreeMap::new(),
            undo: Vec::new(),
            updates: 0,
            active: BTreeMap::new(),
            calling: BTreeSet::new(),
            retired: BTreeSet::new(),
            finished: false,
            out: Outcome {
                commands: Vec::new(),
                seen: Vec::new(),
                summary: RunSummary::default(),
                steps: 0,
                ended_at: Nanos::ZERO,
                injected: BTreeSet::new(),
                healed: BTreeSet::new(),
                still_broken: BTreeMap::new(),
                down_max: 0,
            },
        };
        lab.later(Duration::ZERO, Happening::Poll);
        for at in &options.interrupts {
            lab.later(*at, Happening::Interrupt);
        }
        lab
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    fn later(&mut self, after: Duration, happening: Happening) -> (Nanos, u64) {
        self.queued += 1;
        let key = (self.now + after, self.queued);
        self.queue.insert(key, happening);
        key
    }

    fn tell(&mut self, signal: Signal) {
        self.out.steps += 1;
        for command in self.conductor.step(self.now, signal) {
            assert!(!self.finished, "a command after the end: {command:?}");
            self.out.commands.push((self.now, command.clone()));
            self.carry_out(command);
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Invoke {
                process,
                node,
                call,
            } => self.invoke(process, &node, call),
            Command::Inject {
                injection, action, ..
            } => self.inject(injection, &action),
            Command::Heal { injection } => self.heal(injection),
            Command::WakeAt(at) => {
                assert!(at > self.now, "a wake in the past");
                if !self.options.keeps_wakes
                    && let Some(old) = self.wake
                {
                    self.queue.remove(&old);
                }
                let after = at.since(self.now);
                self.wake = Some(self.later(after, Happening::Wake));
            }
            Command::Retire { process } => assert!(self.retired.insert(process), "retired twice"),
            Command::Finish => self.finished = true,
        }
    }

    fn invoke(&mut self, process: ProcessId, node: &NodeName, call: Call) {
        assert!(!self.retired.contains(&process), "{process} was retired");
        assert!(
            self.calling.insert(process),
            "{process} calls twice at a time"
        );
        let invoked = self.now;
        self.out.seen.push(Seen {
            process,
            call,
            invoked,
            ended: None,
        });
        let index = self.out.seen.len() - 1;
        let latency = Duration::from_micros(500 + self.below(3_000));
        self.later(latency, Happening::Apply(index, node.clone()));
    }

    fn inject(&mut self, injection: u64, action: &Action) {
        for other in self.active.values() {
            assert!(!action.fights(other), "{action} fights {other}");
        }
        self.out.injected.insert(injection);
        if action.is_instant() {
            self.out.healed.insert(injection);
        } else {
            self.active.insert(injection, action.clone());
        }
        let down = self.nodes.iter().filter(|name| self.is_down(name)).count();
        self.out.down_max = self.out.down_max.max(down);
        if let Action::Transfer { to } = action {
            self.lead(to.clone());
        }
        self.depose();
        let delay = Duration::from_millis(5 + self.below(60));
        self.later(delay, Happening::Injected(injection));
    }

    fn heal(&mut self, injection: u64) {
        let usual = if self.options.slow_heals { 700 } else { 5 };
        let delay = Duration::from_millis(usual + self.below(200));
        self.later(delay, Happening::Healed(injection));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake => self.tell(Signal::Woke),
            Happening::Interrupt => self.tell(Signal::Interrupted),
            Happening::Apply(index, node) => self.apply(index, &node),
            Happening::Reply(index, ending) => {
                let seen = &mut self.out.seen[index];
                seen.ended = Some((self.now, ending.clone()));
                let (process, call) = (seen.process, seen.call.clone());
                self.calling.remove(&process);
                self.tell(Signal::Replied {
                    process,
                    call,
                    ending,
                });
            }
            Happening::Injected(injection) => self.injected(injection),
            Happening::Healed(injection) => self.healed(injection),
            Happening::Poll => {
                let status = self.status();
                self.later(Duration::from_millis(100), Happening::Poll);
                self.tell(Signal::Status(status));
            }
            Happening::Elect => self.elect(),
        }
    }

    fn injected(&mut self, injection: u64) {
        match self.trouble() {
            Some(0) => {}
            Some(_) => {
                let reason = "nothing changed".to_owned();
                self.tell(Signal::InjectFailed { injection, reason });
            }
            None => self.tell(Signal::Injected { injection }),
        }
    }

    fn healed(&mut self, injection: u64) {
        match self.trouble() {
            Some(0) => {}
            Some(_) => {
                let reason = "nothing changed".to_owned();
                self.tell(Signal::HealFailed { injection, reason });
            }
            None => {
                self.active.remove(&injection);
                self.out.healed.insert(injection);
                self.depose();
                self.tell(Signal::Healed { injection });
            }
        }
    }

    fn trouble(&mut self) -> Option<u64> {
        (self.below(100) < self.options.trouble).then(|| self.below(2))
    }

    fn status(&self) -> ClusterStatus {
        let node = |name: &NodeName| NodeStatus {
            alive: !self.is_down(name),
            role: Some(if self.leader.as_ref() == Some(name) {
                Role::Leader
            } else {
                Role::Follower
            }),
            term: Some(self.term),
            ..NodeStatus::default()
        };
        ClusterStatus {
            nodes: self
                .nodes
                .iter()
                .map(|name| (name.clone(), node(name)))
                .collect(),
        }
    }

    fn is_down(&self, name: &NodeName) -> bool {
        self.active.values().any(|action| match action {
            Action::Kill { nodes } | Action::Pause { nodes } => nodes.contains(name),
            _ => false,
        })
    }

    fn is_killed(&self, name: &NodeName) -> bool {
        let kills =
            |action: &Action| matches!(action, Action::Kill { nodes } if nodes.contains(name));
        self.active.values().any(kills)
    }

    fn reaches(&self, from: &NodeName, to: &NodeName) -> bool {
        let (there, back) = (Link::new(from, to), Link::new(to, from));
        from == to
            || !self.active.values().any(|action| match action {
                Action::Cut { links } => links.contains(&there) || links.contains(&back),
                _ => false,
            })
    }

    fn can_lead(&self, name: &NodeName) -> bool {
        let reached = self
            .nodes
            .iter()
            .filter(|to| !self.is_down(to) && self.reaches(name, to));
        !self.is_down(name) && reached.count() > self.nodes.len() / 2
    }

    /// A leader that lost its majority is deposed; another is elected a little later.
    fn depose(&mut self) {
        if let Some(leader) = self.leader.clone()
            && !self.can_lead(&leader)
        {
            self.leader = None;
            if self.is_killed(&leader) && self.options.flaw == Flaw::LosesOnKill {
                self.lose_the_last_updates();
            }
            self.stale.insert(leader, self.store.clone());
        }
        if self.leader.is_none() {
            let after = Duration::from_millis(150 + self.below(150));
            self.later(after, Happening::Elect);
        }
    }

    fn elect(&mut self) {
        if self.leader.is_none() {
            let able = self.nodes.iter().find(|name| self.can_lead(name)).cloned();
            if let Some(leader) = able {
                self.lead(leader);
            }
        }
    }

    fn lead(&mut self, leader: NodeName) {
        self.term += 1;
        self.stale.remove(&leader);
        self.leader = Some(leader);
    }

    fn lose_the_last_updates(&mut self) {
        let since = self.now - Duration::from_millis(20);
        while let Some((at, key, before)) = self.undo.pop() {
            if at < since {
                break;
            }
            match before {
                Some(value) => self.store.insert(key, value),
                None => self.store.remove(&key),
            };
        }
    }

    fn apply(&mut self, index: usize, node: &NodeName) {
        let call = self.out.seen[index].call.clone();
        let millis = Duration::from_millis;
        let done = u64::try_from(self.out.seen.len()).unwrap();
        let dead = self.options.dies_after.is_some_and(|limit| done > limit);
        let (after, ending) = if dead || self.is_killed(node) {
            (millis(1), Ending::Fail("connection refused".into()))
        } else if self.is_down(node) {
            (self.plan.call_timeout, Ending::Info("timeout".into()))
        } else {
            self.ask(&call, node)
        };
        self.later(after, Happening::Reply(index, ending));
    }

    fn ask(&mut self, call: &Call, node: &NodeName) -> (Duration, Ending) {
        if let Some(stale) = self
            .stale
            .get(node)
            .filter(|_| self.leader.as_ref() != Some(node))
        {
            if self.options.flaw == Flaw::StaleReads && call.f == Function::Read {
                let value = stale.get(call.key.as_ref().unwrap()).cloned();
                let answer = Answer {
                    value: Some(value.unwrap_or_default()),
                    ..Answer::default()
                };
                return (Duration::from_millis(1), Ending::Ok(answer));
            }
            if !self
                .leader
                .as_ref()
                .is_some_and(|leader| self.reaches(node, leader))
            {
                return (self.plan.call_timeout, Ending::Info("timeout".into()));
            }
        }
        let led = self
            .leader
            .clone()
            .is_some_and(|leader| self.reaches(node, &leader));
        if !led {
            return (Duration::from_millis(2), Ending::Fail("no leader".into()));
        }
        let latency = Duration::from_micros(500 + self.below(3_000));
        (latency, Ending::Ok(self.execute(call)))
    }

    fn execute(&mut self, call: &Call) -> Answer {
        let key = call.key.clone().expect("every call has a key");
        let before = self.store.get(&key).cloned();
        let list = matches!(
            self.plan.workload.name.model(),
            Model::Set | Model::Queue | Model::Log
        );
        let (answer, after) = match list {
            true => effect_on_a_list(call, before.as_ref()),
            false => effect(call, before.as_ref()),
        };
        if after != before {
            self.updates += 1;
            let lost =
                matches!(self.options.flaw, Flaw::LosesEvery(n) if self.updates.is_multiple_of(n));
            if !lost {
                self.undo.push((self.now, key.clone(), before));
                match after {
                    Some(value) => self.store.insert(key, value),
                    None => self.store.remove(&key),
                };
            }
        }
        answer
    }
}

/// What a call answers, and what it leaves.
fn effect(call: &Call, before: Option<&Value>) -> (Answer, Option<Value>) {
    let null = Value::Null;
    let told = |value| Answer {
        result: Some(value),
        ..Answer::default()
    };
    match (&call.f, &call.value) {
        (Function::Read, None) => {
            let value = Some(before.cloned().unwrap_or_default());
            (
                Answer {
                    value,
                    ..Answer::default()
                },
                before.cloned(),
            )
        }
        (Function::Contains, None) => (told(Value::Bool(before.is_some())), before.cloned()),
        (Function::Remove, None) => (told(Value::Bool(before.is_some())), None),
        (Function::Write, Some(value)) => (Answer::default(), Some(value.clone())),
        (Function::Append, Some(Value::Str(token))) => {
            let text = match before {
                Some(Value::Str(text)) => text.to_string(),
                None => String::new(),
                Some(other) => panic!("append to {other}"),
            };
            (Answer::default(), Some(Value::str(&(text + token))))
        }
        (Function::Add, Some(Value::Int(amount))) => {
            let sum = match before {
                Some(Value::Int(sum)) => sum + amount,
                None => *amount,
                Some(other) => panic!("add to {other}"),
            };
            (told(Value::Int(sum)), Some(Value::Int(sum)))
        }
        (Function::Cas, Some(Value::List(pair))) if pair[0] == *before.unwrap_or(&null) => (
            Answer {
                swapped: Some(true),
                ..Answer::default()
            },
            Some(pair[1].clone()),
        ),
        (Function::Cas, Some(Value::List(_))) => {
            let actual = Some(before.cloned().unwrap_or_default());
            let answer = Answer {
                swapped: Some(false),
                actual,
                ..Answer::default()
            };
            (answer, before.cloned())
        }
        (Function::Acquire, None) => (
            told(Value::Bool(before.is_none())),
            Some(call.f.name().into()),
        ),
        (Function::Release, None) => {
            assert!(before.is_some(), "whoever releases a lock holds it");
            (Answer::default(), None)
        }
        other => panic!("no such call: {other:?}"),
    }
}

/// The same for sets, queues and logs.
fn effect_on_a_list(call: &Call, before: Option<&Value>) -> (Answer, Option<Value>) {
    let mut items = match before {
        Some(Value::List(items)) => items.to_vec(),
        _ => Vec::new(),
    };
    let value = |value| Answer {
        value: Some(value),
        ..Answer::default()
    };
    let result = |result| Answer {
        result: Some(result),
        ..Answer::default()
    };
    let found = call
        .value
        .as_ref()
        .and_then(|it| items.iter().position(|item| item == it));
    let answer = match (&call.f, &call.value) {
        (Function::Read, None) => value(Value::list(items.clone())),
        (Function::Read, Some(Value::Int(offset))) => {
            let item = items.get(usize::try_from(*offset).unwrap());
            result(item.cloned().unwrap_or_default())
        }
        (Function::Add | Function::Enqueue, Some(item)) => {
            items.push(item.clone());
            Answer::default()
        }
        (Function::Append, Some(item)) => {
            items.push(item.clone());
            result(Value::Int(i64::try_from(items.len()).unwrap() - 1))
        }
        (Function::Contains, Some(_)) => result(found.is_some().into()),
        (Function::Remove, Some(_)) => {
            found.map(|place| items.remove(place));
            result(found.is_some().into())
        }
        (Function::Dequeue, None) if items.is_empty() => value(Value::Null),
        (Function::Dequeue, None) => value(items.remove(0)),
        other => panic!("no such call: {other:?}"),
    };
    (answer, (!items.is_empty()).then(|| Value::list(items)))
}
