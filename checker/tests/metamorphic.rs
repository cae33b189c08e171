//! A sound relaxation keeps a linearizable history linearizable, and a history that becomes illegal
//! by it was illegal before. A strengthening keeps an illegal history illegal.

mod relaxed;
mod seeds;
mod simulated;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use relaxed::{Op, Relaxation};
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Budget, Reason, Verdict, decide_compact, verify_recorded};
use testimony_history::{
    Answer, Call, CompactHistory, Function, Model, Origin, Outcome, RecordedHistory, Value,
};

fn schedule(model: Model, rng: &mut impl Rng) -> Schedule {
    let faults = [Fault::Stale, Fault::Lost, Fault::Twice];
    let fault = faults[rng.random_range(0..3)];
    // Of a mutex, little can be lost: most calls are refused.
    let chance = if model == Model::Mutex { 0.1 } else { 0.01 };
    Schedule {
        model,
        processes: rng.random_range(2..=10),
        operations: rng.random_range(20..=400),
        keys: if model == Model::Kv {
            3
        } else {
            rng.random_range(0..=2)
        },
        values: [0, 0, 5][rng.random_range(0..3)],
        unknown: [0.0, 0.01, 0.03][rng.random_range(0..3)],
        failed: 0.02,
        tie: if model == Model::Mutex {
            0.0
        } else {
            [0.0, 0.2][rng.random_range(0..2)]
        },
        fault: rng.random_bool(0.5).then_some((fault, chance)),
        haste: [0.5, 0.8][rng.random_range(0..2)],
        actual: rng.random_bool(0.5),
        initial: Value::Null,
    }
}

/// Whether the history is linearizable; `None` if that takes too long.
fn judge(model: Model, history: &RecordedHistory) -> Option<bool> {
    let budget = Budget {
        steps: 100_000,
        ..Budget::for_tests()
    };
    let columns = CompactHistory::of(model, history);
    let decision = decide_compact(None, &columns, &budget);
    if decision.is_illegal() {
        return Some(false);
    }
    match decision.conclude().verdict {
        Verdict::Linearizable(witness) => {
            assert_eq!(verify_recorded(model, None, history, &witness), Ok(Ok(())));
            Some(true)
        }
        Verdict::Illegal(_) => unreachable!("the first half of the check decides"),
        Verdict::Undecided(why) => {
            let ours = matches!(
                why.reason,
                Reason::EvidenceFailed(_) | Reason::NotCovered(_)
            );
            assert!(!ours, "{model}: {}", why.reason);
            None
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    pairs: u64,
    decided: u64,
    illegal: u64,
}

impl Tally {
    /// So that a test that compares nothing does not stay green.
    fn assert_meaningful(&self, name: &str) {
        assert!(self.decided * 2 > self.pairs, "{name}: {self:?}");
        assert!(self.illegal > 0, "{name}: {self:?}");
    }
}

/// Compares a history with its relaxation, `weak`.
fn compare(
    model: Model,
    (strong, weak): (&RecordedHistory, &RecordedHistory),
    legal: bool,
    tally: &mut Tally,
    name: &str,
) {
    let verdicts = (judge(model, strong), judge(model, weak));
    assert!(
        !matches!(verdicts, (Some(true), Some(false))),
        "{name}: an explained history became illegal: {strong:#?}, {weak:#?}"
    );
    let wrong = legal && (verdicts.0 == Some(false) || verdicts.1 == Some(false));
    assert!(
        !wrong,
        "{name}: nothing was wrong: {verdicts:?}, {strong:#?}, {weak:#?}"
    );
    tally.pairs += 1;
    tally.decided += u64::from(verdicts.0.is_some() && verdicts.1.is_some());
    tally.illegal += u64::from(verdicts.0 == Some(false));
}

fn relaxes(model: Model) {
    let mut tally = Tally::default();
    for seed in seeds::seeds(12, 10_000) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (history, faulty) = simulate(&schedule(model, &mut rng), &mut rng);
        for (name, relax) in relaxed::ALL {
            let relax: Relaxation = relax;
            if let Some(weak) = relax(model, &history, &mut rng) {
                let name = format!("{model}, seed {seed}, {name}");
                compare(model, (&history, &weak), !faulty, &mut tally, &name);
            }
        }
        let weak = relaxed::with_one_open_throughout(&history, &mut rng);
        if model != Model::Mutex {
            let name = format!("{model}, seed {seed}, one operation is always open");
            compare(model, (&history, &weak), !faulty, &mut tally, &name);
        }
    }
    tally.assert_meaningful(model.name());
}

fn strengthens(model: Model) {
    let mut tally = Tally::default();
    for seed in seeds::seeds(12, 10_000) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (history, _) = simulate(&schedule(model, &mut rng), &mut rng);
        for strengthen in [narrowed, with_a_read_more, with_unknown_outcomes_learnt] {
            if let Some(strong) = strengthen(model, &history, &mut rng) {
                let name = format!("{model}, seed {seed}");
                compare(model, (&strong, &history), false, &mut tally, &name);
            }
        }
    }
    tally.assert_meaningful(model.name());
}

