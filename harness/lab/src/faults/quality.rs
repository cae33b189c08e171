//! Faults of single packets between network namespaces: late, lost, doubled, damaged, throttled.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use futures_util::future::try_join_all;
use testimony_engine::{Action, Link};
use tokio::time::{Instant, sleep};

use super::{Active, Faults, Seen, Treated};
use crate::netns::Network;
use crate::packets::{Treatment, wait_max};

/// How often it is looked whether a packet has arrived.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How long a packet may take on a link that is mended, beyond what others do to it.
const PASS_DEADLINE: Duration = Duration::from_secs(2);
/// How many packets are sent at once to see what becomes of them, and how soon more.
const PROBES: usize = 20;
/// How long the frame of a probe is: Ethernet, IP, UDP, and a number.
const PROBE_BYTES: u64 = 14 + 20 + 8 + 8;
const PROBE_INTERVAL: Duration = Duration::from_millis(10);
/// How much later than it has to be a probe may be on a busy machine.
const LATE_SLACK: Duration = Duration::from_millis(250);

/// What an action by itself does to the packets of a link.
fn treatment(action: &Action, link: &Link) -> Treatment {
    let nothing = Treatment::default();
    match action {
        // Up and down by `jitter`: that is from a smaller delay upwards, by twice as much.
        Action::Slow {
            links,
            delay,
            jitter,
        } if links.contains(link) => Treatment {
            delay: delay.saturating_sub(*jitter),
            jitter: *jitter * 2,
            ..nothing
        },
        Action::Throttle {
            links,
            bytes_per_second,
        } if links.contains(link) => Treatment {
            bytes_per_second: Some(*bytes_per_second),
            ..nothing
        },
        Action::Lossy { links, flaws } if links.contains(link) => Treatment {
            flaws: *flaws,
            ..nothing
        },
        Action::Corrupt { links, percent } if links.contains(link) => Treatment {
            damaged: *percent,
            ..nothing
        },
        _ => nothing,
    }
}

impl Faults {
    /// Seen in effect on a link when the switch has done everything to its packets that it is to
    /// do, and no packet was faster than it may be. A link that is cut meanwhile shows nothing.
    pub(super) async fn treat(
        &self,
        network: &Network,
        injection: u64,
        action: &Action,
        links: &BTreeSet<Link>,
    ) -> Seen {
        let before = treated(network, links)?;
        if let Some(active) = self.active().get_mut(&injection) {
            active.treated.clone_from(&before);
        }
        self.retreat(network, None, links)?;
        let open: Vec<&Link> = links.iter().filter(|link| !self.is_cut(link)).collect();
        if open.is_empty() {
            return Err("it cannot be seen: every link that it is about is cut".to_owned());
        }
        let shows = open
            .iter()
            .map(|link| self.shows(network, action, link, before[*link]));
        try_join_all(shows).await?;
        let now = treated(network, links)?;
        Ok(Some(format!(
            "{} of {} links: {}",
            open.len(),
            links.len(),
            words(&before, &now)
        )))
    }

    /// Seen when a packet has crossed each link and nothing was done to it but by others.
    pub(super) async fn let_be(
        &self,
        network: &Network,
        injection: u64,
        links: &BTreeSet<Link>,
    ) -> Seen {
        self.retreat(network, Some(injection), links)?;
        let before = self
            .active()
            .get_mut(&injection)
            .map(|active| std::mem::take(&mut active.treated));
        let now = treated(network, links)?;
        let open = links.iter().filter(|link| !self.is_cut(link));
        try_join_all(open.map(|link| self.is_let_be(network, injection, link))).await?;
        Ok(before
            .filter(|before| !before.is_empty())
            .map(|before| words(&before, &now)))
    }

    async fn shows(
        &self,
        network: &Network,
        action: &Action,
        link: &Link,
        before: Treated,
    ) -> Result<(), String> {
        let wanted = treatment(action, link);
        let least = least(wanted);
        // What is to be late is waited for; of what is to be lost more is sent soon.
        let slack = if least.is_zero() {
            PROBE_INTERVAL
        } else {
            LATE_SLACK
        };
        let said = |error: io::Error| format!("{link}: {error}");
        loop {
            let since = Instant::now();
            let mut probe = 0;
            for _ in 0..PROBES {
                probe = network.probe(link).await.map_err(said)?;
            }
            // More probes while these wait would do nothing but fill the queue of a slow link.
            let queue = wanted.bytes_per_second.map_or(Duration::ZERO, wait_max);
            let patience = least + wanted.jitter + slack + queue;
            while !network.has_heard(probe) && since.elapsed() < patience {
                sleep(LOOK_INTERVAL).await;
            }
            let (took, heard) = (since.elapsed(), network.has_heard(probe));
            if heard && took < least {
                let (took, least) = (took.as_millis(), least.as_millis());
                return Err(format!("{link} passed packets in {took} ms, not {least}"));
            }
            let now = network.treated(link).map_err(said)?;
            let measured = heard || least.is_zero();
            // The caller has a deadline.
            if measured && has_met(wanted, before, now) || self.is_cut(link) {
                return Ok(());
            }
        }
    }

