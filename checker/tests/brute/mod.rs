//! One key, told in the plainest way: loops over loops, and every order of its versions.

use std::collections::BTreeMap;

use testimony_history::{
    Answer, Call, Function, History, Operation, Outcome, RecordedHistory, Value,
};

use crate::ranked::ranked;

type Op = Operation<Call, Answer>;

/// Which promises some order keeps.
pub(crate) struct Kept {
    pub(crate) read_your_writes: bool,
    pub(crate) monotonic_reads: bool,
    pub(crate) monotonic_writes: bool,
    pub(crate) writes_follow_reads: bool,
}

/// An operation: its place, its times, the version it saw and the one it made.
#[derive(Clone, Debug)]
struct Act {
    index: u64,
    process: u64,
    start: i64,
    end: Option<i64>,
    saw: Option<usize>,
    /// It saw a value that cannot be attributed; the versions that have it.
    saw_other: bool,
    candidates: Vec<usize>,
    made: Option<usize>,
}

/// A version: when its maker was called, by when it was there, what its maker saw.
#[derive(Clone, Copy, Debug)]
struct Version {
    start: i64,
    effect: i64,
    before: Option<usize>,
    happened: bool,
}

/// The only key of a history.
#[derive(Clone)]
pub(crate) struct Key {
    acts: Vec<Act>,
    versions: Vec<Version>,
}

/// A version before or not after another, by number.
type Pair = (usize, usize);

fn completed(op: &Op) -> Option<&Answer> {
    match &op.outcome {
        Outcome::Completed(answer) => Some(answer),
        Outcome::Failed | Outcome::Unknown => None,
    }
}

fn pair(op: &Op) -> (Value, Value) {
    match op.input.value.as_ref() {
        Some(Value::List(pair)) => (pair[0].clone(), pair[1].clone()),
        other => panic!("{other:?} is no pair"),
    }
}

fn time(origin: testimony_history::Origin) -> i64 {
    i64::try_from(origin.time.expect("simulated events have times"))
        .expect("simulated histories are small and whole")
}

/// The value made, if the operation is an update.
fn made(op: &Op) -> Option<Value> {
    let answer = completed(op);
    match op.input.f {
        _ if op.outcome == Outcome::Failed => None,
        Function::Write => op.input.value.clone(),
        Function::Cas if answer.is_some_and(|answer| answer.swapped == Some(false)) => None,
        Function::Cas => Some(pair(op).1).filter(|new| *new != pair(op).0),
        Function::Remove if answer.is_some_and(|it| it.result == Some(false.into())) => None,
        Function::Remove => Some(Value::Null),
        _ => None,
    }
}

/// The value seen.
fn saw(op: &Op) -> Option<Value> {
    if op.input.f == Function::Cas && op.outcome == Outcome::Unknown {
        return Some(pair(op).0);
    }
    let answer = completed(op)?;
    match op.input.f {
        Function::Read => answer.value.clone(),
        Function::Cas if answer.swapped == Some(true) => Some(pair(op).0),
        Function::Cas => answer.actual.clone(),
        Function::Contains | Function::Remove if answer.result == Some(false.into()) => {
            Some(Value::Null)
        }
        _ => None,
    }
}

/// A comparison that did not match what it expected and found.
fn is_absurd(op: &Op) -> bool {
    let actual = completed(op).and_then(|answer| answer.actual.clone());
    op.input.f == Function::Cas && actual == Some(pair(op).0)
}

/// Whether a history has appends, which the loops here know nothing of.
pub(crate) fn appends(history: &RecordedHistory) -> bool {
    let mut operations = history.operations().iter();
    operations.any(|op| op.input.f == Function::Append)
}

impl Key {
    pub(crate) fn of(initial: &Value, history: &RecordedHistory) -> Key {
        let mut makers: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
        makers.entry(initial.clone()).or_default().push(0);
        let mut versions = vec![Version {
            start: i64::MIN,
            effect: i64::MIN,
            before: None,
            happened: true,
        }];
        let mut acts = Vec::new();
        for op in history.operations() {
            if op.outcome == Outcome::Failed {
                continue;
            }
            let end = completed(op)
                .map(|_| time(op.end.expect("simulated histories are small and whole")));
            let number = made(op).map(|value| {
                makers.entry(value).or_default().push(versions.len());
                versions.push(Version {
                    start: time(op.call),
                    effect: end.unwrap_or(i64::MAX),
                    before: None,
                    happened: end.is_some(),
                });
                versions.len() - 1
            });
            acts.push(Act {
                index: op.call.index,
                process: op.process,
                start: time(op.call),
                end,
                saw: None,
                saw_other: false,
                candidates: Vec::new(),
                made: number,
            });
        }
        let happened = history.operations().iter();
        let happened = happened.filter(|op| op.outcome != Outcome::Failed);
        for (act, op) in acts.iter_mut().zip(happened) {
            let Some(value) = saw(op) else { continue };
            match makers.get(&value).map(Vec::as_slice) {
                _ if is_absurd(op) => act.saw_other = true,
                Some([only]) => act.saw = Some(*only),
                several => {
                    act.saw_other = act.end.is_some();
                    act.candidates = several.unwrap_or_default().to_vec();
                }
            }
            if let Some(made) = act.made {
                versions[made].before = act.saw;
            }
        }
        let mut key = Key { acts, versions };
        assert!(!appends(history));
        key.settle();
        key
    }

