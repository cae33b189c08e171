//! The order graph of a cell: which value was there before which, and where that goes round in a
//! circle.
//!
//! If only one operation made a value, the value was there once, without a gap, from that operation
//! to the next update; so all who made or saw it stand together in any order. If one of them ended
//! before somebody who made or saw another such value began, the whole of the first stands before
//! the whole of the second. A cycle of that relation is a contradiction (Gibbons and Korach 1997,
//! section 4, call the stretch from first to last of such a group a zone).

use std::collections::BTreeMap;

use petgraph::algo::dijkstra;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use testimony_history::{Answer, Call, Function, Operation, Outcome, RecordedHistory, Value};

use super::words::Words;
use super::{CycleEdge, Explanation, Why};

/// Somebody in one group ended before somebody in another began.
#[derive(Clone, Copy)]
struct Before {
    ended: usize,
    began: usize,
}

/// All who made or saw one value that was made once.
struct Group {
    value: Value,
    /// The operation that made it; `None` for the initial value.
    maker: Option<usize>,
    /// Those who saw it.
    seers: Vec<usize>,
}

/// Explains an illegal history of one cell, if the groups of its values contradict one another.
pub(crate) fn explain(
    initial: &Value,
    history: &RecordedHistory,
    original: &RecordedHistory,
    words: &Words<'_>,
) -> Option<Explanation> {
    let operations = history.operations();
    if operations.iter().any(|op| op.input.f == Function::Append) {
        return super::growth::explain(operations, words);
    }
    let groups = match groups(initial, operations) {
        Ok(groups) => groups,
        Err(seer) => return unmade(seer, operations, original, words),
    };
    groups
        .iter()
        .find_map(|group| {
            seen_too_early(group, operations, words)
                .or_else(|| swapped_twice(group, operations, words))
        })
        .or_else(|| {
            shortest_cycle(&groups, operations)
                .map(|cycle| tell(&cycle, &groups, operations, words))
        })
}

/// The groups of the values that were made once. An error is somebody who saw a value that nothing
/// made.
fn groups(initial: &Value, operations: &[Operation<Call, Answer>]) -> Result<Vec<Group>, usize> {
    let mut makers: BTreeMap<Value, Vec<Option<usize>>> = BTreeMap::new();
    makers.insert(initial.clone(), vec![None]);
    for (number, operation) in operations.iter().enumerate() {
        if let Some(value) = made(operation) {
            makers.entry(value).or_default().push(Some(number));
        }
    }
    let mut seers: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
    for (number, operation) in operations.iter().enumerate() {
        if let Some(value) = seen(operation) {
            if !makers.contains_key(&value) {
                return Err(number);
            }
            seers.entry(value).or_default().push(number);
        }
    }
    let once = makers.into_iter().filter(|(_, makers)| makers.len() == 1);
    let group = |(value, makers): (Value, Vec<Option<usize>>)| {
        let seers = seers.remove(&value).unwrap_or_default();
        Group {
            value,
            maker: makers[0],
            seers,
        }
    };
    Ok(once.map(group).collect())
}

/// The value that an operation makes, if it takes effect.
fn made(operation: &Operation<Call, Answer>) -> Option<Value> {
    let call = &operation.input;
    let answer = completed(operation);
    match (&call.f, answer) {
        (_, _) if operation.outcome == Outcome::Failed => None,
        (Function::Write, _) => call.value.clone(),
        (
            Function::Cas,
            Some(Answer {
                swapped: Some(false),
                ..
            }),
        ) => None,
        (Function::Cas, _) => pair(call).map(|(_, new)| new),
        (Function::Remove, Some(answer)) if answer.result == Some(Value::Bool(false)) => None,
        (Function::Remove, _) => Some(Value::Null),
        _ => None,
    }
}

