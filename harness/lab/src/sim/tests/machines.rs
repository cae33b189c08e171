//! Other state machines than the map under every replicated protocol, new nodes, and how long logs
//! get.

use testimony_engine::{FaultKind, WorkloadDraft, WorkloadKind};

use super::protocols::plan_for;
use super::*;

/// Those that replicate a log of commands.
const REPLICATED: [&str; 3] = ["raft", "multi-paxos", "paxos"];

fn with(kind: WorkloadKind) -> impl Fn(&mut Draft) {
    move |draft| {
        draft.workload = Some(WorkloadDraft {
            name: Some(kind),
            ..WorkloadDraft::default()
        });
    }
}

fn is_linearizable(target: &str, change: impl Fn(&mut Draft)) -> Simulated {
    let plan = plan_for(target, 3, change);
    let run = run(&plan);
    assert_eq!(run.breach, None, "{target}");
    assert_eq!(run.summary.shortcomings(), [], "{target}");
    let verdict = judge(&plan, &run);
    let fine = matches!(verdict, Verdict::Linearizable(_));
    assert!(fine, "{target}: {verdict:?}");
    run
}

#[test]
fn counters_and_registers_are_linearizable_under_every_replicated_protocol() {
    for target in REPLICATED {
        for kind in [
            WorkloadKind::Counter,
            WorkloadKind::Register,
            WorkloadKind::CasRegister,
        ] {
            is_linearizable(target, with(kind));
        }
    }
    is_linearizable("quorum", with(WorkloadKind::Register));
}

/// Judged as a mutex: nobody acquires what somebody else has not released.
#[test]
fn locks_on_a_replicated_map_are_held_by_one_process_at_a_time() {
    for target in REPLICATED {
        let run = is_linearizable(target, with(WorkloadKind::Lock));
        let released = run.summary.operations["release"].completed;
        assert!(released > 100, "{target}: {released}");
    }
}

#[test]
fn locks_on_a_map_that_two_leaders_serve_are_held_twice() {
    let violated = (0..6).any(|seed| {
        let plan = plan_for("primary-backup", seed, |draft| {
            with(WorkloadKind::Lock)(draft);
            draft.nemesis = Some(NemesisDraft::only([FaultKind::IsolateLeader]));
        });
        matches!(judge(&plan, &run(&plan)), Verdict::Illegal(_))
    });
    assert!(violated);
}

/// A node that was removed, and emptied, comes back: by all of the log, or by a snapshot.
#[test]
fn members_come_and_go_and_logs_stay_short_if_there_are_snapshots() {
    for target in ["raft", "multi-paxos"] {
        let log_max = |every: &str| {
            let run = is_linearizable(target, |draft| {
                draft.nemesis = Some(NemesisDraft::only([FaultKind::Membership]));
                draft.settings = [("snapshot-every".to_owned(), every.to_owned())].into();
            });
            run.costs.log_max
        };
        let (replayed, compacted) = (log_max("0"), log_max("50"));
        // Multi-Paxos takes a snapshot at each change of the members in any case.
        assert!(replayed > 250, "{target}: {replayed}");
        assert!(compacted < replayed, "{target}: {compacted}, {replayed}");
    }
}

#[test]
fn what_an_operation_takes_is_counted() {
    let run = is_linearizable("raft", |draft| draft.nemesis = Some(NemesisDraft::only([])));
    let (median, most) = (run.costs.latency_median, run.costs.latency_p99);
    assert!(median > testimony_engine::Nanos::ZERO && median < most);
}

/// One round trip for a command instead of two.
#[test]
fn a_leader_that_prepares_once_halves_the_messages() {
    let messages = |target| {
        let run = is_linearizable(target, |draft| draft.nemesis = Some(NemesisDraft::only([])));
        run.costs.all_messages() / run.summary.completed().max(1)
    };
    let (each, once) = (messages("paxos"), messages("multi-paxos"));
    assert!(once * 2 <= each, "{once} and {each}");
}
