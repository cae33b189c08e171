//! Of 2n + 1 nodes n may be dead: the others serve. With one more dead nothing is answered, and
//! when they are back the cluster serves again.

use std::time::Duration;

use testimony_engine::{Fault, FaultKind, NodeName, PlannedInjection, Selector};

use super::protocols::plan_for;
use super::*;

/// How long the nodes are dead.
const TIME: Duration = Duration::from_secs(6);

/// A run of so many nodes in which the last `dead` are dead for all the time of faults.
fn run_with_dead(target: &str, nodes: u32, dead: u32) -> (Plan, Simulated) {
    let last = (nodes - dead + 1..=nodes).map(|number| Selector::Node(NodeName::numbered(number)));
    let injection = PlannedInjection {
        id: 1,
        at: Duration::ZERO,
        duration: TIME,
        kind: FaultKind::KillMinority,
        fault: Fault::Kill {
            nodes: last.collect(),
        },
    };
    let plan = plan_for(target, u64::from(nodes), |draft| {
        (draft.nodes, draft.time) = (Some(nodes), Some(TIME));
        draft.injections = Some(vec![injection.clone()]);
    });
    let run = run(&plan);
    (plan, run)
}

fn a_minority_may_die_and_a_majority_stops(target: &str) {
    for faulty in [1, 2, 3] {
        let nodes = 2 * faulty + 1;
        let (_, few) = run_with_dead(target, nodes, faulty);
        let (plan, many) = run_with_dead(target, nodes, faulty + 1);
        let served = |run: &Simulated| run.summary.completed_during_faults;
        assert!(served(&few) > 500, "{target}, {nodes}: {}", served(&few));
        // What was under way when they died may still be answered.
        assert!(served(&many) < 50, "{target}, {nodes}: {}", served(&many));
        for run in [&few, &many] {
            assert_eq!(run.breach, None, "{target}, {nodes}");
            let recovered = matches!(run.summary.recovery, Recovery::Recovered { .. });
            assert!(recovered, "{target}, {nodes}: {:?}", run.summary.recovery);
        }
        assert!(matches!(judge(&plan, &many), Verdict::Linearizable(_)));
    }
}

#[test]
fn raft_serves_while_a_majority_lives() {
    a_minority_may_die_and_a_majority_stops("raft");
}

#[test]
fn multi_paxos_serves_while_a_majority_lives() {
    a_minority_may_die_and_a_majority_stops("multi-paxos");
}

#[test]
fn paxos_serves_while_a_majority_lives() {
    a_minority_may_die_and_a_majority_stops("paxos");
}

#[test]
fn registers_on_majorities_serve_while_a_majority_lives() {
    a_minority_may_die_and_a_majority_stops("quorum");
}
