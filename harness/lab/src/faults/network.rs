//! Faults of links that are proxies: cut, slowed, throttled, reset. Each is seen from outside,
//! through probes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use testimony_engine::{Action, Link};
use tokio::time::Instant;

use super::{Faults, Seen};
use crate::link::{Links, Probe, Shape, Traffic};

/// How long a cut is watched at its start. On a link that passes, a byte takes far less.
const CUT_WATCH: Duration = Duration::from_millis(30);
/// How long a byte may take on a link that is mended, apart from what others still do to the link.
const PASS_DEADLINE: Duration = Duration::from_secs(2);
/// A throttled link is given so many times what it passes at once.
const THROTTLE_PIECES: u64 = 3;

/// What was noted when a cut began.
#[derive(Debug)]
pub(super) struct Evidence {
    traffic: BTreeMap<Link, Traffic>,
    /// Each has a byte waiting in the link.
    probes: BTreeMap<Link, Probe>,
}

/// What an action by itself makes of a link.
pub(crate) fn shape(action: &Action, link: &Link) -> Shape {
    let links = match action {
        Action::Cut { links } | Action::Slow { links, .. } | Action::Throttle { links, .. } => {
            links
        }
        _ => return Shape::default(),
    };
    match action {
        _ if !links.contains(link) => Shape::default(),
        Action::Cut { .. } => Shape {
            cut: true,
            ..Shape::default()
        },
        // Up and down by `jitter`: that is from a smaller delay upwards, by twice as much.
        Action::Slow { delay, jitter, .. } => {
            let (delay, jitter) = (delay.saturating_sub(*jitter), *jitter * 2);
            Shape {
                delay,
                jitter,
                ..Shape::default()
            }
        }
        Action::Throttle {
            bytes_per_second, ..
        } => Shape {
            bytes_per_second: Some(*bytes_per_second),
            ..Shape::default()
        },
        _ => Shape::default(),
    }
}

/// Drops the connections. Seen in effect when they are gone; without any there is no effect.
pub(super) async fn reset(proxies: &Links, links: &BTreeSet<Link>) -> Seen {
    let resets = links.iter().map(|link| proxies.reset(link));
    let dropped: usize = try_join_all(resets)
        .await
        .map_err(|e| e.to_string())?
        .iter()
        .sum();
    if dropped == 0 {
        return Err("there was no connection to drop".to_owned());
    }
    Ok(Some(format!("{dropped} connections dropped")))
}

impl Faults {
    /// Seen in effect when probes that were established before do not get a byte across, and the
    /// nodes' own traffic has stopped.
    pub(super) async fn cut(
        &self,
        proxies: &Links,
        injection: u64,
        action: &Action,
        links: &BTreeSet<Link>,
    ) -> Seen {
        let mut probes = probes(proxies, links).await?;
        self.activate(injection, action, None);
        self.reshape(proxies, None, links)?;
        let traffic = traffic(proxies, links)?;
        let watches = probes.iter_mut().map(|(link, probe)| crosses(link, probe));
        let crossed: Vec<Link> = join_all(watches).await.into_iter().flatten().collect();
        check_silence(proxies, &traffic)?;
        if let Some(link) = crossed.first() {
            return Err(format!("{link} passed a byte while it was cut"));
        }
        let note = format!("{} of {} links probed", probes.len(), links.len());
        self.activate(injection, action, Some(Evidence { traffic, probes }));
        Ok(Some(note))
    }

    /// Seen when what waited in each link has crossed it. Fails, after mending, if anything had
    /// crossed during the cut.
    pub(super) async fn join(
        &self,
        proxies: &Links,
        injection: u64,
        links: &BTreeSet<Link>,
    ) -> Seen {
        let evidence = self
            .active()
            .get_mut(&injection)
            .and_then(|active| active.evidence.take());
        let silent = evidence
            .as_ref()
            .map_or(Ok(0), |noted| check_silence(proxies, &noted.traffic));
        self.reshape(proxies, Some(injection), links)?;
        let mut probes = evidence.map(|noted| noted.probes).unwrap_or_default();
        let open = |link: &&Link| !self.shape_without(Some(injection), link).cut;
        let passes = links
            .iter()
            .filter(open)
            .map(|link| self.passes(proxies, link, probes.remove(link)));
        try_join_all(passes.collect::<Vec<_>>()).await?;
        Ok(Some(format!("{} bytes had waited", silent?)))
    }

    /// Seen in effect when what is sent at once takes as long as it must.
    pub(super) async fn slow(
        &self,
        proxies: &Links,
        action: &Action,
        links: &BTreeSet<Link>,
    ) -> Seen {
        let probes = probes(proxies, links).await?;
        self.reshape(proxies, None, links)?;
        if probes.is_empty() {
            return Err("it cannot be seen: every link that it slows is cut".to_owned());
        }
        let measures = probes
            .into_iter()
            .map(|(link, probe)| self.measure(action, link, probe));
        let took: Vec<Duration> = try_join_all(measures)
            .await?
            .into_iter()
            .flatten()
            .collect();
        match took.iter().min() {
            Some(least) => Ok(Some(format!(
                "probes took {} ms or more",
                least.as_millis()
            ))),
            None => Err("no probe came through within the deadline".to_owned()),
        }
    }

