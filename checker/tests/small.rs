//! Counterexamples are small, and confirmed by what is not clever.

mod simulated;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::{Budget, ConfirmedBy, Counterexample, Verdict, check_recorded};
use testimony_history::{Answer, Call, Model, Value};

/// The load of a harness, in which one of twenty outcomes is unknown.
fn schedule(model: Model, fault: Fault) -> Schedule {
    Schedule {
        model,
        processes: 10,
        operations: 400,
        keys: 0,
        values: 0,
        unknown: 0.05,
        failed: 0.02,
        tie: 0.0,
        fault: Some((fault, 0.01)),
        haste: 0.7,
        actual: true,
        initial: Value::Null,
    }
}

/// The counterexamples of a dozen histories with one kind of fault.
fn counterexamples(model: Model, fault: Fault) -> Vec<Counterexample<Call, Answer>> {
    let verdict = |seed| {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (history, _) = simulate(&schedule(model, fault), rng);
        check_recorded(model, None, &history, &Budget::for_tests()).verdict
    };
    let illegal = |verdict| match verdict {
        Verdict::Illegal(found) => Some(*found),
        Verdict::Linearizable(_) | Verdict::Undecided(_) => None,
    };
    (0..12).map(verdict).filter_map(illegal).collect()
}

/// All of them, and how many have at most so many operations.
fn count(found: &[Counterexample<Call, Answer>], operations: usize) -> (usize, usize) {
    let few = |it: &&Counterexample<_, _>| it.operations.operations().len() <= operations;
    (found.len(), found.iter().filter(few).count())
}

#[test]
fn unknown_adds_that_only_lead_away_are_left_out_of_a_stale_read_of_a_counter() {
    let found = counterexamples(Model::Counter, Fault::Stale);
    let (all, few) = count(&found, 8);
    assert!(all >= 8 && few + 1 >= all, "{few} of {all}");
}

#[test]
fn a_counter_is_confirmed_without_prunings_however_many_adds_are_unknown() {
    for fault in [Fault::Stale, Fault::Lost, Fault::Twice] {
        for found in counterexamples(Model::Counter, fault) {
            assert_ne!(found.confirmed_by, ConfirmedBy::PrunedSearch, "{found:#?}");
        }
    }
}

#[test]
fn offsets_that_contradict_each_other_need_no_more_than_ten_operations() {
    for fault in [Fault::Stale, Fault::Lost] {
        let found = counterexamples(Model::Log, fault);
        let (all, few) = count(&found, 10);
        assert!(all >= 8 && few == all, "{fault:?}: {few} of {all}");
        let oracle = |it: &Counterexample<_, _>| it.confirmed_by == ConfirmedBy::Oracle;
        assert!(found.iter().all(oracle), "{fault:?}");
    }
}
