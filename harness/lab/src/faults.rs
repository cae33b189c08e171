//! Breaks things, sees that they are broken, mends them, sees that they are mended.

mod members;
mod network;
mod packets;
mod processes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testimony_engine::{Action, Link};
use tokio::time::timeout;

use crate::link::{Links, Shape};
use crate::site::{Site, Wires};

use crate::netns::Counts;
use network::Evidence;
pub(crate) use network::shape;

/// What was seen of an injection or a heal; on failure, why it is not as it should be.
pub(crate) type Seen = Result<Option<String>, String>;

/// Everything that is broken at present, and how to mend it.
pub(crate) struct Faults {
    site: Arc<Site>,
    verify_timeout: Duration,
    /// Injections that are in effect, or may be in part.
    active: Mutex<BTreeMap<u64, Active>>,
}

#[derive(Debug)]
struct Active {
    action: Action,
    /// What was noted at the start of a cut, to be compared at its end.
    evidence: Option<Evidence>,
    /// The same of a cut in the bridge.
    counts: Option<Counts>,
}

impl Faults {
    pub(crate) fn new(site: Arc<Site>, verify_timeout: Duration) -> Self {
        Faults {
            site,
            verify_timeout,
            active: Mutex::new(BTreeMap::new()),
        }
    }

    /// Does the action and sees that it took effect. Whatever the result, parts of it may have been
    /// done until [`heal`](Self::heal) succeeds; an instant action has nothing to heal.
    pub(crate) async fn inject(&self, injection: u64, action: &Action) -> Seen {
        self.bounded("to be seen in effect", self.begin(injection, action))
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
        let seen = self
            .bounded("to be seen healed", self.end(injection, &action))
            .await;
        if seen.is_ok() {
            self.active().remove(&injection);
        }
        seen
    }

    async fn bounded(&self, what: &str, seeing: impl Future<Output = Seen>) -> Seen {
        let limit = self.verify_timeout;
        let late = |_| Err(format!("took longer than {} ms {what}", limit.as_millis()));
        timeout(limit, seeing).await.unwrap_or_else(late)
    }

    async fn begin(&self, injection: u64, action: &Action) -> Seen {
        if !action.is_instant() && !matches!(action, Action::Cut { .. }) {
            self.activate(injection, action, None);
        }
        let site = &*self.site;
        match action {
            Action::Cut { links } => match &site.wires {
                Wires::Proxies(proxies) => self.cut(proxies, injection, action, links).await,
                Wires::Bridge(network) => self.block(network, injection, action, links).await,
            },
            Action::Slow { links, .. } | Action::Throttle { links, .. } => match &site.wires {
                Wires::Proxies(proxies) => self.slow(proxies, action, links).await,
                Wires::Bridge(_) => Err("this lab cannot do it".to_owned()),
            },
            Action::Reset { links } => match &site.wires {
                Wires::Proxies(proxies) => network::reset(proxies, links).await,
                Wires::Bridge(network) => packets::reset(network, links),
            },
            Action::Kill { nodes } => processes::kill(site, nodes).await,
            Action::Pause { nodes } => processes::pause(site, nodes).await,
            Action::Remove { node } => members::remove(site, node).await,
            Action::Transfer { to } => members::transfer(site, to).await,
            Action::Snapshot { node } => members::snapshot(site, node).await,
            Action::Lossy { .. }
            | Action::Skew { .. }
            | Action::SlowDisk { .. }
            | Action::FailDisk { .. }
            | Action::Wipe { .. }
            | Action::Corrupt { .. }
            | Action::FillDisk { .. }
            | Action::LockDisk { .. }
            | Action::Starve { .. }
            | Action::Lie { .. } => Err("only the simulated lab can do this".to_owned()),
        }
    }

    async fn end(&self, injection: u64, action: &Action) -> Seen {
        let site = &*self.site;
        match action {
            Action::Cut { links } => match &site.wires {
                Wires::Proxies(proxies) => self.join(proxies, injection, links).await,
                Wires::Bridge(network) => self.unblock(network, injection, links).await,
            },
            Action::Slow { links, .. } | Action::Throttle { links, .. } => match &site.wires {
                Wires::Proxies(proxies) => self.hasten(proxies, injection, links).await,
                Wires::Bridge(_) => Ok(None),
            },
            Action::Kill { nodes } => processes::restart(site, nodes).await,
            Action::Pause { nodes } => processes::resume(site, nodes).await,
            Action::Remove { node } => members::add_back(site, node).await,
            _ => Ok(None),
        }
    }

    fn activate(&self, injection: u64, action: &Action, evidence: Option<Evidence>) {
        self.active().insert(
            injection,
            Active {
                action: action.clone(),
                evidence,
                counts: None,
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
