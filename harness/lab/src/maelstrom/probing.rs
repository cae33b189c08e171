//! What the lab's own messages show of links: they go the way that those of the nodes go.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use testimony_engine::{Action, Flaws, Link};
use tokio::time::{sleep, timeout};

use super::post::Probe;
use super::troupe::Troupe;
use crate::faults::{Seen, shape};

/// How long links are watched. Where nothing is broken, a message takes a few milliseconds.
const WATCH: Duration = Duration::from_millis(40);
/// How many probes are sent over each lossy link at a time.
const VOLLEY: usize = 50;
/// A probe that takes longer is tried again: it may be one of those that are made late.
const PATIENCE: Duration = Duration::from_secs(2);
/// A throttled link is given what it passes in so long.
const THROTTLED: Duration = Duration::from_millis(100);

impl Troupe {
    /// Seen in effect when a probe over each link is lost.
    pub(super) async fn see_cut(&self, links: &BTreeSet<Link>) -> Seen {
        let watches = links.iter().map(|link| async move {
            let arrived = timeout(WATCH, self.post.probe(link, 1).arrival()).await;
            matches!(arrived, Ok(Some(_))).then_some(link)
        });
        let crossed = join_all(watches).await;
        match crossed.into_iter().flatten().next() {
            Some(link) => Err(format!("{link} passed a message while it was cut")),
            None => Ok(Some(format!(
                "{} of {} links probed",
                links.len(),
                links.len()
            ))),
        }
    }

    /// Seen in effect when what is sent takes as long as it must.
    pub(super) async fn see_slow(&self, action: &Action, links: &BTreeSet<Link>) -> Seen {
        let measures = self
            .open(None, links)
            .map(|link| self.measure(action, link));
        let took: Result<Vec<_>, String> = join_all(measures).await.into_iter().collect();
        match took?.into_iter().flatten().min() {
            Some(least) => Ok(Some(format!(
                "probes took {} ms or more",
                least.as_millis()
            ))),
            None => Err("it cannot be seen: every link that it slows is cut".to_owned()),
        }
    }

    /// How long a probe took; `None` if the link was cut by another injection meanwhile.
    async fn measure(&self, action: &Action, link: &Link) -> Result<Option<Duration>, String> {
        let shape = shape(action, link);
        let (bytes, throttled) = match shape.bytes_per_second {
            None => (1, Duration::ZERO),
            Some(rate) => {
                let millis = u64::try_from(THROTTLED.as_millis()).unwrap_or(1);
                let bytes = (rate * millis / 1_000).max(1);
                let nanos = bytes * 1_000_000_000 / rate.max(1);
                (bytes, Duration::from_nanos(nanos))
            }
        };
        let bytes = usize::try_from(bytes).map_err(|error| error.to_string())?;
        let least = shape.delay + throttled;
        let took = self.crossing(link, bytes).await;
        match took {
            Some(took) if took < least => Err(format!(
                "{link} passed {bytes} bytes in {} ms, not {} ms or more",
                took.as_millis(),
                least.as_millis()
            )),
            took => Ok(took),
        }
    }

    /// Seen in effect when, of many probes, some are missing and some have come twice, as far as
    /// these flaws are among those asked for.
    pub(super) async fn see_flaws(&self, links: &BTreeSet<Link>, flaws: Flaws) -> Seen {
        let (loses, doubles) = (flaws.lost + flaws.late > 0, flaws.doubled > 0);
        if !loses && !doubles {
            return Err("it asks for no flaw at all".to_owned());
        }
        let (mut sent, mut missing, mut doubled) = (0, 0, 0);
        while (loses && missing == 0) || (doubles && doubled == 0) {
            let open: Vec<&Link> = self.open(None, links).collect();
            if open.is_empty() {
                return Err("it cannot be seen: all its links are cut".to_owned());
            }
            let volley = open
                .iter()
                .flat_map(|link| std::iter::repeat_n(*link, VOLLEY));
            let mut probes: Vec<Probe> = volley.map(|link| self.post.probe(link, 1)).collect();
            sleep(WATCH).await;
            for probe in &mut probes {
                match probe.arrived() {
                    0 => missing += 1,
                    1 => {}
                    _ => doubled += 1,
                }
            }
            sent += probes.len();
        }
        Ok(Some(format!(
            "of {sent} probes {missing} were lost or late, {doubled} doubled"
        )))
    }

    /// Loses what is under way. Seen in effect when probes that were under way are lost.
    pub(super) async fn reset(&self, links: &BTreeSet<Link>) -> Seen {
        let reset = |link| (link, self.post.reset(link));
        let probes: Vec<(&Link, Probe)> = links.iter().map(reset).collect();
        sleep(WATCH).await;
        for (link, mut probe) in probes {
            if probe.arrived() > 0 {
                return Err(format!(
                    "{link} passed what was under way when it was reset"
                ));
            }
        }
        Ok(Some("what was under way is lost".to_owned()))
    }

    /// Seen when a probe has crossed each link, but for those that another injection cuts, or
    /// throttles, so that what was sent before has to pass first.
    pub(super) async fn see_passing(&self, injection: u64, links: &BTreeSet<Link>) -> Seen {
        let is_free = |link: &&Link| {
            let (shape, _) = self.without(Some(injection), link);
            shape.bytes_per_second.is_none()
        };
        let open = self.open(Some(injection), links).filter(is_free);
        join_all(open.map(|link| self.crossing(link, 1))).await;
        Ok(None)
    }

    /// How long a message takes to cross a link; tried again if it is lost. `None` if the link is
    /// cut meanwhile.
    async fn crossing(&self, link: &Link, bytes: usize) -> Option<Duration> {
        loop {
            let took = timeout(PATIENCE, self.post.probe(link, bytes).arrival()).await;
            if let Ok(Some(took)) = took {
                return Some(took);
            }
            if self.without(None, link).0.cut {
                return None;
            }
            sleep(WATCH).await;
        }
    }

    /// The links that no other injection cuts.
    fn open<'a>(
        &'a self,
        injection: Option<u64>,
        links: &'a BTreeSet<Link>,
    ) -> impl Iterator<Item = &'a Link> {
        links
            .iter()
            .filter(move |link| !self.without(injection, link).0.cut)
    }
}
