//! Dequeues of unknown outcome, for values that must have left although nobody is known to have
//! taken them.
//!
//! A value must have left by a certain time if one that was enqueued after it was dequeued by then,
//! or if the queue was found empty after it had been enqueued for certain. Each unknown dequeue
//! takes one value at any time after its call, or none. So the value that must leave first gets the
//! dequeue that was called first, and there are enough exactly if each was called in time.
//!
//! Where the queue was found empty, the earliest place possible is the best. There must not be a
//! value that leaves later for certain, and as many unknown dequeues must have been called as there
//! are values that entered for certain and that nobody else takes. Of two places the earlier one
//! makes fewer values leave, and none sooner; and what it demands was called by then is no more
//! than its own condition says. So one such place does not depend on another.

use super::sweep::{Passage, Places, next_not_above_zero};
use crate::expert::timeline::NEVER;

/// Gives an unknown dequeue to every value that needs one. Whether there are enough.
pub(super) fn give_out(
    values: &mut [Passage],
    mut unknown: Vec<u32>,
    empties: &[u32],
    places: &Places,
) -> bool {
    let left_over = values.iter().any(|value| value.dequeue.is_none());
    if !left_over || unknown.is_empty() {
        return true;
    }
    let Some(emptied) = emptied(values, &unknown, empties, places) else {
        return false;
    };
    let mut needy = needy(values, &emptied);
    needy.sort_unstable();
    unknown.sort_unstable_by_key(|&op| places.calls[op as usize]);
    if needy.len() > unknown.len() {
        return false;
    }
    needy
        .into_iter()
        .zip(unknown)
        .all(|((deadline, number), taker)| {
            let value = &mut values[number];
            let given = Passage {
                dequeue: Some(taker),
                out_from: places.calls[taker as usize],
                out_until: deadline,
                ..value.clone()
            };
            let given = given.tightened();
            let possible = given.is_some();
            *value = given.unwrap_or_else(|| value.clone());
            possible
        })
}

/// The places at which the queue was empty, in ascending order. `None` if there is none for some
/// operation that found it empty.
fn emptied(
    values: &[Passage],
    unknown: &[u32],
    empties: &[u32],
    places: &Places,
) -> Option<Vec<u32>> {
    if empties.is_empty() {
        return Some(Vec::new());
    }
    let mut occupied = vec![0; places.count as usize + 1];
    // Left-over values that entered for certain, without unknown dequeues that were called.
    let mut left = vec![0; places.count as usize + 1];
    for value in values {
        if value.dequeue.is_some() {
            value.occupies(&mut occupied);
        } else if let Some(after) = left.get_mut(value.in_until.saturating_add(1) as usize) {
            *after += 1;
        }
    }
    for &op in unknown {
        left[places.calls[op as usize] as usize] -= 1;
    }
    let (free, enough) = (next_not_above_zero(&occupied), next_not_above_zero(&left));
    let mut emptied = Vec::with_capacity(empties.len());
    let mut next = vec![NEVER; free.len() + 1];
    for place in (0..free.len()).rev() {
        let here = free[place] as usize == place && enough[place] as usize == place;
        next[place] = if here { free[place] } else { next[place + 1] };
    }
    for &op in empties {
        let place = next[places.calls[op as usize] as usize];
        if place > places.returns[op as usize] {
            return None;
        }
        emptied.push(place);
    }
    emptied.sort_unstable();
    Some(emptied)
}

/// The left-over values that must have left, with the last place for it.
fn needy(values: &[Passage], emptied: &[u32]) -> Vec<(u32, usize)> {
    let mut later: Vec<(u32, u32)> = values.iter().map(|v| (v.in_from, v.out_until)).collect();
    later.sort_unstable();
    // For each suffix of the values by enqueue, when the first of them has left.
    let mut soonest = vec![NEVER; later.len() + 1];
    for (at, (_, out)) in later.iter().enumerate().rev() {
        soonest[at] = soonest[at + 1].min(*out);
    }
    let mut needy = Vec::new();
    for (number, value) in values
        .iter()
        .enumerate()
        .filter(|(_, v)| v.dequeue.is_none())
    {
        let overtaken = soonest[later.partition_point(|(from, _)| *from <= value.in_until)];
        let missed = emptied.get(emptied.partition_point(|&place| place <= value.in_until));
        let deadline = missed.map_or(overtaken, |&place| overtaken.min(place));
        if deadline != NEVER {
            needy.push((deadline, number));
        }
    }
    needy
}
