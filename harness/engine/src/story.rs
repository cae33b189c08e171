//! What went on inside a simulated cluster: the lines of `story.jsonl`, for those who draw and
//! tell it.

use serde::{Deserialize, Serialize};

use crate::Nanos;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub time: Nanos,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What can happen. Nodes and processes go by their names: `n1`, `p3`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Happening {
    /// A message reached the end of its way. `time` is when that was.
    Message {
        /// Who sent it.
        from: String,
        /// To whom.
        to: String,
        /// What kind of message: `append`, `request`.
        kind: String,
        /// When it was sent.
        sent: Nanos,
        /// Whether it arrived; else it was lost at `time`.
        arrived: bool,
    },
    /// A node started, with what its disk kept.
    Started {
        /// Which.
        node: String,
    },
    /// A node crashed.
    Crashed {
        /// Which.
        node: String,
    },
    /// A node stands still.
    Paused {
        /// Which.
        node: String,
    },
    /// A node goes on.
    Resumed {
        /// Which.
        node: String,
    },
    /// A node leads.
    Leads {
        /// Which.
        node: String,
        /// From this term on.
        term: u64,
    },
    /// A node leads no more.
    StepsDown {
        /// Which.
        node: String,
    },
    /// A node wants to lead.
    Campaigns {
        /// Which.
        node: String,
        /// In this term.
        term: u64,
    },
    /// Anything else that a node tells: a sentence without its subject.
    Says {
        /// Which.
        node: String,
        /// The rest of the sentence.
        says: String,
    },
    /// An injection took effect.
    Injected {
        /// Its number in the plan.
        injection: u64,
        /// What was done, in words.
        action: String,
    },
    /// An injection was undone.
    Healed {
        /// Its number in the plan.
        injection: u64,
        /// What had been done.
        action: String,
    },
    /// A process called.
    Called {
        /// Which.
        process: String,
        /// The node it asked first.
        node: String,
        /// The call in words: `write x 1`.
        call: String,
    },
    /// A process learnt what became of its call.
    Ended {
        /// Which.
        process: String,
        /// The call in words.
        call: String,
        /// How it ended, in words: `ok 3`, `fail: not-leader`, `info: timeout`.
        ending: String,
    },
    /// Something that must hold across all nodes does not.
    Broken {
        /// What must hold.
        invariant: String,
        /// What was seen instead.
        seen: String,
    },
}