/// Some operations take less time.
fn narrowed(_: Model, given: &RecordedHistory, rng: &mut dyn Rng) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    let tied: Vec<usize> = ops
        .iter()
        .filter_map(|op| Some(op.after? as usize))
        .collect();
    for (at, op) in ops.iter_mut().enumerate() {
        let Some(returned) = op.returned.filter(|_| !tied.contains(&at)) else {
            continue;
        };
        if rng.random_bool(0.1) {
            op.called = rng.random_range(op.called..returned);
            op.returned = Some(rng.random_range(op.called + 1..=returned));
        }
    }
    Some(relaxed::history(ops))
}

/// One more process reads what somebody read or wrote.
fn with_a_read_more(
    model: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    if matches!(model, Model::Queue | Model::Mutex) {
        return None;
    }
    let read = |op: &&Op| op.input.f == Function::Read && op.input.value.is_none();
    let reads: Vec<&Op> = ops
        .iter()
        .filter(read)
        .filter(|op| matches!(op.outcome, Outcome::Completed(_)))
        .collect();
    let mut more = reads
        .get(rng.random_range(0..reads.len().max(1)))?
        .to_owned()
        .clone();
    let last = ops.iter().filter_map(|op| op.returned).max()?;
    more.process = ops.iter().map(|op| op.process).max()? + 1;
    more.called = rng.random_range(0..=last);
    more.returned = Some(rng.random_range(more.called + 1..=last + 5));
    more.after = None;
    more.call = Origin {
        index: 1_000_000,
        ..Origin::default()
    };
    more.end = None;
    ops.push(more);
    Some(relaxed::history(ops))
}

/// Unknown updates turn out to have happened, at the very end.
fn with_unknown_outcomes_learnt(
    _: Model,
    given: &RecordedHistory,
    rng: &mut dyn Rng,
) -> Option<RecordedHistory> {
    let mut ops = given.operations().to_vec();
    let mut last = ops
        .iter()
        .filter_map(|op| op.returned.or(Some(op.called)))
        .max()?;
    let mut any = false;
    for op in ops.iter_mut().filter(|op| op.outcome == Outcome::Unknown) {
        let Some(answer) = silent(&op.input, rng) else {
            continue;
        };
        last += 1;
        (op.outcome, op.returned) = (Outcome::Completed(answer), Some(last));
        any = true;
    }
    any.then(|| relaxed::history(ops))
}

/// An answer that an update may give and that says little.
fn silent(call: &Call, rng: &mut dyn Rng) -> Option<Answer> {
    match call.f {
        Function::Write
        | Function::Add
        | Function::Remove
        | Function::Append
        | Function::Enqueue
        | Function::Release => Some(Answer::default()),
        Function::Cas => Some(Answer {
            swapped: Some(rng.random_bool(0.5)),
            ..Answer::default()
        }),
        _ => None,
    }
}

macro_rules! claims {
    ($($relaxed:ident $strengthened:ident: $model:expr;)*) => {
        $(
            #[test] fn $relaxed() { relaxes($model); }
            #[test] fn $strengthened() { strengthens($model); }
        )*
    };
}

claims! {
    relaxed_registers_stay_explained strengthened_registers_stay_illegal: Model::Register;
    relaxed_swaps_stay_explained strengthened_swaps_stay_illegal: Model::CasRegister;
    relaxed_maps_stay_explained strengthened_maps_stay_illegal: Model::Kv;
    relaxed_counters_stay_explained strengthened_counters_stay_illegal: Model::Counter;
    relaxed_sets_stay_explained strengthened_sets_stay_illegal: Model::Set;
    relaxed_queues_stay_explained strengthened_queues_stay_illegal: Model::Queue;
    relaxed_mutexes_stay_explained strengthened_mutexes_stay_illegal: Model::Mutex;
    relaxed_logs_stay_explained strengthened_logs_stay_illegal: Model::Log;
}
