//! The stream against brute force and the batch check: the same verdict, at the very event that
//! makes the prefix illegal, in memory that does not grow with the history.

mod simulated;

use std::collections::HashMap;
use std::env;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{
    Budget, Stream, StreamLimits, StreamSize, StreamVerdict, Ticket, Verdict, check_recorded,
    oracle,
};
use testimony_history::{
    Answer, Call, Function, History, Model, Operation, Origin, Outcome, Position, RecordedHistory,
    Value,
};

/// How many histories of each model are judged.
fn count() -> u64 {
    let histories = env::var("TESTIMONY_CROSS_CHECK").ok();
    let count = histories.map_or(20_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    });
    count / 8
}

/// An operation is called, or ends. An unknown outcome is learnt at once or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Call(usize),
    End(usize),
}

/// What a stream is told of a history, in the order of positions.
fn told(history: &RecordedHistory) -> Vec<Told> {
    let mut events: Vec<(Position, Told)> = Vec::new();
    for (number, op) in history.operations().iter().enumerate() {
        events.push((op.called, Told::Call(number)));
        let learnt = op.returned.is_some() || number % 2 == 0;
        events.extend(learnt.then(|| (end_of(op), Told::End(number))));
    }
    events.sort();
    events.into_iter().map(|(_, event)| event).collect()
}

fn end_of(op: &Operation<Call, Answer>) -> Position {
    op.returned.unwrap_or(op.called)
}

fn position(index: u64) -> Position {
    Position::try_from(index).expect("the index is a position")
}

/// A stream, and the operations that it has been told of.
struct Telling<'a> {
    stream: Stream,
    history: &'a RecordedHistory,
    tickets: HashMap<usize, Ticket>,
    /// Whether the stream is asked after every event.
    impatient: bool,
}

impl<'a> Telling<'a> {
    fn new(schedule: &Schedule, history: &'a RecordedHistory, impatient: bool) -> Self {
        let limits = StreamLimits::default();
        Telling {
            stream: Stream::new(schedule.model, Some(&schedule.initial), limits)
                .expect("the initial value is right"),
            history,
            tickets: HashMap::new(),
            impatient,
        }
    }

    fn op(&self, number: usize) -> &'a Operation<Call, Answer> {
        &self.history.operations()[number]
    }

    fn tell(&mut self, event: Told) {
        match event {
            Told::Call(number) => {
                let op = self.op(number);
                let after: Vec<Ticket> = self.before(number);
                let ticket = self.stream.call(op.process, &op.input, &after);
                self.tickets.insert(number, ticket);
            }
            Told::End(number) => {
                let op = self.op(number);
                let origin = Origin {
                    index: u64::from(end_of(op)),
                    ..Origin::default()
                };
                let ticket = self.tickets[&number];
                self.stream.end(ticket, &op.input, &op.outcome, origin);
            }
        }
        if self.impatient {
            self.stream.catch_up();
        }
    }

    /// The completed operations that `after` links lead to, the earliest first.
    fn before(&self, number: usize) -> Vec<Ticket> {
        let mut before = Vec::new();
        let mut at = self.op(number).after;
        while let Some(earlier) = at {
            let op = self.op(earlier as usize);
            match op.outcome {
                Outcome::Completed(_) => before.push(self.tickets[&(earlier as usize)]),
                Outcome::Failed => {}
                Outcome::Unknown => break,
            }
            at = op.after;
        }
        before.reverse();
        before
    }

    fn violation(&self) -> Option<Position> {
        let violation = self.stream.violation()?;
        Some(position(violation.event.index))
    }
}

/// What was known of a history at a position.
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
    let initial = Some(&schedule.initial);
    oracle::judge_recorded(schedule.model, initial, history)
        .expect("it can be read")
        .expect("it is small")
}

/// The end of the shortest illegal prefix, by brute force.
fn first_illegal(schedule: &Schedule, history: &RecordedHistory) -> Option<Position> {
    if is_legal(schedule, history) {
        return None;
    }
    let ends = told(history).into_iter().filter_map(|event| match event {
        Told::End(number) => history.operations()[number].returned,
        Told::Call(_) => None,
    });
    let illegal = |&end: &Position| !is_legal(schedule, &prefix(history, end));
    Some(
        ends.into_iter()
            .find(illegal)
            .expect("the whole is illegal"),
    )
}

