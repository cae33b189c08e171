//! Breaks things, sees that they are broken, mends them, sees that they are mended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use testimony_engine::{Action, Flaws, Link, NodeName};
use tokio::time::sleep;

use super::troupe::Troupe;
use crate::faults::{Seen, all, shape, within};
use crate::link::Shape;
use crate::sim::{flaws, links, worse};

/// How often a node is asked whether it is back.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

impl Troupe {
    /// Does the action and sees that it took effect. Whatever the result, parts of it may have been
    /// done until [`mend`](Self::mend) succeeds.
    pub(super) async fn break_it(&self, injection: u64, action: &Action) -> Seen {
        if !action.is_instant() {
            self.active().insert(injection, action.clone());
        }
        within(
            self.verify_timeout,
            "to be seen in effect",
            self.begin(action),
        )
        .await
    }

    /// Undoes what the injection did, and sees that it is undone.
    pub(super) async fn mend(&self, injection: u64) -> Seen {
        let Some(action) = self.active().get(&injection).cloned() else {
            return Ok(None);
        };
        let mending = self.end(injection, &action);
        let seen = within(self.verify_timeout, "to be seen healed", mending).await;
        if seen.is_ok() {
            self.active().remove(&injection);
        }
        seen
    }

    async fn begin(&self, action: &Action) -> Seen {
        if let Some(links) = links(action) {
            self.reshape(None, links);
        }
        match action {
            Action::Cut { links } => self.see_cut(links).await,
            Action::Slow { links, .. } | Action::Throttle { links, .. } => {
                self.see_slow(action, links).await
            }
            Action::Lossy { links, flaws } => self.see_flaws(links, *flaws).await,
            Action::Reset { links } => self.reset(links).await,
            Action::Kill { nodes } => {
                all(nodes, |name| async move {
                    self.actor(name)?
                        .kill()
                        .await
                        .map_err(|e| format!("{name}: {e}"))?;
                    Ok(())
                })
                .await
            }
            Action::Pause { nodes } => {
                all(nodes, |name| async move {
                    self.actor(name)?
                        .pause()
                        .await
                        .map_err(|e| format!("{name}: {e}"))
                })
                .await
            }
            _ => Err("this lab cannot do this".to_owned()),
        }
    }

    async fn end(&self, injection: u64, action: &Action) -> Seen {
        if let Some(links) = links(action) {
            self.reshape(Some(injection), links);
            return self.see_passing(injection, links).await;
        }
        match action {
            Action::Kill { nodes } => all(nodes, |name| self.bring_back(name)).await,
            Action::Pause { nodes } => {
                all(nodes, |name| async move {
                    let actor = self.actor(name)?;
                    actor.resume().await.map_err(|e| format!("{name}: {e}"))
                })
                .await
            }
            _ => Ok(None),
        }
    }

    /// Starts a node that was killed. Seen when it has answered `init`.
    async fn bring_back(&self, name: &NodeName) -> Result<(), String> {
        let actor = self.actor(name)?;
        if !actor.is_running() {
            let started = actor.start(&self.spawner).await;
            started.map_err(|error| format!("{name}: {error}"))?;
        }
        while !actor.serves() {
            if !actor.is_running() {
                return Err(format!("{name} ended by itself"));
            }
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// Gives the links what all active injections, but for one of them, make of them.
    fn reshape(&self, without: Option<u64>, links: &BTreeSet<Link>) {
        // Held throughout, so that what is set last is that of the latest injections.
        let active = self.active();
        for link in links {
            let (shape, flaws) = composed(&active, without, link);
            self.post.shape(link, shape, flaws);
        }
    }

    /// What all active injections, but for one of them, make of a link.
    pub(super) fn without(&self, without: Option<u64>, link: &Link) -> (Shape, Flaws) {
        composed(&self.active(), without, link)
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<u64, Action>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn composed(active: &BTreeMap<u64, Action>, without: Option<u64>, link: &Link) -> (Shape, Flaws) {
    let others = active
        .iter()
        .filter(|(number, _)| Some(**number) != without);
    others.fold(
        Default::default(),
        |(so_far, flawed): (Shape, Flaws), (_, action)| {
            (
                so_far.with(shape(action, link)),
                worse(flawed, flaws(action, link)),
            )
        },
    )
}
