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
    /// Sets: read, add, remove, contains.
    Set,
    /// Queues: enqueue, dequeue. At the end they are emptied.
    Queue,
    /// Logs: append, and read of the whole log or of the element at an offset.
    Log,
    /// Locks: acquire and release. Whoever holds one releases it before it acquires another.
    Lock,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub enqueue: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dequeue: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub acquire: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub release: u32,
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
    /// From how many nodes each key is read at the end. A queue is emptied through so many, a lock
    /// is not looked at any more.
    pub final_reads: u32,
    /// How often, in percent, a read of a log asks for the element at one offset instead of for all
    /// of them. At 100 the reads at the end go through the log one by one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offsets: u32,
    /// The mix of operations.
    pub mix: Mix,
}

impl WorkloadKind {
    /// Every kind.
    pub const ALL: [WorkloadKind; 10] = [
        WorkloadKind::Kv,
        WorkloadKind::Register,
        WorkloadKind::CasRegister,
        WorkloadKind::Counter,
        WorkloadKind::Append,
        WorkloadKind::Propose,
        WorkloadKind::Set,
        WorkloadKind::Queue,
        WorkloadKind::Log,
        WorkloadKind::Lock,
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
            WorkloadKind::Set => "set",
            WorkloadKind::Queue => "queue",
            WorkloadKind::Log => "log",
            WorkloadKind::Lock => "lock",
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
            WorkloadKind::Set => Model::Set,
            WorkloadKind::Queue => Model::Queue,
            WorkloadKind::Log => Model::Log,
            WorkloadKind::Lock => Model::Mutex,
        }
    }

    /// The operations that it can make.
    pub fn functions(self) -> &'static [Function] {
        use Function::{
            Acquire, Add, Append, Cas, Contains, Dequeue, Enqueue, Read, Release, Remove, Write,
        };
        match self {
            WorkloadKind::Kv => &[Read, Write, Cas, Contains, Remove, Append],
            WorkloadKind::Register => &[Read, Write],
            WorkloadKind::CasRegister => &[Read, Write, Cas],
            WorkloadKind::Counter => &[Read, Add],
            WorkloadKind::Append => &[Read, Append, Contains, Remove],
            WorkloadKind::Propose => &[Read, Cas, Contains],
            WorkloadKind::Set => &[Read, Add, Remove, Contains],
            WorkloadKind::Queue => &[Enqueue, Dequeue],
            WorkloadKind::Log => &[Append, Read],
            WorkloadKind::Lock => &[Acquire, Release],
        }
    }

    /// The operation without which nothing of the others is ever noticed.
    pub fn watch(self) -> Function {
        match self {
            WorkloadKind::Queue => Function::Dequeue,
            WorkloadKind::Lock => Function::Acquire,
            _ => Function::Read,
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
            WorkloadKind::Set => Mix {
                read: 35,
                add: 40,
                contains: 15,
                remove: 10,
                ..none
            },
            WorkloadKind::Queue => Mix {
                enqueue: 50,
                dequeue: 50,
                ..none
            },
            WorkloadKind::Log => Mix {
                read: 50,
                append: 50,
                ..none
            },
            WorkloadKind::Lock => Mix {
                acquire: 50,
                release: 50,
                ..none
            },
        }
    }

    /// What is not as in every workload.
    fn habits(self, usual: WorkloadParams) -> WorkloadParams {
        match self {
            // A key that is set once is soon of no interest.
            WorkloadKind::Propose => WorkloadParams {
                operations_per_key: 10,
                contention: 50,
                ..usual
            },
            WorkloadKind::Log => WorkloadParams {
                offsets: 40,
                ..usual
            },
            // Each open dequeue may have taken any value.
            WorkloadKind::Queue => WorkloadParams {
                operations_per_key: 150,
                unknowns_per_key: 4,
                ..usual
            },
            // Whoever may hold a lock without knowing it never releases it.
            WorkloadKind::Lock => WorkloadParams {
                unknowns_per_key: 1,
                ..usual
            },
            _ => usual,
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
    pub fn weights(&self) -> [(Function, u32); 11] {
        [
            (Function::Read, self.read),
            (Function::Write, self.write),
            (Function::Cas, self.cas),
            (Function::Contains, self.contains),
            (Function::Remove, self.remove),
            (Function::Append, self.append),
            (Function::Add, self.add),
            (Function::Enqueue, self.enqueue),
            (Function::Dequeue, self.dequeue),
            (Function::Acquire, self.acquire),
            (Function::Release, self.release),
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
        name.habits(WorkloadParams {
            name,
            keys: 5,
            operations_per_key: 300,
            unknowns_per_key: 12,
            roam: 25,
            contention: 10,
            burst: 4,
            read_back: 2,
            final_reads: 3,
            offsets: 0,
            mix: name.default_mix(),
        })
    }
}
