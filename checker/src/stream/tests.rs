//! Zones against the search and the batch check, event by event.

use std::env;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{
    Answer, Call, Function, History, Operation, Origin, Outcome, Position, RecordedHistory, Value,
};

use super::*;
use crate::models::Cell;
use crate::simulated::{Fault, Schedule, simulate};
use crate::{Budget, Verdict, check_recorded};

fn count() -> u64 {
    let histories = env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(2_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    })
}

/// A register whose values are mostly written once, read wrongly now and then, with one operation
/// that hangs.
fn drawn(rng: &mut impl Rng) -> (Schedule, RecordedHistory) {
    let schedule = Schedule {
        model: Kind::Register,
        processes: rng.random_range(1..=9),
        operations: rng.random_range(5..=70),
        keys: 0,
        values: [0, 0, 0, 9, 40][rng.random_range(0..5)],
        unknown: [0.0, 0.03, 0.2][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.3][rng.random_range(0..3)],
        fault: [
            None,
            Some((Fault::Stale, 0.02)),
            Some((Fault::Lost, 0.05)),
            Some((Fault::Stale, 0.2)),
        ][rng.random_range(0..4)],
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: false,
        initial: [Value::Null, Value::Int(1)][rng.random_range(0..2)].clone(),
    };
    let (history, _) = simulate(&schedule, rng);
    let mut operations = history.operations().to_vec();
    if rng.random_bool(0.4) {
        read_something_else(&mut operations, rng);
    }
    if rng.random_bool(0.4) {
        let hanging = rng.random_range(0..operations.len());
        if operations[hanging].returned.is_some() {
            operations[hanging].returned = operations.iter().filter_map(|op| op.returned).max();
        }
    }
    (schedule, History::from_operations(operations))
}

/// Lets one read have seen what some write wrote, or was to write.
fn read_something_else(operations: &mut [Operation<Call, Answer>], rng: &mut impl Rng) {
    let value = operations[rng.random_range(0..operations.len())]
        .input
        .value
        .clone();
    let read = &mut operations[rng.random_range(0..operations.len())];
    if read.input.f == Function::Read && matches!(read.outcome, Outcome::Completed(_)) {
        read.outcome = Outcome::Completed(Answer {
            value: Some(value.unwrap_or_default()),
            ..Answer::default()
        });
    }
}

/// Calls before ends where positions are equal; an unknown outcome is learnt at once or never.
fn told(history: &RecordedHistory) -> Vec<(Position, bool, usize)> {
    let mut events = Vec::new();
    for (number, op) in history.operations().iter().enumerate() {
        events.push((op.called, false, number));
        if op.returned.is_some() || number % 2 == 0 {
            events.push((op.returned.unwrap_or(op.called), true, number));
        }
    }
    events.sort();
    events
}

/// A stream that is told of a history.
struct Telling<'a> {
    keys: Keys<Cell>,
    history: &'a RecordedHistory,
    tickets: Vec<Option<Ticket>>,
}

impl<'a> Telling<'a> {
    fn new(schedule: &Schedule, history: &'a RecordedHistory, by_zones: bool) -> Self {
        let cell = Cell::starting_as(Some(&schedule.initial)).unwrap();
        let mut keys = Keys::new(cell, StreamLimits::default());
        if !by_zones {
            keys.terms = None;
        }
        Telling {
            keys,
            history,
            tickets: vec![None; history.operations().len()],
        }
    }

    fn tell(&mut self, (at, is_end, number): (Position, bool, usize)) {
        let op = &self.history.operations()[number];
        if is_end {
            let origin = Origin {
                index: u64::from(at),
                ..Origin::default()
            };
            let ticket = self.tickets[number].unwrap();
            self.keys.end(ticket, &op.input, &op.outcome, origin);
        } else {
            let after: Vec<Ticket> = op
                .after
                .into_iter()
                .filter_map(|after| self.tickets[after as usize])
                .collect();
            self.tickets[number] = Some(self.keys.call(op.process, &op.input, &after));
        }
        self.keys.catch_up();
    }

    fn is_by_zones(&self) -> bool {
        let by_zones = |object: &Object<Cell>| matches!(object, Object::ByZones(..));
        self.keys.objects.iter().all(by_zones)
    }
}

fn prefix(history: &RecordedHistory, end: Position) -> RecordedHistory {
    let called = history.operations().iter().filter(|op| op.called <= end);
    let known = called.map(|op| match op.returned {
        Some(returned) if returned <= end => op.clone(),
        _ => Operation {
            outcome: Outcome::Unknown,
            returned: None,
            ..op.clone()
        },
    });
    History::from_operations(known.collect())
}

fn is_legal(schedule: &Schedule, history: &RecordedHistory) -> bool {
    let judged = check_recorded(
        schedule.model,
        Some(&schedule.initial),
        history,
        &Budget::for_tests(),
    );
    match judged.verdict {
        Verdict::Linearizable(_) => true,
        Verdict::Illegal(_) => false,
        Verdict::Undecided(why) => panic!("{why:?}"),
    }
}

