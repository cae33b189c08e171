//! Why a plan cannot be run.

use thiserror::Error;

use crate::FaultKind;

/// Why a plan cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Not a plan at all, an unknown key, a missing one, a value of the wrong kind.
    #[error("{0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// Written for another version.
    #[error("the plan's format has version {version}; this program reads version 1")]
    Version {
        /// Its version.
        version: u32,
    },
    /// No seed was given.
    #[error("the plan has no seed: give one with --seed or `seed = 42`")]
    NoSeed,
    /// It was made for another target.
    #[error("the plan is for target `{plan}`, not for `{target}`")]
    OtherTarget {
        /// The plan's target.
        plan: String,
        /// The target at hand.
        target: String,
    },
    /// A word that is none of those known.
    #[error("{target} has no {what} called `{word}`; there {}", known(known_words))]
    Unknown {
        /// The target.
        target: String,
        /// What the word should name: a mode, a lab, a bug, a setting.
        what: &'static str,
        /// The word.
        word: String,
        /// The words there are.
        known_words: Vec<String>,
    },
    /// A size that nothing can be done with.
    #[error("`{field}` is {value}: {problem}")]
    Size {
        /// The field of the plan.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// The workload has an operation that its kind has not.
    #[error("workload `{workload}` has no operation `{function}`: remove it from the mix")]
    Operation {
        /// The workload.
        workload: &'static str,
        /// The operation.
        function: String,
    },
    /// A listed operation cannot be called.
    #[error("call {number} of the script cannot be made: {problem}")]
    Call {
        /// Its place in the list, from 1.
        number: usize,
        /// Why not.
        problem: String,
    },
    /// The target's histories cannot be judged that way.
    #[error("{target} cannot be judged as model `{model}`, which workload `{workload}` needs")]
    Model {
        /// The target.
        target: String,
        /// The model.
        model: &'static str,
        /// The workload.
        workload: &'static str,
    },
    /// The target cannot be put under that kind of fault.
    #[error(
        "{target} cannot be put under `{kind}` in the {lab} lab; there {}",
        known(known_words)
    )]
    Unsupported {
        /// The target.
        target: String,
        /// Where it runs.
        lab: String,
        /// The kind of fault.
        kind: FaultKind,
        /// The kinds that it can be put under.
        known_words: Vec<String>,
    },
    /// Clients cannot be beside the nodes.
    #[error("in the {lab} lab clients are beside no node: use --lab netns, or clients outside")]
    NoPlace {
        /// Where it runs.
        lab: String,
    },
    /// The cluster is too small for that kind of fault.
    #[error("`{kind}` needs {needed} nodes; the plan has {nodes}")]
    TooFewNodes {
        /// The kind of fault.
        kind: FaultKind,
        /// How many it needs.
        needed: u32,
        /// How many there are.
        nodes: u32,
    },
    /// No fault fits into the time of faults.
    #[error("no fault fits into {time} on {nodes} nodes: give more --time, or another --nemesis")]
    NoFaultFits {
        /// The time of faults.
        time: String,
        /// How many nodes there are.
        nodes: u32,
    },
    /// What is said of a system of the user's own does not fit.
    #[error("{0}")]
    Own(String),
    /// An injection that cannot be done.
    #[error("injection {id} ({kind}) {problem}")]
    Injection {
        /// Its number.
        id: u64,
        /// Its kind.
        kind: FaultKind,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

impl From<toml::de::Error> for PlanError {
    fn from(error: toml::de::Error) -> Self {
        PlanError::Toml(Box::new(error))
    }
}

fn known(words: &[String]) -> String {
    match words {
        [] => "is none".to_owned(),
        [only] => format!("is only {only}"),
        several => format!("are {}", several.join(", ")),
    }
}
