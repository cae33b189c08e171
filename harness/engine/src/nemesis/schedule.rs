//! Draws a schedule: kinds by weight, where an impossible kind has weight 0.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NemesisParams;
use super::episode::{Episode, room_needed};
use super::lanes::{Lane, Lanes};
use crate::chance::Chance;
use crate::{FaultKind, PlannedInjection};

/// How long a lane rests after a fault, so that a late heal does not delay the next fault. Less if
/// the gaps asked for may be shorter.
const REST_MAX: Duration = Duration::from_millis(200);
/// The shortest time between the beginnings of two faults.
const STEP_MIN: Duration = Duration::from_millis(10);
/// What the weight of a kind is multiplied with, so that it can be divided a few times.
const FRESH: u64 = 60;
/// Of the time of faults, the last so many percent, at most [`TAIL_MAX`], are left alone.
const TAIL_PERCENT: u32 = 10;
const TAIL_MAX: Duration = Duration::from_millis(500);
/// How many kinds a swarm keeps at least.
const SWARM_MIN: usize = 3;
/// How often, in percent, a swarm switches a kind off.
const SWARM_OFF: u32 = 35;

/// The schedule of a run of `nodes` nodes and `time` under faults. Sorted by their beginning,
/// numbered from 1, all over before the end; two that fight are never in effect together. Empty if
/// no kind has a weight, or none fits. The same arguments always give the same schedule.
pub fn schedule(
    seed: u64,
    params: &NemesisParams,
    nodes: u32,
    time: Duration,
) -> Vec<PlannedInjection> {
    let mut drawing = Drawing::new(seed, params, nodes, time);
    let mut at = whole_millis(drawing.chance.span(params.gap).min(time / 4));
    loop {
        match drawing.kind(at) {
            Some(kind) => {
                let over = drawing.episode(kind, at);
                at = drawing.next(at, over);
            }
            None if at < drawing.lanes.all_free_at() => at = drawing.lanes.all_free_at(),
            None => return drawing.finish(),
        }
    }
}

struct Drawing<'a> {
    params: &'a NemesisParams,
    nodes: u32,
    /// When the last fault is over.
    end: Duration,
    rest: Duration,
    chance: Chance,
    weights: Vec<(FaultKind, u32)>,
    lanes: Lanes,
    /// How many injections of each kind were drawn.
    times: BTreeMap<FaultKind, u64>,
    drawn: Vec<PlannedInjection>,
}

impl<'a> Drawing<'a> {
    fn new(seed: u64, params: &'a NemesisParams, nodes: u32, time: Duration) -> Self {
        Drawing {
            params,
            nodes,
            end: whole_millis(time - (time * TAIL_PERCENT / 100).min(TAIL_MAX)),
            rest: REST_MAX.min(params.gap.min),
            chance: Chance::new(seed, "nemesis"),
            weights: weights(seed, params, nodes),
            lanes: Lanes::default(),
            times: BTreeMap::new(),
            drawn: Vec::new(),
        }
    }

    /// A kind that can begin at `at`, if there is one.
    fn kind(&mut self, at: Duration) -> Option<FaultKind> {
        let room = self.end.checked_sub(at)?;
        let options: Vec<(FaultKind, u64)> = self
            .weights
            .iter()
            .map(|&(kind, w)| (kind, self.weight(kind, w, at, room)))
            .collect();
        self.chance.weighted(&options)
    }

    /// The weight of a kind at `at`: none if it is impossible; in a swarm less for each injection
    /// of it, so that one run sees many kinds.
    fn weight(&self, kind: FaultKind, weight: u32, at: Duration, room: Duration) -> u64 {
        let free = self.lanes.is_free(Lane::of(kind), at);
        if !free || room_needed(kind, self.params) > room {
            return 0;
        }
        let times = if self.params.swarm {
            self.times.get(&kind).copied().unwrap_or(0)
        } else {
            0
        };
        (u64::from(weight) * FRESH / (1 + times)).max(1)
    }

    /// Draws the faults of a kind from `at` on, and says when they are over.
    fn episode(&mut self, kind: FaultKind, at: Duration) -> Duration {
        let room = self.end - at;
        let episode = Episode::draw(kind, self.params, self.nodes, room, &mut self.chance);
        let over = at + episode.length();
        *self.times.entry(kind).or_default() += u64::try_from(episode.steps.len()).unwrap_or(1);
        self.lanes.take(Lane::of(kind), over + self.rest);
        self.drawn
            .extend(episode.steps.into_iter().map(|step| PlannedInjection {
                id: 0,
                at: at + step.after,
                duration: step.duration,
                kind,
                fault: step.fault,
            }));
        over
    }

    /// When the next fault begins: in the middle of this one, or when all are over and a gap has
    /// passed.
    fn next(&mut self, at: Duration, over: Duration) -> Duration {
        let others = |&(kind, _): &(FaultKind, u32)| self.lanes.is_free(Lane::of(kind), at);
        if self.weights.iter().any(others) && self.chance.percent(self.params.overlap) {
            let length = over.saturating_sub(at).max(REST_MAX);
            return at
                + whole_millis(length * u32_of(self.chance.between(10, 80)) / 100).max(STEP_MIN);
        }
        let free = self.lanes.all_free_at().saturating_sub(self.rest);
        free.max(at) + self.chance.span(self.params.gap).max(STEP_MIN)
    }

    fn finish(mut self) -> Vec<PlannedInjection> {
        self.drawn.sort_by_key(|injection| injection.at);
        (1..)
            .zip(&mut self.drawn)
            .for_each(|(id, injection)| injection.id = id);
        self.drawn
    }
}

/// Plans are read by people: nothing in a schedule is finer than a millisecond.
fn whole_millis(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

fn u32_of(percent: u64) -> u32 {
    u32::try_from(percent).expect("a percentage")
}

/// The weights that are drawn from: impossible kinds have none, and a swarm switches some off and
/// varies the others. They have a stream of their own, so that a longer run has the same swarm.
fn weights(seed: u64, params: &NemesisParams, nodes: u32) -> Vec<(FaultKind, u32)> {
    let possible = |kind: FaultKind, weight| if kind.nodes_min() <= nodes { weight } else { 0 };
    let mut weights: Vec<(FaultKind, u32)> = params
        .weights
        .iter()
        .map(|(&kind, &weight)| (kind, possible(kind, weight)))
        .filter(|(_, weight)| *weight > 0)
        .collect();
    if params.swarm {
        swarm(&mut weights, &mut Chance::new(seed, "swarm"));
    }
    weights
}

fn swarm(weights: &mut Vec<(FaultKind, u32)>, chance: &mut Chance) {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    chance.shuffle(&mut order);
    let mut on = weights.len();
    for index in order {
        if on > SWARM_MIN && chance.percent(SWARM_OFF) {
            weights[index].1 = 0;
            on -= 1;
        }
        weights[index].1 = weights[index]
            .1
            .saturating_mul(u32_of(chance.between(1, 4)));
    }
    weights.retain(|(_, weight)| *weight > 0);
}
