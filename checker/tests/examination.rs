//! What is said of illegal histories, against brute force: every order of the versions is tried,
//! and the oracle judges histories whose reads were called earlier or whose times are forgotten.
//!
//! `TESTIMONY_CROSS_CHECK=N` sets how many histories; the default takes seconds.

mod brute;
mod ranked;
mod simulated;
mod timeless;

use brute::{Kept, Key, appends, with_earlier_reads, with_origins};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulated::{Fault, Schedule, simulate};
use testimony_checker::examination::{Answer, Bucket, Delta, Doubt, Examination, Unit, examine};
use testimony_checker::oracle;
use testimony_history::{
    Event, Function, History, Kind, Model, Process, RecordedHistory, Recording, Value,
};
use timeless::without_times;

fn count() -> u64 {
    let histories = std::env::var("TESTIMONY_CROSS_CHECK").ok();
    histories.map_or(20_000, |count| {
        count.parse().expect("TESTIMONY_CROSS_CHECK is a number")
    })
}

fn small(rng: &mut impl Rng) -> Schedule {
    let faults = [Fault::Stale, Fault::Stale, Fault::Lost, Fault::Twice];
    let models = [Model::Register, Model::CasRegister, Model::Kv];
    Schedule {
        model: models[rng.random_range(0..3)],
        processes: rng.random_range(1..=4),
        operations: rng.random_range(1..=11),
        keys: 1,
        values: [0, 0, 0, 4][rng.random_range(0..4)],
        unknown: [0.0, 0.05, 0.2][rng.random_range(0..3)],
        failed: [0.0, 0.1][rng.random_range(0..2)],
        tie: [0.0, 0.0, 0.3, 0.8][rng.random_range(0..4)],
        fault: Some((faults[rng.random_range(0..4)], 0.3)),
        haste: [0.3, 0.6, 0.9][rng.random_range(0..3)],
        actual: rng.random_bool(0.8),
        initial: [Value::Null, Value::Null, Value::Int(1)][rng.random_range(0..3)].clone(),
    }
}

fn asked(schedule: &Schedule, history: &RecordedHistory) -> Examination {
    examine(schedule.model, Some(&schedule.initial), history).expect("it is covered")
}

/// Calls `test` with random histories and what is said of each.
fn for_each(share: u64, test: impl Fn(&Schedule, &RecordedHistory, &Examination, &str)) {
    for seed in 0..count() / share {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(&mut rng);
        let (history, _) = simulate(&schedule, &mut rng);
        let said = asked(&schedule, &history);
        let context = format!("seed {seed}: {schedule:?}\n{history:#?}\n{said:#?}");
        test(&schedule, &history, &said, &context);
    }
}

#[test]
fn stale_answers_are_those_that_three_loops_find() {
    for_each(1, |schedule, history, said, context| {
        if appends(history) {
            return;
        }
        let key = Key::of(&schedule.initial, history);
        let mut found: Vec<(u64, u64)> = said
            .staleness
            .reads
            .iter()
            .map(|read| (read.operation, read.lag))
            .collect();
        found.sort_unstable();
        assert_eq!(found, key.stale(), "{context}");
        for read in &said.staleness.reads {
            assert_eq!(
                read.versions,
                key.versions_behind(read.operation),
                "{context}"
            );
        }
    });
}

#[test]
fn a_stale_answer_or_a_delta_is_a_violation() {
    for_each(1, |schedule, history, said, context| {
        let suspicious = !said.staleness.reads.is_empty()
            || !matches!(said.delta, Delta::Least(0) | Delta::AtLeast(0));
        if let (Some(worst), Delta::Least(delta) | Delta::AtLeast(delta)) =
            (said.staleness.reads.first(), said.delta)
        {
            assert!(worst.lag <= delta, "{context}");
        }
        if suspicious {
            let truth = oracle::judge_recorded(schedule.model, Some(&schedule.initial), history);
            assert_eq!(truth, Ok(Some(false)), "{context}");
        }
    });
}

#[test]
fn delta_is_the_least_that_makes_the_history_linearizable() {
    for_each(4, |schedule, history, said, context| {
        let unnoticed = if appends(history) {
            Vec::new()
        } else {
            Key::of(&schedule.initial, history).swapped_unnoticed()
        };
        let holds = |delta: u64| {
            let moved = with_earlier_reads(history, &unnoticed, delta);
            let judged = oracle::judge_recorded(Model::Kv, Some(&schedule.initial), &moved);
            judged.expect("it can be read").expect("it is small")
        };
        match said.delta {
            Delta::Never => assert!(!holds(u64::from(u32::MAX)), "{context}"),
            Delta::Least(delta) => {
                assert!(holds(delta), "{context}");
                assert!(delta == 0 || !holds(delta - 1), "{context}");
            }
            Delta::AtLeast(delta) => assert!(delta == 0 || !holds(delta - 1), "{context}"),
        }
    });
}

