//! What a flawed store does is seen in the recorded operations. The argument is simpler than a
//! checker's: values are written once, so a read that shows a value is later than its write, and
//! must not show one that was certainly replaced before the read began.

use std::collections::BTreeMap;
use std::ops::Range;

use testimony_engine::{Draft, FaultKind, Nanos, NemesisDraft};
use testimony_history::{Call, Ending, Function, Value};

use crate::fixture::{draft, plan, resolve};
use crate::lab::{self, Flaw, Options, Seen};

/// A completed or unknown update of one key.
struct Update {
    value: Value,
    called: Nanos,
    /// When it was certainly made.
    done: Option<Nanos>,
}

/// Whether some read contradicts a completed write.
fn contradiction(seen: &[Seen]) -> Option<String> {
    let mut keys: BTreeMap<&Value, Vec<&Seen>> = BTreeMap::new();
    for operation in seen {
        keys.entry(operation.call.key.as_ref().unwrap())
            .or_default()
            .push(operation);
    }
    keys.values()
        .find_map(|operations| contradiction_of_key(operations))
}

fn contradiction_of_key(operations: &[&Seen]) -> Option<String> {
    let updates: Vec<Update> = operations.iter().filter_map(|seen| update(seen)).collect();
    let removals: Vec<(Nanos, Nanos)> =
        operations.iter().filter_map(|seen| removal(seen)).collect();
    operations.iter().find_map(|seen| {
        let shown = shown(seen)?;
        let end = seen.ended.as_ref()?.0;
        // What was certainly made before this read, and certainly not removed since.
        let mut kept = updates.iter().filter(|update| {
            let done = update.done.is_some_and(|done| done < seen.invoked);
            done && !removals
                .iter()
                .any(|&(from, to)| from < end && to > update.called)
        });
        let missing = match &shown {
            Value::Str(text) => kept.find(|update| !holds(text, &update.value)),
            Value::Null => kept.next(),
            shown => {
                let source = updates.iter().find(|update| update.value == *shown)?;
                let replaced = |u: &&Update| source.done.is_some_and(|done| done < u.called);
                kept.find(replaced)
            }
        };
        missing.map(|update| format!("{seen:?} shows {shown}, not {}", update.value))
    })
}

/// From when to when a key may have been removed.
fn removal(seen: &Seen) -> Option<(Nanos, Nanos)> {
    let end = match &seen.ended {
        Some((at, Ending::Ok(_))) => *at,
        Some((_, Ending::Fail(_))) => return None,
        Some((_, Ending::Info(_))) | None => Nanos(u64::MAX),
    };
    (seen.call.f == Function::Remove).then_some((seen.invoked, end))
}

fn holds(text: &str, token: &Value) -> bool {
    matches!(token, Value::Str(token) if text.split_inclusive(',').any(|part| *part == **token))
}

fn update(seen: &Seen) -> Option<Update> {
    let value = match (&seen.call.f, &seen.call.value) {
        (Function::Cas, Some(Value::List(pair))) => pair[1].clone(),
        (Function::Write | Function::Append, Some(value)) => value.clone(),
        _ => return None,
    };
    let done = match &seen.ended {
        Some((at, Ending::Ok(answer))) if answer.swapped != Some(false) => Some(*at),
        Some((_, Ending::Info(_))) | None => None,
        Some(_) => return None,
    };
    Some(Update {
        value,
        called: seen.invoked,
        done,
    })
}

/// What a read, or a compare-and-set that did not match, has shown.
fn shown(seen: &Seen) -> Option<Value> {
    match &seen.ended {
        Some((_, Ending::Ok(answer))) if seen.call.f == Function::Read => answer.value.clone(),
        Some((_, Ending::Ok(answer))) => answer.actual.clone(),
        _ => None,
    }
}

fn found(flaw: Flaw, seeds: Range<u64>, draft: impl Fn(u64) -> Draft) -> u64 {
    let hits = seeds.filter(|&seed| {
        let options = Options {
            flaw,
            ..lab::options(seed)
        };
        contradiction(&lab::run(&resolve(draft(seed)), &options).seen).is_some()
    });
    u64::try_from(hits.count()).unwrap()
}

