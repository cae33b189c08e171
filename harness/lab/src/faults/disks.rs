//! Faults of disks: saves that are late or fail, disks that are full or cannot be written.

use std::collections::BTreeSet;
use std::time::Duration;

use testimony_engine::{Action, NodeName};
use tokio::time::{Instant, sleep, timeout};

use super::processes::answers;
use super::seeing::all;
use super::{Faults, Seen};
use crate::disks::{SaveCounts, Saves, SmallDisk, Supervisor};
use crate::site::Site;

const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// So long is waited for a node to end that could not save.
const END_WATCH: Duration = Duration::from_millis(500);
/// So long is waited for a save.
const SAVE_WATCH: Duration = Duration::from_millis(500);
/// A node that has outlived a fault of its disk answers within this time, or it is restarted.
const PATIENCE: Duration = Duration::from_secs(1);

/// Seen in effect when a save of every node is late. A node that saves nothing has no slow disk.
pub(super) async fn slow(site: &Site, nodes: &BTreeSet<NodeName>, delay: Duration) -> Seen {
    decide(site, nodes, Saves::Late(delay), |counts| counts.delayed).await?;
    Ok(Some("a save of every node was late".to_owned()))
}

/// Seen when the next save of every node is not late; a node that saves nothing for a while has
/// none that could be.
pub(super) async fn hasten(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    all(nodes, |node| async move {
        let supervisor = supervisor(site, node)?;
        supervisor.decide(node, Saves::AsUsual);
        let before = supervisor.counts(node);
        let deadline = Instant::now() + SAVE_WATCH;
        while supervisor.counts(node).asked == before.asked && Instant::now() < deadline {
            sleep(LOOK_INTERVAL).await;
        }
        match supervisor.counts(node).delayed - before.delayed {
            0 => Ok(()),
            count => Err(format!(
                "{count} saves of {node} were late although it is mended"
            )),
        }
    })
    .await
}

/// Seen in effect when a save of every node has failed.
pub(super) async fn fail(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    nodes.iter().for_each(|node| site.nodes.let_end(node, true));
    decide(site, nodes, Saves::Fail, |counts| counts.failed).await?;
    let deadline = Instant::now() + END_WATCH;
    let goes_on = || nodes.iter().filter(|node| site.nodes.is_running(node));
    while goes_on().next().is_some() && Instant::now() < deadline {
        sleep(LOOK_INTERVAL).await;
    }
    let said = match goes_on().count() {
        0 => "a save of every node failed, and they ended".to_owned(),
        count => format!(
            "a save of every node failed; {count} of {} went on",
            nodes.len()
        ),
    };
    Ok(Some(said))
}

/// Seen in effect when nothing can be written to the disks, since they are full.
pub(super) async fn fill(site: &Site, nodes: &BTreeSet<NodeName>) -> Seen {
    let mut notes = Vec::new();
    for node in nodes {
        site.nodes.let_end(node, true);
        let used = disk(site, node)?.fill();
        let used = used.map_err(|error| format!("{node}: {error}"))?;
        notes.push(format!("{node} has no room beyond {} KiB", used / 1_024));
    }
    Ok(Some(notes.join(", ")))
}

impl Faults {
    /// Seen in effect when nothing can be written to the disks, since they can only be read. The
    /// kernel does not take a file away from who writes to it, so the nodes are killed first.
    pub(super) async fn lock_disks(&self, nodes: &BTreeSet<NodeName>) -> Seen {
        let site = &*self.site;
        all(nodes, |node| async move {
            site.nodes.let_end(node, true);
            let said = |error: std::io::Error| format!("{node}: {error}");
            if site.nodes.is_running(node) {
                site.nodes.kill(node).await.map_err(said)?;
            }
            disk(site, node)?.lock().map_err(said)?;
            // What becomes of it now is its own business.
            site.nodes.start(node).await.map_err(said)?;
            let _ = self.skew_again(node).await;
            Ok(())
        })
        .await
    }

    /// Seen when something can be written to the disks again, and every node answers. Who has ended
    /// is restarted, and also who does not answer: a program may wait for ever.
    pub(super) async fn mend_disks(&self, action: &Action, nodes: &BTreeSet<NodeName>) -> Seen {
        let site = &*self.site;
        all(nodes, |node| async move {
            let said = |error: std::io::Error| format!("{node}: {error}");
            match action {
                Action::FillDisk { .. } => disk(site, node)?.make_room().map_err(said)?,
                Action::LockDisk { .. } => disk(site, node)?.unlock().map_err(said)?,
                _ => supervisor(site, node)?.decide(node, Saves::AsUsual),
            }
            let answered = timeout(PATIENCE, answers(site, node)).await;
            if !matches!(answered, Ok(Ok(()))) && site.nodes.is_running(node) {
                site.nodes.kill(node).await.map_err(said)?;
            }
            self.start(node).await?;
            answers(site, node).await?;
            site.nodes.let_end(node, false);
            Ok(())
        })
        .await
    }
}

/// Decides so on the nodes' saves, and waits until one of every node has met that.
async fn decide(
    site: &Site,
    nodes: &BTreeSet<NodeName>,
    saves: Saves,
    met: fn(SaveCounts) -> u64,
) -> Seen {
    all(nodes, |node| async move {
        let supervisor = supervisor(site, node)?;
        let before = met(supervisor.counts(node));
        supervisor.decide(node, saves);
        // The caller has a deadline.
        while met(supervisor.counts(node)) == before {
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    })
    .await
}

fn supervisor(site: &Site, node: &NodeName) -> Result<std::sync::Arc<Supervisor>, String> {
    let found = site
        .equipment
        .supervisor(node)
        .map(|(supervisor, _)| supervisor);
    found.ok_or_else(|| format!("nobody decides on the saves of {node}"))
}

fn disk<'a>(site: &'a Site, node: &NodeName) -> Result<&'a SmallDisk, String> {
    let found = site.equipment.disk(node);
    found.ok_or_else(|| format!("{node} has no disk of its own"))
}
