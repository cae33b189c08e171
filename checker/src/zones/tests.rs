//! Zones against the general search, on random registers whose values are written once.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::Value;

use super::*;
use crate::budget::Budget;
use crate::model::Model;
use crate::models::Cell;
use crate::models::cell::{CellInput, CellOutput};
use crate::partition::Op;
use crate::search::{Answer, Limits, Prunings, search};

type CellOp = Op<CellInput, CellOutput>;

/// The operations of one register, and how many values there are.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    values: usize,
}

impl Rows {
    fn push(&mut self, called: u32, returned: u32, saw: u32, made: u32) {
        self.rows.push(Row {
            called: called + 1,
            returned: returned.saturating_add(1),
            register: 0,
            saw,
            made,
        });
    }

    fn judge(&self) -> Zoned {
        let mut zones = Zones::new(1, self.values, self.rows.len());
        let id = |value| if value == 0 { INITIAL } else { value };
        for (number, row) in (0..).zip(&self.rows) {
            let (saw, made) = (id(row.saw), id(row.made));
            zones.tell(number, Row { saw, made, ..*row });
        }
        zones.judge(self)
    }
}

impl Times for Rows {
    fn called(&self, row: u32) -> u32 {
        self.rows[row as usize].called
    }

    fn returned(&self, row: u32) -> u32 {
        self.rows[row as usize].returned
    }
}

/// A register under random load: each operation takes effect at a moment between its call and its
/// return, so there is an order; then some saw something else after all.
fn register(operations: u32, width: u32, lies: f64, rng: &mut impl Rng) -> Rows {
    let mut spans: Vec<(u32, u32, u32)> = (0..operations)
        .map(|at| {
            let called = 10 * at + rng.random_range(0..10);
            let long = if rng.random_bool(0.1) { 10 } else { 1 };
            let returned = called + 1 + rng.random_range(0..10 * width * long);
            (called, rng.random_range(called..returned), returned)
        })
        .collect();
    spans.sort_unstable();
    let places = places(&spans, rng.random_bool(0.2));
    let mut by_effect: Vec<usize> = (0..spans.len()).collect();
    by_effect.sort_by_key(|&number| spans[number].1);
    let mut deeds = vec![(NONE, NONE, true); spans.len()];
    let (mut current, mut values) = (0, 1);
    for number in by_effect {
        let known = !rng.random_bool(0.15);
        let happens = known || rng.random_bool(0.5);
        let (saw, made) = match rng.random_range(0..10) {
            0..5 => (current, NONE),
            5..8 => (NONE, values),
            _ => (current, values),
        };
        values += u32::from(made != NONE);
        if happens && made != NONE {
            current = made;
        }
        deeds[number] = (saw, made, known);
    }
    let mut rows = with_values(values);
    for ((saw, made, known), (called, returned)) in deeds.into_iter().zip(places) {
        let lie = saw != NONE && rng.random_bool(lies);
        let saw = if lie {
            rng.random_range(0..values)
        } else {
            saw
        };
        if known || made != NONE {
            rows.push(called, if known { returned } else { NONE }, saw, made);
        }
    }
    rows
}

/// No operations yet, of one register with so many values.
fn with_values(values: u32) -> Rows {
    Rows {
        rows: Vec::new(),
        values: values as usize,
    }
}

/// Dense places of calls and returns; where tied, several have one place.
fn places(spans: &[(u32, u32, u32)], tied: bool) -> Vec<(u32, u32)> {
    let coarse = |time: u32| if tied { time / 8 } else { time };
    let events = spans
        .iter()
        .flat_map(|span| [(coarse(span.0), false), (coarse(span.2), true)]);
    let mut order: Vec<(u32, bool)> = events.collect();
    order.sort_unstable();
    order.dedup();
    let place = |event| u32::try_from(order.binary_search(&event).unwrap()).unwrap();
    spans
        .iter()
        .map(|span| {
            (
                place((coarse(span.0), false)),
                place((coarse(span.2), true)),
            )
        })
        .collect()
}

/// The rows as operations of a cell.
fn ops(rows: &Rows, chosen: &[u32], weakened: &[u32]) -> Vec<CellOp> {
    let value = |id: u32| Value::Int(i64::from(id));
    let op = |&number: &u32| {
        let Row {
            called,
            returned,
            saw,
            made,
            ..
        } = rows.rows[number as usize];
        let saw = if weakened.contains(&number) {
            NONE
        } else {
            saw
        };
        let (input, output) = match (saw, made) {
            (saw, NONE) => (CellInput::Read, CellOutput::Value(value(saw))),
            (NONE, made) => (CellInput::Write(value(made)), CellOutput::Done),
            (saw, made) => (CellInput::Cas(value(saw), value(made)), CellOutput::Swapped),
        };
        Op {
            source: number,
            input,
            seen: (returned != NONE).then_some(output),
            called,
            returned: (returned != NONE).then_some(returned),
            after: None,
        }
    };
    chosen.iter().map(op).collect()
}

