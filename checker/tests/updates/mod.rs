//! Logs, sets and counters, told in the plainest way: what whoever answered had carried out is a
//! list of updates, and every list is tried.

use std::collections::BTreeSet;

use testimony_history::{Answer, Call, Function, Operation, Outcome, RecordedHistory};
use testimony_history::{Model, Value};

use crate::ranked::ranked;

pub(crate) type Op = Operation<Call, Answer>;

/// A list of updates, by number.
type Carried = Vec<usize>;

/// Some operations on one object.
pub(crate) struct World<'a> {
    model: Model,
    initial: &'a Value,
    /// Those that may have happened.
    all: Vec<&'a Op>,
    /// Whose updates, and which lists of them can be.
    updates: Vec<usize>,
    lists: Vec<Carried>,
}

pub(crate) fn completed(op: &Op) -> Option<&Answer> {
    match &op.outcome {
        Outcome::Completed(answer) => Some(answer),
        Outcome::Failed | Outcome::Unknown => None,
    }
}

/// When it was called, and when it ended.
pub(crate) fn span(op: &Op) -> (u64, Option<u64>) {
    let time =
        |origin: testimony_history::Origin| origin.time.expect("simulated events have times");
    (time(op.call), completed(op).and(op.end.map(time)))
}

fn is_update(op: &Op) -> bool {
    let in_vain = completed(op).is_some_and(|it| it.result == Some(Value::Bool(false)));
    matches!(
        op.input.f,
        Function::Add | Function::Append | Function::Remove
    ) && !in_vain
}

fn elements(value: &Value) -> Vec<Value> {
    match value {
        Value::List(elements) => elements.to_vec(),
        _ => Vec::new(),
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        _ => 0,
    }
}

enum Object {
    Log(Vec<Value>),
    Set(BTreeSet<Value>),
    Counter(i64),
}

impl Object {
    fn new(model: Model, initial: &Value) -> Self {
        match model {
            Model::Log => Object::Log(elements(initial)),
            Model::Set => Object::Set(elements(initial).into_iter().collect()),
            _ => Object::Counter(int(initial)),
        }
    }

    fn apply(&mut self, call: &Call) {
        let value = call.value.clone().unwrap_or_default();
        match (self, &call.f) {
            (Object::Log(elements), Function::Append) => elements.push(value),
            (Object::Set(elements), Function::Add) => {
                elements.insert(value);
            }
            (Object::Set(elements), Function::Remove) => {
                elements.remove(&value);
            }
            (Object::Counter(number), Function::Add) => *number += int(&value),
            _ => {}
        }
    }

    /// Whether it gives this answer.
    fn answers(&self, call: &Call, answer: &Answer) -> bool {
        let value = call.value.clone().unwrap_or_default();
        match self {
            Object::Log(there) => match (&call.f, &call.value, &answer.result) {
                (Function::Append, _, None) => true,
                (Function::Append, _, Some(offset)) => int(offset) == there.len() as i64,
                (_, Some(offset), result) => {
                    let at = usize::try_from(int(offset)).expect("an offset");
                    there.get(at).cloned().unwrap_or_default() == result.clone().unwrap_or_default()
                }
                _ => answer.value.as_ref().map(elements) == Some(there.clone()),
            },
            Object::Set(there) => match (&call.f, &answer.result) {
                (Function::Read, _) => {
                    let mut list = elements(&answer.value.clone().unwrap_or_default());
                    list.sort();
                    list == there.iter().cloned().collect::<Vec<_>>()
                }
                (_, None) => true,
                (Function::Add, Some(was)) => *was == Value::Bool(!there.contains(&value)),
                (_, Some(was)) => *was == Value::Bool(there.contains(&value)),
            },
            Object::Counter(number) => match (&call.f, &answer.result) {
                (Function::Add, None) => true,
                (Function::Add, Some(sum)) => int(sum) == number + int(&value),
                _ => answer.value == Some(Value::Int(*number)),
            },
        }
    }
}

/// Whether an answer says anything.
fn tells(op: &Op) -> bool {
    completed(op).is_some_and(|answer| answer.result.is_some() || answer.value.is_some())
}

