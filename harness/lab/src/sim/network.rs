//! The simulated network: which messages pass, and when they arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_engine::{Chance, Flaws, Nanos};

use crate::link::Shape;

/// How long a message takes where nothing is broken; now and then one takes up to the last.
const LATENCY_MIN: u64 = 100_000;
const LATENCY_MAX: u64 = 1_000_000;
const LATENCY_RARE: u64 = 8_000_000;
/// How many in a thousand are rare.
const RARE_PER_MILLE: u64 = 10;

/// All directed links between nodes.
pub(crate) struct Network {
    chance: Chance,
    nodes: usize,
    links: Vec<Link>,
}

/// One direction between two nodes.
#[derive(Clone, Debug, Default)]
struct Link {
    shape: Shape,
    flaws: Flaws,
    /// When a throttled link has let pass what was sent so far.
    free_at: Nanos,
    /// Counts the breaks; what was under way before the last one is lost.
    breaks: u32,
}

/// A message on its way; to be shown when it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    link: u32,
    breaks: u32,
}

impl Network {
    pub(crate) fn new(seed: u64, nodes: usize) -> Self {
        Network {
            chance: Chance::new(seed, "network"),
            nodes,
            links: vec![Link::default(); nodes * nodes],
        }
    }

    /// How long a message between two places takes where nothing is broken.
    pub(crate) fn latency(&mut self) -> Duration {
        let rare = self.chance.below(1000) < RARE_PER_MILLE;
        let max = if rare { LATENCY_RARE } else { LATENCY_MAX };
        Duration::from_nanos(self.chance.between(LATENCY_MIN, max))
    }

    /// Sends a message, and says when its copies arrive: none, one, or two.
    pub(crate) fn send(
        &mut self,
        now: Nanos,
        from: usize,
        to: usize,
        bytes: usize,
    ) -> ([Option<Nanos>; 2], Passage) {
        let at = from * self.nodes + to;
        let link = &self.links[at];
        let passage = Passage {
            link: u32::try_from(at).expect("few links"),
            breaks: link.breaks,
        };
        let flaws = link.flaws;
        if link.shape.cut || self.chance.percent(flaws.lost) {
            return ([None, None], passage);
        }
        let first = self.arrival(now, at, bytes);
        let second = self
            .chance
            .percent(flaws.doubled)
            .then(|| self.arrival(now, at, bytes));
        ([Some(first), second], passage)
    }

    /// Whether a message that was under way arrives.
    pub(crate) fn arrives(&self, passage: Passage) -> bool {
        let link = &self.links[passage.link as usize];
        !link.shape.cut && link.breaks == passage.breaks
    }

    /// What a link does from now on.
    pub(crate) fn shape(&mut self, from: usize, to: usize, shape: Shape, flaws: Flaws) {
        let link = &mut self.links[from * self.nodes + to];
        link.shape = shape;
        link.flaws = flaws;
    }

    /// Loses all that is under way.
    pub(crate) fn reset(&mut self, from: usize, to: usize) {
        self.links[from * self.nodes + to].breaks += 1;
    }

    fn arrival(&mut self, now: Nanos, at: usize, bytes: usize) -> Nanos {
        let usual = self.latency();
        let link = &mut self.links[at];
        let (shape, flaws) = (link.shape, link.flaws);
        let mut sent = now;
        if let Some(rate) = shape.bytes_per_second {
            let takes = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
            sent = link.free_at.max(now) + Duration::from_nanos(takes);
            link.free_at = sent;
        }
        let jitter = match shape.jitter.is_zero() {
            true => Duration::ZERO,
            false => self.up_to(shape.jitter),
        };
        let arrives = sent + usual + shape.delay + jitter;
        match flaws.late > 0 && self.chance.percent(flaws.late) {
            true => arrives + self.up_to(flaws.lateness),
            false => arrives,
        }
    }

    fn up_to(&mut self, max: Duration) -> Duration {
        let max = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.chance.between(0, max))
    }
}

/// The flaws of all injections together: the worse of each.
pub(crate) fn worse(one: Flaws, other: Flaws) -> Flaws {
    Flaws {
        lost: one.lost.max(other.lost),
        doubled: one.doubled.max(other.doubled),
        late: one.late.max(other.late),
        lateness: one.lateness.max(other.lateness),
    }
}

/// Messages counted by kind: how many, and how many bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    kinds: BTreeMap<&'static str, (u64, u64)>,
}

impl Traffic {
    pub(super) fn count(&mut self, kind: &'static str, bytes: usize) {
        let (messages, sum) = self.kinds.entry(kind).or_default();
        *messages += 1;
        *sum += bytes as u64;
    }

    /// By kind, in alphabetical order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        self.kinds
            .iter()
            .map(|(kind, (messages, bytes))| (*kind, *messages, *bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new(1, 3)
    }

    #[test]
    fn nothing_passes_a_cut_link_and_nothing_under_way_arrives() {
        let mut network = network();
        let (copies, passage) = network.send(Nanos(5), 0, 1, 100);
        assert!(copies[0].is_some() && copies[1].is_none());
        assert!(network.arrives(passage));
        let cut = Shape {
            cut: true,
            ..Shape::default()
        };
        network.shape(0, 1, cut, Flaws::default());
        assert!(!network.arrives(passage));
        assert_eq!(network.send(Nanos(5), 0, 1, 100).0, [None, None]);
        assert!(network.send(Nanos(5), 1, 0, 100).0[0].is_some());
    }

    #[test]
    fn a_reset_loses_what_is_under_way_only() {
        let mut network = network();
        let (_, before) = network.send(Nanos(5), 0, 1, 100);
        network.reset(0, 1);
        let (_, after) = network.send(Nanos(6), 0, 1, 100);
        assert!(!network.arrives(before) && network.arrives(after));
    }

    #[test]
    fn a_throttled_link_passes_one_message_after_the_other() {
        let mut network = network();
        let slow = Shape {
            bytes_per_second: Some(1000),
            ..Shape::default()
        };
        network.shape(0, 1, slow, Flaws::default());
        let second = Duration::from_secs(1);
        for number in 1..=3 {
            let (copies, _) = network.send(Nanos(0), 0, 1, 1000);
            assert!(copies[0].unwrap() >= Nanos(0) + second * number);
        }
    }

    #[test]
    fn flaws_lose_double_and_delay() {
        let mut network = network();
        let flaws = Flaws {
            lost: 30,
            doubled: 30,
            late: 30,
            lateness: Duration::from_secs(1),
        };
        network.shape(0, 1, Shape::default(), flaws);
        let sent: Vec<_> = (0..200)
            .map(|_| network.send(Nanos(0), 0, 1, 1).0)
            .collect();
        assert!(sent.contains(&[None, None]));
        assert!(sent.iter().any(|copies| copies[1].is_some()));
        let late = |copies: &[Option<Nanos>; 2]| copies[0] > Some(Nanos::from_millis(500));
        assert!(sent.iter().any(late));
    }
}
