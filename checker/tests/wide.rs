//! Histories with more than 64, and more than 128, operations open at once, of every model. The
//! oracle cannot judge them: they are linearizable by construction, or else every verdict has to
//! agree with every other.

mod load;
mod seeds;
mod simulated;

use load::{Load, Object};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{
    Budget, Judgement, Reason, Verdict, check_recorded, decide_compact, verify_recorded,
};
use testimony_history::{CompactHistory, Model, RecordedHistory, Value};

fn wide(model: Model, processes: u64, values: i64, fault: Option<Fault>) -> Schedule {
    Schedule {
        model,
        processes,
        operations: 220,
        keys: u64::from(model == Model::Kv),
        values,
        unknown: 0.01,
        failed: 0.02,
        tie: 0.05,
        fault: fault.map(|fault| (fault, 0.05)),
        haste: 0.1,
        actual: true,
        initial: Value::Null,
    }
}

/// The most operations open at once, of those that return.
fn width(history: &RecordedHistory) -> i64 {
    let ops = history.operations();
    let calls = ops
        .iter()
        .filter(|op| op.returned.is_some())
        .map(|op| (op.called, 1));
    let mut events: Vec<(u32, i64)> = calls
        .chain(ops.iter().filter_map(|op| Some((op.returned?, -1))))
        .collect();
    events.sort_unstable();
    let open = events.into_iter().scan(0, |open, (_, change)| {
        *open += change;
        Some(*open)
    });
    open.max().unwrap_or(0)
}

fn judge(model: Model, history: &RecordedHistory, threads: usize) -> Judgement {
    let budget = Budget {
        steps: 4_000,
        threads,
        ..Budget::for_tests()
    };
    let columns = CompactHistory::of(model, history);
    decide_compact(None, &columns, &budget).conclude()
}

/// Whether it is linearizable, if that is known; evidence is verified.
fn known(model: Model, history: &RecordedHistory, judgement: &Judgement) -> Option<bool> {
    match &judgement.verdict {
        Verdict::Linearizable(witness) => {
            assert_eq!(verify_recorded(model, None, history, witness), Ok(Ok(())));
            Some(true)
        }
        Verdict::Illegal(found) => {
            let again = check_recorded(model, None, &found.operations, &Budget::for_tests());
            assert!(matches!(again.verdict, Verdict::Illegal(_)), "{model}");
            Some(false)
        }
        Verdict::Undecided(why) => {
            assert!(
                !matches!(why.reason, Reason::EvidenceFailed(_)),
                "{}",
                why.reason
            );
            None
        }
    }
}

/// Returns how many of the histories were decided.
fn judge_all(model: Model, fault: Option<Fault>) -> usize {
    let mut decided = 0;
    for seed in seeds::seeds(1, 500_000) {
        for (processes, values) in [(70, 0), (140, 0), (140, 4)] {
            let schedule = wide(model, processes, values, fault);
            let (history, faulty) = simulate(&schedule, &mut ChaCha8Rng::seed_from_u64(seed));
            let open = width(&history);
            assert!(
                open > if processes == 70 { 64 } else { 128 },
                "only {open} open at once"
            );
            let verdict = known(model, &history, &judge(model, &history, 1));
            let name = format!("{model}, {fault:?}, seed {seed}, {processes} processes");
            assert!(
                faulty || verdict != Some(false),
                "{name}: nothing was wrong"
            );
            decided += usize::from(verdict.is_some());
        }
    }
    decided
}

#[test]
fn wide_histories_are_never_called_illegal_without_a_fault() {
    let mut decided = 0;
    for model in Model::ALL {
        for fault in [
            None,
            Some(Fault::Stale),
            Some(Fault::Lost),
            Some(Fault::Twice),
        ] {
            decided += judge_all(model, fault);
        }
    }
    assert!(decided >= 10, "{decided} were decided");
}

/// These are illegal for certain.
#[test]
fn one_stale_read_is_never_explained_where_it_is_wide() {
    let mut illegal = 0;
    for object in [Object::Register, Object::CasRegister(5), Object::Map(2)] {
        for (processes, stale) in [(110, false), (110, true), (210, false), (210, true)] {
            let load = Load {
                object,
                operations: 12 * processes,
                processes,
                unknown: 3,
                stale,
                seed: 1,
            };
            let (model, history) = (load.model(), load.history());
            assert!(width(&history) > if processes == 110 { 64 } else { 128 });
            let verdict = known(model, &history, &judge(model, &history, 1));
            assert_ne!(verdict, Some(stale), "{load:?}");
            illegal += usize::from(verdict == Some(false));
        }
    }
    assert!(illegal >= 2, "{illegal} were illegal");
}