fn small(model: Model, rng: &mut impl Rng) -> Schedule {
    let fault = [
        None,
        Some(Fault::Stale),
        Some(Fault::Lost),
        Some(Fault::Twice),
    ][rng.random_range(0..4)];
    Schedule {
        model,
        processes: rng.random_range(1..=6),
        operations: rng.random_range(1..=12),
        keys: if model == Model::Kv {
            rng.random_range(1..=2)
        } else {
            rng.random_range(0..=1)
        },
        values: [0, 1, 2, 3][rng.random_range(0..4)],
        unknown: [0.0, 0.05, 0.25][rng.random_range(0..3)],
        failed: [0.0, 0.15][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.3, 0.8][rng.random_range(0..4)],
        fault: fault.map(|fault| (fault, 0.25)),
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: rng.random_bool(0.5),
        initial: Value::Null,
    }
}

fn agrees_with_brute_force(model: Model) {
    let mut illegal = 0;
    for seed in 0..count() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(model, &mut rng);
        let (history, _) = simulate(&schedule, &mut rng);
        let expected = first_illegal(&schedule, &history);
        illegal += u64::from(expected.is_some());
        let name = || format!("{model}, seed {seed}: {history:#?}");

        let mut patient = Telling::new(&schedule, &history, false);
        let mut impatient = Telling::new(&schedule, &history, true);
        for event in told(&history) {
            patient.tell(event);
            impatient.tell(event);
            let now = match event {
                Told::Call(number) => history.operations()[number].called,
                Told::End(number) => end_of(&history.operations()[number]),
            };
            let due = expected.filter(|&first| first <= now);
            assert_eq!(impatient.violation(), due, "at {now}, {}", name());
        }
        for telling in [patient, impatient] {
            match (telling.stream.finish(), expected) {
                (StreamVerdict::Linearizable, None) => {}
                (StreamVerdict::Illegal(violation), Some(first)) => {
                    assert_eq!(violation.event.index, u64::from(first), "{}", name());
                }
                (verdict, _) => panic!("{verdict:?} instead of {expected:?}, {}", name()),
            }
        }
    }
    assert!(
        illegal > count() / 20,
        "{model}: only {illegal} are illegal"
    );
}

macro_rules! cross_checks {
    ($($name:ident: $model:expr;)*) => {
        $(#[test] fn $name() { agrees_with_brute_force($model); })*
    };
}

cross_checks! {
    registers_are_found_illegal_at_the_very_event: Model::Register;
    cas_registers_are_found_illegal_at_the_very_event: Model::CasRegister;
    maps_are_found_illegal_at_the_very_event: Model::Kv;
    counters_are_found_illegal_at_the_very_event: Model::Counter;
    sets_are_found_illegal_at_the_very_event: Model::Set;
    queues_are_found_illegal_at_the_very_event: Model::Queue;
    mutexes_are_found_illegal_at_the_very_event: Model::Mutex;
    logs_are_found_illegal_at_the_very_event: Model::Log;
}

/// Some hundreds of operations, of which some hang and some are unknown.
fn medium(model: Model, rng: &mut impl Rng) -> Schedule {
    Schedule {
        processes: rng.random_range(2..=5),
        operations: rng.random_range(200..=900),
        keys: rng.random_range(1..=3),
        values: rng.random_range(0..=5),
        unknown: [0.0, 0.002][rng.random_range(0..2)],
        tie: [0.0, 0.2][rng.random_range(0..2)],
        fault: rng.random_bool(0.7).then_some((Fault::Stale, 0.003)),
        haste: 0.6,
        ..small(model, rng)
    }
}

#[test]
fn long_histories_are_judged_as_by_the_search_and_so_are_their_prefixes() {
    for model in Model::ALL {
        let (mut illegal, mut undecided) = (0, 0);
        for seed in 0..count() / 100 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let schedule = medium(model, &mut rng);
            let (history, _) = simulate(&schedule, &mut rng);
            let mut telling = Telling::new(&schedule, &history, false);
            told(&history)
                .into_iter()
                .for_each(|event| telling.tell(event));
            let judged = |history: &RecordedHistory| {
                let budget = Budget::for_tests();
                check_recorded(model, Some(&schedule.initial), history, &budget).verdict
            };
            let name = format!("{model}, seed {seed}");
            match telling.stream.finish() {
                StreamVerdict::Linearizable => {
                    let verdict = judged(&history);
                    assert!(matches!(verdict, Verdict::Linearizable(_)), "{name}");
                }
                StreamVerdict::Illegal(violation) => {
                    illegal += 1;
                    let end = position(violation.event.index);
                    let until = judged(&prefix(&history, end));
                    assert!(matches!(until, Verdict::Illegal(_)), "{name}: {until:?}");
                    let before = judged(&prefix(&history, end - 1));
                    let fine = matches!(before, Verdict::Linearizable(_));
                    assert!(fine, "{name}: {before:?}");
                }
                StreamVerdict::Undecided(why) => {
                    // The order of concurrent enqueues stays open until the values come out.
                    assert_eq!(model, Model::Queue, "{name}: {why:?}");
                    undecided += 1;
                }
            }
        }
        assert!(undecided <= count() / 300, "{model}: {undecided}");
        assert!(illegal > 0 || count() < 1000, "{model}");
    }
}

