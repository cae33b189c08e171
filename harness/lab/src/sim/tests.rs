//! Whole runs in the simulated lab, judged.

use testimony_checker::{Budget, Verdict};
use testimony_engine::{Draft, FaultKind, NemesisDraft, Recovery};
use testimony_history::{ReadOptions, read};

use super::*;

mod machines;
mod majorities;
mod protocols;

fn plan(seed: u64, change: impl FnOnce(&mut Draft)) -> Plan {
    let mut draft = Draft {
        seed: Some(seed),
        ..Draft::default()
    };
    change(&mut draft);
    Plan::resolve(draft, &testimony_systems::raft::info()).expect("the plan is possible")
}

fn run(plan: &Plan) -> Simulated {
    simulate(
        plan,
        SimOptions {
            story: true,
            ..SimOptions::default()
        },
    )
    .expect("it can be simulated")
}

fn judge(plan: &Plan, run: &Simulated) -> Verdict {
    let recording = read(run.history.as_slice(), &ReadOptions::default()).expect("well-formed");
    let (history, _) = recording.history(plan.model()).expect("it fits the model");
    testimony_checker::check_recorded(plan.model(), None, &history, &Budget::for_tests()).verdict
}

#[test]
fn raft_is_linearizable_under_all_faults() {
    for seed in 0..10 {
        let plan = plan(seed, |_| {});
        let run = run(&plan);
        assert_eq!(run.breach, None, "{seed}");
        assert!(run.deaths.is_empty(), "{seed}: {:?}", run.deaths);
        assert_eq!(run.summary.shortcomings(), [], "{seed}");
        assert!(
            matches!(run.summary.recovery, Recovery::Recovered { .. }),
            "{seed}"
        );
        let verdict = judge(&plan, &run);
        assert!(
            matches!(verdict, Verdict::Linearizable(_)),
            "{seed}: {verdict:?}"
        );
    }
}

#[test]
fn a_plan_gives_the_same_bytes_again() {
    let plan = plan(7, |_| {});
    let (one, other) = (run(&plan), run(&plan));
    assert!(one.history == other.history && one.injections == other.injections);
    assert!(one.status == other.status && one.story == other.story);
    assert_eq!(one.costs, other.costs);
}

/// What is asked of the cluster is told by its name, and only if it was done.
#[test]
fn a_story_tells_the_injections_that_took_effect() {
    let plan = plan(3, |draft| {
        let kinds = [FaultKind::TransferLeader, FaultKind::SnapshotNow];
        draft.nemesis = Some(NemesisDraft::only(kinds));
    });
    let run = run(&plan);
    let told = String::from_utf8(run.story.clone()).expect("JSON is UTF-8");
    let told = told.lines().filter(|line| line.contains("\"injected\""));
    let told: Vec<&str> = told.collect();
    let transfers = told
        .iter()
        .filter(|line| line.contains("transfer leadership to"));
    let verified = |kind| run.summary.injections[&kind].verified;
    assert_eq!(
        transfers.count() as u64,
        verified(FaultKind::TransferLeader)
    );
    let all = verified(FaultKind::TransferLeader) + verified(FaultKind::SnapshotNow);
    assert_eq!(told.len() as u64, all);
    assert!(verified(FaultKind::TransferLeader) > 0);
}

/// FNV-1a, 64 bits.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The same in a debug and in a release build, and on every machine. A change of a protocol, of the
/// nemesis or of the lab changes them, and is seen to do so.
#[test]
fn a_plan_gives_these_bytes_everywhere() {
    let mut lines = Vec::new();
    for target in testimony_systems::targets() {
        if !target.labs.iter().any(|lab| lab == "sim") {
            continue;
        }
        let plan = protocols::plan_for(&target.name, 7, |_| {});
        let run = run(&plan);
        let (history, story) = (fingerprint(&run.history), fingerprint(&run.story));
        lines.push(format!("{:18} {history:016x} {story:016x}", target.name));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
