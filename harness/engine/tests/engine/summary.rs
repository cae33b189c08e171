//! When a run tested too little, and what is said about it.

use std::time::Duration;

use testimony_engine::{OperationCounts, Recovery, RunSummary, Shortcoming};

use crate::fixture::plan;
use crate::lab;

fn good() -> RunSummary {
    lab::run(&plan(1), &lab::options(1)).summary
}

fn counts(completed: u64) -> OperationCounts {
    OperationCounts {
        invoked: completed,
        completed,
        ..OperationCounts::default()
    }
}

#[test]
fn a_summary_is_read_as_it_is_written() {
    let summary = good();
    let text = serde_json::to_string_pretty(&summary).unwrap();
    assert_eq!(serde_json::from_str::<RunSummary>(&text).unwrap(), summary);
}

#[test]
fn a_summary_of_nothing_is_no_pass() {
    assert!(
        RunSummary::default()
            .shortcomings()
            .contains(&Shortcoming::Unfinished)
    );
}

#[test]
fn too_few_operations_are_a_shortcoming_and_a_slow_system_is_none() {
    let mut summary = good();
    summary.operations = [("read".to_owned(), counts(100))].into();
    summary.final_reads.completed = 0;
    let found = summary.shortcomings();
    assert!(
        found.contains(&Shortcoming::FewCompleted {
            completed: 100,
            needed: 320
        }),
        "{found:?}"
    );
    summary.operations_planned = 1_000_000;
    summary.operations = [("read".to_owned(), counts(400))].into();
    let found = summary.shortcomings();
    assert!(
        !found
            .iter()
            .any(|s| matches!(s, Shortcoming::FewCompleted { .. })),
        "{found:?}"
    );
}

#[test]
fn final_reads_do_not_make_up_for_missing_operations() {
    let mut summary = good();
    summary.operations = [("read".to_owned(), counts(500))].into();
    summary.final_reads.completed = 400;
    let few = Shortcoming::FewCompleted {
        completed: 100,
        needed: 320,
    };
    assert!(summary.shortcomings().contains(&few));
}

#[test]
fn a_function_that_was_never_completed_is_a_shortcoming() {
    let mut summary = good();
    summary.operations.remove("append");
    let found = summary.shortcomings();
    let [Shortcoming::FunctionMissing { function, .. }] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(function, "append");
}

#[test]
fn cas_that_never_match_are_a_shortcoming() {
    let mut summary = good();
    summary.cas_swapped = 0;
    assert!(matches!(
        summary.shortcomings()[..],
        [Shortcoming::NoCasSwapped { .. }]
    ));
}

#[test]
fn nothing_completed_during_faults_is_a_shortcoming() {
    let mut summary = good();
    summary.completed_during_faults = 0;
    assert_eq!(summary.shortcomings(), [Shortcoming::NothingDuringFaults]);
}

#[test]
fn fewer_than_half_of_the_faults_are_a_shortcoming() {
    let mut summary = good();
    for counts in summary.injections.values_mut() {
        (counts.planned, counts.verified) = (3, 1);
    }
    let found = summary.shortcomings();
    assert!(
        matches!(found[..], [Shortcoming::FewFaultsTookEffect { .. }]),
        "{found:?}"
    );
    summary.injections_cut_off = summary.all_injections().planned / 2;
    assert_eq!(summary.shortcomings(), []);
}

#[test]
fn what_is_missing_is_said_in_a_sentence_with_what_to_do() {
    let mut summary = RunSummary {
        worked: Duration::from_secs(30),
        ..RunSummary::default()
    };
    summary.operations_planned = 6_000;
    summary.reached_faults = true;
    summary.mix = [("read".to_owned(), 1)].into();
    summary.operations = [("cas".to_owned(), counts(40))].into();
    summary.injections = good().injections;
    for counts in summary.injections.values_mut() {
        (counts.verified, counts.heal_failed) = (0, 1);
    }
    summary.recovery = Recovery::NotRecovered {
        silent: vec!["n2".into(), "n4".into()],
    };
    summary.final_reads.keys = 9;
    summary.final_reads.missing = (1..8).map(|n| format!("k{n}")).collect();
    let said: Vec<String> = summary
        .shortcomings()
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