    /// Seen when a byte crosses each link.
    pub(super) async fn hasten(
        &self,
        proxies: &Links,
        injection: u64,
        links: &BTreeSet<Link>,
    ) -> Seen {
        self.reshape(proxies, Some(injection), links)?;
        let open = |link: &&Link| !self.shape_without(Some(injection), link).cut;
        let passes = links
            .iter()
            .filter(open)
            .map(|link| self.passes(proxies, link, None));
        try_join_all(passes.collect::<Vec<_>>()).await?;
        Ok(None)
    }

    /// How long a probe took; `None` if the link was cut by another injection meanwhile.
    async fn measure(
        &self,
        action: &Action,
        link: Link,
        mut probe: Probe,
    ) -> Result<Option<Duration>, String> {
        let shape = shape(action, &link);
        let bytes = shape.piece().map_or(1, |piece| piece * THROTTLE_PIECES);
        let bytes = usize::try_from(bytes).map_err(|e| e.to_string())?;
        let since = Instant::now();
        probe.send(bytes).await.map_err(|e| e.to_string())?;
        let heard = probe.hear(bytes, self.verify_timeout / 2).await;
        let (took, least) = (since.elapsed(), shape.time_min(bytes));
        if took < least {
            let what = if heard.is_some() {
                "let pass"
            } else {
                "could not be measured by"
            };
            let (took, least) = (took.as_millis(), least.as_millis());
            return Err(format!(
                "{link} {what} {bytes} bytes in {took} ms, not {least} ms or more"
            ));
        }
        // What is still on its way is slower than it has to be, or was cut off meanwhile.
        Ok((!self.shape_without(None, &link).cut).then_some(took))
    }

    /// Waits until a byte crosses a link that is not cut: the one that waits there, or a new one.
    async fn passes(
        &self,
        proxies: &Links,
        link: &Link,
        waiting: Option<Probe>,
    ) -> Result<(), String> {
        // Another injection may cut it in the meantime: it is mended as far as this one goes.
        let is_cut = || proxies.shape(link).is_ok_and(|shape| shape.cut);
        let probe = match waiting {
            Some(probe) => Some(probe),
            None => fresh(proxies, link)
                .await
                .map_err(|error| error.to_string())?,
        };
        let Some(mut probe) = probe else {
            let refused = || format!("{link} takes no connections although it is mended");
            return is_cut().then_some(()).ok_or_else(refused);
        };
        let slowness = self.shape_without(None, link);
        let deadline = PASS_DEADLINE + slowness.delay + slowness.jitter;
        match probe.hear(1, deadline).await {
            Some(_) => Ok(()),
            None if is_cut() => Ok(()),
            None => Err(format!("{link} does not pass a byte although it is mended")),
        }
    }
}

/// The link, if a byte crossed it.
async fn crosses(link: &Link, probe: &mut Probe) -> Option<Link> {
    probe.send(1).await.ok()?;
    probe.hear(1, CUT_WATCH).await.map(|_| link.clone())
}

/// A new probe with a byte on its way.
async fn fresh(proxies: &Links, link: &Link) -> io::Result<Option<Probe>> {
    let mut probe = proxies.probe(link).await?;
    if let Some(probe) = &mut probe {
        probe.send(1).await?;
    }
    Ok(probe)
}

async fn probes(proxies: &Links, links: &BTreeSet<Link>) -> Result<BTreeMap<Link, Probe>, String> {
    let open = links.iter().map(|link| proxies.probe(link));
    let opened = try_join_all(open)
        .await
        .map_err(|e| format!("no probe: {e}"))?;
    let both = links.iter().cloned().zip(opened);
    Ok(both
        .filter_map(|(link, probe)| Some((link, probe?)))
        .collect())
}

fn traffic(proxies: &Links, links: &BTreeSet<Link>) -> Result<BTreeMap<Link, Traffic>, String> {
    let one = |link: &Link| Ok((link.clone(), proxies.traffic(link)?));
    let all: Result<_, crate::link::NoSuchLink> = links.iter().map(one).collect();
    all.map_err(|e| e.to_string())
}

/// That nothing has passed since; returns how many bytes have come and wait.
fn check_silence(proxies: &Links, since: &BTreeMap<Link, Traffic>) -> Result<u64, String> {
    let mut waiting = 0;
    for (link, then) in since {
        let now = proxies.traffic(link).map_err(|e| e.to_string())?;
        let passed = now.passed_bytes - then.passed_bytes;
        if passed > 0 {
            return Err(format!("{link} passed {passed} bytes while it was cut"));
        }
        waiting += now.arrived_bytes - then.arrived_bytes;
    }
    Ok(waiting)
}