fn has_order(ops: &[CellOp]) -> bool {
    let budget = Budget::for_tests();
    let limits = Limits {
        steps: budget.steps,
        bytes: budget.bytes,
        budget: &budget,
    };
    let model = Cell::new(Value::Int(0));
    match search(&model, ops, Prunings::ALL, limits).answer {
        Answer::Order(_) => true,
        Answer::NoOrder => false,
        Answer::GaveUp(why) => panic!("{why}"),
    }
}

/// Replays an order and believes nothing.
fn explains(ops: &[CellOp], order: &[u32]) -> bool {
    let model = Cell::new(Value::Int(0));
    let (mut state, mut latest) = (model.init(), 0);
    let mut seen = BTreeMap::new();
    for &number in order {
        let op = &ops[number as usize];
        let in_time = op.returned.is_none_or(|returned| latest <= returned);
        latest = latest.max(op.called);
        let next = model.step(&state, &op.input, op.seen.as_ref());
        let (true, Some(next), None) = (in_time, next, seen.insert(number, ())) else {
            return false;
        };
        state = next;
    }
    (0..)
        .zip(ops)
        .all(|(number, op)| op.returned.is_none() || seen.contains_key(&number))
}

/// Judges and checks what is said; whether there is an order.
fn judged(rows: &Rows, seed: u64) -> bool {
    let all: Vec<u32> = (0..).zip(&rows.rows).map(|(number, _)| number).collect();
    let whole = ops(rows, &all, &[]);
    let zoned = rows.judge();
    assert_eq!(
        zoned.excused,
        [false],
        "seed {seed}: values are written once"
    );
    if let [conflict] = &*zoned.conflicts {
        assert!(!has_order(&whole), "seed {seed}: {whole:#?}");
        let core = ops(rows, &conflict.rows, &conflict.weakened);
        assert!(!has_order(&core), "seed {seed}: {core:#?} of {whole:#?}");
        return false;
    }
    let order = zoned.order;
    assert!(
        explains(&whole, &order),
        "seed {seed}: {order:?} {whole:#?}"
    );
    true
}

fn count() -> u64 {
    let histories = std::env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(20_000, |count| count.parse().expect("a number"))
}

#[test]
fn small_registers_are_judged_as_by_the_search() {
    let (mut legal, mut illegal) = (0, 0);
    for seed in 0..count() {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let lies = [0.0, 0.1, 0.3][rng.random_range(0..3)];
        let (operations, width) = (rng.random_range(0..12), rng.random_range(1..6));
        let rows = register(operations, width, lies, rng);
        if judged(&rows, seed) {
            legal += 1;
        } else {
            illegal += 1;
        }
    }
    assert!(
        legal > count() / 3 && illegal > count() / 10,
        "{legal} {illegal}"
    );
}

#[test]
fn long_registers_are_judged_as_by_the_search() {
    let (mut legal, mut illegal) = (0, 0);
    for seed in 0..count() / 100 {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let lies = [0.0, 0.002, 0.02][rng.random_range(0..3)];
        let rows = register(200, rng.random_range(1..8), lies, rng);
        if judged(&rows, seed) {
            legal += 1;
        } else {
            illegal += 1;
        }
    }
    assert!(
        legal > count() / 500 && illegal > count() / 500,
        "{legal} {illegal}"
    );
}

#[test]
fn a_value_written_twice_is_not_covered() {
    let mut rows = with_values(2);
    rows.push(0, 1, NONE, 1);
    rows.push(2, 3, NONE, 1);
    assert_eq!(rows.judge().excused, [true]);
}

/// Two hundred writers are open at once, and all through there is a read of each of their values.
#[test]
fn many_open_operations_are_no_trouble() {
    let mut rows = with_values(201);
    for writer in 0..200 {
        rows.push(writer, 1000 + writer, NONE, writer + 1);
    }
    let mut readers: Vec<u32> = (0..200).collect();
    readers.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    for (place, value) in (200..).zip(readers) {
        rows.push(place, 2000 + place, value + 1, NONE);
    }
    assert_eq!(rows.judge().order.len(), 400);
}
