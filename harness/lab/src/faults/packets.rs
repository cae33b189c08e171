//! Faults of packets in the bridge between network namespaces: dropped, connections reset.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use testimony_engine::{Action, Link};
use tokio::time::sleep;

use super::{Faults, Seen};
use crate::netns::{Counts, Network};

/// How often the kernel is asked what it has dropped.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long a packet may take on a link that is mended.
const PASS_DEADLINE: Duration = Duration::from_secs(2);

/// Resets the connections at both their ends. Seen in effect when they are gone; without any there
/// is no effect.
pub(super) fn reset(network: &Network, links: &BTreeSet<Link>) -> Seen {
    let mut ends = 0;
    for link in links {
        ends += network
            .reset(link)
            .map_err(|error| format!("{link}: {error}"))?;
    }
    if ends == 0 {
        return Err("there was no connection to drop".to_owned());
    }
    Ok(Some(format!("{ends} ends of connections dropped")))
}

impl Faults {
    /// Seen in effect when the kernel has dropped a packet on every link, and passed none.
    pub(super) async fn block(
        &self,
        network: &Network,
        injection: u64,
        action: &Action,
        links: &BTreeSet<Link>,
    ) -> Seen {
        self.activate(injection, action, None);
        let said = |error: std::io::Error| error.to_string();
        network.cut(links).await.map_err(said)?;
        let since = network.counts().await.map_err(said)?;
        let probes = links.iter().map(async |link| {
            let number = network.probe(link).await?;
            std::io::Result::Ok((number, link))
        });
        let mut probes: BTreeMap<u64, &Link> = try_join_all(probes)
            .await
            .map_err(said)?
            .into_iter()
            .collect();
        loop {
            let now = network.counts().await.map_err(said)?;
            if let Some(link) = probes
                .iter()
                .find_map(|(probe, link)| network.has_heard(*probe).then_some(link))
            {
                return Err(format!("{link} passed a packet while it was cut"));
            }
            check_silence(&since, &now, links)?;
            // The caller has a deadline.
            if links.iter().all(|link| dropped(&now, link) > 0) {
                break;
            }
            // What is sent may be lost before it comes to the cut, by another injection.
            for link in links.iter().filter(|link| dropped(&now, link) == 0) {
                probes.insert(network.probe(link).await.map_err(said)?, link);
            }
            sleep(LOOK_INTERVAL).await;
        }
        if let Some(active) = self.active().get_mut(&injection) {
            active.counts = Some(since);
        }
        Ok(Some(format!("{} links seen to drop packets", links.len())))
    }

    /// Seen when a packet has crossed each link. Fails, after mending, if any had during the cut.
    pub(super) async fn unblock(
        &self,
        network: &Network,
        injection: u64,
        links: &BTreeSet<Link>,
    ) -> Seen {
        let said = |error: std::io::Error| error.to_string();
        let now = network.counts().await.map_err(said)?;
        // Another injection may cut some of them, too.
        let mine: BTreeSet<Link> = links
            .iter()
            .filter(|link| !self.shape_without(Some(injection), link).cut)
            .filter(|link| now.dropped.contains_key(link))
            .cloned()
            .collect();
        network.join(&mine).await.map_err(said)?;
        let counts = self
            .active()
            .get_mut(&injection)
            .and_then(|active| active.counts.take());
        let silent = counts.map_or(Ok(()), |since| check_silence(&since, &now, links));
        try_join_all(mine.iter().map(|link| passes(network, link))).await?;
        silent?;
        let lost: u64 = links.iter().map(|link| dropped(&now, link)).sum();
        Ok(Some(format!("{lost} packets had been dropped")))
    }
}

async fn passes(network: &Network, link: &Link) -> Result<(), String> {
    match network.passes(link, PASS_DEADLINE).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "{link} does not pass a packet although it is mended"
        )),
        Err(error) => Err(format!("{link}: {error}")),
    }
}

fn dropped(counts: &Counts, link: &Link) -> u64 {
    counts.dropped.get(link).copied().unwrap_or(0)
}

/// That nothing has passed on these links since.
fn check_silence(since: &Counts, now: &Counts, links: &BTreeSet<Link>) -> Result<(), String> {
    let passed = |counts: &Counts, link| counts.passed.get(link).copied();
    match links
        .iter()
        .find(|link| passed(since, link) != passed(now, link))
    {
        Some(link) => Err(format!("{link} passed packets while it was cut")),
        None => Ok(()),
    }
}
