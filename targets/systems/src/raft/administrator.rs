//! Asks the Raft cluster for what an operator may ask, and waits until it has come true.

use std::time::Duration;

use serde_json::{Value as Json, json};
use testimony_engine::{AdminAction, AdminError, Cluster, NodeName, Role};
use tokio::time::{Instant, interval, timeout};

use super::status::{self, ServerStatus};

/// How long a request may go round before it counts as refused by everyone.
const ASKING: Duration = Duration::from_secs(2);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long the effect may take to show.
const SHOWING: Duration = Duration::from_secs(3);
/// Time between two looks at the cluster.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Carries out `action`; ends when its effect was seen.
///
/// # Errors
/// If nobody took the request, it was refused, or its effect did not show in time.
pub(crate) async fn carry_out(
    http: &reqwest::Client,
    cluster: &Cluster,
    action: &AdminAction,
) -> Result<(), AdminError> {
    let snapshot_before = match action {
        AdminAction::Snapshot(node) => snapshot_index(http, cluster, node).await?,
        _ => 0,
    };
    ask_until_taken(http, cluster, action).await?;
    let deadline = Instant::now() + SHOWING;
    let mut looks = interval(BETWEEN_LOOKS);
    while Instant::now() < deadline {
        looks.tick().await;
        if has_come_true(http, cluster, action, snapshot_before).await {
            return Ok(());
        }
    }
    let reason = format!("its effect did not show within {} s", SHOWING.as_secs());
    Err(AdminError::Uncertain { reason })
}

async fn snapshot_index(
    http: &reqwest::Client,
    cluster: &Cluster,
    node: &NodeName,
) -> Result<u64, AdminError> {
    let status = status::of(http, cluster, node).await;
    let silent = || AdminError::Unreachable {
        reason: format!("{node} does not answer"),
    };
    status
        .map(|status| status.snapshot_index)
        .ok_or_else(silent)
}

/// A snapshot is the business of its node; all else is the leader's, whom the others name.
async fn ask_until_taken(
    http: &reqwest::Client,
    cluster: &Cluster,
    action: &AdminAction,
) -> Result<(), AdminError> {
    let (path, body) = request(action);
    let deadline = Instant::now() + ASKING;
    let mut looks = interval(BETWEEN_LOOKS);
    let mut last = AdminError::Unreachable {
        reason: "no node leads".to_owned(),
    };
    while Instant::now() < deadline {
        looks.tick().await;
        let Some(node) = addressee(http, cluster, action).await else {
            continue;
        };
        match post(http, cluster, &node, path, &body).await {
            // It may be on its way: whether it comes true is what is looked at next.
            Ok(()) | Err(AdminError::Uncertain { .. }) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn request(action: &AdminAction) -> (&'static str, Json) {
    match action {
        AdminAction::AddMember(node) => ("/admin/members", json!({ "add": node.as_str() })),
        AdminAction::RemoveMember(node) => ("/admin/members", json!({ "remove": node.as_str() })),
        AdminAction::Transfer(node) => ("/admin/transfer", json!({ "to": node.as_str() })),
        AdminAction::Snapshot(_) => ("/admin/snapshot", json!({})),
    }
}

async fn addressee(
    http: &reqwest::Client,
    cluster: &Cluster,
    action: &AdminAction,
) -> Option<NodeName> {
    if let AdminAction::Snapshot(node) = action {
        return Some(node.clone());
    }
    leader(http, cluster).await.map(|(node, _)| node)
}

/// Of the nodes that take themselves for the leader, that of the highest term.
async fn leader(http: &reqwest::Client, cluster: &Cluster) -> Option<(NodeName, ServerStatus)> {
    let asked = cluster.nodes.iter().map(|node| async move {
        Some((
            node.name.clone(),
            status::of(http, cluster, &node.name).await?,
        ))
    });
    let answers = futures_util::future::join_all(asked).await;
    let leaders = answers
        .into_iter()
        .flatten()
        .filter(|(_, said)| said.role == Role::Leader);
    leaders.max_by_key(|(_, said)| said.term)
}

async fn post(
    http: &reqwest::Client,
    cluster: &Cluster,
    node: &NodeName,
    path: &str,
    body: &Json,
) -> Result<(), AdminError> {
    let unreachable = |reason: String| AdminError::Unreachable { reason };
    let address = cluster
        .node(node)
        .ok_or_else(|| unreachable(format!("no node {node}")))?
        .client_listen;
    let request = http.post(format!("http://{address}{path}")).json(body);
    let exchange = async {
        let response = request.send().await?;
        Ok((response.status(), response.bytes().await?))
    };
    let (status, answer) = match timeout(ANSWER, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if reqwest::Error::is_connect(&error) => {
            return Err(unreachable(format!("{node} refused the connection")));
        }
        Ok(Err(error)) => {
            return Err(AdminError::Uncertain {
                reason: format!("{node}: {error}"),
            });
        }
        Err(_) => {
            return Err(AdminError::Uncertain {
                reason: format!("{node}: time-out"),
            });
        }
    };
    if status.is_success() {
        return Ok(());
    }
    Err(refusal(node, status.as_u16(), &answer))
}

fn refusal(node: &NodeName, status: u16, answer: &[u8]) -> AdminError {
    let answer: Json = serde_json::from_slice(answer).unwrap_or(Json::Null);
    let error = answer
        .get("error")
        .and_then(Json::as_str)
        .unwrap_or("no reason given");
    let reason = format!("{node}: {error} (status {status})");
    match answer.get("outcome").and_then(Json::as_str) {
        Some("failed") => AdminError::Refused { reason },
        _ => AdminError::Uncertain { reason },
    }
}

async fn has_come_true(
    http: &reqwest::Client,
    cluster: &Cluster,
    action: &AdminAction,
    snapshot_before: u64,
) -> bool {
    if let AdminAction::Snapshot(node) = action {
        // A snapshot of everything may be there already.
        let newer = |said: ServerStatus| {
            said.snapshot_index > snapshot_before || said.snapshot_index == said.applied
        };
        return status::of(http, cluster, node).await.is_some_and(newer);
    }
    let Some((leader, said)) = leader(http, cluster).await else {
        return false;
    };
    let votes = |node: &NodeName| said.voters.iter().any(|voter| voter == node.as_str());
    match action {
        AdminAction::AddMember(node) => votes(node),
        AdminAction::RemoveMember(node) => !votes(node),
        AdminAction::Transfer(node) => leader == *node,
        AdminAction::Snapshot(_) => false,
    }
}

#[cfg(test)]
mod tests;