/// The value that a completed operation saw.
fn seen(operation: &Operation<Call, Answer>) -> Option<Value> {
    let call = &operation.input;
    let answer = completed(operation)?;
    match (&call.f, &answer.result) {
        (Function::Read, _) => Some(answer.value.clone().unwrap_or_default()),
        (Function::Cas, _) if answer.swapped == Some(true) => pair(call).map(|(old, _)| old),
        (Function::Cas, _) => answer.actual.clone(),
        (Function::Contains | Function::Remove, Some(Value::Bool(false))) => Some(Value::Null),
        _ => None,
    }
}

fn pair(call: &Call) -> Option<(Value, Value)> {
    match &call.value {
        Some(Value::List(pair)) if pair.len() == 2 => Some((pair[0].clone(), pair[1].clone())),
        _ => None,
    }
}

pub(super) fn completed(operation: &Operation<Call, Answer>) -> Option<&Answer> {
    match &operation.outcome {
        Outcome::Completed(answer) => Some(answer),
        Outcome::Failed | Outcome::Unknown => None,
    }
}

/// Whether one operation ended before another began.
pub(super) fn precedes(operations: &[Operation<Call, Answer>], first: usize, then: usize) -> bool {
    let ended = operations[first].returned;
    ended.is_some_and(|ended| ended < operations[then].called)
}

/// Somebody saw a value that nothing in the history makes: nothing at all, or nothing after another
/// value was there, where what came before that was cut off.
fn unmade(
    seer: usize,
    operations: &[Operation<Call, Answer>],
    original: &RecordedHistory,
    words: &Words<'_>,
) -> Option<Explanation> {
    let value = seen(&operations[seer])?;
    let key = &operations[seer].input.key;
    let makes =
        |op: &Operation<Call, Answer>| op.input.key == *key && made(op).as_ref() == Some(&value);
    if original.operations().iter().any(makes) {
        return gone(seer, &value, operations, words);
    }
    Some(Explanation {
        headline: format!(
            "{} at {}, but nothing that can have happened made it {value}",
            words.deed(seer),
            words.began(seer)
        ),
        sentences: vec![format!("{}.", words.sentence(seer))],
        marked: vec![operations[seer].call.index],
        cycle: None,
    })
}

/// The value had given way to another before somebody saw it, and nothing made it again.
fn gone(
    seer: usize,
    value: &Value,
    operations: &[Operation<Call, Answer>],
    words: &Words<'_>,
) -> Option<Explanation> {
    let others = (0..operations.len()).filter(|&op| precedes(operations, op, seer));
    let last = others.max_by_key(|&op| operations[op].returned)?;
    let current = made(&operations[last]).or_else(|| seen(&operations[last]))?;
    let how = words.made_or_seen(last);
    Some(Explanation {
        headline: format!(
            "{} at {}, but {} was already {how} by {}, which ended at {}, and nothing made it {value} \
             again",
            words.deed(seer),
            words.began(seer),
            words.value(last, &current),
            words.process(last),
            words.ended(last)
        ),
        sentences: vec![
            format!("{}.", words.sentence(last)),
            format!("{}.", words.sentence(seer)),
        ],
        marked: vec![operations[last].call.index, operations[seer].call.index],
        cycle: None,
    })
}

/// Somebody who saw the value ended before the one who made it began.
fn seen_too_early(
    group: &Group,
    operations: &[Operation<Call, Answer>],
    words: &Words<'_>,
) -> Option<Explanation> {
    let maker = group.maker?;
    let seer = *group
        .seers
        .iter()
        .find(|&&seer| precedes(operations, seer, maker))?;
    Some(Explanation {
        headline: format!(
            "{}, which ended at {}, before {} began at {}; nothing else made that value",
            words.deed(seer),
            words.ended(seer),
            words.doing(maker),
            words.began(maker)
        ),
        sentences: vec![
            format!("{}.", words.sentence(seer)),
            format!("{}.", words.sentence(maker)),
        ],
        marked: vec![operations[seer].call.index, operations[maker].call.index],
        cycle: Some(vec![
            edge(operations, seer, maker, Why::RealTime),
            edge(operations, maker, seer, Why::ReadsFrom),
        ]),
    })
}

