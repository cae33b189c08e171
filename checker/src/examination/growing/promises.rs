//! Which promises a log or a set keeps.
//!
//! What an answer shows is which updates whoever answered had carried out, and of a log in which
//! order. That is what the session guarantees of Terry et al. speak of, so nothing needs to be
//! inferred from times:
//!
//! - *Read your writes*: an answer shows what its session had put there.
//! - *Monotonic reads*: an answer shows what its session had seen there.
//! - *Monotonic writes*: an answer that shows what a session put there also shows what it had put
//!   there before, and in a log before it.
//! - *Writes follow reads*: such an answer also shows what the session had seen by then, and in a
//!   log before it.
//!
//! An answer that shows all entries is a proof by itself of what it lacks. One that shows a single
//! entry of a set breaks nothing else: there is always a set with that entry, what must be there
//! with it, and nothing else. One that shows a single entry of a log, or how long it is, leaves
//! open what else was there. Where the whole log has one order ([`Places`]) it was a beginning of
//! that, so the question is whether the beginning is long enough; otherwise such answers could
//! not be checked, and no promise is said to hold.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::super::Doubt;
use super::super::tally::{
    MONOTONIC_READS, MONOTONIC_WRITES, READ_YOUR_WRITES, SEQUENTIAL, Tally, WRITES_FOLLOW_READS,
};
use super::places::Places;
use super::{Act, Growing, Shown, Sight};
use crate::partition::narrow;

const SESSION_GUARANTEES: [usize; 4] = [
    READ_YOUR_WRITES,
    MONOTONIC_READS,
    MONOTONIC_WRITES,
    WRITES_FOLLOW_READS,
];

/// The most entries that are looked at to find out whether writes follow reads, on one key.
const LOOKS_MAX: usize = 1 << 27;

/// What a session has put there or seen.
#[derive(Default)]
struct Past {
    /// Each entry, and by which act.
    entries: FxHashMap<u32, u32>,
    /// How long the log must be at least, and by which act that is known.
    least: (u64, u32),
}

/// An entry that a session put there.
struct Put {
    entry: u32,
    act: u32,
    /// The one that it had put there before.
    earlier: Option<(u32, u32)>,
    /// How many entries it had seen by then.
    seen: usize,
}

/// A session, as those who see what it put there have to.
#[derive(Default)]
struct Trail {
    puts: Vec<Put>,
    /// The entries that it saw, each once, and in which act first.
    seen: Vec<(u32, u32)>,
    /// The last place that one of them has.
    farthest: Option<u64>,
}

/// The entries of a list, by their places in it.
struct Listed(Vec<(u32, u32)>);

impl Growing {
    /// Notes what becomes of each promise; whether the key is sequentially consistent is left open
    /// if the answer is `true`. O(n), and the length of all answers, and as much again for each
    /// session where they do not agree on one order.
    pub(in super::super) fn judge(&self, name: &Option<Value>, tally: &mut Tally) -> bool {
        let sessions = self.sessions();
        let mut judge = Judge {
            key: self,
            name,
            places: Places::of(self),
            listed: Listed(vec![(0, 0); self.entries.len()]),
            broken: [false; 5],
            tally,
        };
        judge.hide();
        let trails: Vec<Trail> = sessions.iter().map(|acts| judge.session(acts)).collect();
        judge.lists(&trails);
        let places = judge.places.as_ref();
        let explained = places.is_some_and(|places| places.explain(self, &sessions));
        judge.is_open(explained)
    }
}

struct Judge<'a> {
    key: &'a Growing,
    name: &'a Option<Value>,
    places: Option<Places>,
    listed: Listed,
    /// The promises that were found broken.
    broken: [bool; 5],
    tally: &'a mut Tally,
}

