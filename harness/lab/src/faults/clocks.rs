//! Faults of clocks: they jump and drift, in every process of a node and after its restart.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use testimony_engine::NodeName;
use tokio::time::{Instant, sleep};

use super::seeing::all;
use super::{Faults, Seen};
use crate::clocks::{self, Skew};
use crate::process::has_become_its_program;

/// A program that has just begun has not looked yet for what tells the time.
const BEGINNING: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

impl Faults {
    /// Seen in effect when what tells the time in every process reads back as changed, and the
    /// process has it among its variables. Fails where that is impossible.
    pub(super) async fn skew(&self, nodes: &BTreeSet<NodeName>, skew: Skew) -> Seen {
        self.skews()
            .extend(nodes.iter().map(|node| (node.clone(), skew)));
        all(nodes, |node| async move {
            // The caller has a deadline.
            while !self.site.nodes.is_running(node) {
                sleep(LOOK_INTERVAL).await;
            }
            self.skew_again(node).await
        })
        .await?;
        let processes: usize = nodes
            .iter()
            .map(|node| self.site.nodes.processes(node).len())
            .sum();
        Ok(Some(format!(
            "the clocks of {processes} processes and their children were changed"
        )))
    }

    /// Seen when what tells the time in every process is as it was. A node that does not run begins
    /// with the right time.
    pub(super) async fn set_right(&self, nodes: &BTreeSet<NodeName>) -> Seen {
        self.skews().retain(|node, _| !nodes.contains(node));
        all(nodes, |node| async move {
            let _turn = self.turn(node).await;
            for process in self.site.nodes.processes(node) {
                if let Err(error) = clocks::restore(process).await
                    && self.site.nodes.processes(node).contains(&process)
                {
                    return Err(format!("{node}: {error}"));
                }
            }
            Ok(())
        })
        .await
    }

    /// Gives a node the wrong time that it is to have, if any.
    pub(super) async fn skew_again(&self, node: &NodeName) -> Result<(), String> {
        let Some(skew) = self.skews().get(node).copied() else {
            return Ok(());
        };
        let deadline = Instant::now() + BEGINNING;
        for process in self.site.nodes.processes(node) {
            loop {
                let Err(error) = self.skew_one(node, process, skew).await else {
                    break;
                };
                if Instant::now() > deadline {
                    return Err(format!("{node}: {error}"));
                }
                sleep(LOOK_INTERVAL).await;
            }
        }
        Ok(())
    }

    async fn skew_one(&self, node: &NodeName, process: u32, skew: Skew) -> Result<(), String> {
        let _turn = self.turn(node).await;
        if !has_become_its_program(process).map_err(|error| error.to_string())? {
            return Err("its program has not begun".to_owned());
        }
        let changed = clocks::skew(process, skew).await;
        changed.map(|_| ()).map_err(|error| error.to_string())
    }

    fn skews(&self) -> MutexGuard<'_, std::collections::BTreeMap<NodeName, Skew>> {
        self.skews.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
