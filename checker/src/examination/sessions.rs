//! Whether a key has an order of versions in which a promise holds: whether what the promise asks
//! for goes round in a circle. An order of finitely many versions with given pairs "not after"
//! exists if and only if those pairs have no circle through different versions.

use rustc_hash::FxHashMap;
use testimony_history::Value;

use super::order::{Because, Order};
use super::ranges::Ranges;
use super::tally::{
    MONOTONIC_READS, MONOTONIC_WRITES, PROMISES, READ_YOUR_WRITES, SEQUENTIAL, Tally,
    WRITES_FOLLOW_READS,
};
use super::versions::{Deed, INITIAL, Moment, NEVER, Sight, Versions};
use super::{Answers, Doubt};
use crate::partition::narrow;

/// What one operation of a process did to a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Touch {
    Saw(u32),
    Made(u32),
}

/// What a process did, and by which deed. A compare-and-set first sees and then makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) touch: Touch,
    pub(super) deed: u32,
}

impl Tally {
    /// Looks at one more key, and at what it would be with a version for each answer that leaves
    /// that open. O(n log n).
    pub(super) fn add(
        &mut self,
        key: &Option<Value>,
        versions: &Versions,
        answers: &Answers,
        attributed: &[Versions],
    ) {
        let sessions = sessions(versions);
        let tested = tested(&sessions);
        for (promise, tested) in tested.into_iter().enumerate() {
            self.test(promise, tested);
        }
        let asked = Asked {
            versions,
            sessions: &sessions,
        };
        self.hide_answers(versions, answers, attributed);
        let unmade = |deed: &&Deed| deed.sight == Sight::Unmade;
        let all_hold = !asked.everything().has_circle();
        if let Some(deed) = versions.deeds.iter().find(unmade) {
            self.found(SEQUENTIAL, key, vec![deed.source], false);
        } else if let Some((deeds, direct)) = asked.breaks_sequence(all_hold) {
            self.found(SEQUENTIAL, key, asked.sources(&deeds), direct);
        }
        if all_hold {
            return;
        }
        self.find_reads(key, &asked);
        for (promise, kind) in [
            (MONOTONIC_WRITES, Touch::Made as fn(u32) -> Touch),
            (WRITES_FOLLOW_READS, Touch::Saw),
        ] {
            if tested[promise] > 0 && asked.with_reads(kind).has_circle() {
                self.doubt(promise, Doubt::ReadsContradict);
            }
        }
    }

    /// Counts the answers that could not be checked, for each promise that they might have broken.
    fn hide_answers(&mut self, versions: &Versions, answers: &Answers, attributed: &[Versions]) {
        let unmade = versions.deeds.iter();
        let unmade = unmade.filter(|deed| deed.sight == Sight::Unmade).count() as u64;
        let hidden = unmade + versions.unattributed();
        let kept: Vec<[bool; PROMISES]> = attributed.iter().map(kept).collect();
        for promise in 0..PROMISES {
            let mut open = answers.ambiguous;
            if promise == SEQUENTIAL {
                open += answers.partial;
            }
            if kept.iter().any(|kept| kept[promise]) {
                open = 0;
            }
            self.hide(promise, hidden + open);
        }
        self.hide(SEQUENTIAL, u64::from(versions.unnamed));
    }

    fn find_reads(&mut self, key: &Option<Value>, asked: &Asked<'_>) {
        for promise in [READ_YOUR_WRITES, MONOTONIC_READS] {
            if let Some(pair) = asked.went_back(promise == READ_YOUR_WRITES) {
                self.found(promise, key, asked.sources(&pair), true);
                continue;
            }
            let order = if promise == READ_YOUR_WRITES {
                asked.read_your_writes()
            } else {
                asked.monotonic_reads()
            };
            if let Some(circle) = order.circle() {
                self.found(promise, key, asked.sources(&deeds_of(&circle)), false);
            }
        }
    }
}

/// Which promises a key surely keeps.
fn kept(versions: &Versions) -> [bool; PROMISES] {
    // Somebody may have been said to see what an update of unknown outcome cannot have made.
    if versions.unattributed() > 0 {
        return [false; PROMISES];
    }
    let sessions = sessions(versions);
    let asked = Asked {
        versions,
        sessions: &sessions,
    };
    let all_hold = !asked.everything().has_circle();
    let mut kept = [all_hold; PROMISES];
    kept[SEQUENTIAL] = asked.breaks_sequence(all_hold).is_none();
    if !all_hold {
        kept[READ_YOUR_WRITES] = !asked.read_your_writes().has_circle();
        kept[MONOTONIC_READS] = !asked.monotonic_reads().has_circle();
        kept[MONOTONIC_WRITES] = !asked.with_reads(Touch::Made).has_circle();
        kept[WRITES_FOLLOW_READS] = !asked.with_reads(Touch::Saw).has_circle();
    }
    kept
}

