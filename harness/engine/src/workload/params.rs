//! What a workload is made of: its kind, its mix of operations, its keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use testimony_history::{Function, Model};

/// The kind of object that is worked on, which fixes the operations and the model.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// A map: read, write, cas, contains, remove; append on keys of its own.
    #[default]
    Kv,
    /// Registers: read, write.
    Register,
    /// Registers: read, write, cas.
    CasRegister,
    /// Counters: read, add.
    Counter,
    /// A map of strings that are only appended to, read, looked for and removed.
    Append,
    /// Keys that are set once: cas from null, which proposes, read and contains.
    Propose,
}

/// How often each operation is made, relative to the others. An operation of weight 0 is not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "each field is the weight of the operation of its name"
)]
pub struct Mix {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub read: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub write: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cas: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub contains: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remove: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub append: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub add: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(weight: &u32) -> bool {
    *weight == 0
}

/// A fully resolved workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadParams {
    /// The kind of object.
    pub name: WorkloadKind,
    /// How many keys are in use at a time.
    pub keys: u32,
    /// About how many operations a key sees before a fresh one takes its place.
    pub operations_per_key: u32,
    /// How many updates of unknown outcome a key may collect before a fresh one takes its place:
    /// each of them stays open to the end and makes judging harder.
    pub unknowns_per_key: u32,
    /// How often, in percent, a process asks another node than its own.
    pub roam: u32,
    /// How often, in percent, an operation goes to the key of the operation before it.
    pub contention: u32,
    /// The most operations that are started at the same moment. The rate stays the same.
    pub burst: u32,
    /// How many reads, each from another node, look at every recently updated key when a fault has
    /// ended or a new leader has come, before the key is updated again.
    pub read_back: u32,
    /// From how many nodes each key is read at the end.
    pub final_reads: u32,
    /// The mix of operations.
    pub mix: Mix,
}

impl WorkloadKind {
    /// Every kind.
    pub const ALL: [WorkloadKind; 6] = [
        WorkloadKind::Kv,
        WorkloadKind::Register,
        WorkloadKind::CasRegister,
        WorkloadKind::Counter,
        WorkloadKind::Append,
        WorkloadKind::Propose,
    ];

    /// The word in plans and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            WorkloadKind::Kv => "kv",
            WorkloadKind::Register => "register",
            WorkloadKind::CasRegister => "cas-register",
            WorkloadKind::Counter => "counter",
            WorkloadKind::Append => "append",
            WorkloadKind::Propose => "propose",
        }
    }

    /// The kind of that name, if there is one.
    pub fn from_name(word: &str) -> Option<Self> {
        WorkloadKind::ALL
            .into_iter()
            .find(|kind| kind.name() == word)
    }

    /// What its histories are judged as.
    pub fn model(self) -> Model {
        match self {
            WorkloadKind::Kv | WorkloadKind::Append | WorkloadKind::Propose => Model::Kv,
            WorkloadKind::Register => Model::Register,
            WorkloadKind::CasRegister => Model::CasRegister,
            WorkloadKind::Counter => Model::Counter,
        }
    }

    /// The operations that it can make.
    pub fn functions(self) -> &'static [Function] {
        use Function::{Add, Append, Cas, Contains, Read, Remove, Write};
        match self {
            WorkloadKind::Kv => &[Read, Write, Cas, Contains, Remove, Append],
            WorkloadKind::Register => &[Read, Write],
            WorkloadKind::CasRegister => &[Read, Write, Cas],
            WorkloadKind::Counter => &[Read, Add],
            WorkloadKind::Append => &[Read, Append, Contains, Remove],
            WorkloadKind::Propose => &[Read, Cas, Contains],
        }
    }

    /// The mix of a run that asks for no other. Close to half of it are reads: a lost write that
    /// nobody reads before the next one is never noticed.
    pub fn default_mix(self) -> Mix {
        let none = Mix::default();
        match self {
            WorkloadKind::Kv => Mix {
                read: 50,
                write: 18,
                cas: 17,
                append: 9,
                contains: 4,
                remove: 2,
                ..none
            },
            WorkloadKind::Register => Mix {
                read: 50,
                write: 50,
                ..none
            },
            WorkloadKind::CasRegister => Mix {
                read: 45,
                write: 25,
                cas: 30,
                ..none
            },
            WorkloadKind::Counter => Mix {
                read: 45,
                add: 55,
                ..none
            },
            WorkloadKind::Append => Mix {
                read: 45,
                append: 50,
                contains: 3,
                remove: 2,
                ..none
            },
            WorkloadKind::Propose => Mix {
                read: 45,
                cas: 50,
                contains: 5,
                ..none
            },
        }
    }

    /// About how many operations a key is good for, and how often, in percent, two follow each
    /// other on one. A key that is set once is soon of no interest.
    fn habits(self) -> (u32, u32) {
        match self {
            WorkloadKind::Propose => (10, 50),
            _ => (300, 10),
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Mix {
    /// Each function with its weight.
    pub fn weights(&self) -> [(Function, u32); 7] {
        [
            (Function::Read, self.read),
            (Function::Write, self.write),
            (Function::Cas, self.cas),
            (Function::Contains, self.contains),
            (Function::Remove, self.remove),
            (Function::Append, self.append),
            (Function::Add, self.add),
        ]
    }

    /// The sum of the weights.
    pub fn total(&self) -> u64 {
        self.weights()
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .sum()
    }
}

impl WorkloadParams {
    /// The workload of a run that asks for nothing else.
    pub fn of(name: WorkloadKind) -> Self {
        let (operations_per_key, contention) = name.habits();
        WorkloadParams {
            name,
            keys: 5,
            operations_per_key,
            unknowns_per_key: 12,
            roam: 25,
            contention,
            burst: 4,
            read_back: 2,
            final_reads: 3,
            mix: name.default_mix(),
        }
    }
}