impl<'a> World<'a> {
    /// Nothing if there are too many updates to try every list.
    pub(crate) fn of(
        model: Model,
        initial: &'a Value,
        history: &'a RecordedHistory,
    ) -> Option<Self> {
        let all: Vec<&Op> = history.operations().iter().collect();
        let all: Vec<&Op> = all
            .into_iter()
            .filter(|op| op.outcome != Outcome::Failed)
            .collect();
        let updates: Vec<usize> = (0..all.len()).filter(|&op| is_update(all[op])).collect();
        if updates.len() > 5 {
            return None;
        }
        let mut world = World {
            model,
            initial,
            all,
            updates,
            lists: Vec::new(),
        };
        world.lists = world.every_list();
        Some(world)
    }

    /// Every list in which updates that told where they are in the order are there.
    fn every_list(&self) -> Vec<Carried> {
        let mut lists: Vec<Carried> = vec![Vec::new()];
        let mut at = 0;
        while at < lists.len() {
            let list = lists[at].clone();
            at += 1;
            for &update in self.updates.iter().filter(|update| !list.contains(update)) {
                let op = self.all[update];
                let fits = self.model == Model::Set
                    || completed(op).is_none_or(|it| self.after(&list).answers(&op.input, it));
                if fits {
                    lists.push([&list[..], &[update]].concat());
                }
            }
        }
        lists
    }

    fn after(&self, list: &[usize]) -> Object {
        let mut object = Object::new(self.model, self.initial);
        for &update in list {
            object.apply(&self.all[update].input);
        }
        object
    }

    /// The lists after which an operation answers what it did; `timely` if only of what had been
    /// called by then.
    fn fitting(&self, op: usize, timely: bool) -> Vec<&Carried> {
        let answer = completed(self.all[op]).expect("it tells something");
        let end = span(self.all[op]).1;
        let called = |update: &usize| !timely || Some(span(self.all[*update]).0) <= end;
        let lists = self.lists.iter();
        lists
            .filter(|list| !list.contains(&op) && list.iter().all(called))
            .filter(|list| self.after(list).answers(&self.all[op].input, answer))
            .collect()
    }

    /// The operations of a process before one of its own, among those given.
    fn before(&self, op: usize, among: &[usize]) -> Vec<usize> {
        let process = self.all[op].process;
        let earlier = among.iter().copied().filter(|&it| it < op);
        earlier
            .filter(|&it| self.all[it].process == process && completed(self.all[it]).is_some())
            .collect()
    }

    /// The numbers of operations, by the index of their calls.
    pub(crate) fn numbers(&self, operations: &[Op]) -> Vec<usize> {
        let number = |op: &Op| {
            self.all
                .iter()
                .position(|it| it.call.index == op.call.index)
        };
        operations.iter().filter_map(number).collect()
    }

    pub(crate) fn everything(&self) -> Vec<usize> {
        (0..self.all.len()).collect()
    }

    /// Whether these operations can keep: read your writes, monotonic reads, monotonic writes,
    /// writes follow reads.
    pub(crate) fn keeps(&self, promise: usize, among: &[usize], timely: bool) -> bool {
        let tell = among.iter().copied().filter(|&op| tells(self.all[op]));
        let tell: Vec<usize> = tell.collect();
        match promise {
            0 => tell.iter().all(|&op| {
                let mut own = self.before(op, among);
                own.retain(|&it| is_update(self.all[it]));
                let has_own = |list: &&Carried| own.iter().all(|own| list.contains(own));
                self.fitting(op, timely)
                    .into_iter()
                    .any(|list| has_own(&list))
            }),
            1 => self.reads_can_grow(&tell, timely),
            _ => tell.iter().all(|&op| {
                let closed = |list: &&Carried| self.is_closed(list, promise == 2, among);
                self.fitting(op, timely)
                    .into_iter()
                    .any(|list| closed(&list))
            }),
        }
    }

    fn reads_can_grow(&self, tell: &[usize], timely: bool) -> bool {
        let mut processes: Vec<u64> = tell.iter().map(|&op| self.all[op].process).collect();
        processes.dedup();
        processes.into_iter().all(|process| {
            let mut possible: Vec<Carried> = vec![Vec::new()];
            for &op in tell.iter().filter(|&&op| self.all[op].process == process) {
                let fitting = self.fitting(op, timely);
                let grown = |list: &&&Carried| {
                    let has = |before: &Carried| before.iter().all(|it| list.contains(it));
                    possible.iter().any(has)
                };
                possible = fitting
                    .iter()
                    .filter(grown)
                    .map(|list| (*list).clone())
                    .collect();
            }
            !possible.is_empty()
        })
    }

