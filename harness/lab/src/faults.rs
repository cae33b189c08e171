//! Breaks things, sees that they are broken, mends them, sees that they are mended.

mod clocks;
mod disks;
mod members;
mod network;
mod packets;
mod processes;
mod quality;
mod seeing;
mod starvation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testimony_engine::{Action, Link, NodeName};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::clocks::Skew;
use crate::link::{Links, Shape};
use crate::site::{Site, Wires};

use crate::netns::Counts;
use crate::packets::Counts as Treated;
use network::Evidence;
pub(crate) use network::shape;
pub(crate) use seeing::{all, within};
use starvation::Starver;

/// What was seen of an injection or a heal; on failure, why it is not as it should be.
pub(crate) type Seen = Result<Option<String>, String>;

/// Everything that is broken at present, and how to mend it.
pub(crate) struct Faults {
    site: Arc<Site>,
    verify_timeout: Duration,
    /// Injections that are in effect, or may be in part.
    active: Mutex<BTreeMap<u64, Active>>,
    /// Clocks that are wrong, also those of nodes that do not run at the moment.
    skews: Mutex<BTreeMap<NodeName, Skew>>,
    /// Whose it is to stop and continue the processes of a node: one at a time.
    turns: BTreeMap<NodeName, Arc<Turn<()>>>,
}

/// Told of an action that no plan for this lab has.
const IMPOSSIBLE: &str = "this lab cannot do it";

#[derive(Debug)]
struct Active {
    action: Action,
    /// What was noted at the start of a cut, to be compared at its end.
    evidence: Option<Evidence>,
    /// The same of a cut in the bridge.
    counts: Option<Counts>,
    /// What had been done to packets before it began.
    treated: BTreeMap<Link, Treated>,
    /// What keeps nodes from running.
    starvers: Vec<Starver>,
}

impl Faults {
    pub(crate) fn new(site: Arc<Site>, verify_timeout: Duration) -> Self {
        let names = site.nodes.names();
        let turns = names.map(|name| (name.clone(), Arc::default())).collect();
        Faults {
            site,
            verify_timeout,
            active: Mutex::new(BTreeMap::new()),
            skews: Mutex::default(),
            turns,
        }
    }

    /// Does the action and sees that it took effect. Whatever the result, parts of it may have been
    /// done until [`heal`](Self::heal) succeeds; an instant action has nothing to heal.
    pub(crate) async fn inject(&self, injection: u64, action: &Action) -> Seen {
        within(
            self.verify_timeout,
            "to be seen in effect",
            self.begin(injection, action),
        )
        .await
    }

    /// Undoes what the injection did, and sees that it is undone. May be repeated after a failure.
    pub(crate) async fn heal(&self, injection: u64) -> Seen {
        let Some(action) = self
            .active()
            .get(&injection)
            .map(|active| active.action.clone())
        else {
            return Ok(None);
        };
        let seen = within(
            self.verify_timeout,
            "to be seen healed",
            self.end(injection, &action),
        )
        .await;
        if seen.is_ok() {
            self.active().remove(&injection);
        }
        seen
    }

    async fn begin(&self, injection: u64, action: &Action) -> Seen {
        if !action.is_instant() && !matches!(action, Action::Cut { .. }) {
            self.activate(injection, action, None);
        }
        let site = &*self.site;
        match action {
            Action::Kill { nodes } => processes::kill(site, nodes).await,
            Action::Pause { nodes } => self.pause(nodes).await,
            Action::Starve { nodes, percent } => self.starve(injection, nodes, *percent).await,
            Action::Remove { node } => members::remove(site, node).await,
            Action::Transfer { to } => members::transfer(site, to).await,
            Action::Snapshot { node } => members::snapshot(site, node).await,
            Action::Skew {
                nodes,
                jump_ms,
                drift_ppm,
            } => self.skew(nodes, Skew::from_now(*jump_ms, *drift_ppm)).await,
            Action::SlowDisk { nodes, delay } => disks::slow(site, nodes, *delay).await,
            Action::FailDisk { nodes } => disks::fail(site, nodes).await,
            Action::FillDisk { nodes } => disks::fill(site, nodes).await,
            Action::LockDisk { nodes } => self.lock_disks(nodes).await,
            Action::Wipe { .. }
            | Action::Lie { .. }
            | Action::Ambush { .. }
            | Action::Command { .. } => Err(IMPOSSIBLE.to_owned()),
            Action::Cut { links }
            | Action::Slow { links, .. }
            | Action::Throttle { links, .. }
            | Action::Lossy { links, .. }
            | Action::Corrupt { links, .. }
            | Action::Reset { links } => self.begin_on_links(injection, action, links).await,
        }
    }

