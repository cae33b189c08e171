//! What every workload keeps to.

use std::collections::{BTreeMap, BTreeSet};

use testimony_engine::workload::Workload;
use testimony_engine::{
    Draft, Mix, Nanos, NemesisDraft, ProcessId, WorkloadDraft, WorkloadKind, WorkloadParams,
};
use testimony_history::{Answer, Call, Ending, Function, Value};

use crate::fixture::{draft, plan, resolve};
use crate::lab;

fn calls_of(seed: u64, kind: WorkloadKind) -> Vec<Call> {
    let workload = WorkloadDraft {
        name: Some(kind),
        ..WorkloadDraft::default()
    };
    let plan = resolve(Draft {
        workload: Some(workload),
        ..draft(seed)
    });
    lab::run(&plan, &lab::options(seed))
        .seen
        .into_iter()
        .map(|seen| seen.call)
        .collect()
}

fn written(call: &Call) -> Option<Value> {
    match (&call.f, &call.value) {
        (Function::Cas, Some(Value::List(pair))) => Some(pair[1].clone()),
        (Function::Write | Function::Append, value) => value.clone(),
        _ => None,
    }
}

#[test]
fn no_value_is_written_twice() {
    for seed in 0..5 {
        for kind in WorkloadKind::ALL {
            let values: Vec<Value> = calls_of(seed, kind).iter().filter_map(written).collect();
            let distinct: BTreeSet<&Value> = values.iter().collect();
            assert_eq!(distinct.len(), values.len(), "{kind}");
        }
    }
}

#[test]
fn an_appended_token_is_never_part_of_another() {
    let calls = calls_of(1, WorkloadKind::Append);
    let tokens: Vec<String> = calls
        .iter()
        .filter(|call| call.f == Function::Append)
        .map(|call| match &call.value {
            Some(Value::Str(token)) => token.to_string(),
            other => panic!("{other:?} is appended"),
        })
        .collect();
    assert!(tokens.len() > 1_000);
    assert!(
        tokens
            .iter()
            .all(|token| token.ends_with(',') && token.matches(',').count() == 1)
    );
}

#[test]
fn each_workload_makes_its_own_operations_and_all_of_its_mix() {
    for kind in WorkloadKind::ALL {
        let made: BTreeSet<Function> = calls_of(2, kind).into_iter().map(|call| call.f).collect();
        let mixed: BTreeSet<Function> = kind
            .default_mix()
            .weights()
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .map(|(f, _)| f)
            .collect();
        assert_eq!(made, mixed, "{kind}");
        assert!(made.iter().all(|f| kind.functions().contains(f)));
    }
}

#[test]
fn proposals_expect_that_nothing_is_there() {
    let calls = calls_of(1, WorkloadKind::Propose);
    let mut proposals = calls.iter().filter(|call| call.f == Function::Cas);
    let from_null = |call: &Call| match &call.value {
        Some(Value::List(pair)) => pair[0] == Value::Null,
        _ => false,
    };
    assert!(proposals.clone().count() > 1_000 && proposals.all(from_null));
}

#[test]
fn close_to_half_of_the_operations_are_reads_and_most_cas_match() {
    let outcome = lab::run(&plan(3), &lab::options(3));
    let summary = outcome.summary;
    let share = |f: &str| summary.operations[f].completed * 100 / summary.completed();
    assert!(
        (42..=60).contains(&share("read")),
        "{} % reads",
        share("read")
    );
    let cas = summary.operations["cas"].completed;
    assert!(
        summary.cas_swapped * 2 > cas,
        "{} of {cas} matched",
        summary.cas_swapped
    );
    assert!(summary.cas_swapped < cas, "some do not match");
}

#[test]
fn keys_are_retired_after_a_few_hundred_operations() {
    let outcome = lab::run(&plan(3), &lab::options(3));
    let mut per_key: BTreeMap<String, u64> = BTreeMap::new();
    for seen in &outcome.seen {
        *per_key
            .entry(seen.call.key.as_ref().unwrap().to_string())
            .or_default() += 1;
    }
    assert!(per_key.len() > 12, "{per_key:?}");
    assert!(
        per_key.values().all(|count| *count <= 300 * 125 / 100 + 10),
        "{per_key:?}"
    );
}