    /// Whether a list has what must come before what it has: what their processes had carried out
    /// before, or seen.
    fn is_closed(&self, list: &[usize], writes: bool, among: &[usize]) -> bool {
        list.iter()
            .enumerate()
            .filter(|(_, update)| among.contains(update))
            .all(|(at, &update)| {
                let there = if self.model == Model::Log {
                    &list[..at]
                } else {
                    list
                };
                self.before(update, among).into_iter().all(|earlier| {
                    if writes {
                        !is_update(self.all[earlier]) || there.contains(&earlier)
                    } else {
                        self.seen(earlier).iter().all(|makers| {
                            makers.contains(&update) || makers.iter().any(|it| there.contains(it))
                        })
                    }
                })
            })
    }

    /// For each element that an operation surely saw, who can have put it there.
    fn seen(&self, op: usize) -> Vec<Vec<usize>> {
        let (call, Some(answer)) = (&self.all[op].input, completed(self.all[op])) else {
            return Vec::new();
        };
        let saw: Vec<Value> = match (self.model, &call.f, &answer.result) {
            (Model::Counter, ..) => Vec::new(),
            (Model::Log, Function::Append, _) => Vec::new(),
            (Model::Log, Function::Read, Some(element)) => vec![element.clone()],
            (Model::Set, Function::Contains | Function::Remove, Some(Value::Bool(true)))
            | (Model::Set, Function::Add, Some(Value::Bool(false))) => {
                call.value.iter().cloned().collect()
            }
            _ => elements(&answer.value.clone().unwrap_or_default()),
        };
        let initial = elements(self.initial);
        let makers = |element: &Value| -> Option<Vec<usize>> {
            let updates = self.updates.iter().copied();
            let on = |update: &usize| self.all[*update].input.value.as_ref() == Some(element);
            let makers: Vec<usize> = updates.filter(on).collect();
            let removed = makers
                .iter()
                .any(|&it| self.all[it].input.f == Function::Remove);
            let several = self.model == Model::Log && makers.len() != 1;
            let hidden = removed || several || initial.contains(element) || makers.is_empty();
            (!hidden).then_some(makers)
        };
        saw.iter().filter_map(makers).collect()
    }
}

/// The history with every read called `delta` earlier. An update that tells what it found becomes a
/// read and an update if they are to be split.
pub(crate) fn with_earlier_reads(
    model: Model,
    history: &RecordedHistory,
    delta: u64,
    split: bool,
) -> RecordedHistory {
    let mut moved: Vec<(i64, i64, Op)> = Vec::new();
    for op in history.operations() {
        let (start, end) = span(op);
        let time = |time: u64| i64::try_from(time).expect("simulated histories are short");
        let (start, end) = (time(start), end.map_or(i64::MAX, time));
        let earlier = start.saturating_sub(time(delta));
        let is_read = completed(op).is_some() && !is_update(op);
        moved.push((if is_read { earlier } else { start }, end, op.clone()));
        if let (false, true, Some(found)) = (is_read, split, found(model, op)) {
            let untold = Outcome::Completed(Answer::default());
            moved.last_mut().expect("it was pushed").2.outcome = untold;
            moved.push((earlier, end, found));
        }
    }
    ranked(moved)
}

/// What an update that tells what it found has read.
fn found(model: Model, op: &Op) -> Option<Op> {
    let result = completed(op)?.result.clone()?;
    let (f, value, answer) = match model {
        Model::Log => (Function::Read, Some(result), (None, None)),
        Model::Set => {
            let was = result == Value::Bool(op.input.f == Function::Remove);
            (
                Function::Contains,
                op.input.value.clone(),
                (None, Some(Value::Bool(was))),
            )
        }
        _ => {
            let before = int(&result) - int(op.input.value.as_ref()?);
            (Function::Read, None, (Some(Value::Int(before)), None))
        }
    };
    let (value_told, result_told) = answer;
    let key = op.input.key.clone();
    Some(Operation {
        input: Call { f, key, value },
        outcome: Outcome::Completed(Answer {
            value: value_told,
            result: result_told.or((model == Model::Log).then_some(Value::Null)),
            ..Answer::default()
        }),
        ..op.clone()
    })
}

