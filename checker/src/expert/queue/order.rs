//! An order for a queue in which the sweep found no contradiction.

use super::sweep::{Empty, Passage};

/// The order. `None` would be a defect of the sweep; the search is asked
/// then.
///
/// The places at which the queue was found empty cut time into segments. A value that can have left
/// by such a place has left, all others come after it; this contradicts nothing, since a value that
/// comes before another cannot leave so late that the other has left. Within a segment a value goes
/// first that no other must precede.
pub(super) fn order(values: &[Passage], empties: &[Empty]) -> Option<Vec<u32>> {
    let mut empties: Vec<&Empty> = empties.iter().collect();
    empties.sort_by_key(|empty| empty.place);
    let mut cuts: Vec<u32> = empties.iter().map(|empty| empty.place).collect();
    cuts.dedup();
    let mut segments: Vec<Vec<&Passage>> = vec![Vec::new(); cuts.len() + 1];
    for value in values {
        segments[cuts.partition_point(|&cut| cut < value.out_from)].push(value);
    }
    let mut order = Vec::with_capacity(2 * values.len() + empties.len());
    let (mut start, mut found) = (0, empties.iter().peekable());
    for (number, segment) in segments.into_iter().enumerate() {
        let segment = first_come(&segment)?;
        order.extend(interleaved(&segment, start));
        if let Some(&cut) = cuts.get(number) {
            while let Some(empty) = found.next_if(|empty| empty.place == cut) {
                order.push(empty.op);
            }
            start = cut;
        }
    }
    Some(order)
}

/// The values in an order in which each may be enqueued, and dequeued, after those before it.
fn first_come<'a>(values: &[&'a Passage]) -> Option<Vec<&'a Passage>> {
    let sorted = |key: fn(&Passage) -> u32| {
        let mut numbers: Vec<usize> = (0..values.len()).collect();
        numbers.sort_by_key(|&number| key(values[number]));
        numbers
    };
    let (in_from, in_until) = (sorted(|v| v.in_from), sorted(|v| v.in_until));
    let (out_from, out_until) = (sorted(|v| v.out_from), sorted(|v| v.out_until));
    let (mut next_in, mut next_out, mut last_in, mut last_out) = (0, 0, 0, 0);
    let mut ready = vec![0_u8; values.len()];
    let mut gone = vec![false; values.len()];
    let mut queue = Vec::with_capacity(values.len());
    let mut order = Vec::with_capacity(values.len());
    while order.len() < values.len() {
        while gone[in_until[last_in]] {
            last_in += 1;
        }
        while gone[out_until[last_out]] {
            last_out += 1;
        }
        let (in_by, out_by) = (values[in_until[last_in]], values[out_until[last_out]]);
        while next_in < values.len() && values[in_from[next_in]].in_from <= in_by.in_until {
            mark_ready(in_from[next_in], &mut ready, &mut queue);
            next_in += 1;
        }
        while next_out < values.len() && values[out_from[next_out]].out_from <= out_by.out_until {
            mark_ready(out_from[next_out], &mut ready, &mut queue);
            next_out += 1;
        }
        let first = queue.pop()?;
        gone[first] = true;
        order.push(values[first]);
    }
    Some(order)
}

/// A value is ready when it may be both enqueued and dequeued next.
fn mark_ready(value: usize, ready: &mut [u8], queue: &mut Vec<usize>) {
    ready[value] += 1;
    if ready[value] == 2 {
        queue.push(value);
    }
}

/// Enqueues and dequeues of values in this order, each as early as it may be after `start`.
fn interleaved(values: &[&Passage], start: u32) -> Vec<u32> {
    let (mut enqueued, mut dequeued) = (start, start);
    let mut events = Vec::with_capacity(2 * values.len());
    for value in values {
        enqueued = enqueued.max(value.in_from);
        events.extend(value.enqueue.map(|op| (enqueued, false, op)));
        if let Some(taker) = value.dequeue {
            dequeued = dequeued.max(value.out_from).max(enqueued);
            events.push((dequeued, true, taker));
        }
    }
    // Stable, so that enqueues keep their order, and dequeues theirs.
    events.sort_by_key(|&(place, is_dequeue, _)| (place, is_dequeue));
    events.into_iter().map(|(_, _, op)| op).collect()
}
