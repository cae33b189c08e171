//! Nodes that get little time of the processor: they stand still for the rest of it.
//!
//! A scheduler that favours others would do nothing on a machine that is idle, and groups of
//! processes with a quota need rights that not every user has. To stand still for nine tenths of
//! every tenth of a second is what such a quota comes to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use testimony_engine::NodeName;
use tokio::sync::Mutex as Turn;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::seeing::all;
use super::{Faults, Seen};
use crate::site::Site;

const PERIOD: Duration = Duration::from_millis(100);
/// So many periods are watched before it counts.
const WATCHED: u32 = 5;
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// What keeps a node from running. Dropping it lets the node stand or run, as it does then.
#[derive(Debug)]
pub(super) struct Starver {
    work: JoinHandle<()>,
}

/// How long a node stood still, as the kernel showed it.
#[derive(Clone, Debug, Default)]
struct Progress {
    periods: u32,
    passed: Duration,
    stood: Duration,
    failure: Option<String>,
}

impl Drop for Starver {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Faults {
    /// Seen in effect when every node was seen to stand still for a good part of the time.
    pub(super) async fn starve(
        &self,
        injection: u64,
        nodes: &BTreeSet<NodeName>,
        percent: u32,
    ) -> Seen {
        let mut watched = Vec::new();
        for node in nodes {
            let progress = Arc::new(Mutex::new(Progress::default()));
            let (site, seen) = (Arc::clone(&self.site), Arc::clone(&progress));
            let turn = self.turns.get(node).cloned().unwrap_or_default();
            let work = take_time(site, node.clone(), turn, percent.min(100), seen);
            let work = tokio::spawn(work);
            if let Some(active) = self.active().get_mut(&injection) {
                active.starvers.push(Starver { work });
            }
            watched.push((node, progress));
        }
        let mut notes = Vec::new();
        for (node, progress) in watched {
            notes.push(seen_standing(node, percent, &progress).await?);
        }
        Ok(Some(notes.join(", ")))
    }

    /// Seen when every node goes on and answers.
    pub(super) async fn feed(&self, injection: u64, nodes: &BTreeSet<NodeName>) -> Seen {
        let starvers = self
            .active()
            .get_mut(&injection)
            .map(|active| std::mem::take(&mut active.starvers));
        for mut starver in starvers.into_iter().flatten() {
            starver.work.abort();
            // Until it is over, it may still stop the node.
            let _ = (&mut starver.work).await;
        }
        all(nodes, |node| async move {
            if !self.site.nodes.is_running(node) {
                return Err(format!("{node} ended by itself"));
            }
            Ok(())
        })
        .await?;
        self.resume(nodes).await
    }
}

/// Stops the node and lets it go on, again and again, until it ends or this is aborted.
async fn take_time(
    site: Arc<Site>,
    node: NodeName,
    turn: Arc<Turn<()>>,
    percent: u32,
    progress: Arc<Mutex<Progress>>,
) {
    let runs = PERIOD * percent / 100;
    loop {
        let begun = Instant::now();
        let done = async {
            let turn = turn.lock().await;
            site.nodes.pause(&node).await?;
            let stood = Instant::now();
            sleep(PERIOD.saturating_sub(runs)).await;
            let stood = stood.elapsed();
            site.nodes.resume(&node).await?;
            drop(turn);
            sleep(runs).await;
            std::io::Result::Ok(stood)
        };
        let done = done.await;
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.periods += 1;
        progress.passed += begun.elapsed();
        match done {
            Ok(stood) => progress.stood += stood,
            Err(error) => {
                progress.failure = Some(error.to_string());
                return;
            }
        }
    }
}

/// Waits for some periods; the caller has a deadline.
async fn seen_standing(
    node: &NodeName,
    percent: u32,
    progress: &Mutex<Progress>,
) -> Result<String, String> {
    loop {
        let progress = progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(failure) = progress.failure {
            return Err(format!("{node}: {failure}"));
        }
        if progress.periods >= WATCHED {
            let (stood, passed) = (progress.stood.as_millis(), progress.passed.as_millis());
            let said = format!("{node} stood still for {stood} of {passed} ms");
            let wanted = passed * u128::from(100 - percent.min(100)) / 100;
            // On a busy machine signals and timers are late, and nobody runs in the meantime.
            return if stood * 4 >= wanted {
                Ok(said)
            } else {
                Err(said)
            };
        }
        sleep(LOOK_INTERVAL).await;
    }
}