fn call(f: Function, value: Option<i64>) -> Call {
    Call {
        f,
        key: None,
        value: value.map(Value::Int),
    }
}

fn saw(value: i64) -> Outcome<Answer> {
    Outcome::Completed(Answer {
        value: Some(Value::Int(value)),
        ..Answer::default()
    })
}

fn line(line: u32) -> Origin {
    Origin {
        line,
        ..Origin::default()
    }
}

fn done() -> Outcome<Answer> {
    Outcome::Completed(Answer::default())
}

#[test]
fn any_number_of_operations_may_be_open_at_once() {
    for (open, read, legal) in [
        (31, 31, true),
        (64, 65, false),
        (130, 129, false),
        (200, 200, true),
    ] {
        let mut stream = Stream::new(Model::Counter, None, StreamLimits::default())
            .expect("a counter starts at 0");
        let add = call(Function::Add, Some(1));
        let tickets: Vec<Ticket> = (0..open).map(|p| stream.call(p, &add, &[])).collect();
        for ticket in tickets {
            stream.end(ticket, &add, &done(), line(1));
        }
        let look = call(Function::Read, None);
        let ticket = stream.call(1000, &look, &[]);
        stream.end(ticket, &look, &saw(read), line(2));
        stream.catch_up();
        assert_eq!(stream.violation().is_none(), legal, "{read} of {open}");
    }
}

/// The read hangs, so its answer is not known while all else goes on; what it says in the end is
/// held against everything that happened meanwhile.
#[test]
fn an_operation_that_hangs_delays_no_verdict_and_is_judged_in_the_end() {
    for (hanging_saw, legal) in [(500, true), (5000, false)] {
        let mut stream = Stream::new(Model::Register, None, StreamLimits::default())
            .expect("a register starts empty");
        let (look, hanging) = (call(Function::Read, None), 999);
        let ticket = stream.call(hanging, &look, &[]);
        for value in 0..1000 {
            let write = call(Function::Write, Some(value));
            let writing = stream.call(1, &write, &[]);
            stream.end(writing, &write, &done(), line(1));
            let reading = stream.call(2, &look, &[]);
            stream.end(reading, &look, &saw(value), line(2));
        }
        stream.catch_up();
        assert_eq!(stream.violation(), None);
        stream.end(ticket, &look, &saw(hanging_saw), line(3));
        stream.catch_up();
        assert_eq!(stream.violation().is_none(), legal, "{hanging_saw}");
        assert!(stream.violation().is_none_or(|found| found.event.line == 3));
    }
}