/// The acts of each session, in order: of one process, up to its first unknown outcome. Each act is
/// given by its process and whether it completed.
pub(super) fn acts_of_sessions(acts: impl Iterator<Item = (u64, bool)>) -> Vec<Vec<u32>> {
    let mut acts: Vec<(u64, u32, bool)> = (0..)
        .zip(acts)
        .map(|(number, (process, completed))| (process, number, completed))
        .collect();
    acts.sort_unstable();
    let same = |a: &(u64, u32, bool), b: &(u64, u32, bool)| a.0 == b.0 && a.2;
    let numbers = |acts: &[(u64, u32, bool)]| acts.iter().map(|act| act.1).collect();
    acts.chunk_by(same).map(numbers).collect()
}

/// The steps of each process on a key, in order.
fn sessions(key: &Versions) -> Vec<Vec<Step>> {
    let mut order: Vec<u32> = (0..narrow(key.deeds.len())).collect();
    order.sort_by_key(|&deed| key.deeds[deed as usize].process);
    let same = |a: &u32, b: &u32| key.deeds[*a as usize].process == key.deeds[*b as usize].process;
    order
        .chunk_by(same)
        .map(|deeds| steps(key, deeds))
        .filter(|steps| steps.len() > 1)
        .collect()
}

fn steps(key: &Versions, deeds: &[u32]) -> Vec<Step> {
    let mut steps = Vec::new();
    for &number in deeds {
        let deed = &key.deeds[number as usize];
        let made = deed
            .made
            .filter(|&version| key.versions[version as usize].happened);
        let saw = match deed.sight {
            Sight::Version(version) if deed.end.is_some() || made.is_some() => Some(version),
            _ => None,
        };
        let touches = saw.map(Touch::Saw).into_iter().chain(made.map(Touch::Made));
        steps.extend(touches.map(|touch| Step {
            touch,
            deed: number,
        }));
    }
    steps
}

/// How many steps of a session could break each promise.
fn tested(sessions: &[Vec<Step>]) -> [u64; PROMISES] {
    let mut tested = [0; PROMISES];
    for session in sessions {
        tested[SEQUENTIAL] += session.len() as u64 - 1;
        let (mut saw, mut made) = (false, false);
        for step in session {
            match step.touch {
                Touch::Saw(_) => {
                    tested[READ_YOUR_WRITES] += u64::from(made);
                    tested[MONOTONIC_READS] += u64::from(saw);
                    saw = true;
                }
                Touch::Made(_) => {
                    tested[MONOTONIC_WRITES] += u64::from(made);
                    tested[WRITES_FOLLOW_READS] += u64::from(saw);
                    made = true;
                }
            }
        }
    }
    tested
}

/// The deeds along a circle, each once, in order.
pub(super) fn deeds_of(circle: &[Because]) -> Vec<u32> {
    let mut deeds: Vec<u32> = Vec::new();
    for deed in circle.iter().flatten().flatten() {
        if !deeds.contains(deed) {
            deeds.push(*deed);
        }
    }
    deeds
}

/// A key, and what is asked of it.
pub(super) struct Asked<'a> {
    pub(super) versions: &'a Versions,
    pub(super) sessions: &'a [Vec<Step>],
}

