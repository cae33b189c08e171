//! Elements that are left to the search, each on its own.
//!
//! Completed adds and removes that told nothing, of one element, leave a choice that no special
//! algorithm here makes. But linearizability is local (Herlihy and Wing 1990): the element is
//! searched alone, among the few operations on it.

use super::SetOp;
use super::elements::Elements;
use crate::budget::Budget;
use crate::expert::Judged;
use crate::expert::timeline::{Point, Timeline};
use crate::models::set::{Set, SetInput};
use crate::partition::narrow;
use crate::search::{Answer, Limits, Prunings, search};

/// The steps that may be spent, beyond some for each operation.
const STEPS: u64 = 1 << 12;
const STEPS_PER_OPERATION: u64 = 8;

/// Gives every operation on the chosen elements a point. Gives up soon.
pub(super) fn search_each(
    ops: &[SetOp],
    elements: &Elements<'_>,
    chosen: &[bool],
    timeline: &Timeline,
    points: &mut Vec<Point>,
) -> Judged {
    if !chosen.contains(&true) {
        return Judged::Order(timeline.in_order(points));
    }
    let mut left = STEPS + STEPS_PER_OPERATION * ops.len() as u64;
    for members in by_element(ops, elements, chosen) {
        let part: Vec<SetOp> = members.iter().map(|&op| ops[op as usize].clone()).collect();
        let budget = Budget {
            steps: left,
            ..Budget::for_tests()
        };
        let limits = Limits {
            steps: left,
            bytes: budget.bytes,
            budget: &budget,
        };
        let alone = alone(&part[0], elements.about(members[0]), elements);
        let found = search(&alone, &part, Prunings::ALL, limits);
        left = left.saturating_sub(found.work.steps);
        match found.answer {
            Answer::Order(order) => {
                let mut place = 0;
                for op in order.into_iter().map(|op| members[op as usize]) {
                    place = timeline.calls[op as usize].max(place);
                    points.push(Point { place, op });
                }
            }
            Answer::NoOrder => return Judged::Contradiction,
            Answer::GaveUp(_) => return Judged::NotCovered,
        }
    }
    Judged::Order(timeline.in_order(points))
}

/// A set of the element of an operation alone, if it is there from the start.
fn alone(op: &SetOp, element: Option<u32>, elements: &Elements<'_>) -> Set {
    let from_start = element.is_some_and(|element| elements.from_start[element as usize]);
    match &op.input {
        SetInput::Add(element) | SetInput::Remove(element) | SetInput::Contains(element)
            if from_start =>
        {
            Set::new([element.clone()])
        }
        _ => Set::default(),
    }
}

/// The operations on each chosen element, of which there are some.
fn by_element(ops: &[SetOp], elements: &Elements<'_>, chosen: &[bool]) -> Vec<Vec<u32>> {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); elements.count()];
    for op in 0..narrow(ops.len()) {
        if let Some(element) = elements.about(op)
            && chosen[element as usize]
        {
            members[element as usize].push(op);
        }
    }
    members.retain(|members| !members.is_empty());
    members
}