/// Stale answers by index, with their lag and how much they lack, where every element is put there
/// once and never removed, and every amount is above 0. By loops over loops.
pub(crate) fn stale(
    model: Model,
    initial: &Value,
    history: &RecordedHistory,
) -> Vec<(u64, u64, u64)> {
    let all: Vec<&Op> = history.operations().iter().collect();
    let all: Vec<&Op> = all
        .into_iter()
        .filter(|op| op.outcome != Outcome::Failed)
        .collect();
    let mut stale = Vec::new();
    for &read in all.iter().filter(|op| completed(op).is_some()) {
        let (called, _) = span(read);
        let mut since: Vec<u64> = match model {
            Model::Counter => lacking_amounts(&all, read, int(initial)),
            _ => {
                let updates = all.iter().filter(|op| is_update(op));
                let arrivals: Vec<(u64, &Value)> = updates
                    .filter_map(|put| {
                        let element = put.input.value.as_ref()?;
                        Some((there_since(model, &all, put, element)?, element))
                    })
                    .collect();
                lacking(model, initial, read, arrivals)
            }
        };
        since.retain(|&since| since < called);
        if let Some(&first) = since.iter().min() {
            stale.push((read.call.index, called - first, since.len() as u64));
        }
    }
    stale
}

/// Since when an element was surely there: the first end of who put it there and of who saw it.
fn there_since(model: Model, all: &[&Op], put: &Op, element: &Value) -> Option<u64> {
    let (start, own) = span(put);
    let sees = |op: &&&Op| {
        let answer = completed(op).expect("it completed");
        let tells = Some(element) == op.input.value.as_ref();
        match (model, &op.input.f, &answer.result) {
            (Model::Set, Function::Contains, Some(Value::Bool(true)))
            | (Model::Set, Function::Add, Some(Value::Bool(false))) => tells,
            (_, Function::Append | Function::Add | Function::Remove | Function::Contains, _) => {
                false
            }
            (_, _, Some(there)) => there == element,
            _ => answer
                .value
                .as_ref()
                .is_some_and(|list| elements(list).contains(element)),
        }
    };
    let seen = all.iter().filter(|op| completed(op).is_some()).filter(sees);
    let ends = seen.filter_map(|op| span(op).1).filter(|&end| end >= start);
    own.into_iter().chain(ends).min()
}

/// The arrivals of what a read lacks.
fn lacking(model: Model, initial: &Value, read: &Op, mut arrivals: Vec<(u64, &Value)>) -> Vec<u64> {
    let answer = completed(read).expect("it completed");
    let offset = match (&read.input.f, &answer.result) {
        (Function::Append, Some(offset)) => Some(int(offset)),
        (Function::Read, Some(Value::Null)) => read.input.value.as_ref().map(int),
        _ => None,
    };
    if model == Model::Log && read.input.f == Function::Read && read.input.value.is_none() {
        let list = elements(&answer.value.clone().unwrap_or_default());
        arrivals.retain(|(_, element)| !list.contains(element));
    } else if let (Model::Log, Some(offset)) = (model, offset) {
        arrivals.sort_unstable();
        let room = usize::try_from(offset).expect("an offset")
            - elements(initial)
                .len()
                .min(usize::try_from(offset).expect("an offset"));
        arrivals.drain(..room.min(arrivals.len()));
    } else if model == Model::Set && read.input.f == Function::Read {
        let list = elements(&answer.value.clone().unwrap_or_default());
        arrivals.retain(|(_, element)| !list.contains(element));
    } else if model == Model::Set
        && completed(read)
            .is_some_and(|it| it.result == Some(Value::Bool(read.input.f == Function::Add)))
    {
        arrivals.retain(|(_, element)| read.input.value.as_ref() == Some(element));
    } else {
        arrivals.clear();
    }
    arrivals.into_iter().map(|(since, _)| since).collect()
}

/// The ends of the adds that a sum cannot hold, the first ones counted in.
fn lacking_amounts(all: &[&Op], read: &Op, initial: i64) -> Vec<u64> {
    let answer = completed(read).expect("it completed");
    let amount = |op: &Op| op.input.value.as_ref().map_or(0, int);
    let found = match (&answer.value, &answer.result) {
        (Some(value), _) => int(value),
        (None, Some(sum)) => int(sum) - amount(read),
        (None, None) => return Vec::new(),
    };
    let adds = all.iter().filter(|op| op.input.f == Function::Add);
    let mut ends: Vec<(u64, i64)> = adds
        .filter_map(|op| Some((span(op).1?, amount(op))))
        .collect();
    ends.sort_unstable();
    let mut sum = initial;
    ends.retain(|(_, amount)| {
        sum += amount;
        sum > found
    });
    ends.into_iter().map(|(end, _)| end).collect()
}