#[test]
fn zones_say_what_the_search_says_at_every_event_and_the_batch_check_of_every_prefix() {
    let (mut illegal, mut by_zones, mut handed_over) = (0, 0, 0);
    for seed in 0..count() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (schedule, history) = drawn(&mut rng);
        let mut zones = Telling::new(&schedule, &history, true);
        let mut search = Telling::new(&schedule, &history, false);
        let events = told(&history);
        let mut kept = true;
        for (number, &event) in events.iter().enumerate() {
            zones.tell(event);
            search.tell(event);
            let found = zones.keys.violation();
            let name = || format!("seed {seed}, {event:?}: {schedule:?}, {history:#?}");
            assert_eq!(found, search.keys.violation(), "{}", name());
            let is_last_of_its_time = events.get(number + 1).is_none_or(|next| next.0 > event.0);
            if is_last_of_its_time && rng.random_bool(0.1) {
                let legal = is_legal(&schedule, &prefix(&history, event.0));
                assert_eq!(found.is_none(), legal, "{}", name());
            }
            kept &= zones.is_by_zones();
        }
        let found = zones.keys.violation().is_some();
        assert_eq!(!found, is_legal(&schedule, &history), "seed {seed}");
        let undecided = zones.keys.undecided();
        assert_eq!(undecided, None, "seed {seed}: {schedule:?}");
        illegal += u64::from(found);
        by_zones += u64::from(kept);
        handed_over += u64::from(!kept && !found);
    }
    assert!(illegal > count() / 10, "only {illegal} are illegal");
    assert!(
        by_zones > count() / 10,
        "only {by_zones} were judged by zones"
    );
    assert!(
        handed_over > count() / 20,
        "only {handed_over} were handed over"
    );
}

fn write(value: i64) -> Call {
    Call {
        f: Function::Write,
        key: None,
        value: Some(Value::Int(value)),
    }
}

fn read() -> Call {
    Call {
        f: Function::Read,
        key: None,
        value: None,
    }
}

fn saw(value: i64) -> Outcome<Answer> {
    Outcome::Completed(Answer {
        value: Some(Value::Int(value)),
        ..Answer::default()
    })
}

/// A register, told of one operation after the other.
struct Register(Keys<Cell>);

impl Register {
    fn new() -> Self {
        Register(Keys::new(Cell::default(), StreamLimits::default()))
    }

    fn call(&mut self, call: &Call) -> Ticket {
        self.0.call(1, call, &[])
    }

    fn end(&mut self, ticket: Ticket, call: &Call, outcome: &Outcome<Answer>) {
        self.0.end(ticket, call, outcome, Origin::default());
    }

    fn wrote(&mut self, value: i64) {
        let ticket = self.call(&write(value));
        self.end(
            ticket,
            &write(value),
            &Outcome::Completed(Answer::default()),
        );
    }

    fn read(&mut self, value: i64) {
        let ticket = self.call(&read());
        self.end(ticket, &read(), &saw(value));
    }

    fn is_by_zones(&self) -> bool {
        matches!(self.0.objects[0], Object::ByZones(..))
    }
}

#[test]
fn a_value_that_was_overwritten_long_ago_is_forgotten_and_may_not_be_read() {
    let mut register = Register::new();
    for value in 0..1000 {
        register.wrote(value);
        assert!(register.0.size().events < 8);
    }
    register.read(999);
    assert_eq!(register.0.violation(), None);
    register.read(3);
    assert!(register.0.violation().is_some());
}

#[test]
fn a_value_that_was_overwritten_may_be_written_again_without_a_search() {
    let mut register = Register::new();
    for value in 0..1000 {
        register.wrote(value % 5);
        register.read(value % 5);
    }
    assert!(register.is_by_zones());
    assert_eq!(register.0.violation(), None);
    register.read(3);
    assert!(register.0.violation().is_some());
}

#[test]
fn a_value_that_is_written_while_it_may_still_be_there_is_left_to_the_search() {
    let mut register = Register::new();
    register.wrote(1);
    register.wrote(2);
    register.read(2);
    register.wrote(2);
    assert!(!register.is_by_zones());
    register.read(2);
    assert_eq!(register.0.violation(), None);
    register.read(1);
    register.0.catch_up();
    assert!(register.0.violation().is_some());
}

#[test]
fn a_write_that_hangs_holds_nothing_and_may_be_read_at_any_time() {
    let mut register = Register::new();
    let hanging = register.call(&write(-1));
    for value in 0..1000 {
        register.wrote(value);
        register.read(value);
    }
    assert!(register.0.size().events < 8);
    register.read(-1);
    register.wrote(1000);
    assert_eq!(register.0.violation(), None);
    register.end(hanging, &write(-1), &Outcome::Failed);
    assert!(register.0.violation().is_some());
}

#[test]
fn a_read_that_hangs_is_held_against_all_that_it_may_have_seen() {
    for (seen, legal) in [(500, true), (999, true), (5000, false)] {
        let mut register = Register::new();
        let hanging = register.call(&read());
        for value in 0..1000 {
            register.wrote(value);
        }
        register.end(hanging, &read(), &saw(seen));
        assert_eq!(register.0.violation().is_none(), legal, "{seen}");
        assert!(!legal || register.0.size().events < 8);
    }
}