    /// Repeats the two rules until nothing changes.
    fn settle(&mut self) {
        let mut changed = true;
        while changed {
            let before = format!("{:?}", self.versions);
            for act in &self.acts {
                if let (Some(saw), Some(end)) = (act.saw, act.end) {
                    let version = &mut self.versions[saw];
                    version.happened = true;
                    if version.start <= end {
                        version.effect = version.effect.min(end);
                    }
                }
            }
            for number in 0..self.versions.len() {
                let version = self.versions[number];
                if let (true, Some(before)) = (version.happened, version.before) {
                    let earlier = &mut self.versions[before];
                    earlier.happened = true;
                    if earlier.start <= version.effect {
                        earlier.effect = earlier.effect.min(version.effect);
                    }
                }
            }
            changed = before != format!("{:?}", self.versions);
        }
    }

    fn sees(&self, act: &Act) -> Option<(usize, i64)> {
        let (saw, end) = (act.saw?, act.end?);
        (self.versions[saw].start <= end).then_some((saw, end))
    }

    /// When a version had surely been replaced.
    fn replaced(&self, version: usize) -> Option<i64> {
        let there = self.versions[version].effect;
        let mut ends = Vec::new();
        for (number, other) in self.versions.iter().enumerate() {
            if number != version && other.start > there && other.effect < i64::MAX {
                ends.push(other.effect);
            }
        }
        ends.into_iter().min()
    }

    /// The stale answers by index, with their lags.
    pub(crate) fn stale(&self) -> Vec<(u64, u64)> {
        let mut stale = Vec::new();
        for act in &self.acts {
            if let Some((saw, _)) = self.sees(act)
                && let Some(replaced) = self.replaced(saw)
                && replaced < act.start
            {
                stale.push((act.index, act.start.abs_diff(replaced)));
            }
        }
        stale.sort_unstable();
        stale
    }

    pub(crate) fn versions_behind(&self, index: u64) -> u64 {
        let act = self
            .acts
            .iter()
            .find(|act| act.index == index)
            .expect("simulated histories are small and whole");
        let there = self.versions[act.saw.expect("simulated histories are small and whole")].effect;
        let newer = self.versions.iter().skip(1);
        let newer = newer.filter(|it| it.start > there && it.effect < act.start);
        newer.count() as u64
    }

    /// The compare-and-sets of unknown outcome that took effect, by index.
    pub(crate) fn swapped_unnoticed(&self) -> Vec<u64> {
        let swapped = self.acts.iter().filter(|act| {
            let happened = act.made.is_some_and(|made| self.versions[made].happened);
            act.end.is_none() && act.saw.is_some() && happened
        });
        swapped.map(|act| act.index).collect()
    }

    pub(crate) fn versions(&self) -> usize {
        self.versions.len()
    }

    /// The same key with every choice of a version for each completed act that left it open.
    pub(crate) fn attributed(&self) -> Vec<Key> {
        let mut keys = vec![self.clone()];
        for number in 0..self.acts.len() {
            if !self.acts[number].saw_other {
                continue;
            }
            let mut chosen = Vec::new();
            for key in &keys {
                for &version in &self.acts[number].candidates {
                    let mut key = key.clone();
                    key.acts[number].saw = Some(version);
                    if let Some(made) = key.acts[number].made {
                        key.versions[made].before = Some(version);
                    }
                    chosen.push(key);
                }
            }
            keys = chosen;
        }
        keys.iter_mut().for_each(Key::settle);
        keys
    }

    /// Tries every order of the versions for every promise.
    pub(crate) fn kept(&self) -> Kept {
        let happened: Vec<usize> = (0..self.versions.len())
            .filter(|&version| self.versions[version].happened)
            .collect();
        let base = self.base();
        let timed: Vec<Pair> = [&base[..], &self.timed()].concat();
        let sessions = self.sessions();
        let [own, reads, writes, following] =
            [(true, false), (false, false), (true, true), (false, true)]
                .map(|(first_made, then_made)| pairs(&sessions, first_made, then_made));
        let exists = |strict: &[Pair], lax: &[&[Pair]]| {
            let lax = lax.concat();
            some_order(&happened, &|place| {
                strict.iter().all(|&(a, b)| place(a) < place(b))
                    && lax.iter().all(|&(a, b)| place(a) <= place(b))
            })
        };
        Kept {
            read_your_writes: exists(&timed, &[&own]),
            monotonic_reads: exists(&timed, &[&reads]),
            monotonic_writes: writes.is_empty()
                || exists(&[&base[..], &writes].concat(), &[&own, &reads]),
            writes_follow_reads: following.is_empty()
                || exists(&[&base[..], &following].concat(), &[&own, &reads]),
        }
    }