    async fn begin_on_links(
        &self,
        injection: u64,
        action: &Action,
        links: &BTreeSet<Link>,
    ) -> Seen {
        match (&self.site.wires, action) {
            (Wires::Proxies(proxies), Action::Cut { .. }) => {
                self.cut(proxies, injection, action, links).await
            }
            (Wires::Bridge(network), Action::Cut { .. }) => {
                self.block(network, injection, action, links).await
            }
            (Wires::Proxies(proxies), Action::Reset { .. }) => network::reset(proxies, links).await,
            (Wires::Bridge(network), Action::Reset { .. }) => packets::reset(network, links),
            (Wires::Proxies(proxies), Action::Slow { .. } | Action::Throttle { .. }) => {
                self.slow(proxies, action, links).await
            }
            (Wires::Proxies(_), _) => Err(IMPOSSIBLE.to_owned()),
            (Wires::Bridge(network), _) => self.treat(network, injection, action, links).await,
        }
    }

    async fn end(&self, injection: u64, action: &Action) -> Seen {
        let site = &*self.site;
        match action {
            Action::Cut { links } => match &site.wires {
                Wires::Proxies(proxies) => self.join(proxies, injection, links).await,
                Wires::Bridge(network) => self.unblock(network, injection, links).await,
            },
            Action::Slow { links, .. }
            | Action::Throttle { links, .. }
            | Action::Lossy { links, .. }
            | Action::Corrupt { links, .. } => match &site.wires {
                Wires::Proxies(proxies) => self.hasten(proxies, injection, links).await,
                Wires::Bridge(network) => self.let_be(network, injection, links).await,
            },
            Action::Kill { nodes } => self.restart(nodes).await,
            Action::Pause { nodes } => self.resume(nodes).await,
            Action::Starve { nodes, .. } => self.feed(injection, nodes).await,
            Action::Remove { node } => members::add_back(site, node).await,
            Action::Skew { nodes, .. } => self.set_right(nodes).await,
            Action::SlowDisk { nodes, .. } => disks::hasten(site, nodes).await,
            Action::FailDisk { nodes }
            | Action::FillDisk { nodes }
            | Action::LockDisk { nodes } => self.mend_disks(action, nodes).await,
            _ => Ok(None),
        }
    }

    /// Waits until nobody else stops or continues the processes of a node.
    async fn turn(&self, node: &NodeName) -> Option<OwnedMutexGuard<()>> {
        Some(Arc::clone(self.turns.get(node)?).lock_owned().await)
    }

    fn activate(&self, injection: u64, action: &Action, evidence: Option<Evidence>) {
        self.active().insert(
            injection,
            Active {
                action: action.clone(),
                evidence,
                counts: None,
                treated: BTreeMap::new(),
                starvers: Vec::new(),
            },
        );
    }

    /// What all active injections, but for one of them, make of a link.
    fn shape_without(&self, injection: Option<u64>, link: &Link) -> Shape {
        composed(&self.active(), injection, link)
    }

    /// Gives the links the shape that all active injections, but for one of them, make of them.
    fn reshape(
        &self,
        proxies: &Links,
        without: Option<u64>,
        links: &BTreeSet<Link>,
    ) -> Result<(), String> {
        // Held throughout, so that the shape which is set last is that of the latest injections.
        let active = self.active();
        for link in links {
            let shape = composed(&active, without, link);
            proxies.set(link, shape).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<u64, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn composed(active: &BTreeMap<u64, Active>, without: Option<u64>, link: &Link) -> Shape {
    let others = active
        .iter()
        .filter(|(number, _)| Some(**number) != without);
    let shapes = others.map(|(_, active)| network::shape(&active.action, link));
    shapes.fold(Shape::default(), Shape::with)
}

#[cfg(test)]
mod tests;