impl<'a> Judge<'a> {
    fn act(&self, number: u32) -> &'a Act {
        &self.key.acts[number as usize]
    }

    /// Where the entry is in the order that all answers agree on.
    fn place(&self, entry: u32) -> Option<u64> {
        self.places.as_ref()?.of[entry as usize]
    }

    fn found(&mut self, promise: usize, acts: &[u32], direct: bool) {
        // One order of all acts that keeps the order of sessions would keep each of the promises.
        for promise in [promise, SEQUENTIAL] {
            if !std::mem::replace(&mut self.broken[promise], true) {
                let sources = acts.iter().map(|&act| self.act(act).source).collect();
                self.tally.found(promise, self.name, sources, direct);
            }
        }
    }

    /// Counts the answers that could have broken a promise without anybody noticing.
    fn hide(&mut self) {
        let partial = self.key.log.is_some() && self.places.is_none();
        let hides = |act: &&Act| match &act.sight {
            Sight::Nothing => false,
            Sight::Hidden | Sight::Wrong { .. } => true,
            Sight::Shown(shown) => shown.hides || (partial && shown.all.is_none()),
        };
        let hidden = self.key.acts.iter().filter(hides).count() as u64;
        for promise in SESSION_GUARANTEES {
            self.tally.hide(promise, hidden);
        }
        let makes_alone = |entry: u32| self.key.entries[entry as usize].maker.is_some();
        let puts = self.key.acts.iter().filter(|act| act.puts);
        let hidden = puts.filter(|act| !act.entry.is_some_and(makes_alone));
        let hidden = hidden.count() as u64;
        for promise in [MONOTONIC_WRITES, WRITES_FOLLOW_READS] {
            self.tally.hide(promise, hidden);
        }
    }

    /// Asks the answers of a session whether they show what it had put there and seen.
    fn session(&mut self, acts: &[u32]) -> Trail {
        let (mut own, mut seen) = (Past::default(), Past::default());
        let (mut put, mut trail) = (Vec::new(), Trail::default());
        // How long the log must be, and whether elements were put there that are hidden.
        let (mut needs, mut hidden) = (self.key.log.unwrap_or(0), false);
        for (step, &number) in acts.iter().enumerate() {
            self.tally.test(SEQUENTIAL, u64::from(step > 0));
            let act = self.act(number);
            if let Some(shown) = act.shown() {
                self.listed.mark(number + 1, shown);
                self.ask(READ_YOUR_WRITES, &own, number, shown);
                self.ask(MONOTONIC_READS, &seen, number, shown);
                self.count(&put, number, shown);
                let open = hidden || (shown.all.is_none() && shown.most < needs);
                self.tally.hide(READ_YOUR_WRITES, u64::from(open));
                seen.least = seen.least.max((shown.least, number));
                for entry in shown.there() {
                    if seen.entries.insert(entry, number).is_none() {
                        trail.seen.push((entry, number));
                        trail.farthest = trail.farthest.max(self.place(entry));
                    }
                }
            }
            if act.puts {
                put.push(number);
                self.puts(number, &mut trail);
                needs = self.needs(needs, act);
                hidden |= act.entry.is_none();
                if let Some(entry) = act.entry {
                    own.entries.insert(entry, number);
                }
                if let (Some(shown), Some(_)) = (act.shown(), self.key.log) {
                    own.least = own.least.max((shown.least + 1, number));
                }
            }
        }
        trail
    }

    /// How long the whole log is with what a session has put there: those with a place where they
    /// are, the others behind them.
    fn needs(&self, needs: u64, act: &Act) -> u64 {
        match act.entry.and_then(|entry| self.place(entry)) {
            Some(place) => needs.max(place) + 1,
            None => needs + 1,
        }
    }

    /// Asks an answer whether it shows what had been there.
    fn ask(&mut self, promise: usize, past: &Past, number: u32, shown: &Shown) {
        let all = shown.all.is_some() && !past.entries.is_empty();
        let one = shown.one.and_then(|(entry, there)| {
            let by = past.entries.get(&entry)?;
            Some((*by, there))
        });
        let length = shown.most < u64::MAX && past.least.0 > 0;
        self.tally
            .test(promise, u64::from(all || one.is_some() || length));
        if self.broken[promise] {
            return;
        }
        let by = if length && shown.most < past.least.0 {
            Some(past.least.1)
        } else if let Some((by, false)) = one {
            Some(by)
        } else if all {
            let lacks = |entry: u32| self.listed.place(number + 1, entry).is_none();
            let lacking = past.entries.iter().filter(|(entry, _)| lacks(**entry));
            lacking.map(|(_, &by)| by).min()
        } else {
            None
        };
        if let Some(by) = by {
            self.found(promise, &[by, number], true);
        }
    }

    /// A log is not shorter than what one session has put there.
    fn count(&mut self, put: &[u32], number: u32, shown: &Shown) {
        let Some(initial) = self.key.log else {
            return;
        };
        let room = shown.most.saturating_sub(initial);
        if let Some(some) = usize::try_from(room).ok().and_then(|room| put.get(..=room)) {
            let acts: Vec<u32> = some.iter().copied().chain([number]).collect();
            self.found(READ_YOUR_WRITES, &acts, acts.len() == 2);
        }
    }

    /// Notes what whoever sees an entry has to see before it. Places that are told contradict it by
    /// themselves.
    fn puts(&mut self, number: u32, trail: &mut Trail) {
        let Some(entry) = self.act(number).entry else {
            return;
        };
        if self.key.entries[entry as usize].maker.is_none() || !self.key.happened(entry) {
            return;
        }
        let earlier = trail.puts.last().map(|put| (put.entry, put.act));
        let earlier = earlier.filter(|&(before, _)| before != entry);
        trail.puts.push(Put {
            entry,
            act: number,
            earlier,
            seen: trail.seen.len(),
        });
        let Some(own) = self.place(entry) else {
            return;
        };
        let place = |entry: u32| self.place(entry);
        let too_early = earlier.is_some_and(|(entry, _)| place(entry).is_none_or(|it| it > own));
        let before_seen = trail.farthest.is_some_and(|place| place > own);
        self.tally.hide(MONOTONIC_WRITES, u64::from(too_early));
        self.tally.hide(WRITES_FOLLOW_READS, u64::from(before_seen));
    }

    /// Asks the answers that show everything whether they show what has to come before what they
    /// show. Where all agree on one order the longest of them is enough.
    fn lists(&mut self, trails: &[Trail]) {
        let longest = match &self.places {
            Some(places) => places.longest,
            None => None,
        };
        let mut tested = vec![false; self.key.entries.len()];
        let mut looks = LOOKS_MAX;
        for number in 0..narrow(self.key.acts.len()) {
            if self.places.is_some() && longest != Some(number) {
                continue;
            }
            let Some(shown) = self.act(number).shown().filter(|it| it.all.is_some()) else {
                continue;
            };
            self.listed.mark(number + 1, shown);
            for trail in trails {
                if !self.list(number, trail, &mut tested, &mut looks) {
                    for promise in [MONOTONIC_WRITES, WRITES_FOLLOW_READS] {
                        self.tally.doubt(promise, Doubt::TooLong);
                    }
                    return;
                }
            }
        }
    }

    /// Asks one list about one session; `false` if that takes too long.
    fn list(&mut self, number: u32, trail: &Trail, tested: &mut [bool], looks: &mut usize) -> bool {
        let place = |listed: &Listed, entry: u32| listed.place(number + 1, entry);
        let ordered = self.key.log.is_some();
        let (mut next, mut worst): (usize, Option<(Option<u32>, u32)>) = (0, None);
        for put in &trail.puts {
            let Some(own) = place(&self.listed, put.entry) else {
                continue;
            };
            let cost = 1 + put.seen.saturating_sub(next);
            let Some(left) = looks.checked_sub(cost) else {
                return false;
            };
            *looks = left;
            let first = !std::mem::replace(&mut tested[put.entry as usize], true);
            if let Some((earlier, by)) = put.earlier {
                self.tally.test(MONOTONIC_WRITES, u64::from(first));
                let there = place(&self.listed, earlier);
                if there.is_none_or(|there| ordered && there > own) {
                    self.found(MONOTONIC_WRITES, &[by, put.act, number], false);
                }
            }
            for &(entry, by) in &trail.seen[next.min(put.seen)..put.seen] {
                // What is not there at all is worse than any place.
                let there = place(&self.listed, entry);
                let rank = |place: Option<u32>| place.map_or(u32::MAX, |place| place);
                if worst.is_none_or(|(known, _)| rank(there) > rank(known)) {
                    worst = Some((there, by));
                }
            }
            next = next.max(put.seen);
            if let Some((there, by)) = worst {
                self.tally.test(WRITES_FOLLOW_READS, u64::from(first));
                if there.is_none_or(|there| ordered && there > own) {
                    self.found(WRITES_FOLLOW_READS, &[by, put.act, number], false);
                }
            }
        }
        true
    }

    /// Whether sequential consistency was neither proven nor found broken.
    fn is_open(&mut self, explained: bool) -> bool {
        let wrong = |act: &Act| act.sight == Sight::Wrong { ever: true };
        if let Some(act) = self.key.acts.iter().position(wrong) {
            self.found(SEQUENTIAL, &[narrow(act)], false);
        }
        !explained && !self.broken[SEQUENTIAL]
    }
}

impl Listed {
    /// Notes the places of what a list shows, under a number.
    fn mark(&mut self, number: u32, shown: &Shown) {
        for (place, &entry) in (0..).zip(shown.all.iter().flatten()) {
            self.0[entry as usize] = (number, place);
        }
    }

    fn place(&self, number: u32, entry: u32) -> Option<u32> {
        let (of, place) = self.0[entry as usize];
        (of == number).then_some(place)
    }
}
