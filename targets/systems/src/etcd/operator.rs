//! Asks etcd for what an operator may ask, and waits until it has come true.

use std::time::Duration;

use serde_json::json;
use testimony_engine::{AdminAction, AdminError, Cluster, NodeName, NodeStatus, Role};
use tokio::time::{Instant, interval};

use super::gateway::Gateway;
use super::members::Members;
use super::status;
use crate::mishap::Mishap;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long it may take until a leader is found, and until the effect shows.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time between two looks at the cluster.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Whoever administers the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) members: &'a Members,
    pub(crate) cluster: &'a Cluster,
}

impl Operator<'_> {
    /// Carries out `action`; ends when its effect was seen.
    ///
    /// # Errors
    /// If etcd has no such operation, nobody took the request, or its effect did not show in time.
    pub(crate) async fn carry_out(&self, action: &AdminAction) -> Result<(), AdminError> {
        let what = match action {
            AdminAction::Transfer(to) => return self.transfer(to).await,
            AdminAction::AddMember(_) | AdminAction::RemoveMember(_) => {
                "change members with their data kept"
            }
            AdminAction::Snapshot(_) => "take a snapshot on request",
        };
        Err(AdminError::Unsupported {
            target: super::NAME.to_owned(),
            what: what.to_owned(),
        })
    }

    /// What a node says of itself, if it answers before `deadline`.
    pub(crate) async fn status(&self, node: &NodeName, deadline: Instant) -> Option<NodeStatus> {
        let address = self.cluster.node(node)?.client_listen;
        let request = status::request();
        let answer = self.gateway.post(address, status::PATH, &request, deadline);
        let answer = answer.await.ok()?;
        let members = self.members;
        members
            .learn(self.gateway, self.cluster, address, deadline)
            .await;
        Some(status::of(&answer, members))
    }

    async fn transfer(&self, to: &NodeName) -> Result<(), AdminError> {
        let leader = self.leader().await.ok_or_else(no_leader)?;
        if leader == *to {
            return Ok(());
        }
        self.ask_to_hand_over(&leader, to).await?;
        let deadline = Instant::now() + PATIENCE;
        let mut looks = interval(BETWEEN_LOOKS);
        while Instant::now() < deadline {
            looks.tick().await;
            if self.leader_now().await.as_ref() == Some(to) {
                return Ok(());
            }
        }
        let reason = format!("{to} does not lead after {} s", PATIENCE.as_secs());
        Err(AdminError::Uncertain { reason })
    }

    async fn ask_to_hand_over(&self, leader: &NodeName, to: &NodeName) -> Result<(), AdminError> {
        let unknown = |node: &NodeName| AdminError::Unreachable {
            reason: format!("{node} is no known member"),
        };
        let number = self.members.number(to).ok_or_else(|| unknown(to))?;
        let at = self.cluster.node(leader).ok_or_else(|| unknown(leader))?;
        let body = json!({ "targetID": number.to_string() });
        let path = "maintenance/transfer-leadership";
        let deadline = Instant::now() + ANSWER;
        let asked = self.gateway.post(at.client_listen, path, &body, deadline);
        let reason = |error| format!("{leader}: {error}");
        asked.await.map(drop).map_err(|mishap| match mishap {
            Mishap::NotApplied(error) => AdminError::Refused {
                reason: reason(error),
            },
            Mishap::Unknown(error) => AdminError::Uncertain {
                reason: reason(error),
            },
        })
    }

    /// The leader, waited for.
    async fn leader(&self) -> Option<NodeName> {
        let deadline = Instant::now() + PATIENCE;
        let mut looks = interval(BETWEEN_LOOKS);
        while Instant::now() < deadline {
            looks.tick().await;
            if let Some(leader) = self.leader_now().await {
                return Some(leader);
            }
        }
        None
    }

    /// Of the nodes that take themselves for the leader, that of the highest term.
    async fn leader_now(&self) -> Option<NodeName> {
        let deadline = Instant::now() + ANSWER;
        let asked = self.cluster.nodes.iter().map(|node| async move {
            let status = self.status(&node.name, deadline).await?;
            let leads = status.role == Some(Role::Leader);
            leads.then(|| (status.term, node.name.clone()))
        });
        let leaders = futures_util::future::join_all(asked).await;
        leaders.into_iter().flatten().max().map(|(_, name)| name)
    }
}

fn no_leader() -> AdminError {
    AdminError::Unreachable {
        reason: "no node leads".to_owned(),
    }
}
