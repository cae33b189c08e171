//! What goes between the conductor and a lab.

use testimony_history::{Call, Ending};

use crate::{Action, ClusterStatus, FaultKind, Nanos, NodeName, ProcessId};

/// What the conductor asks of the lab. Carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Record the invocation, let the process make the call, asking `node` first, record its
    /// ending, and answer with [`Signal::Replied`]. A process never has two open calls.
    Invoke {
        /// Who calls.
        process: ProcessId,
        /// The node asked first.
        node: NodeName,
        /// What is called.
        call: Call,
    },
    /// Break something, see that it is broken, and answer with [`Signal::Injected`] or
    /// [`Signal::InjectFailed`].
    Inject {
        /// The number of the injection in the plan.
        injection: u64,
        /// What it is counted as.
        kind: FaultKind,
        /// What to do.
        action: Action,
    },
    /// Undo exactly what the injection did, see that it is undone, and answer with
    /// [`Signal::Healed`] or [`Signal::HealFailed`]. It also comes for an injection that failed,
    /// whose parts may have been done: then undo those. It comes again if a heal failed.
    Heal {
        /// The number of the injection in the plan.
        injection: u64,
    },
    /// Send [`Signal::Woke`] at this time, if nothing else was sent by then. It takes the place of
    /// an earlier `WakeAt`; a lab that keeps both sends one `Woke` too many, which does no harm.
    WakeAt(Nanos),
    /// The process will never call again: drop its client.
    Retire {
        /// The process.
        process: ProcessId,
    },
    /// The run is over. Nothing follows.
    Finish,
}

/// What the lab tells the conductor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The cluster serves: the run begins.
    Started,
    /// The time of a [`Command::WakeAt`] has come.
    Woke,
    /// A call has ended.
    Replied {
        /// Who called.
        process: ProcessId,
        /// What was called.
        call: Call,
        /// What was learnt.
        ending: Ending,
    },
    /// The injection was seen to be in effect. For an instant fault: that it has taken effect.
    Injected {
        /// The number of the injection in the plan.
        injection: u64,
    },
    /// The injection did not take effect.
    InjectFailed {
        /// The number of the injection in the plan.
        injection: u64,
        /// Why.
        reason: String,
    },
    /// The injection was seen to be undone.
    Healed {
        /// The number of the injection in the plan.
        injection: u64,
    },
    /// The injection was not undone.
    HealFailed {
        /// The number of the injection in the plan.
        injection: u64,
        /// Why.
        reason: String,
    },
    /// What the nodes say of themselves; sent as often as the lab looks, about ten times a second.
    Status(ClusterStatus),
    /// The user wants it to end: the first time with heal and final reads, the second time at once.
    Interrupted,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The cluster does not serve yet.
    Starting,
    /// The clients work, nothing is broken.
    WarmUp,
    /// The clients work, the nemesis too.
    Faults,
    /// Everything is healed, and every node has to serve.
    Healing,
    /// Every key is read.
    FinalReads,
    /// Nothing more happens.
    Done,
}

impl Phase {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::WarmUp => "warm-up",
            Phase::Faults => "faults",
            Phase::Healing => "healing",
            Phase::FinalReads => "final reads",
            Phase::Done => "done",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