#[test]
fn sequential_consistency_is_linearizability_without_times() {
    for_each(1, |schedule, history, said, context| {
        let timeless = without_times(history);
        let truth = oracle::judge_recorded(schedule.model, Some(&schedule.initial), &timeless);
        match said.guarantees.sequential_consistency {
            Answer::Holds { .. } => assert_eq!(truth, Ok(Some(true)), "{context}"),
            Answer::Broken { .. } => assert_eq!(truth, Ok(Some(false)), "{context}"),
            Answer::Unknown {
                why: Doubt::AnswersNotAsked(_),
                ..
            } => {}
            Answer::Unknown { .. } => assert_eq!(truth, Ok(Some(true)), "{context}"),
        }
    });
}

/// An example needs nothing else: with a write of unknown outcome, by nobody who did anything else,
/// for every value that it does not say the origin of, no order explains it.
#[test]
fn an_example_of_broken_sequential_consistency_stands_alone() {
    for_each(1, |schedule, history, said, context| {
        if appends(history) || said.answers.unexplained > 0 {
            return;
        }
        let Answer::Broken { example, .. } = &said.guarantees.sequential_consistency else {
            return;
        };
        let alone = without_times(&with_origins(&schedule.initial, &example.operations));
        let truth = oracle::judge_recorded(Model::Kv, Some(&schedule.initial), &alone);
        assert!(matches!(truth, Ok(Some(false) | None)), "{context}");
    });
}

#[test]
fn session_guarantees_hold_if_some_order_of_the_versions_keeps_them() {
    let attributed = std::cell::Cell::new(0);
    for_each(4, |schedule, history, said, context| {
        if appends(history) {
            return;
        }
        let key = Key::of(&schedule.initial, history);
        if key.versions() > 7 {
            return;
        }
        let guarantees = &said.guarantees;
        let compare = |answer: &Answer, exists: bool, name: &str| {
            let denied = match answer {
                Answer::Holds { .. } => false,
                Answer::Broken { .. } => true,
                Answer::Unknown { why, .. } => *why == Doubt::ReadsContradict,
            };
            assert_eq!(denied, !exists, "{name}, {context}");
        };
        let kept = key.kept();
        compare(
            &guarantees.read_your_writes,
            kept.read_your_writes,
            "own writes",
        );
        compare(&guarantees.monotonic_reads, kept.monotonic_reads, "reads");
        compare(
            &guarantees.monotonic_writes,
            kept.monotonic_writes,
            "writes",
        );
        compare(
            &guarantees.writes_follow_reads,
            kept.writes_follow_reads,
            "following",
        );
        if said.answers.unexplained > 0 {
            return;
        }
        let open = key.attributed();
        let some_keeps = |keeps: fn(&Kept) -> bool| open.iter().any(|key| keeps(&key.kept()));
        let holds = |answer: &Answer| matches!(answer, Answer::Holds { .. });
        if said.answers.ambiguous > 0 && open.len() < 200 {
            let own: fn(&Kept) -> bool = |kept| kept.read_your_writes;
            for (answer, keeps) in [
                (&guarantees.read_your_writes, own),
                (&guarantees.monotonic_reads, |kept| kept.monotonic_reads),
                (&guarantees.monotonic_writes, |kept| kept.monotonic_writes),
                (&guarantees.writes_follow_reads, |kept| {
                    kept.writes_follow_reads
                }),
            ] {
                attributed.set(attributed.get() + u64::from(holds(answer)));
                assert!(!holds(answer) || some_keeps(keeps), "{context}");
            }
        }
    });
    assert!(attributed.get() > 20, "{}", attributed.get());
}

#[test]
fn examples_break_what_they_are_examples_of() {
    for_each(2, |schedule, _, said, context| {
        let guarantees = &said.guarantees;
        for (answer, which) in [
            (&guarantees.read_your_writes, 0),
            (&guarantees.monotonic_reads, 1),
        ] {
            let Answer::Broken { example, .. } = answer else {
                continue;
            };
            assert!(!example.operations.is_empty(), "{context}");
            if example.direct {
                let [first, then] = &example.operations[..] else {
                    panic!("a direct example has two operations, {context}");
                };
                assert_eq!(first.process, then.process, "{context}");
                assert!(first.call.index < then.call.index, "{context}");
                assert_eq!(
                    first.input.f != Function::Read,
                    which == 0 || is_swap(first)
                );
            }
        }
        assert_eq!(schedule.keys, 1);
    });
}