#[test]
fn a_key_with_many_unknown_updates_is_retired_early() {
    let params = WorkloadParams {
        keys: 1,
        unknowns_per_key: 3,
        ..WorkloadParams::of(WorkloadKind::Register)
    };
    let mut workload = Workload::new(1, &params);
    let mut unknown: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..200 {
        let call = workload.next(ProcessId(number), Nanos(number));
        let ending = match call.f {
            Function::Read => Ending::Ok(Answer {
                value: Some(Value::Null),
                ..Answer::default()
            }),
            _ => {
                *unknown
                    .entry(call.key.as_ref().unwrap().to_string())
                    .or_default() += 1;
                Ending::Info("timeout".into())
            }
        };
        workload.observe(ProcessId(number), &call, &ending);
    }
    assert!(
        unknown.len() > 20 && unknown.values().all(|count| *count <= 3),
        "{unknown:?}"
    );
}

#[test]
fn after_a_look_back_a_key_is_read_before_it_is_updated() {
    for seed in 0..50 {
        let mut workload = Workload::new(seed, &WorkloadParams::of(WorkloadKind::Kv));
        let mut updated = BTreeSet::new();
        for number in 0..60 {
            let call = workload.next(ProcessId(number), Nanos(number));
            if written(&call).is_some() {
                updated.insert(call.key.clone().unwrap());
            }
            let answer = Answer {
                swapped: Some(true),
                value: Some(Value::Null),
                ..Answer::default()
            };
            workload.observe(ProcessId(number), &call, &Ending::Ok(answer));
        }
        let now = Nanos(100);
        workload.look_back(now);
        let mut read = BTreeSet::new();
        for number in 100..160 {
            let call = workload.next(ProcessId(number), now);
            let key = call.key.clone().unwrap();
            if call.f == Function::Read {
                read.insert(key.clone());
            } else if written(&call).is_some() {
                assert!(
                    read.contains(&key) || !updated.contains(&key),
                    "seed {seed}: {key}"
                );
            }
        }
        assert!(updated.is_subset(&read), "seed {seed}");
    }
}

#[test]
fn one_more_draw_in_the_workload_does_not_change_the_schedule() {
    let mix = Mix {
        read: 50,
        write: 50,
        ..Mix::default()
    };
    let other = WorkloadDraft {
        mix: Some(mix),
        keys: Some(9),
        ..WorkloadDraft::default()
    };
    let changed = resolve(Draft {
        workload: Some(other),
        ..draft(7)
    });
    assert_eq!(changed.injections, plan(7).injections);
}

#[test]
fn other_faults_do_not_change_the_first_operations() {
    let calls = |plan| -> Vec<Call> {
        let seen = lab::run(&plan, &lab::options(7)).seen;
        seen.into_iter().take(100).map(|seen| seen.call).collect()
    };
    let quiet = resolve(Draft {
        nemesis: Some(NemesisDraft::only([])),
        ..draft(7)
    });
    assert_eq!(calls(plan(7)), calls(quiet));
}

/// What a process has acquired and not released, call by call.
#[test]
fn a_process_releases_only_what_it_holds_and_holds_one_lock_at_a_time() {
    for seed in 0..5 {
        let workload = WorkloadDraft {
            name: Some(WorkloadKind::Lock),
            ..WorkloadDraft::default()
        };
        let plan = resolve(Draft {
            workload: Some(workload),
            ..draft(seed)
        });
        let seen = lab::run(&plan, &lab::options(seed)).seen;
        let mut held: BTreeMap<ProcessId, Value> = BTreeMap::new();
        let (mut granted, mut refused) = (0, 0);
        for operation in &seen {
            let holds = held.get(&operation.process);
            match operation.call.f {
                Function::Release => assert_eq!(holds, operation.call.key.as_ref()),
                _ => assert_eq!(holds, None, "{} acquires", operation.process),
            }
            let Some((_, Ending::Ok(answer))) = &operation.ended else {
                continue;
            };
            match (&operation.call.f, &answer.result) {
                (Function::Acquire, Some(Value::Bool(false))) => refused += 1,
                (Function::Acquire, _) => {
                    granted += 1;
                    held.insert(operation.process, operation.call.key.clone().unwrap());
                }
                _ => drop(held.remove(&operation.process)),
            }
        }
        assert!(granted > 800 && refused > 200, "{granted}, {refused}");
    }
}