/// Two swapped from a value that was there once.
fn swapped_twice(
    group: &Group,
    operations: &[Operation<Call, Answer>],
    words: &Words<'_>,
) -> Option<Explanation> {
    let replaces = |&&op: &&usize| {
        let (call, answer) = (&operations[op].input, completed(&operations[op]));
        let swapped = answer.is_some_and(|answer| answer.swapped == Some(true));
        swapped && pair(call).is_some_and(|(old, new)| old != new)
    };
    let mut winners = group.seers.iter().filter(replaces);
    let (&first, &second) = (winners.next()?, winners.next()?);
    let value = &group.value;
    Some(Explanation {
        headline: format!(
            "{} and {}, but it was {value} only once, until the first of the two",
            words.deed(first),
            words.deed(second)
        ),
        sentences: vec![
            format!("{}.", words.sentence(first)),
            format!("{}.", words.sentence(second)),
            format!("Nothing else made it {value} between them."),
        ],
        marked: vec![operations[first].call.index, operations[second].call.index],
        cycle: Some(vec![
            edge(operations, first, second, Why::WriteOrder),
            edge(operations, second, first, Why::WriteOrder),
        ]),
    })
}

fn edge(operations: &[Operation<Call, Answer>], from: usize, to: usize, why: Why) -> CycleEdge {
    CycleEdge {
        from: operations[from].call.index,
        to: operations[to].call.index,
        why,
    }
}

/// Why one group stands before another.
#[derive(Clone, Copy)]
enum Reason {
    /// The first is that of the initial value, which comes before everything.
    Initial,
    /// Somebody in the first ended before somebody in the second began.
    Time(Before),
    /// This operation made the second value of the first.
    Swap(usize),
}

/// One step of a cycle of groups.
struct Step {
    from: usize,
    to: usize,
    why: Reason,
}

impl Reason {
    fn before(self) -> Option<Before> {
        match self {
            Reason::Time(before) => Some(before),
            Reason::Initial | Reason::Swap(_) => None,
        }
    }
}

/// The fewest groups that go round in a circle.
fn shortest_cycle(groups: &[Group], operations: &[Operation<Call, Answer>]) -> Option<Vec<Step>> {
    let mut graph: DiGraph<(), Reason> = DiGraph::new();
    let nodes: Vec<NodeIndex> = groups.iter().map(|_| graph.add_node(())).collect();
    for (from, first) in groups.iter().enumerate() {
        for (to, second) in groups.iter().enumerate().filter(|(to, _)| *to != from) {
            if let Some(why) = stands_before(first, second, operations) {
                graph.add_edge(nodes[from], nodes[to], why);
            }
        }
    }
    let shortest = graph
        .edge_references()
        .filter_map(|edge| {
            let back = dijkstra(&graph, edge.target(), Some(edge.source()), |_| 1_u32);
            back.get(&edge.source())
                .map(|length| (*length, edge.source(), edge.target()))
        })
        .min()?;
    Some(steps(&graph, shortest.1, shortest.2))
}

/// Why all of one group stand before all of another, if they do. Of several reasons the latest end,
/// and then the earliest beginning: the most telling one.
fn stands_before(
    first: &Group,
    second: &Group,
    operations: &[Operation<Call, Answer>],
) -> Option<Reason> {
    let pairs =
        members(first).flat_map(|ended| members(second).map(move |began| Before { ended, began }));
    let real = pairs
        .filter(|pair| precedes(operations, pair.ended, pair.began))
        .max_by_key(|pair| {
            (
                operations[pair.ended].returned,
                std::cmp::Reverse(pair.began),
            )
        });
    // The group of an unknown update that nobody saw may be nowhere at all.
    let happened = second
        .maker
        .filter(|&maker| completed(&operations[maker]).is_some() || !second.seers.is_empty());
    let swap = happened.filter(|&maker| {
        let call = &operations[maker].input;
        call.f == Function::Cas && pair(call).is_some_and(|(old, _)| old == first.value)
    });
    let initial = (first.maker.is_none() && happened.is_some()).then_some(Reason::Initial);
    real.map(Reason::Time)
        .or(swap.map(Reason::Swap))
        .or(initial)
}

