//! A refuted window never lies, and a local contradiction is found in few steps.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{Model as Kind, RecordedHistory, Value};

use super::*;
use crate::budget::Budget;
use crate::court::RecordedCourt;
use crate::models::{Bundled, Cell};
use crate::partition::Partition;
use crate::search::search;
use crate::simulated::{Fault, Schedule, simulate};

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

type Part = Partition<<Cell as Model>::Input, <Cell as Model>::Output>;

/// The model and the only partition, simplified as before a search; nothing where that settles it.
fn prepared(kind: Kind, initial: &Value, history: &RecordedHistory) -> Option<(Cell, Part)> {
    let model = Cell::starting_as(Some(initial)).unwrap();
    let court = RecordedCourt::<Cell>::new(kind, Some(initial)).unwrap();
    let mut part = court.split(history).unwrap().pop()?;
    let simplified = Cell::expert().simplify(&model, &part.ops);
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

#[test]
fn a_history_with_an_order_is_never_refuted() {
    let (mut refuted, mut legal) = (0, 0);
    for seed in 0..1500 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let kind = CELLS[rng.random_range(0..3)];
        let schedule = drawn(kind, 60, &mut rng);
        let (history, _) = simulate(&schedule, &mut rng);
        let Some((model, part)) = prepared(kind, &schedule.initial, &history) else {
            continue;
        };
        let budget = Budget::for_tests();
        let limits = limits(&budget);
        let has_order = search(&model, &part.ops, Prunings::ALL, limits).answer != Answer::NoOrder;
        legal += usize::from(has_order);
        let refuter = Refuter {
            model: &model,
            expert: &*Cell::expert(),
            ops: &part.ops,
        };
        let last =
            (0..narrow(part.ops.len())).filter(|&op| part.ops[op as usize].returned.is_some());
        for last in last.step_by(3) {
            let refutation = refuter.refute(last, limits);
            assert!(
                refutation.refuted.is_none() || !has_order,
                "{kind}, seed {seed}, up to {last}: {history:#?}"
            );
            refuted += usize::from(refutation.refuted.is_some());
        }
    }
    assert!(refuted > 50, "{refuted} windows were refuted");
    assert!(legal > 200, "{legal} histories had an order");
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
        let Some((model, part)) = prepared(Kind::CasRegister, &Value::Null, &history) else {
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
