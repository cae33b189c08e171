//! A refuted window never lies, and a local contradiction is found in few steps.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{History, Model as Kind, RecordedHistory, Value};

use super::*;
use crate::budget::Budget;
use crate::court::{RecordedCourt, TypedCourt};
use crate::models::counter::{Counter, CounterInput, CounterOutput};
use crate::models::{Bundled, Cell, for_bundled};
use crate::partition::Partition;
use crate::search::search;
use crate::simulated::{Fault, Schedule, simulate};
use crate::trial::{Finding, Trial};

const CELLS: [Kind; 3] = [Kind::Register, Kind::CasRegister, Kind::Kv];

fn drawn(kind: Kind, operations: usize, rng: &mut impl Rng) -> Schedule {
    Schedule {
        model: kind,
        processes: rng.random_range(2..=6),
        operations,
        keys: u64::from(kind == Kind::Kv),
        values: rng.random_range(2..=4),
        unknown: [0.0, 0.1][rng.random_range(0..2)],
        failed: 0.05,
        tie: [0.0, 0.5][rng.random_range(0..2)],
        fault: [None, Some((Fault::Stale, 0.05))][rng.random_range(0..2)],
        haste: 0.5,
        actual: rng.random_bool(0.5),
        initial: [Value::Null, Value::Int(1)][rng.random_range(0..2)].clone(),
    }
}

type Part<B> = Partition<<B as Model>::Input, <B as Model>::Output>;

/// The model and the only partition, simplified as before a search; nothing where that settles it.
fn prepared<B: Bundled>(
    kind: Kind,
    initial: &Value,
    history: &RecordedHistory,
) -> Option<(B, Part<B>)> {
    let model = B::starting_as(Some(initial)).unwrap();
    let court = RecordedCourt::<B>::new(kind, Some(initial)).unwrap();
    let mut part = court.split(history).unwrap().pop()?;
    let simplified = B::expert().simplify(&model, &part.ops, &Budget::for_tests());
    part.ops = simplified.ops;
    simplified.impossible.is_none().then_some(())?;
    Some((simplified.model.unwrap_or(model), part))
}

fn limits(budget: &Budget) -> Limits<'_> {
    Limits {
        steps: budget.steps,
        bytes: budget.bytes,
        budget,
    }
}

/// How many windows of a history are refuted, and whether it has an order: then none is.
fn refuted<B: Bundled>(
    schedule: &Schedule,
    history: &RecordedHistory,
    name: &str,
) -> (usize, bool) {
    let Some((model, part)) = prepared::<B>(schedule.model, &schedule.initial, history) else {
        return (0, false);
    };
    let budget = Budget::for_tests();
    let limits = limits(&budget);
    let enough = Limits {
        steps: 100_000,
        ..limits
    };
    let has_order = search(&model, &part.ops, Prunings::ALL, enough).answer != Answer::NoOrder;
    let limits = Limits {
        steps: 20_000,
        ..limits
    };
    let refuter = Refuter {
        model: &model,
        expert: &*B::expert(),
        ops: &part.ops,
    };
    let last = (0..narrow(part.ops.len())).filter(|&op| part.ops[op as usize].returned.is_some());
    let is_refuted = |&op: &u32| refuter.refute(op, limits).refuted.is_some();
    let refuted = last.step_by(3).filter(is_refuted).count();
    assert!(refuted == 0 || !has_order, "{name}: {history:#?}");
    (refuted, has_order)
}

fn never_refutes_what_has_an_order(kinds: &[Kind], histories: u64) {
    let (mut all_refuted, mut legal) = (0, 0);
    for seed in 0..histories {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let kind = kinds[rng.random_range(0..kinds.len())];
        let mut schedule = drawn(kind, 60, &mut rng);
        if !CELLS.contains(&kind) {
            schedule.initial = Value::Null;
        }
        let (history, _) = simulate(&schedule, &mut rng);
        let name = format!("{kind}, seed {seed}");
        let (refuted, has_order) =
            for_bundled!(kind, B => refuted::<B>(&schedule, &history, &name));
        all_refuted += refuted;
        legal += u64::from(has_order);
    }
    assert!(all_refuted > 50, "{all_refuted} windows were refuted");
    assert!(legal > histories / 8, "{legal} histories had an order");
}

/// So many histories, or in proportion if the cross checks are to be longer.
fn count(histories: u64) -> u64 {
    let all = std::env::var("TESTIMONY_CROSS_CHECK").ok();
    all.map_or(histories, |all| {
        let all: u64 = all.parse().expect("TESTIMONY_CROSS_CHECK is a number");
        histories * all / 20_000
    })
}

#[test]
fn a_cell_that_has_an_order_is_never_refuted() {
    never_refutes_what_has_an_order(&CELLS, count(1500));
}

