//! Which node a member's number means: etcd derives the numbers from addresses, and speaks of
//! members by them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};
use testimony_engine::{Cluster, NodeName};
use tokio::time::Instant;

use super::gateway::Gateway;
use super::wire;

/// The members, once some node has told all of them. They do not change.
#[derive(Debug, Default)]
pub(crate) struct Members {
    numbers: OnceLock<BTreeMap<u64, NodeName>>,
}

impl Members {
    /// The node that is member `number`.
    pub(crate) fn node(&self, number: u64) -> Option<&NodeName> {
        self.numbers.get()?.get(&number)
    }

    /// The number of a node as a member.
    pub(crate) fn number(&self, node: &NodeName) -> Option<u64> {
        let mut numbers = self.numbers.get()?.iter();
        numbers
            .find(|(_, name)| *name == node)
            .map(|(number, _)| *number)
    }

    /// Asks the node there, unless all members are known already.
    pub(crate) async fn learn(
        &self,
        gateway: &Gateway,
        cluster: &Cluster,
        address: SocketAddr,
        deadline: Instant,
    ) {
        if self.numbers.get().is_some() {
            return;
        }
        let path = "cluster/member/list";
        let Ok(answer) = gateway.post(address, path, &json!({}), deadline).await else {
            return;
        };
        let told = told(&answer);
        if told.len() == cluster.nodes.len() {
            // Somebody else may have been quicker, with the same.
            let _ = self.numbers.set(told);
        }
    }
}

/// The members with a name: one that has not yet told the others its own has none.
fn told(answer: &Json) -> BTreeMap<u64, NodeName> {
    let members = answer.get("members").and_then(Json::as_array);
    let named = |member: &Json| {
        let name = member.get("name")?.as_str()?;
        Some((wire::id(member, "ID")?, NodeName::new(name)))
    };
    members.into_iter().flatten().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_number_and_name() {
        let answer = json!({"members": [
            {"ID": "628872090182513194", "name": "n3", "peerURLs": ["http://10.99.0.3:2380"]},
            {"ID": "3605850860567292516", "peerURLs": ["http://10.99.0.2:2380"]},
        ]});
        let told = told(&answer);
        assert_eq!(told, [(628_872_090_182_513_194, "n3".into())].into());
    }
}
