//! Faults of processes: killed and restarted, paused and resumed.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use testimony_engine::NodeName;
use tokio::time::sleep;

use super::Seen;
use crate::site::Site;

/// How often a node is asked whether it is back.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Kills all at once. Seen in effect when every process is reaped and its port refuses clients.
pub(super) async fn kill(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    all(nodes, |node| async move {
        site.nodes
            .kill(node)
            .await
            .map_err(|error| format!("{node}: {error}"))?;
        if site.refuses(node).await {
            return Ok(());
        }
        Err(format!(
            "{node} was killed, yet somebody accepts connections in its place"
        ))
    })
    .await
}

/// Restarts what does not run. Seen when every node answers again.
pub(super) async fn restart(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    all(nodes, |node| async move {
        if !site.nodes.is_running(node) {
            site.nodes
                .start(node)
                .await
                .map_err(|error| format!("{node}: {error}"))?;
        }
        answers(site, node).await
    })
    .await
}

/// Stops all at once. Seen in effect when the kernel shows every thread as stopped.
pub(super) async fn pause(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    all(nodes, |node| async move {
        site.nodes
            .pause(node)
            .await
            .map_err(|error| format!("{node}: {error}"))
    })
    .await
}

/// Lets all go on. Seen when the kernel shows them as going and every node answers again.
pub(super) async fn resume(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    all(nodes, |node| async move {
        site.nodes
            .resume(node)
            .await
            .map_err(|error| format!("{node}: {error}"))?;
        answers(site, node).await
    })
    .await
}

/// Waits until the node answers; the caller has a deadline. A node that ends meanwhile never will.
async fn answers(site: &Site, node: &NodeName) -> Result<(), String> {
    while site.status(node).await.is_none_or(|status| !status.alive) {
        if !site.nodes.is_running(node) {
            return Err(format!("{node} ended by itself"));
        }
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

/// Does the same to every node, all at once, and goes on to the end also if one of them fails.
async fn all<'a, F>(nodes: &'a BTreeSet<NodeName>, act: impl Fn(&'a NodeName) -> F) -> Seen
where
    F: Future<Output = Result<(), String>>,
{
    let results = join_all(nodes.iter().map(act)).await;
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() {
        Ok(None)
    } else {
        Err(failed.join("; "))
    }
}