#[test]
fn a_counter_that_has_an_order_is_never_refuted() {
    never_refutes_what_has_an_order(&[Kind::Counter], count(600));
}

#[test]
fn a_set_that_has_an_order_is_never_refuted() {
    never_refutes_what_has_an_order(&[Kind::Set], count(600));
}

#[test]
fn a_mutex_that_has_an_order_is_never_refuted() {
    never_refutes_what_has_an_order(&[Kind::Mutex], count(600));
}

#[test]
fn a_log_that_has_an_order_is_never_refuted() {
    never_refutes_what_has_an_order(&[Kind::Log], count(200));
}

type Count = History<CounterInput, CounterOutput>;

/// Five processes add 1, 2 or 3 and read, so many outcomes stay unknown, and some late reads have
/// missed the last adds.
fn counting(operations: usize, unknown: usize, rng: &mut impl Rng) -> Count {
    let mut history = History::builder();
    let (mut sum, mut process) = (0_i128, 5);
    let mut open: Vec<(u64, _, CounterInput, Option<i128>)> = Vec::new();
    let mut idle: Vec<u64> = (0..5).collect();
    let lost = |at: usize| at % (operations / unknown) == 7;
    let mut begun = 0;
    while begun < operations || !open.is_empty() {
        if begun < operations && !idle.is_empty() && rng.random_bool(0.5) {
            let by = idle.swap_remove(rng.random_range(0..idle.len()));
            let input = if lost(begun) || rng.random_bool(0.5) {
                CounterInput::Add(rng.random_range(1..=3))
            } else {
                CounterInput::Read
            };
            let op = history.invoke(by, input);
            if lost(begun) {
                history.unknown(op);
                sum += if rng.random_bool(0.5) {
                    0
                } else {
                    added(input)
                };
                idle.push(process);
                process += 1;
            } else {
                open.push((by, op, input, None));
            }
            begun += 1;
        } else if !open.is_empty() {
            let at = rng.random_range(0..open.len());
            if let (by, op, input, Some(seen)) = open[at] {
                let is_stale = begun + 100 > operations && begun + 50 < operations;
                let missed = i128::from(is_stale && input == CounterInput::Read) * 9;
                history.complete(
                    op,
                    match input {
                        CounterInput::Read => CounterOutput::Value(seen - missed),
                        CounterInput::Add(_) => CounterOutput::Done,
                    },
                );
                idle.push(by);
                open.swap_remove(at);
            } else {
                sum += added(open[at].2);
                open[at].3 = Some(sum);
            }
        }
    }
    history.finish()
}

fn added(input: CounterInput) -> i128 {
    match input {
        CounterInput::Add(amount) => amount,
        CounterInput::Read => 0,
    }
}

/// Which of several adds a read has seen is a hard question. That it has missed some that another
/// read has seen is none.
#[test]
fn a_stale_read_of_a_counter_with_different_adds_and_many_unknown_outcomes_is_found() {
    for seed in 0..4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let history = counting(5000, 40, &mut rng);
        let model = Counter::new(0);
        let outcome = Trial {
            model: &model,
            expert: &*Counter::expert(),
            partitions: &TypedCourt { model: &model }.split(&history),
            budget: &Budget::for_tests(),
        }
        .run();
        assert!(
            matches!(outcome.finding, Finding::Illegal(..)),
            "seed {seed}"
        );
        assert!(
            outcome.work.steps <= 5000,
            "seed {seed}: {:?}",
            outcome.work
        );
    }
}

/// Where the contradiction is local, it takes a window to find it, not the history.
#[test]
fn a_local_contradiction_takes_few_steps_however_long_the_history() {
    let mut found = 0;
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = Schedule {
            processes: 5,
            values: 5,
            unknown: 0.0,
            fault: Some((Fault::Stale, 0.002)),
            initial: Value::Null,
            ..drawn(Kind::CasRegister, 4000, &mut rng)
        };
        let (history, _) = simulate(&schedule, &mut rng);
        let Some((model, part)) = prepared::<Cell>(Kind::CasRegister, &Value::Null, &history)
        else {
            continue;
        };
        let budget = Budget::for_tests();
        let exhaustive = search(&model, &part.ops, Prunings::ALL, limits(&budget));
        let (Answer::NoOrder, Some(last)) = (exhaustive.answer, exhaustive.furthest) else {
            continue;
        };
        let refuter = Refuter {
            model: &model,
            expert: &*Cell::expert(),
            ops: &part.ops,
        };
        let refutation = refuter.refute(last, limits(&budget));
        assert_eq!(refutation.refuted, Some(last), "seed {seed}");
        assert!(refutation.work.steps < 2000, "seed {seed}: {refutation:?}");
        found += 1;
    }
    assert!(found >= 5, "{found} histories had no order");
}