fn members(group: &Group) -> impl Iterator<Item = usize> {
    group.maker.into_iter().chain(group.seers.iter().copied())
}

/// The edge, and the shortest way back.
fn steps(graph: &DiGraph<(), Reason>, from: NodeIndex, to: NodeIndex) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut at, mut next) = (from, to);
    loop {
        let Some(edge) = graph.find_edge(at, next) else {
            return steps;
        };
        steps.push(Step {
            from: at.index(),
            to: next.index(),
            why: graph[edge],
        });
        if next == from {
            return steps;
        }
        let distance = |node: NodeIndex| {
            dijkstra(graph, node, Some(from), |_| 1_u32)
                .get(&from)
                .copied()
        };
        let nearest = graph
            .neighbors(next)
            .filter_map(|node| Some((distance(node)?, node)))
            .min();
        let Some((_, onward)) = nearest else {
            return steps;
        };
        (at, next) = (next, onward);
    }
}

fn tell(
    cycle: &[Step],
    groups: &[Group],
    operations: &[Operation<Call, Answer>],
    words: &Words<'_>,
) -> Explanation {
    let accusing = accusation(cycle, operations);
    let mut sentences: Vec<String> = Vec::new();
    let mut marked = Vec::new();
    for step in cycle {
        sentences.push(told_step(step, groups, words));
        let makers = [groups[step.from].maker, groups[step.to].maker];
        let pair = step
            .why
            .before()
            .into_iter()
            .flat_map(|pair| [pair.ended, pair.began]);
        marked.extend(
            pair.chain(makers.into_iter().flatten())
                .map(|op| operations[op].call.index),
        );
    }
    sentences.push(
        "Each of these values was there once, without a gap, so none can come back.".to_owned(),
    );
    marked.sort_unstable();
    marked.dedup();
    Explanation {
        headline: headline(&cycle[accusing], groups, words),
        sentences,
        marked,
        cycle: edges(cycle, accusing, operations),
    }
}

/// The step that says it best: one into a read or another answer, the last of them in time.
fn accusation(cycle: &[Step], operations: &[Operation<Call, Answer>]) -> usize {
    let rank = |step: &Step| {
        let began = step.why.before().map(|pair| pair.began);
        let only_sees = began.is_some_and(|op| made(&operations[op]).is_none());
        (only_sees, began.map(|op| operations[op].called))
    };
    (0..cycle.len())
        .max_by_key(|&step| rank(&cycle[step]))
        .unwrap_or(0)
}

fn headline(step: &Step, groups: &[Group], words: &Words<'_>) -> String {
    let Some(Before { ended, began }) = step.why.before() else {
        return "the order of the values goes round in a circle".to_owned();
    };
    let value = words.value(ended, &groups[step.from].value);
    let already = words.made_or_seen(ended);
    format!(
        "{} at {}, but {value} was already {already} by {}, which ended at {}",
        words.deed(began),
        words.began(began),
        words.process(ended),
        words.ended(ended)
    )
}

fn told_step(step: &Step, groups: &[Group], words: &Words<'_>) -> String {
    let (first, then) = (&groups[step.from].value, &groups[step.to].value);
    match step.why {
        Reason::Initial => {
            format!("The initial value {first} was there before {then}, and nothing made it again.")
        }
        Reason::Swap(op) => format!(
            "{} made {then} of {first}: so {first} was there before {then}.",
            words.doing(op)
        ),
        Reason::Time(Before { ended, began }) => format!(
            "{} and ended at {}, before {} began at {}: so {first} was there before {then}.",
            words.deed(ended),
            words.ended(ended),
            words.doing(began),
            words.began(began)
        ),
    }
}

