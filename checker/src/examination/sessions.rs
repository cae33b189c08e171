//! Whether a key has an order of versions in which a promise holds: whether what the promise asks
//! for goes round in a circle. An order of finitely many versions with given pairs "not after"
//! exists if and only if those pairs have no circle through different versions.

use rustc_hash::FxHashMap;
use testimony_history::{RecordedHistory, Value};

use super::order::{Because, Order};
use super::ranges::Ranges;
use super::versions::{INITIAL, Moment, NEVER, Sight, Versions};
use super::{Answer, Answers, Doubt, Example, Guarantees};
use crate::partition::narrow;

/// The promises, in the order of [`Guarantees`].
const SEQUENTIAL: usize = 0;
const READ_YOUR_WRITES: usize = 1;
const MONOTONIC_READS: usize = 2;
const MONOTONIC_WRITES: usize = 3;
const WRITES_FOLLOW_READS: usize = 4;

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

/// Operations of a key that break a promise, by number in the history.
struct Broken {
    key: Option<Value>,
    operations: Vec<u32>,
    direct: bool,
}

/// One promise over the keys looked at so far.
#[derive(Default)]
struct Count {
    tested: u64,
    broken: u64,
    contradicted: bool,
    example: Option<Broken>,
}

/// All promises over the keys looked at so far.
#[derive(Default)]
pub(super) struct Tally {
    counts: [Count; 5],
    not_asked: u64,
    not_asked_in_sequence: u64,
}

impl Tally {
    /// Looks at one more key. O(n log n).
    pub(super) fn add(&mut self, key: &Option<Value>, versions: &Versions, answers: &Answers) {
        let sessions = sessions(versions);
        let tested = tested(&sessions);
        for (count, tested) in self.counts.iter_mut().zip(tested) {
            count.tested += tested;
        }
        let unmade = versions
            .deeds
            .iter()
            .find(|deed| deed.sight == Sight::Unmade);
        let unmade_count = versions
            .deeds
            .iter()
            .filter(|deed| deed.sight == Sight::Unmade);
        let unmade_count = unmade_count.count() as u64;
        let hidden = answers.ambiguous + unmade_count + versions.unattributed();
        self.not_asked += hidden;
        self.not_asked_in_sequence += hidden + answers.partial + u64::from(versions.unnamed);
        let asked = Asked {
            versions,
            sessions: &sessions,
        };
        let all_hold = !asked.everything().has_circle();
        if let Some(deed) = unmade {
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
            self.counts[promise].contradicted |=
                tested[promise] > 0 && asked.with_reads(kind).has_circle();
        }
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

    /// Notes that a promise is broken on a key. The example with the fewest operations is kept, a
    /// direct one before all others.
    fn found(&mut self, promise: usize, key: &Option<Value>, operations: Vec<u32>, direct: bool) {
        let count = &mut self.counts[promise];
        count.broken += 1;
        let better =
            |known: &Broken| (!direct, operations.len()) < (!known.direct, known.operations.len());
        if count.example.as_ref().is_none_or(better) {
            count.example = Some(Broken {
                key: key.clone(),
                operations,
                direct,
            });
        }
    }

    pub(super) fn conclude(self, history: &RecordedHistory) -> Guarantees {
        let (hidden, in_sequence) = (self.not_asked, self.not_asked_in_sequence);
        let [sequential, own_writes, reads, writes, following] = self.counts;
        Guarantees {
            sequential_consistency: sequential.conclude(history, in_sequence),
            read_your_writes: own_writes.conclude(history, hidden),
            monotonic_reads: reads.conclude(history, hidden),
            monotonic_writes: writes.conclude(history, hidden),
            writes_follow_reads: following.conclude(history, hidden),
        }
    }
}

impl Count {
    fn conclude(self, history: &RecordedHistory, not_asked: u64) -> Answer {
        let tested = self.tested;
        if let Some(broken) = self.example {
            let operations = broken.operations.iter();
            let operation = |&op: &u32| history.operations()[op as usize].clone();
            return Answer::Broken {
                keys: self.broken,
                example: Box::new(Example {
                    key: broken.key,
                    operations: operations.map(operation).collect(),
                    direct: broken.direct,
                }),
            };
        }
        let why = match (self.contradicted, not_asked, tested) {
            (true, ..) => Doubt::ReadsContradict,
            (false, 1.., _) => Doubt::AnswersNotAsked(not_asked),
            (false, 0, 0) => Doubt::NothingToTest,
            (false, 0, 1..) => return Answer::Holds { tested },
        };
        Answer::Unknown { why, tested }
    }
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
fn tested(sessions: &[Vec<Step>]) -> [u64; 5] {
    let mut tested = [0; 5];
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
