//! Faults of processes: killed and restarted, paused and resumed.

use std::collections::BTreeSet;
use std::time::Duration;

use testimony_engine::NodeName;
use tokio::time::sleep;

use super::seeing::all;
use super::{Faults, Seen};
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

impl Faults {
    /// Restarts what does not run. Seen when every node answers again.
    pub(super) async fn restart(&self, nodes: &BTreeSet<NodeName>) -> Seen {
        all(nodes, |node| async move {
            self.start(node).await?;
            answers(&self.site, node).await
        })
        .await
    }

    /// Stops all at once. Seen in effect when the kernel shows every thread as stopped.
    pub(super) async fn pause(&self, nodes: &BTreeSet<NodeName>) -> Seen {
        all(nodes, |node| async move {
            let _turn = self.turn(node).await;
            let paused = self.site.nodes.pause(node).await;
            paused.map_err(|error| format!("{node}: {error}"))
        })
        .await
    }

    /// Lets all go on. Seen when the kernel shows them as going and every node answers again.
    pub(super) async fn resume(&self, nodes: &BTreeSet<NodeName>) -> Seen {
        all(nodes, |node| async move {
            let turn = self.turn(node).await;
            let resumed = self.site.nodes.resume(node).await;
            resumed.map_err(|error| format!("{node}: {error}"))?;
            drop(turn);
            answers(&self.site, node).await
        })
        .await
    }

    /// Starts a node that does not run; its clock is as wrong as it was.
    pub(super) async fn start(&self, node: &NodeName) -> Result<(), String> {
        if !self.site.nodes.is_running(node) {
            let started = self.site.nodes.start(node).await;
            started.map_err(|error| format!("{node}: {error}"))?;
        }
        self.skew_again(node).await
    }
}

/// Waits until the node answers; the caller has a deadline. A node that ends meanwhile never will.
pub(super) async fn answers(site: &Site, node: &NodeName) -> Result<(), String> {
    while site.status(node).await.is_none_or(|status| !status.alive) {
        if !site.nodes.is_running(node) {
            return Err(format!("{node} ended by itself"));
        }
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}
