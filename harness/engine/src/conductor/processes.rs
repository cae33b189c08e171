//! Who calls: a fixed number of processes at a time, each with one open call at most.

use std::collections::BTreeMap;

use testimony_history::Call;

use crate::chance::Chance;
use crate::{Nanos, NodeName, Plan, ProcessId};

/// What a call is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is one of the workload's.
    Work,
    /// It is the final read of that number.
    FinalRead(usize),
}

/// A call under way.
#[derive(Clone, Debug)]
pub(super) struct OpenCall {
    slot: usize,
    pub(super) node: NodeName,
    pub(super) call: Call,
    pub(super) invoked_at: Nanos,
    pub(super) purpose: Purpose,
}

/// A process that is ready to call, and the node it asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    slot: usize,
    pub(super) process: ProcessId,
    pub(super) node: NodeName,
}

/// The processes. Each slot holds one; when its process is retired, the next takes over: its number
/// plus the number of slots, as in Jepsen.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    chance: Chance,
    nodes: Vec<NodeName>,
    /// The node of its own that each slot has.
    homes: Vec<NodeName>,
    roam: u32,
    current: Vec<ProcessId>,
    open: BTreeMap<ProcessId, OpenCall>,
    /// The slots without an open call.
    idle: Vec<usize>,
}

impl Processes {
    pub(super) fn new(plan: &Plan) -> Self {
        let slots = usize::try_from(plan.clients).expect("a checked number of clients");
        Processes {
            chance: Chance::new(plan.seed, "processes"),
            nodes: plan.node_names(),
            homes: (0..u64::from(plan.clients))
                .map(|slot| plan.home(ProcessId(slot)))
                .collect(),
            roam: plan.workload.roam,
            current: (0..u64::from(plan.clients)).map(ProcessId).collect(),
            open: BTreeMap::new(),
            idle: (0..slots).collect(),
        }
    }

    /// Whether a process is ready to call.
    pub(super) fn any_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Whether that client is ready to call.
    pub(super) fn is_idle(&self, client: usize) -> bool {
        self.idle.contains(&client)
    }

    /// That client, asking `node`.
    pub(super) fn caller(&self, client: u32, node: &NodeName) -> Caller {
        let slot = usize::try_from(client).expect("a checked number of a client");
        Caller {
            slot,
            process: self.current[slot],
            node: node.clone(),
        }
    }

    /// Whether a call is under way.
    pub(super) fn any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Any process that is ready, asking its own node or, now and then, any other. A process that
    /// stays with its node keeps asking a leader that the others have deposed.
    pub(super) fn pick(&mut self) -> Option<Caller> {
        let slot = self.pick_slot()?;
        let own = self.homes[slot].clone();
        let roams = self.chance.percent(self.roam);
        let other = self.chance.index(self.nodes.len());
        let node = if roams {
            self.nodes[other].clone()
        } else {
            own
        };
        Some(Caller {
            slot,
            process: self.current[slot],
            node,
        })
    }

    /// Any process that is ready, asking `node`.
    pub(super) fn pick_for(&mut self, node: &NodeName) -> Option<Caller> {
        let slot = self.pick_slot()?;
        Some(Caller {
            slot,
            process: self.current[slot],
            node: node.clone(),
        })
    }

    fn pick_slot(&mut self) -> Option<usize> {
        let index = self.chance.index(self.idle.len());
        self.idle.get(index).copied()
    }

    pub(super) fn begin(&mut self, caller: &Caller, call: &Call, now: Nanos, purpose: Purpose) {
        self.idle.retain(|slot| *slot != caller.slot);
        let open = OpenCall {
            slot: caller.slot,
            node: caller.node.clone(),
            call: call.clone(),
            invoked_at: now,
            purpose,
        };
        let before = self.open.insert(caller.process, open);
        assert!(
            before.is_none(),
            "{} already has an open call",
            caller.process
        );
    }

    /// The call of `process` has ended. `None` if it has none: then the reply is nobody's.
    pub(super) fn end(&mut self, process: ProcessId) -> Option<OpenCall> {
        let open = self.open.remove(&process)?;
        let place = self.idle.partition_point(|slot| *slot < open.slot);
        self.idle.insert(place, open.slot);
        Some(open)
    }

    /// `process` will not call again; another takes its place.
    pub(super) fn retire(&mut self, process: ProcessId) {
        let slots = u64::try_from(self.current.len()).expect("a checked number of clients");
        for current in self
            .current
            .iter_mut()
            .filter(|current| **current == process)
        {
            *current = ProcessId(process.0 + slots);
        }
    }
}