/// Of the updates that replace a value: how many there were, how many were read before the next one
/// was called, and how many raced with the next one.
fn habits(seen: &[Seen]) -> (usize, usize, usize) {
    let mut keys: BTreeMap<&Value, Vec<&Seen>> = BTreeMap::new();
    for operation in seen {
        keys.entry(operation.call.key.as_ref().unwrap())
            .or_default()
            .push(operation);
    }
    let (mut all, mut read, mut raced) = (0, 0, 0);
    for operations in keys.values() {
        let updates = operations
            .iter()
            .enumerate()
            .filter(|(_, seen)| replaces(&seen.call));
        for (index, done) in updates.filter_map(|(i, seen)| Some((i, update(seen)?.done?))) {
            let next = operations[index + 1..]
                .iter()
                .find(|seen| replaces(&seen.call));
            let until = next.map_or(Nanos(u64::MAX), |next| next.invoked);
            let shows = |seen: &&Seen| {
                let ended = seen.ended.as_ref().is_some_and(|(at, _)| *at < until);
                seen.invoked > done && ended && shown(seen).is_some()
            };
            all += 1;
            read += usize::from(operations.iter().any(shows));
            raced += usize::from(until < done);
        }
    }
    (all, read, raced)
}

fn replaces(call: &Call) -> bool {
    matches!(call.f, Function::Write | Function::Cas | Function::Remove)
}

#[test]
fn most_updates_are_read_before_they_are_replaced_and_some_race() {
    for seed in 0..10 {
        let (all, read, raced) = habits(&lab::run(&plan(seed), &lab::options(seed)).seen);
        assert!(all > 800, "seed {seed}: {all} updates");
        assert!(
            read * 100 > all * 65,
            "seed {seed}: {read} of {all} are read"
        );
        assert!(raced * 100 > all * 4, "seed {seed}: {raced} of {all} race");
    }
}

#[test]
fn a_perfect_store_is_never_contradicted() {
    for seed in 0..12 {
        let seen = lab::run(&plan(seed), &lab::options(seed)).seen;
        assert_eq!(contradiction(&seen), None);
    }
}

#[test]
fn a_store_that_loses_one_of_five_updates_is_seen_in_every_run() {
    assert_eq!(found(Flaw::LosesEvery(5), 0..10, draft), 10);
}

#[test]
fn a_store_that_loses_one_of_five_hundred_updates_is_seen_in_most_runs() {
    let hits = found(Flaw::LosesEvery(500), 0..12, draft);
    assert!(hits >= 11, "{hits} of 12");
}

/// Of the others most are no violation: the lost update raced with one that replaced it anyhow.
#[test]
fn a_store_that_loses_a_single_update_is_seen_in_about_half_of_the_runs() {
    let seen = (0..24).filter(|&seed| {
        let flaw = Flaw::LosesEvery(1_000 + seed * 7);
        found(flaw, seed..seed + 1, draft) == 1
    });
    let hits = seen.count();
    assert!(hits >= 11, "{hits} of 24");
}

#[test]
fn a_leader_that_takes_its_last_updates_with_it_is_seen_in_most_runs() {
    let killing = |seed| Draft {
        nemesis: Some(NemesisDraft::only([FaultKind::KillLeader])),
        ..draft(seed)
    };
    let hits = found(Flaw::LosesOnKill, 0..12, killing);
    assert!(hits >= 11, "{hits} of 12");
}

#[test]
fn a_deposed_leader_that_answers_reads_is_seen_in_most_runs() {
    let isolating = |seed| Draft {
        nemesis: Some(NemesisDraft::only([
            FaultKind::IsolateLeader,
            FaultKind::Halves,
        ])),
        ..draft(seed)
    };
    let hits = found(Flaw::StaleReads, 0..12, isolating);
    assert!(hits >= 11, "{hits} of 12");
}