#[test]
fn a_violation_is_found_while_another_operation_hangs() {
    let mut stream =
        Stream::new(Model::Register, None, StreamLimits::default()).expect("it starts empty");
    let look = call(Function::Read, None);
    stream.call(999, &call(Function::Write, Some(-1)), &[]);
    for (value, read, number) in [(1, 1, 1), (2, -1, 2), (3, 3, 3), (4, 3, 4), (5, 5, 5)] {
        let write = call(Function::Write, Some(value));
        let writing = stream.call(1, &write, &[]);
        stream.end(writing, &write, &done(), line(0));
        let reading = stream.call(2, &look, &[]);
        stream.end(reading, &look, &saw(read), line(number));
    }
    stream.catch_up();
    assert_eq!(stream.violation().map(|found| found.event.line), Some(4));
}

#[test]
fn an_answer_that_comes_too_late_makes_undecided_never_green() {
    let limits = StreamLimits {
        window: 1000,
        ..StreamLimits::default()
    };
    let mut stream = Stream::new(Model::Register, None, limits).expect("it starts empty");
    let look = call(Function::Read, None);
    let hanging = stream.call(999, &look, &[]);
    for value in 0..2000 {
        let write = call(Function::Write, Some(value));
        let writing = stream.call(1, &write, &[]);
        stream.end(writing, &write, &done(), line(1));
    }
    assert!(stream.size().events <= limits.window);
    stream.end(hanging, &look, &saw(7), line(2));
    assert!(matches!(stream.finish(), StreamVerdict::Undecided(_)));
}

#[test]
fn what_outgrows_its_limits_is_given_up_never_green() {
    let limits = StreamLimits {
        configurations: 50,
        ..StreamLimits::default()
    };
    let mut stream = Stream::new(Model::Queue, None, limits).expect("it starts empty");
    let enqueues: Vec<Call> = (0..12).map(|v| call(Function::Enqueue, Some(v))).collect();
    let tickets: Vec<Ticket> = (0..)
        .zip(&enqueues)
        .map(|(process, enqueue)| stream.call(process, enqueue, &[]))
        .collect();
    for (ticket, enqueue) in tickets.into_iter().zip(&enqueues) {
        stream.end(ticket, enqueue, &done(), line(1));
    }
    assert!(matches!(stream.finish(), StreamVerdict::Undecided(_)));
}

/// The most that a stream holds while it is told of ever more operations.
fn most_held(model: Model, operations: usize, keys: u64, hanging: bool) -> StreamSize {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let schedule = Schedule {
        processes: 6,
        keys,
        values: if model == Model::Kv { 0 } else { 3 },
        unknown: 0.0,
        failed: 0.0,
        tie: 0.0,
        fault: None,
        haste: 0.5,
        operations,
        ..small(model, &mut rng)
    };
    let (history, _) = simulate(&schedule, &mut rng);
    let mut telling = Telling::new(&schedule, &history, false);
    if hanging {
        // A client that died in the middle of it: open across the whole history.
        let write = Call {
            f: Function::Write,
            key: Some(Value::from("k0")),
            value: Some(Value::Int(-1)),
        };
        telling.stream.call(1_000_000, &write, &[]);
    }
    let mut most = StreamSize::default();
    for (number, event) in told(&history).into_iter().enumerate() {
        telling.tell(event);
        if number % 64 == 0 {
            let size = telling.stream.size();
            most.events = most.events.max(size.events);
            most.configurations = most.configurations.max(size.configurations);
            most.bytes = most.bytes.max(size.bytes);
        }
    }
    assert_eq!(telling.stream.finish(), StreamVerdict::Linearizable);
    most
}

#[test]
fn memory_does_not_grow_with_the_history() {
    for (model, keys) in [(Model::Kv, 5), (Model::CasRegister, 1), (Model::Mutex, 1)] {
        let most = most_held(model, 100_000, keys, false);
        assert!(most.events < 3_000, "{model}: {most:?}");
        assert!(most.configurations < 2_000, "{model}: {most:?}");
        assert!(most.bytes < 16 << 20, "{model}: {most:?}");
    }
}

#[test]
fn a_client_that_died_does_not_make_memory_grow() {
    let most = most_held(Model::Kv, 200_000, 1, true);
    assert!(
        most.events <= StreamLimits::default().window + 2,
        "{most:?}"
    );
    assert!(most.bytes < 64 << 20, "{most:?}");
}