/// The cycle by operations: from the accusing pair, which real time orders, back to its start by
/// the order of the values.
fn edges(
    cycle: &[Step],
    accusing: usize,
    operations: &[Operation<Call, Answer>],
) -> Option<Vec<CycleEdge>> {
    let first = cycle[accusing].why.before()?;
    let onward = cycle[accusing + 1..].iter().chain(&cycle[..accusing]);
    let onward: Vec<&Step> = onward.collect();
    let mut edges = vec![edge(operations, first.ended, first.began, Why::RealTime)];
    let mut at = first.began;
    let between = onward.split_last().map_or(&[][..], |(_, between)| between);
    for pair in between.iter().filter_map(|step| step.why.before()) {
        edges.push(edge(operations, at, pair.began, Why::WriteOrder));
        at = pair.began;
    }
    edges.push(edge(operations, at, first.ended, Why::WriteOrder));
    Some(edges)
}

#[cfg(test)]
mod tests {
    use testimony_history::{Model, ReadOptions, read};

    use super::*;

    /// The explanation of a history whose lines are `process type f key-less-fields`.
    fn explained(model: Model, events: &[(u64, &str, &str)]) -> Option<Explanation> {
        let mut text = String::from("{\"testimony\":1}\n");
        for (time, (process, kind, rest)) in (1..).zip(events) {
            let time = time * 100_000_000;
            text +=
                &format!("{{\"time\":{time},\"process\":{process},\"type\":\"{kind}\",{rest}}}\n");
        }
        let recording = read(text.as_bytes(), &ReadOptions::default()).unwrap();
        let (history, _) = recording.history(model).unwrap();
        explain(
            &Value::Null,
            &history,
            &history,
            &Words::new(model, &history),
        )
    }

    const WRITE_1: &str = r#""f":"write","value":1"#;
    const WRITE_2: &str = r#""f":"write","value":2"#;
    const READ: &str = r#""f":"read""#;
    const READ_1: &str = r#""f":"read","value":1"#;
    const READ_2: &str = r#""f":"read","value":2"#;
    const READ_NULL: &str = r#""f":"read","value":null"#;

    #[test]
    fn a_stale_read_is_a_cycle_of_two_values() {
        let told = explained(
            Model::Register,
            &[
                (0, "invoke", WRITE_1),
                (0, "ok", WRITE_1),
                (0, "invoke", WRITE_2),
                (1, "invoke", READ),
                (1, "ok", READ_2),
                (2, "invoke", READ),
                (2, "ok", READ_1),
            ],
        );
        let told = told.unwrap();
        insta::assert_snapshot!(told.headline, @"p2 read 1 at 0.600 s, but 2 was already seen by p1, which ended at 0.500 s");
        let sentences = [
            "p0 wrote 1 and ended at 0.200 s, before p0's write of 2 began at 0.300 s: so 1 was there before 2.",
            "p1 read 2 and ended at 0.500 s, before p2's read of 1 began at 0.600 s: so 2 was there before 1.",
            "Each of these values was there once, without a gap, so none can come back.",
        ];
        assert_eq!(told.sentences, sentences);
        let edges: Vec<_> = told
            .cycle
            .unwrap()
            .iter()
            .map(|e| (e.from, e.to, e.why))
            .collect();
        assert_eq!(edges, [(3, 5, Why::RealTime), (5, 3, Why::WriteOrder)]);
    }

    #[test]
    fn the_initial_value_does_not_come_back() {
        let told = explained(
            Model::Register,
            &[
                (0, "invoke", WRITE_1),
                (0, "ok", WRITE_1),
                (1, "invoke", READ),
                (1, "ok", READ_NULL),
            ],
        );
        insta::assert_snapshot!(told.unwrap().headline, @"p1 read null at 0.300 s, but 1 was already made by p0, which ended at 0.200 s");
    }