    async fn is_let_be(
        &self,
        network: &Network,
        injection: u64,
        link: &Link,
    ) -> Result<(), String> {
        let said = |error: io::Error| format!("{link}: {error}");
        let left = self.treatment_without(Some(injection), link);
        let before = network.treated(link).map_err(said)?;
        let deadline = PASS_DEADLINE + left.delay + left.jitter + left.flaws.lateness;
        let passes = network.passes(link, deadline).await.map_err(said)?;
        if !passes && !self.is_cut(link) {
            return Err(format!(
                "{link} does not pass a packet although it is mended"
            ));
        }
        let now = network.treated(link).map_err(said)?;
        if left == Treatment::default() && untouched(now) != untouched(before) {
            return Err(format!("{link} still does something to packets"));
        }
        Ok(())
    }

    fn is_cut(&self, link: &Link) -> bool {
        self.shape_without(None, link).cut
    }

    /// What all active injections, but for one of them, do to the packets of a link.
    fn treatment_without(&self, injection: Option<u64>, link: &Link) -> Treatment {
        composed(&self.active(), injection, link)
    }

    /// Has the links treated as all active injections, but for one of them, want.
    fn retreat(
        &self,
        network: &Network,
        without: Option<u64>,
        links: &BTreeSet<Link>,
    ) -> Result<(), String> {
        // Held throughout, so that what is set last is what the latest injections want.
        let active = self.active();
        for link in links {
            let treatment = composed(&active, without, link);
            network
                .treat(link, treatment)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn composed(active: &BTreeMap<u64, Active>, without: Option<u64>, link: &Link) -> Treatment {
    let others = active
        .iter()
        .filter(|(number, _)| Some(**number) != without);
    let treatments = others.map(|(_, active)| treatment(&active.action, link));
    treatments.fold(Treatment::default(), Treatment::with)
}

/// How long the last of several probes takes at least.
fn least(wanted: Treatment) -> Duration {
    let passing = wanted.bytes_per_second.map_or(Duration::ZERO, |rate| {
        Duration::from_millis(PROBES as u64 * PROBE_BYTES * 1_000 / rate.max(1))
    });
    wanted.delay + passing
}

/// Whether everything that is wanted has been done to some packet.
fn has_met(wanted: Treatment, before: Treated, now: Treated) -> bool {
    let slows = wanted.delay + wanted.jitter > Duration::ZERO || wanted.bytes_per_second.is_some();
    let late = wanted.flaws.late > 0 && wanted.flaws.lateness > Duration::ZERO;
    let met = [
        (slows, now.delayed > before.delayed),
        (wanted.flaws.lost > 0, now.lost > before.lost),
        (wanted.flaws.doubled > 0, now.doubled > before.doubled),
        (late, now.late > before.late),
        (wanted.damaged > 0, now.damaged > before.damaged),
    ];
    met.iter().any(|(wanted, _)| *wanted) && met.iter().all(|(wanted, met)| !wanted || *met)
}

/// The counts without those that grow also where nothing is done.
fn untouched(counts: Treated) -> Treated {
    Treated { came: 0, ..counts }
}

fn treated(network: &Network, links: &BTreeSet<Link>) -> Result<BTreeMap<Link, Treated>, String> {
    let one = |link: &Link| Ok((link.clone(), network.treated(link)?));
    let all: io::Result<_> = links.iter().map(one).collect();
    all.map_err(|error| error.to_string())
}

/// What was done to packets meanwhile.
fn words(before: &BTreeMap<Link, Treated>, now: &BTreeMap<Link, Treated>) -> String {
    let sum = |of: fn(&Treated) -> u64| -> u64 {
        let then = |link| before.get(link).map_or(0, of);
        now.iter()
            .map(|(link, counts)| of(counts).saturating_sub(then(link)))
            .sum()
    };
    let done = [
        (sum(|counts| counts.delayed), "delayed"),
        (sum(|counts| counts.lost), "lost"),
        (sum(|counts| counts.doubled), "doubled"),
        (sum(|counts| counts.late), "overtaken"),
        (sum(|counts| counts.damaged), "damaged"),
        (sum(|counts| counts.overflowed), "lost in a full queue"),
    ];
    let done = done.iter().filter(|(count, _)| *count > 0);
    let done: Vec<String> = done
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!(
        "of {} packets {}",
        sum(|counts| counts.came),
        done.join(", ")
    )
}
