//! Every protocol gets its true verdict. `TESTIMONY_SEEDS` says how many seeds are tried.

use std::time::Duration;

use testimony_engine::{Fault, FaultKind, NemesisDraft, PlannedInjection, Selector, WorkloadDraft};

use super::*;

/// How many seeds a plain run of the tests tries.
const SEEDS: u64 = 4;
/// How long each run is under faults, in virtual time.
const TIME: Duration = Duration::from_secs(8);

fn seeds() -> u64 {
    std::env::var("TESTIMONY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"))
}

/// The plan for a protocol, `name` or `name:mode`.
pub(super) fn plan_for(target: &str, seed: u64, change: impl Fn(&mut Draft)) -> Plan {
    let name = target.split(':').next().expect("a name");
    let targets = testimony_systems::targets();
    let info = targets.into_iter().find(|info| info.name == name);
    let mut draft = Draft {
        seed: Some(seed),
        target: Some(target.to_owned()),
        time: Some(TIME),
        ..Draft::default()
    };
    change(&mut draft);
    Plan::resolve(draft, &info.expect("a target")).expect("the plan is possible")
}

/// What each seed came to: of runs that tested something, and ended with nodes that serve.
fn violated(target: &str, change: impl Fn(&mut Draft)) -> Vec<bool> {
    let violated = |seed| {
        let plan = plan_for(target, seed, &change);
        let run = run(&plan);
        assert!(run.deaths.is_empty(), "{target} {seed}: {:?}", run.deaths);
        assert_eq!(run.breach, None, "{target} {seed}");
        assert_eq!(run.summary.shortcomings(), [], "{target} {seed}");
        match judge(&plan, &run) {
            Verdict::Linearizable(_) => false,
            Verdict::Illegal(_) => true,
            Verdict::Undecided(why) => panic!("{target} {seed}: {why:?}"),
        }
    };
    (0..seeds()).map(violated).collect()
}

fn never(target: &str, change: impl Fn(&mut Draft)) {
    let found = violated(target, change);
    assert!(!found.contains(&true), "{target}: {found:?}");
}

fn always(target: &str, change: impl Fn(&mut Draft)) {
    let found = violated(target, change);
    assert!(!found.contains(&false), "{target}: {found:?}");
}

/// By at least a quarter of the seeds.
fn often(target: &str, change: impl Fn(&mut Draft)) {
    let found = violated(target, change);
    let count = found.iter().filter(|violated| **violated).count();
    assert!(count * 4 >= found.len(), "{target}: {found:?}");
}

fn usual(_: &mut Draft) {}

fn only(kinds: &[FaultKind]) -> impl Fn(&mut Draft) {
    let nemesis = NemesisDraft {
        kinds: Some(kinds.iter().copied().collect()),
        ..NemesisDraft::default()
    };
    move |draft| draft.nemesis = Some(nemesis.clone())
}

fn no_fault() -> impl Fn(&mut Draft) {
    only(&[])
}

fn bug(name: &str) -> impl Fn(&mut Draft) {
    move |draft| draft.bug = Some(name.to_owned())
}

/// These nodes are dead for all the time of faults.
fn dead(nodes: &[&str]) -> impl Fn(&mut Draft) {
    let nodes = nodes.iter().map(|node| Selector::from(*node)).collect();
    let injection = PlannedInjection {
        id: 1,
        at: Duration::ZERO,
        duration: TIME,
        kind: FaultKind::KillMinority,
        fault: Fault::Kill { nodes },
    };
    move |draft| draft.injections = Some(vec![injection.clone()])
}

#[test]
fn one_node_is_linearizable_if_its_disk_has_what_it_acknowledged() {
    never("single", usual);
    never("single:volatile", no_fault());
    always("single:volatile", only(&[FaultKind::KillLeader]));
}

#[test]
fn telling_the_others_afterwards_is_violated_without_any_fault() {
    always("broadcast", no_fault());
}

#[test]
fn the_last_writer_by_any_clocks_is_violated_without_any_fault() {
    always("timestamp", no_fault());
    always("timestamp:client", no_fault());
}

#[test]
fn primary_and_backups_are_linearizable_until_something_fails() {
    never("primary-backup", no_fault());
    always("primary-backup", only(&[FaultKind::IsolateLeader]));
    often("primary-backup", only(&[FaultKind::KillLeader]));
}

#[test]
fn registers_on_majorities_need_their_readers_to_write_back() {
    never("quorum", usual);
    let contended = |draft: &mut Draft| {
        only(&[FaultKind::SlowLinks, FaultKind::KillAll])(draft);
        (draft.rate, draft.clients) = (Some(500), Some(20));
        draft.workload = Some(WorkloadDraft {
            keys: Some(3),
            contention: Some(50),
            ..WorkloadDraft::default()
        });
    };
    never("quorum", contended);
    often("quorum:no-write-back", contended);
}

#[test]
fn a_tag_that_is_not_saved_is_missed() {
    often("quorum", bug("tag-not-persisted"));
}

#[test]
fn two_phase_commit_is_linearizable_whatever_fails() {
    never("two-phase-commit", usual);
    never(
        "two-phase-commit",
        only(&[FaultKind::KillLeader, FaultKind::KillAll]),
    );
}

#[test]
fn two_phase_commit_stands_still_while_its_coordinator_is_dead() {
    let plan = plan_for("two-phase-commit", 1, dead(&["n1"]));
    let run = run(&plan);
    let completed = run.summary.completed_during_faults;
    assert!(completed < 10, "{completed}");
    assert!(matches!(run.summary.recovery, Recovery::Recovered { .. }));
    assert!(matches!(judge(&plan, &run), Verdict::Linearizable(_)));
}

#[test]
fn two_phase_commit_only_reads_while_a_participant_is_dead() {
    let plan = plan_for("two-phase-commit", 1, dead(&["n4"]));
    let run = run(&plan);
    let counts = |f: &str| run.summary.operations[f];
    assert!(counts("write").failed > counts("write").completed);
    assert!(counts("read").completed > 100);
    assert!(matches!(run.summary.recovery, Recovery::Recovered { .. }));
    assert!(matches!(judge(&plan, &run), Verdict::Linearizable(_)));
}

#[test]
fn a_decision_that_is_not_logged_is_missed() {
    let seen = |seed| {
        let plan = plan_for("two-phase-commit", seed, bug("decision-not-logged"));
        let run = run(&plan);
        run.breach.is_some() || matches!(judge(&plan, &run), Verdict::Illegal(_))
    };
    let found = (0..seeds()).filter(|seed| seen(*seed)).count() as u64;
    assert_eq!(found, seeds());
}

#[test]
fn paxos_is_linearizable_for_keys_for_a_log_and_with_a_leader() {
    for target in ["paxos-register", "paxos", "multi-paxos"] {
        never(target, usual);
    }
}

#[test]
fn the_naive_majority_read_of_a_log_is_violated() {
    often("paxos:quorum-read", usual);
}
