//! Plans and scenarios: what is filled in, what is refused, what is read back.

use std::time::Duration;

use proptest::prelude::*;
use testimony_engine::{
    ClientPlace, Draft, FaultKind, NemesisDraft, Plan, PlanError, PlannedInjection, ProcessId,
    RunProfile, SpanRange, WorkloadKind,
};

use crate::fixture::{draft, plan, resolve, target};

fn refusal(text: &str) -> String {
    let seed = if text.starts_with("seed") {
        ""
    } else {
        "seed = 1\n"
    };
    let draft = Draft::from_toml(&format!("{seed}{text}"));
    let resolved = draft.and_then(|draft| Plan::resolve(draft, &target()));
    resolved.expect_err(text).to_string()
}

#[test]
fn a_plan_as_a_person_reads_it() {
    insta::assert_snapshot!(plan(42).to_toml());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plan_is_read_as_it_is_written_both_as_plan_and_as_draft(seed: u64, nodes in 1_u32..9) {
        let plan = resolve(Draft { nodes: Some(nodes), ..draft(seed) });
        let text = plan.to_toml();
        prop_assert_eq!(&Plan::from_toml(&text).unwrap(), &plan);
        prop_assert_eq!(&resolve(Draft::from_toml(&text).unwrap()), &plan);
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let plan = plan(1);
    assert_eq!((plan.nodes, plan.clients), (5, 10));
    assert_eq!(plan.time, Duration::from_secs(30));
    assert_eq!(plan.workload.name, WorkloadKind::Kv);
    assert!(
        (10..=30).contains(&plan.injections.len()),
        "{}",
        plan.injections.len()
    );
}

#[test]
fn a_partial_scenario_is_filled_up() {
    let text = "
        seed = 7
        target = 'store:weak'
        time = '12s'
        nemesis = 'kill-one, pause-leader'
        settings = { snapshot-every = '9' }
        [workload]
        name = 'counter'
    ";
    let plan = resolve(Draft::from_toml(text).unwrap());
    assert_eq!(
        (plan.target.as_str(), plan.mode.as_deref()),
        ("store", Some("weak"))
    );
    assert_eq!(plan.time, Duration::from_secs(12));
    assert_eq!(plan.workload.name, WorkloadKind::Counter);
    assert_eq!(plan.settings["snapshot-every"], "9");
    let kinds = [FaultKind::KillOne, FaultKind::PauseLeader];
    assert!(
        plan.injections
            .iter()
            .all(|injection| kinds.contains(&injection.kind))
    );
}

#[test]
fn a_nemesis_table_sets_weights_spans_and_overlap() {
    let text = "
        seed = 7
        [nemesis]
        kinds = ['kill-one', 'halves']
        weights = { kill-one = 9, halves = 0 }
        duration = '1s'
        gap = '200ms..300ms'
        overlap = 0
    ";
    let plan = resolve(Draft::from_toml(text).unwrap());
    assert!(plan.injections.len() > 15);
    let usual = |i: &testimony_engine::PlannedInjection| {
        i.kind == FaultKind::KillOne && i.duration <= Duration::from_secs(1)
    };
    assert!(plan.injections.iter().all(usual), "{:?}", plan.injections);
}

#[test]
fn no_nemesis_is_an_empty_schedule() {
    for nemesis in [
        "nemesis = 'none'",
        "nemesis = { kinds = [] }",
        "injections = []",
    ] {
        let draft = Draft::from_toml(&format!("seed = 1\n{nemesis}")).unwrap();
        assert_eq!(resolve(draft).injections, [], "{nemesis}");
    }
}

#[test]
fn listed_injections_win_over_the_drawing_and_are_sorted_and_numbered() {
    let text = "
        seed = 1
        nemesis = 'halves'
        [[injections]]
        at = '5s'
        kind = 'snapshot-now'
        fault = { do = 'snapshot', node = 'leader' }
        [[injections]]
        at = '2.5s'
        duration = '1s'
        kind = 'kill-one'
        fault = { do = 'kill', nodes = ['n4'] }
    ";
    let plan = resolve(Draft::from_toml(text).unwrap());
    let order: Vec<_> = plan.injections.iter().map(|i| (i.id, i.kind)).collect();
    assert_eq!(
        order,
        [(1, FaultKind::KillOne), (2, FaultKind::SnapshotNow)]
    );
}

#[test]
fn a_bug_brings_its_own_run_unless_a_nemesis_is_chosen() {
    let bug = Some("forgetful".to_owned());
    let own = resolve(Draft {
        bug: bug.clone(),
        ..draft(1)
    });
    assert!(own.injections.iter().all(|i| i.kind == FaultKind::KillAll));
    assert_eq!(
        (own.nodes, own.clients, own.rate, own.workload.keys),
        (3, 20, 400, 2)
    );
    assert_eq!(own.settings["snapshot-every"], "50");
    let nemesis = Some(NemesisDraft::only([FaultKind::PauseOne]));
    let chosen = resolve(Draft {
        bug,
        nemesis,
        ..draft(1)
    });
    assert!(
        chosen
            .injections
            .iter()
            .all(|i| i.kind == FaultKind::PauseOne)
    );
    assert_eq!((chosen.nodes, chosen.workload.keys), (5, 5));
    assert_eq!(chosen.bug.as_deref(), Some("forgetful"));
}

#[test]
fn a_mode_changes_the_run_of_its_target_and_keeps_the_rest() {
    let mut target = target();
    target.profile.nodes = Some(3);
    target.profile.nemesis = NemesisDraft::only([FaultKind::KillOne]);
    let weak = RunProfile {
        nemesis: NemesisDraft::only([FaultKind::IsolateLeader]),
        rate: Some(77),
        ..RunProfile::default()
    };
    target.mode_profiles.insert("weak".into(), weak);
    let run = |name: &str| {
        let draft = Draft {
            target: Some(name.to_owned()),
            ..draft(1)
        };
        Plan::resolve(draft, &target).unwrap()
    };
    let (plain, weak) = (run("store"), run("store:weak"));
    assert_eq!((plain.nodes, plain.rate), (3, 200));
    assert_eq!((weak.nodes, weak.rate), (3, 77));
    let kind = |plan: &Plan| plan.injections[0].kind;
    assert_eq!(kind(&plain), FaultKind::KillOne);
    assert_eq!(kind(&weak), FaultKind::IsolateLeader);
}

#[test]
fn other_faults_last_as_long_as_those_of_the_target() {
    let mut target = target();
    target.profile.nemesis = NemesisDraft {
        duration: Some(SpanRange::millis(4_000, 5_000)),
        ..NemesisDraft::only([FaultKind::IsolateLeader])
    };
    let chosen = Draft {
        nemesis: Some(NemesisDraft::from_words("kill-one").unwrap()),
        ..draft(1)
    };
    let plan = Plan::resolve(chosen, &target).unwrap();
    let long = |injection: &PlannedInjection| injection.duration >= Duration::from_secs(4);
    assert!(plan.injections.iter().any(long));
    let kill = |injection: &PlannedInjection| injection.kind == FaultKind::KillOne;
    assert!(plan.injections.iter().all(kill));
}

#[test]
fn a_user_wins_over_a_bug_in_each_single_choice() {
    let bug = Some("forgetful".to_owned());
    let plan = resolve(Draft {
        bug,
        nodes: Some(7),
        ..draft(1)
    });
    assert_eq!((plan.nodes, plan.clients), (7, 20));
}

#[test]
fn a_bug_is_shown_on_a_small_cluster_with_the_faults_that_it_can_have() {
    let mut target = target();
    let kinds = [FaultKind::MajoritiesRing, FaultKind::KillOne];
    target.bugs[0].profile.nemesis = NemesisDraft::only(kinds);
    let small = |nodes| Draft {
        bug: Some("forgetful".to_owned()),
        nodes: Some(nodes),
        ..draft(1)
    };
    let plan = Plan::resolve(small(3), &target).unwrap();
    assert!(
        plan.injections
            .iter()
            .all(|injection| injection.kind == FaultKind::KillOne)
    );
    target.bugs[0].profile.nemesis = NemesisDraft::only([FaultKind::MajoritiesRing]);
    let error = Plan::resolve(small(3), &target).unwrap_err();
    assert_eq!(
        error,
        PlanError::NoFaultFits {
            time: "30s".into(),
            nodes: 3
        }
    );
}

#[test]
fn the_command_line_wins_over_a_file() {
    let file = Draft::from_toml(&plan(3).to_toml()).unwrap();
    let over = Draft {
        time: Some(Duration::from_secs(60)),
        ..Draft::default()
    };
    let longer = resolve(file.clone().overlay(over));
    assert_eq!(longer.time, Duration::from_secs(60));
    assert_eq!(
        longer.injections,
        plan(3).injections,
        "the file's schedule stays"
    );
    let over = Draft {
        nemesis: Some(NemesisDraft::from_words("none").unwrap()),
        ..Draft::default()
    };
    assert_eq!(resolve(file.overlay(over)).injections, []);
}

#[test]
fn another_workload_on_the_command_line_brings_its_own_mix() {
    let file = Draft::from_toml(&plan(3).to_toml()).unwrap();
    let counter = testimony_engine::WorkloadDraft {
        name: Some(WorkloadKind::Counter),
        ..Default::default()
    };
    let over = Draft {
        workload: Some(counter),
        ..Draft::default()
    };
    let plan = resolve(file.overlay(over));
    assert_eq!(plan.workload.mix, WorkloadKind::Counter.default_mix());
}

#[test]
fn clients_are_beside_nodes_only_where_the_network_has_places() {
    let mut placed = target();
    placed.labs.push("netns".into());
    let resolve = |lab: &str, place: Option<ClientPlace>| {
        let draft = Draft {
            lab: Some(lab.to_owned()),
            clients_at: place,
            ..draft(1)
        };
        Plan::resolve(draft, &placed).map(|plan| plan.clients_at)
    };
    let (outside, beside) = (Some(ClientPlace::Outside), Some(ClientPlace::Beside));
    assert_eq!(resolve("netns", None), Ok(outside));
    assert_eq!(resolve("netns", beside), Ok(beside));
    assert_eq!(resolve("process", outside), Ok(None));
    let lab = "process".to_owned();
    assert_eq!(resolve("process", beside), Err(PlanError::NoPlace { lab }));
}

#[test]
fn a_process_that_takes_the_place_of_another_has_the_same_node() {
    let plan = plan(1);
    let home = |process| plan.home(ProcessId(process));
    assert_eq!(home(7), "n3".into());
    assert_eq!(home(7), home(7 + u64::from(plan.clients)));
}

#[test]
fn the_largest_seed_survives() {
    let plan = plan(u64::MAX);
    assert_eq!(Plan::from_toml(&plan.to_toml()).unwrap().seed, u64::MAX);
}

#[test]
fn without_a_seed_there_is_no_plan() {
    assert_eq!(
        Plan::resolve(Draft::default(), &target()),
        Err(PlanError::NoSeed)
    );
}

#[test]
fn a_time_in_which_no_fault_fits_is_refused() {
    let draft = Draft {
        time: Some(Duration::from_millis(20)),
        ..draft(1)
    };
    let only = NemesisDraft::only([FaultKind::KillAll]);
    let error = Plan::resolve(
        Draft {
            nemesis: Some(only),
            ..draft
        },
        &target(),
    )
    .unwrap_err();
    assert_eq!(
        error,
        PlanError::NoFaultFits {
            time: "20ms".into(),
            nodes: 5
        }
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let cases = [
        "nodes = 0",
        "clients = 0",
        "rate = 0",
        "time = '0s'",
        "time = '5 parsecs'",
        "seed = -1",
        "version = 2",
        "nemesis = 'kill-won'",
        "nemesis = 'majorities-ring'\nnodes = 3",
        "nemesis = { overlap = 101 }",
        "nemesis = { duration = '3s..1s' }",
        "nemesis = { kind = 'halves' }",
        "bug = 'forgetfull'",
        "target = 'stork'",
        "target = 'store:mild'",
        "lab = 'moon'",
        "settings = { snapshots = '1' }",
        "nodez = 5",
        "workload = { name = 'kvv' }",
        "workload = { keys = 0 }",
        "workload = { burst = 0 }",
        "workload = { final_reads = 0 }",
        "workload = { roam = 101 }",
        "workload = { mix = { read = 1, add = 1 } }",
        "workload = { mix = { write = 1 } }",
        "workload = { mix = { read = 1, contains = 1 } }",
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|case| format!("{case:?}\n{}", refusal(case).trim_end()))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn an_impossible_injection_is_refused_with_a_reason() {
    let cases = [
        "at='40s', duration='1s', kind='kill-one', fault={do='kill', nodes=['n1']}",
        "at='1s', kind='kill-one', fault={do='kill', nodes=['n1']}",
        "at='1s', duration='1s', kind='snapshot-now', fault={do='snapshot', node='n1'}",
        "at='1s', duration='1s', kind='kill-one', fault={do='kill', nodes=['n6']}",
        "at='1s', duration='1s', kind='kill-one', fault={do='kill', nodes=['follower-5']}",
        "at='1s', duration='1s', kind='kill-one', fault={do='kill', nodes=['n1', 'n1']}",
        "at='1s', duration='1s', kind='kill-one', fault={do='kill', nodes=[]}",
        "at='1s', duration='1s', kind='halves', fault={do='partition', groups=[['n1']]}",
        "at='1s', duration='1s', kind='one-way', fault={do='one-way', from=['n1'], to=[]}",
        "at='1s', duration='1s', kind='majorities-ring', fault={do='ring', order=['n1', 'n2']}",
        "at='1s', duration='1s', kind='throttle', fault={do='throttle', nodes=['n1'], \
         bytes_per_second=0}",
        "at='1s', duration='1s', kind='slow-links', fault={do='slow', nodes=['n1'], \
         delay='10ms', jitter='20ms'}",
        "at='1s', duration='1s', kind='kill-one', fault={do='kill', node='n1'}",
        "at='1s', duration='1s', kind='kill-one', fault={do='eat', nodes=['n1']}",
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|case| {
            refusal(&format!("injections = [{{{case}}}]"))
                .trim_end()
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn two_injections_of_one_number_are_refused() {
    let one = "{id=3, at='1s', kind='snapshot-now', fault={do='snapshot', node='n1'}}";
    let error = refusal(&format!("injections = [{one}, {one}]"));
    assert_eq!(
        error,
        "injection 3 (snapshot-now) must have a number of its own, from 1"
    );
}

#[test]
fn what_is_never_taken_out_or_wanted_cannot_be_judged() {
    use testimony_engine::{Mix, WorkloadDraft};
    let refused = |name, mix| {
        let workload = WorkloadDraft {
            name: Some(name),
            mix: Some(mix),
            ..WorkloadDraft::default()
        };
        let mut draft = draft(1);
        draft.workload = Some(workload);
        Plan::resolve(draft, &target()).unwrap_err().to_string()
    };
    let puts = Mix {
        enqueue: 1,
        ..Mix::default()
    };
    let takes = Mix {
        dequeue: 1,
        ..Mix::default()
    };
    let releases = Mix {
        release: 1,
        ..Mix::default()
    };
    let reads = Mix {
        read: 1,
        ..Mix::default()
    };
    assert!(refused(WorkloadKind::Queue, puts).contains("never taken out"));
    assert!(refused(WorkloadKind::Queue, takes).contains("nothing is ever updated"));
    assert!(refused(WorkloadKind::Lock, releases).contains("nobody wants"));
    assert!(refused(WorkloadKind::Set, releases).contains("release"));
    assert!(refused(WorkloadKind::Log, reads).contains("nothing is ever updated"));
}