fn is_swap(
    operation: &testimony_history::Operation<testimony_history::Call, testimony_history::Answer>,
) -> bool {
    operation.input.f != Function::Read
}

/// So that a generator that only makes consistent histories does not go unnoticed.
#[test]
fn a_fair_share_of_the_histories_breaks_each_promise() {
    let mut broken = [0; 5];
    let mut held = [0; 5];
    let (mut stale, mut delta) = (0, 0);
    for seed in 0..2_000 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let schedule = small(&mut rng);
        let (history, _) = simulate(&schedule, &mut rng);
        let said = asked(&schedule, &history);
        let all = &said.guarantees;
        let answers = [
            &all.sequential_consistency,
            &all.read_your_writes,
            &all.monotonic_reads,
            &all.monotonic_writes,
            &all.writes_follow_reads,
        ];
        for (at, answer) in answers.into_iter().enumerate() {
            let against = matches!(
                answer,
                Answer::Broken { .. }
                    | Answer::Unknown {
                        why: Doubt::ReadsContradict,
                        ..
                    }
            );
            broken[at] += u32::from(against);
            held[at] += u32::from(matches!(answer, Answer::Holds { .. }));
        }
        stale += u32::from(!said.staleness.reads.is_empty());
        delta += u32::from(matches!(said.delta, Delta::Least(1..)));
    }
    assert!(stale > 100 && delta > 100, "{stale} {delta}");
    assert!(broken.iter().all(|&number| number > 20), "{broken:?}");
    assert!(held.iter().all(|&number| number > 20), "{held:?}");
}

/// An event by hand: process, kind, function, value, time in milliseconds.
type Row = (u64, Kind, Function, Option<i64>, Option<u64>);

fn recorded(rows: &[Row]) -> RecordedHistory {
    let event = |(index, row): (u64, &Row)| {
        let (process, kind, f, value, millis) = row.clone();
        Event {
            index,
            time: millis.map(|millis| millis * 1_000_000),
            value: value.map(Value::from),
            ..Event::new(Process::Client(process), kind, f)
        }
    };
    let events = (0..).zip(rows).map(event).collect();
    let recording = Recording::from_events(Default::default(), events);
    recording
        .history(Model::Register)
        .expect("it is well formed")
        .0
}

use Function::{Read, Write};
use Kind::{Info, Invoke, Ok as Done};

/// 1 is replaced by 2 at 30 ms and read again at 442 ms.
fn stale_by(lag: u64, times: bool) -> RecordedHistory {
    let at = |millis: u64| times.then_some(millis);
    recorded(&[
        (1, Invoke, Write, Some(1), at(0)),
        (1, Done, Write, None, at(10)),
        (1, Invoke, Write, Some(2), at(20)),
        (1, Done, Write, None, at(30)),
        (2, Invoke, Read, None, at(30 + lag)),
        (2, Done, Read, Some(1), at(40 + lag)),
    ])
}

#[test]
fn a_planted_stale_read_is_exactly_as_far_behind_as_it_was_planted() {
    let said = examine(Model::Register, None, &stale_by(412, true)).unwrap();
    assert_eq!(said.unit, Unit::Nanoseconds);
    let [read] = &said.staleness.reads[..] else {
        panic!("{said:#?}")
    };
    assert_eq!((read.lag, read.versions), (412_000_000, 1));
    assert_eq!((read.operation, read.process, read.replaced_by), (4, 2, 2));
    assert_eq!(said.delta, Delta::Least(412_000_000));
    let bucket = Bucket {
        from: 200_000_000,
        below: 500_000_000,
        reads: 1,
    };
    assert_eq!(said.staleness.histogram, [bucket]);
    assert!(matches!(
        said.guarantees.sequential_consistency,
        Answer::Holds { tested: 1 }
    ));
    let nothing = Answer::Unknown {
        why: Doubt::NothingToTest,
        tested: 0,
    };
    assert_eq!(said.guarantees.monotonic_reads, nothing);
}

#[test]
fn without_times_lags_are_counted_in_events() {
    let said = examine(Model::Register, None, &stale_by(412, false)).unwrap();
    assert_eq!(said.unit, Unit::Events);
    assert_eq!(said.staleness.reads[0].lag, 1);
}

