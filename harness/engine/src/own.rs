//! A system of the user's own, as a scenario describes it: how its nodes are started, how they are
//! asked, and what their answers mean. Data only; `testimony-systems` carries it out.
//!
//! Everything is checked while the scenario is read, so that a mistake is shown with its line: a
//! misspelt key or placeholder, an answer with two meanings, a request that does not carry what it
//! is about.

mod answers;
mod api;
mod external;
mod start;
mod template;

use serde::{Deserialize, Serialize};

pub use answers::{Answers, Condition, Heard, Meaning, Place};
pub use api::{Api, Operation};
pub use external::{Aim, Endpoint, External, UserFault};
pub use start::{LeaderLookup, PeerFormat, Ready, Start};
pub use template::{InCall, InCommand, InPeer, InStart, Template, Vocabulary};

/// A system of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSystem {
    /// How a node is started. Absent where the cluster already runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// How a node shows that it serves. By default it does when it accepts connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// How a node shows whether it leads. Absent: nobody leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<LeaderLookup>,
    /// What its clients may ask.
    pub http: Api,
}

impl OwnSystem {
    /// Whether its nodes are told how to reach each other, so that links between them matter.
    pub fn is_connected(&self) -> bool {
        self.start.as_ref().is_some_and(Start::names_peers)
    }
}

#[cfg(test)]
mod tests;
