//! Why a run could not happen, or could not be recorded.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use testimony_engine::NodeName;
use thiserror::Error;

use crate::Death;

/// A run that did not come to its end. What was recorded until then is in its folder.
#[derive(Debug, Error)]
pub enum LabError {
    /// A file or folder of the recording cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No ports, no sockets, no thread.
    #[error("cannot set up the nodes' network: {0}")]
    Network(#[source] io::Error),
    /// Something that the plan's faults need is not there.
    #[error("cannot make ready what the plan's faults need: {0}")]
    Equipment(#[source] io::Error),
    /// The plan does not say where the cluster is that already runs.
    #[error("the plan has no [external]: it names the nodes of the cluster that already runs")]
    NoCluster,
    /// A node's process cannot be started.
    #[error("cannot start {node}: {source}")]
    Start {
        /// The node.
        node: NodeName,
        /// What the system said.
        source: io::Error,
    },
    /// A node ended before the cluster served.
    #[error("{0}")]
    DiedAtStart(Box<Death>),
    /// The cluster never served.
    #[error(
        "the cluster did not serve within {} s of the start ({seen}); the nodes' output is in {}",
        waited.as_secs(), nodes.display()
    )]
    NotServing {
        /// How long was waited.
        waited: Duration,
        /// What the nodes said last.
        seen: String,
        /// The folder with the nodes' output.
        nodes: PathBuf,
    },
    /// What clients need could not be made.
    #[error("the cluster serves, but what clients need could not be made: {0}")]
    SetUp(String),
    /// A node does not keep to the protocol that it is spoken to in.
    #[error("{node} does not keep to the protocol{place}: {problem}: {text}")]
    Protocol {
        /// The node.
        node: NodeName,
        /// Where it said it, for a person; may be empty.
        place: String,
        /// What is wrong.
        problem: String,
        /// What it said.
        text: String,
    },
    /// The user ended it before the cluster served.
    #[error("interrupted before the cluster served")]
    Interrupted,
}

impl LabError {
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LabError {
        let path = path.into();
        move |source| LabError::Write { path, source }
    }
}