#[test]
fn a_process_that_reads_the_old_value_again_breaks_monotonic_reads() {
    let said = examine(
        Model::Register,
        None,
        &recorded(&[
            (1, Invoke, Write, Some(1), Some(0)),
            (1, Done, Write, None, Some(1)),
            (2, Invoke, Write, Some(2), Some(2)),
            (2, Done, Write, None, Some(3)),
            (3, Invoke, Read, None, Some(4)),
            (3, Done, Read, Some(2), Some(5)),
            (3, Invoke, Read, None, Some(6)),
            (3, Done, Read, Some(1), Some(7)),
        ]),
    )
    .unwrap();
    let Answer::Broken { keys: 1, example } = &said.guarantees.monotonic_reads else {
        panic!("{said:#?}")
    };
    let indices: Vec<u64> = example.operations.iter().map(|op| op.call.index).collect();
    assert_eq!((indices, example.direct), (vec![4, 6], true));
}

#[test]
fn who_reads_back_and_forth_is_not_said_to_be_stale() {
    let said = examine(
        Model::Register,
        None,
        &recorded(&[
            (1, Invoke, Write, Some(1), Some(0)),
            (2, Invoke, Write, Some(2), Some(1)),
            (1, Done, Write, None, Some(2)),
            (2, Done, Write, None, Some(3)),
            (3, Invoke, Read, None, Some(4)),
            (3, Done, Read, Some(1), Some(5)),
            (3, Invoke, Read, None, Some(6)),
            (3, Done, Read, Some(2), Some(7)),
            (3, Invoke, Read, None, Some(8)),
            (3, Done, Read, Some(1), Some(9)),
        ]),
    )
    .unwrap();
    assert!(said.staleness.reads.is_empty());
    assert_eq!(said.delta, Delta::Least(4_000_000));
    assert!(matches!(
        said.guarantees.monotonic_reads,
        Answer::Broken { keys: 1, .. }
    ));
}

#[test]
fn an_unknown_write_replaces_nothing_until_somebody_sees_it() {
    let rows = [
        (1, Invoke, Write, Some(1), Some(0)),
        (1, Done, Write, None, Some(1)),
        (2, Invoke, Write, Some(2), Some(2)),
        (2, Info, Write, None, Some(3)),
        (3, Invoke, Read, None, Some(4)),
        (3, Done, Read, Some(1), Some(5)),
        (3, Invoke, Read, None, Some(6)),
        (3, Done, Read, Some(2), Some(7)),
        (3, Invoke, Read, None, Some(8)),
        (3, Done, Read, Some(1), Some(9)),
    ];
    let legal = examine(Model::Register, None, &recorded(&rows[..6])).unwrap();
    assert!(legal.staleness.reads.is_empty());
    let stale = examine(Model::Register, None, &recorded(&rows)).unwrap();
    assert_eq!(stale.staleness.reads.len(), 1);
    assert_eq!(stale.staleness.reads[0].lag, 1_000_000);
    assert_eq!(stale.answers.asked, 3);
}

#[test]
fn values_written_twice_are_counted_and_left_out() {
    let said = examine(
        Model::Register,
        None,
        &recorded(&[
            (1, Invoke, Write, Some(1), Some(0)),
            (1, Done, Write, None, Some(1)),
            (1, Invoke, Write, Some(1), Some(2)),
            (1, Done, Write, None, Some(3)),
            (1, Invoke, Read, None, Some(4)),
            (1, Done, Read, Some(1), Some(5)),
            (1, Invoke, Read, None, Some(6)),
            (1, Done, Read, Some(1), Some(7)),
        ]),
    )
    .unwrap();
    assert_eq!((said.answers.all, said.answers.ambiguous), (2, 2));
    assert!(!matches!(
        said.guarantees.monotonic_reads,
        Answer::Holds { .. }
    ));
    assert_eq!(said.delta, Delta::AtLeast(0));
}

#[test]
fn a_value_that_nobody_wrote_is_wrong_but_not_stale() {
    let said = examine(
        Model::Register,
        None,
        &recorded(&[
            (1, Invoke, Read, None, Some(4)),
            (1, Done, Read, Some(1), Some(5)),
        ]),
    )
    .unwrap();
    assert_eq!(said.answers.unexplained, 1);
    assert!(said.staleness.reads.is_empty());
    assert_eq!(said.delta, Delta::Never);
    assert!(matches!(
        said.guarantees.sequential_consistency,
        Answer::Broken { .. }
    ));
}

#[test]
fn other_objects_are_refused() {
    let empty = History::from_operations(Vec::new());
    for model in [Model::Queue, Model::Mutex] {
        assert!(examine(model, None, &empty).is_err());
    }
    assert!(examine(Model::Kv, None, &empty).is_ok());
}