    #[test]
    fn a_value_is_not_seen_before_it_is_made() {
        let told = explained(
            Model::Register,
            &[
                (1, "invoke", READ),
                (1, "ok", READ_1),
                (0, "invoke", WRITE_1),
                (0, "ok", WRITE_1),
            ],
        );
        insta::assert_snapshot!(told.unwrap().headline, @"p1 read 1, which ended at 0.200 s, before p0's write of 1 began at 0.300 s; nothing else made that value");
    }

    #[test]
    fn a_value_that_nobody_made_is_said_to_be_so() {
        let told = explained(Model::Register, &[(1, "invoke", READ), (1, "ok", READ_1)]);
        insta::assert_snapshot!(told.unwrap().headline, @"p1 read 1 at 0.100 s, but nothing that can have happened made it 1");
    }

    #[test]
    fn nothing_is_said_of_a_history_that_is_fine() {
        let fine = [
            (0, "invoke", WRITE_1),
            (2, "invoke", WRITE_2),
            (0, "ok", WRITE_1),
            (1, "invoke", READ),
            (1, "ok", READ_2),
            (3, "invoke", READ),
            (3, "ok", READ_2),
        ];
        assert_eq!(explained(Model::Register, &fine), None);
        let overlapping = [
            (0, "invoke", WRITE_1),
            (1, "invoke", READ),
            (2, "invoke", READ),
            (2, "ok", READ_1),
            (1, "ok", READ_NULL),
            (0, "ok", WRITE_1),
        ];
        assert_eq!(explained(Model::Register, &overlapping), None);
    }

    #[test]
    fn an_unknown_write_that_nobody_saw_orders_nothing() {
        let unseen = [
            (0, "invoke", WRITE_1),
            (0, "info", WRITE_1),
            (1, "invoke", READ),
            (1, "ok", READ_NULL),
        ];
        assert_eq!(explained(Model::Register, &unseen), None);
    }

    #[test]
    fn what_a_swap_replaced_does_not_come_back() {
        let swap = r#""f":"cas","value":[1,2]"#;
        let told = explained(
            Model::CasRegister,
            &[
                (0, "invoke", WRITE_1),
                (3, "invoke", swap),
                (1, "invoke", READ),
                (1, "ok", READ_2),
                (2, "invoke", READ),
                (2, "ok", READ_1),
            ],
        );
        insta::assert_snapshot!(told.unwrap().headline, @"p2 read 1 at 0.500 s, but 2 was already seen by p1, which ended at 0.400 s");
    }

    #[test]
    fn a_value_is_swapped_away_only_once() {
        let swap = |to| format!(r#""f":"cas","value":[null,{to}]"#);
        let swapped = |to| format!(r#""f":"cas","value":[null,{to}],"swapped":true"#);
        let (a, b, c, d) = (swap(1), swap(2), swapped(1), swapped(2));
        let events = [
            (0, "invoke", &*a),
            (1, "invoke", &*b),
            (0, "ok", &*c),
            (1, "ok", &*d),
        ];
        let told = explained(Model::CasRegister, &events).unwrap();
        insta::assert_snapshot!(told.headline, @"p0 swapped the register from null to 1 and p1 swapped the register from null to 2, but it was null only once, until the first of the two");
    }

    #[test]
    fn an_append_that_ended_is_in_every_later_read() {
        let append = r#""f":"append","key":"k","value":"a;""#;
        let read = r#""f":"read","key":"k""#;
        let empty = r#""f":"read","key":"k","value":null"#;
        let events = [
            (0, "invoke", append),
            (0, "ok", append),
            (1, "invoke", read),
            (1, "ok", empty),
        ];
        let told = explained(Model::Kv, &events).unwrap();
        insta::assert_snapshot!(told.headline, @r#"p1 read k=null at 0.300 s, but p0's append of "a;" to k, which ended at 0.200 s, is not in it"#);
    }
}