impl Asked<'_> {
    fn sources(&self, deeds: &[u32]) -> Vec<u32> {
        let deeds = deeds.iter();
        deeds
            .map(|&deed| self.versions.deeds[deed as usize].source)
            .collect()
    }

    /// A graph of the versions with what every order must have: the initial version first, and what
    /// an update made after what it saw.
    fn versions(&self) -> Order {
        let versions = &self.versions.versions;
        let mut order = Order::of(narrow(versions.len()));
        for (number, version) in (0..).zip(versions).skip(1) {
            if !version.happened {
                continue;
            }
            order.put(INITIAL, number, [None; 2]);
            if let Some(before) = version.before {
                order.put(before, number, [version.maker, None]);
            }
        }
        order
    }

    /// The same, and the order that real time gives: a version that was there before the maker of
    /// another was called comes before it. A chain of nodes stands for the moments of the calls, so
    /// that O(n) edges do.
    fn versions_in_time(&self) -> Order {
        let mut order = self.versions();
        let mut made = Vec::new();
        for (number, version) in (0..).zip(&self.versions.versions).skip(1) {
            if version.happened {
                made.push((version.start, version.effect, number));
            }
        }
        made.sort_unstable();
        let mut moment = None;
        let mut moments: Vec<u32> = Vec::with_capacity(made.len());
        for &(_, _, number) in &made {
            let node = order.node();
            if let Some(earlier) = moment.replace(node) {
                order.put(earlier, node, [None; 2]);
            }
            order.put(node, number, [None; 2]);
            moments.push(node);
        }
        for &(_, effect, number) in made.iter().filter(|it| it.1 < NEVER) {
            let later =
                made.partition_point(|&(start, ..): &(Moment, Moment, u32)| start <= effect);
            if let Some(&node) = moments.get(later) {
                order.put(number, node, [None; 2]);
            }
        }
        order
    }

    /// All that any promise asks for: no process goes back to an earlier version, by reading or by
    /// making, and versions keep to real time. If that has no circle, every promise holds.
    fn everything(&self) -> Order {
        let mut order = self.versions_in_time();
        self.in_sequence(&mut order, |version| version);
        order
    }

    /// The order of each process. The nodes of versions are given.
    fn in_sequence(&self, order: &mut Order, node: impl Fn(u32) -> u32) {
        for session in self.sessions {
            for pair in session.windows(2) {
                let because = [Some(pair[0].deed), Some(pair[1].deed)];
                match (pair[0].touch, pair[1].touch) {
                    (Touch::Saw(a), Touch::Made(b)) => order.put(node(a), node(b), because),
                    (Touch::Saw(a) | Touch::Made(a), Touch::Saw(b) | Touch::Made(b)) => {
                        if node(a) != node(b) {
                            order.put(node(a), node(b), because);
                        }
                    }
                }
            }
        }
    }

    fn monotonic_reads(&self) -> Order {
        let mut order = self.versions_in_time();
        self.reads_in_order(&mut order);
        order
    }

    fn reads_in_order(&self, order: &mut Order) {
        for session in self.sessions {
            let mut last: Option<(u32, u32)> = None;
            for step in session {
                let Touch::Saw(version) = step.touch else {
                    continue;
                };
                if let Some((earlier, deed)) = last.replace((version, step.deed))
                    && earlier != version
                {
                    order.put(earlier, version, [Some(deed), Some(step.deed)]);
                }
            }
        }
    }

    /// What a process made is not after whatever else it sees later.
    fn read_your_writes(&self) -> Order {
        let mut order = self.versions_in_time();
        for session in self.sessions {
            let mut seen: Vec<Step> = Vec::new();
            let mut places: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
            for step in session {
                if let Touch::Saw(version) = step.touch {
                    places.entry(version).or_default().push(seen.len());
                    seen.push(*step);
                }
            }
            let mut ranges = Ranges::of(&seen, &mut order);
            let mut from = 0;
            for step in session {
                match step.touch {
                    Touch::Saw(_) => from += 1,
                    Touch::Made(version) => {
                        let own = places.get(&version).map_or(&[][..], Vec::as_slice);
                        let own = own.iter().copied().filter(|&place| place >= from);
                        let mut start = from;
                        for end in own.chain([seen.len()]) {
                            ranges.put_before(version, start..end, step.deed, &mut order);
                            start = end + 1;
                        }
                    }
                }
            }
        }
        order
    }

    /// Reads that see what their process made and read before, and what it made after what it had
    /// made, or seen; `kind` says which. Real time is left aside.
    ///
    /// Since reads are in order it is enough to put a version before the next one seen, and the
    /// last one seen before the one made.
    fn with_reads(&self, kind: fn(u32) -> Touch) -> Order {
        let mut order = self.versions();
        self.reads_in_order(&mut order);
        let after_made = matches!(kind(0), Touch::Made(_));
        for session in self.sessions {
            // Made since something was last seen; the last made, and the last seen.
            let mut unseen: Vec<(u32, u32)> = Vec::new();
            let (mut made, mut saw) = (None, None);
            for step in session {
                match step.touch {
                    Touch::Saw(version) => {
                        let others = unseen.drain(..).filter(|(other, _)| *other != version);
                        for (other, deed) in others {
                            order.put(other, version, [Some(deed), Some(step.deed)]);
                        }
                        saw = Some((version, step.deed));
                    }
                    Touch::Made(version) => {
                        if let Some((other, deed)) = if after_made { made } else { saw } {
                            order.put(other, version, [Some(deed), Some(step.deed)]);
                        }
                        unseen.push((version, step.deed));
                        made = Some((version, step.deed));
                    }
                }
            }
        }
        order
    }

    /// Two steps of one process of which the second sees a version that was there before the maker
    /// of the first one's was called; the first made its version (`own`) or saw it.
    fn went_back(&self, own: bool) -> Option<[u32; 2]> {
        let versions = &self.versions.versions;
        let mut found: Option<(Moment, [u32; 2])> = None;
        for session in self.sessions {
            let mut newest: Option<(Moment, u32)> = None;
            for step in session {
                if let (Touch::Saw(version), Some((start, deed))) = (step.touch, newest) {
                    let called = self.versions.deeds[step.deed as usize].start;
                    let first = found.is_none_or(|(at, _)| called < at);
                    if versions[version as usize].effect < start && first && deed != step.deed {
                        found = Some((called, [deed, step.deed]));
                    }
                }
                let (Touch::Saw(version) | Touch::Made(version)) = step.touch;
                if own == matches!(step.touch, Touch::Made(_)) {
                    let start = versions[version as usize].start;
                    if newest.is_none_or(|(known, _)| known < start) {
                        newest = Some((start, step.deed));
                    }
                }
            }
        }
        found.map(|(_, pair)| pair)
    }
}