    fn base(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (number, version) in self.versions.iter().enumerate().skip(1) {
            if version.happened {
                pairs.push((0, number));
                pairs.extend(version.before.map(|before| (before, number)));
            }
        }
        pairs
    }

    fn timed(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (a, first) in self.versions.iter().enumerate() {
            for (b, then) in self.versions.iter().enumerate() {
                if first.happened && then.happened && first.effect < then.start {
                    pairs.push((a, b));
                }
            }
        }
        pairs
    }

    /// For each process, its steps: whether it made or saw a version, and which.
    fn sessions(&self) -> Vec<Vec<(bool, usize)>> {
        let mut sessions: BTreeMap<u64, Vec<(bool, usize)>> = BTreeMap::new();
        for act in &self.acts {
            let steps = sessions.entry(act.process).or_default();
            let made = act.made.filter(|&made| self.versions[made].happened);
            let saw = act.saw.filter(|_| act.end.is_some() || made.is_some());
            steps.extend(saw.map(|version| (false, version)));
            steps.extend(made.map(|version| (true, version)));
        }
        sessions.into_values().collect()
    }
}

/// Every earlier and later step of one process of the given kinds.
fn pairs(sessions: &[Vec<(bool, usize)>], first_made: bool, then_made: bool) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for session in sessions {
        for (at, first) in session.iter().enumerate() {
            for then in &session[at + 1..] {
                if first.0 == first_made && then.0 == then_made {
                    pairs.push((first.1, then.1));
                }
            }
        }
    }
    pairs
}

/// A condition on the places of versions.
type Holds<'a> = dyn Fn(&dyn Fn(usize) -> usize) -> bool + 'a;

/// Whether some order of the versions satisfies a condition on their places.
fn some_order(versions: &[usize], holds: &Holds<'_>) -> bool {
    fn go(order: &mut Vec<usize>, left: &mut Vec<usize>, holds: &Holds<'_>) -> bool {
        if left.is_empty() {
            let place = |version: usize| {
                order
                    .iter()
                    .position(|&it| it == version)
                    .expect("simulated histories are small and whole")
            };
            return holds(&place);
        }
        for at in 0..left.len() {
            let version = left.remove(at);
            order.push(version);
            let found = go(order, left, holds);
            order.pop();
            left.insert(at, version);
            if found {
                return true;
            }
        }
        false
    }
    go(&mut Vec::new(), &mut versions.to_vec(), holds)
}

/// The history with every read called `delta` earlier. A compare-and-set that matched becomes a
/// read and a write of processes of their own, and so do those that are said to have swapped;
/// processes are forgotten.
pub(crate) fn with_earlier_reads(
    history: &RecordedHistory,
    swapped_unnoticed: &[u64],
    delta: u64,
) -> RecordedHistory {
    let mut moved: Vec<(i64, i64, Op)> = Vec::new();
    for op in history.operations() {
        let start = time(op.call);
        let end = completed(op).map_or(i64::MAX, |_| {
            time(op.end.expect("simulated histories are small and whole"))
        });
        let earlier =
            start - i64::try_from(delta).expect("simulated histories are small and whole");
        let swapped = completed(op).is_some_and(|answer| answer.swapped == Some(true))
            || swapped_unnoticed.contains(&op.call.index);
        if swapped {
            let (old, new) = pair(op);
            let read = Answer {
                value: Some(old.clone()),
                ..Answer::default()
            };
            moved.push((earlier, end, replaced(op, Function::Read, None, read)));
            if old != new {
                let write = replaced(op, Function::Write, Some(new), Answer::default());
                moved.push((start, end, write));
            }
        } else {
            let pure = completed(op).is_some() && made(op).is_none();
            let start = if pure && op.input.f != Function::Append {
                earlier
            } else {
                start
            };
            moved.push((start, end, op.clone()));
        }
    }
    ranked(moved)
}

fn replaced(op: &Op, f: Function, value: Option<Value>, answer: Answer) -> Op {
    Operation {
        input: Call {
            f,
            key: op.input.key.clone(),
            value,
        },
        outcome: Outcome::Completed(answer),
        ..op.clone()
    }
}

/// These operations, and for every value that one of them saw and none of them made an operation of
/// unknown outcome that makes it.
pub(crate) fn with_origins(initial: &Value, operations: &[Op]) -> RecordedHistory {
    let made: Vec<Value> = operations.iter().filter_map(made).collect();
    let mut missing: Vec<Value> = operations.iter().filter_map(saw).collect();
    missing.retain(|value| value != initial && !made.contains(value));
    missing.sort();
    missing.dedup();
    let mut all = operations.to_vec();
    for (value, process) in missing.into_iter().zip(1_000..) {
        let (f, value) = match value {
            Value::Null => (Function::Remove, None),
            value => (Function::Write, Some(value)),
        };
        let origin = replaced(&operations[0], f, value, Answer::default());
        all.push(Operation {
            process,
            outcome: Outcome::Unknown,
            returned: None,
            ..origin
        });
    }
    for (number, op) in (0..).zip(&mut all) {
        (op.called, op.after) = (2 * number, None);
        op.returned = op.returned.map(|_| 2 * number + 1);
    }
    History::from_operations(all)
}