/// Nobody knows whether it is held, and whoever may hold it never calls again.
#[test]
fn a_lock_whose_acquisition_is_unknown_is_not_used_any_more() {
    let mut workload = Workload::new(1, &WorkloadParams::of(WorkloadKind::Lock));
    let mut called = BTreeSet::new();
    for number in 0..100 {
        let call = workload.next(ProcessId(number), Nanos(number));
        assert_eq!(call.f, Function::Acquire);
        assert!(called.insert(call.key.clone().unwrap()), "{call:?}");
        workload.observe(ProcessId(number), &call, &Ending::Info("timeout".into()));
    }
}

/// What a refused release leaves is still held: the process tries again, and nobody else does.
#[test]
fn a_release_that_failed_is_tried_again() {
    let mut workload = Workload::new(1, &WorkloadParams::of(WorkloadKind::Lock));
    let process = ProcessId(3);
    let acquired = workload.next(process, Nanos(0));
    workload.observe(process, &acquired, &Ending::Ok(Answer::default()));
    for number in 1..5 {
        let call = workload.next(process, Nanos(number));
        assert_eq!((&call.f, &call.key), (&Function::Release, &acquired.key));
        workload.observe(process, &call, &Ending::Fail("no leader".into()));
    }
    let call = workload.next(process, Nanos(9));
    workload.observe(process, &call, &Ending::Ok(Answer::default()));
    assert_eq!(workload.next(process, Nanos(10)).f, Function::Acquire);
}

fn run_of(kind: WorkloadKind, offsets: Option<u32>) -> Vec<lab::Seen> {
    let workload = WorkloadDraft {
        name: Some(kind),
        offsets,
        ..WorkloadDraft::default()
    };
    let plan = resolve(Draft {
        workload: Some(workload),
        ..draft(4)
    });
    lab::run(&plan, &lab::options(4)).seen
}

#[test]
fn every_value_that_was_put_into_a_queue_is_taken_out_by_the_end() {
    let seen = run_of(WorkloadKind::Queue, None);
    let ended = |f: Function| seen.iter().filter(move |seen| seen.call.f == f);
    let put = ended(Function::Enqueue).filter_map(|seen| match seen.ended {
        Some((_, Ending::Ok(_))) => seen.call.value.clone(),
        _ => None,
    });
    let taken: BTreeSet<Value> = ended(Function::Dequeue)
        .filter_map(|seen| match &seen.ended {
            Some((_, Ending::Ok(answer))) => answer.value.clone(),
            _ => None,
        })
        .collect();
    let put: BTreeSet<Value> = put.collect();
    assert!(put.len() > 1_000 && put.is_subset(&taken));
}

#[test]
fn logs_are_read_as_a_whole_and_at_offsets_near_their_end() {
    let reads = |offsets| {
        let seen = run_of(WorkloadKind::Log, offsets).into_iter();
        let reads = seen.filter(|seen| seen.call.f == Function::Read);
        let (at, whole): (Vec<_>, Vec<_>) = reads.partition(|seen| seen.call.value.is_some());
        let found = at.iter().filter(|seen| match &seen.ended {
            Some((_, Ending::Ok(answer))) => answer.result != Some(Value::Null),
            _ => false,
        });
        (whole.len(), at.len(), found.count())
    };
    let (whole, at, found) = reads(None);
    assert!(
        whole > 300 && at > 300 && found > at / 2,
        "{whole} {at} {found}"
    );
    let (whole, at, found) = reads(Some(100));
    assert!(whole == 0 && at > 1_000 && found > at / 2, "{at} {found}");
    assert_eq!(reads(Some(0)).1, 0);
}

#[test]
fn sets_are_mostly_asked_for_what_was_added() {
    let seen = run_of(WorkloadKind::Set, None);
    let answered = |f: Function, was: bool| {
        let those = seen.iter().filter(|seen| match &seen.ended {
            Some((_, Ending::Ok(answer))) => answer.result == Some(was.into()),
            _ => false,
        });
        those.filter(|seen| seen.call.f == f).count()
    };
    for f in [Function::Contains, Function::Remove] {
        let (there, absent) = (answered(f.clone(), true), answered(f, false));
        assert!(there > 100 && absent > 10, "{there}, {absent}");
    }
}
