//! Chain replication in the simulated lab: a few seeds here, thousands if you like.
//!
//! `OWN_PROTOCOL_SEEDS=2000 cargo test --release -p own-protocol` tries so many.

use std::collections::BTreeSet;
use std::time::Duration;

use own_protocol::Chain;
use testimony_checker::{Budget, Verdict, check_recorded};
use testimony_consensus::machine::store::Store;
use testimony_engine::{
    Draft, Fault, FaultKind, NemesisDraft, Plan, PlannedInjection, Recovery, TargetInfo,
};
use testimony_history::{Model, ReadOptions, read};
use testimony_lab::sim::{SimError, SimOptions, Simulated, simulate_replica};

/// How many seeds a plain run of the tests tries.
const SEEDS: u64 = 10;
/// How long each run is under faults, in virtual time.
const TIME: Duration = Duration::from_secs(10);

/// What the protocol claims to stand, and what it can be asked for. A plan is made for it: what is
/// not in here is refused.
fn target() -> TargetInfo {
    let impossible = |kind: &FaultKind| {
        matches!(
            kind,
            FaultKind::Membership | FaultKind::TransferLeader | FaultKind::SnapshotNow
        )
    };
    TargetInfo {
        name: "chain".to_owned(),
        summary: "chain replication with a chain that never changes".to_owned(),
        modes: vec!["hasty".to_owned()],
        labs: vec!["sim".to_owned()],
        models: vec![Model::Kv, Model::CasRegister, Model::Counter],
        faults: FaultKind::of_crashes()
            .filter(|kind| !impossible(kind))
            .collect(),
        beyond: [FaultKind::WipeDisk, FaultKind::Lie].into(),
        ..TargetInfo::default()
    }
}

/// Everything of a run: which faults and when, which calls, all drawn from the seed.
fn plan(name: &str, seed: u64, change: impl FnOnce(&mut Draft)) -> Plan {
    let mut draft = Draft {
        target: Some(name.to_owned()),
        seed: Some(seed),
        nodes: Some(3),
        time: Some(TIME),
        ..Draft::default()
    };
    change(&mut draft);
    Plan::resolve(draft, &target()).expect("the plan is possible")
}

fn no_faults(draft: &mut Draft) {
    draft.nemesis = Some(NemesisDraft {
        kinds: Some(BTreeSet::new()),
        ..NemesisDraft::default()
    });
}

fn run(plan: &Plan) -> Simulated {
    simulate_replica::<Chain<Store>>(plan, SimOptions::default()).expect("it can be simulated")
}

/// What clients saw, judged. A verdict about nothing would be worth nothing, so a run must have
/// tested something: calls were completed, also under faults, and the faults had an effect.
fn judge(plan: &Plan, run: &Simulated) -> Verdict {
    assert_eq!(run.summary.shortcomings(), [], "seed {}", plan.seed);
    let recording = read(run.history.as_slice(), &ReadOptions::default()).expect("well-formed");
    let (history, _) = recording.history(plan.model()).expect("it fits the model");
    check_recorded(plan.model(), None, &history, &Budget::for_tests()).verdict
}

fn seeds() -> u64 {
    std::env::var("OWN_PROTOCOL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"))
}

#[test]
fn the_chain_is_linearizable_under_all_faults_that_it_claims_to_stand() {
    for seed in 0..seeds() {
        let plan = plan("chain", seed, |_| {});
        let run = run(&plan);
        assert_eq!(run.breach, None, "seed {seed}");
        assert!(run.deaths.is_empty(), "seed {seed}: {:?}", run.deaths);
        let recovery = &run.summary.recovery;
        assert!(
            matches!(recovery, Recovery::Recovered { .. }),
            "seed {seed}: {recovery:?}"
        );
        let verdict = judge(&plan, &run);
        assert!(
            matches!(verdict, Verdict::Linearizable(_)),
            "seed {seed}: {verdict:?}"
        );
    }
}

/// The planted mistake: the head answers before the tail has the update, so that a client reads at
/// the tail what was there before. No node is wrong about the order, so no invariant is broken:
/// only clients can tell.
#[test]
fn a_head_that_answers_before_the_tail_has_it_is_found() {
    for seed in 0..SEEDS {
        let plan = plan("chain:hasty", seed, no_faults);
        let run = run(&plan);
        assert_eq!(run.breach, None, "seed {seed}");
        let Verdict::Illegal(found) = judge(&plan, &run) else {
            panic!("seed {seed} did not find it");
        };
        assert!(!found.explanation.headline.is_empty());
    }
}

/// The price of a chain that never changes.
#[test]
fn the_chain_acknowledges_no_update_while_any_of_its_nodes_is_dead() {
    let plan = plan("chain", 1, |draft| {
        draft.injections = Some(vec![PlannedInjection {
            id: 1,
            at: Duration::ZERO,
            duration: TIME,
            kind: FaultKind::KillMinority,
            fault: Fault::Kill {
                nodes: vec!["n2".into()],
            },
        }]);
    });
    let run = run(&plan);
    let writes = run.summary.operations["write"];
    assert!(writes.unknown > writes.completed / 10, "{writes:?}");
    assert!(matches!(run.summary.recovery, Recovery::Recovered { .. }));
    assert!(matches!(judge(&plan, &run), Verdict::Linearizable(_)));
}

#[test]
fn a_seed_is_a_run() {
    let plan = plan("chain", 3, |_| {});
    let (one, other) = (run(&plan), run(&plan));
    assert!(one.history == other.history && one.injections == other.injections);
}

#[test]
fn a_mode_that_there_is_none_of_is_refused() {
    let mut plan = plan("chain", 1, |_| {});
    plan.mode = Some("reckless".to_owned());
    let refused = simulate_replica::<Chain<Store>>(&plan, SimOptions::default());
    assert!(matches!(refused, Err(SimError::Start(_))));
}

/// It would be planted nowhere, and the run would pass.
#[test]
fn a_bug_that_nobody_knows_is_refused() {
    let mut plan = plan("chain", 1, |_| {});
    plan.bug = Some("forgets-everything".to_owned());
    let refused = simulate_replica::<Chain<Store>>(&plan, SimOptions::default());
    assert!(matches!(refused, Err(SimError::UnknownBug(_))));
}
