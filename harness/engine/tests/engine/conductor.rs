//! The conductor keeps its promises whatever the lab does.

use std::collections::BTreeSet;
use std::time::Duration;

use testimony_engine::{
    Command, Draft, FaultKind, Nanos, NemesisDraft, Plan, Recovery, Shortcoming, Trouble,
    WorkloadDraft, WorkloadKind,
};
use testimony_history::{Ending, Function};

use crate::fixture::{draft, plan, resolve, short_plan};
use crate::lab::{self, Options, Outcome};

fn assert_whole(plan: &Plan, outcome: &Outcome) {
    let summary = &outcome.summary;
    assert!(summary.finished);
    assert_eq!(summary.shortcomings(), [], "seed {}", plan.seed);
    assert_eq!(outcome.injected, outcome.healed, "seed {}", plan.seed);
    assert!(outcome.still_broken.is_empty());
    assert_counts_agree(plan, outcome);
}

fn assert_counts_agree(plan: &Plan, outcome: &Outcome) {
    let summary = &outcome.summary;
    let count = |fits: fn(&Ending) -> bool| {
        let ended = outcome.seen.iter().filter_map(|seen| seen.ended.as_ref());
        u64::try_from(ended.filter(|(_, ending)| fits(ending)).count()).unwrap()
    };
    assert_eq!(
        summary.invoked(),
        u64::try_from(outcome.seen.len()).unwrap()
    );
    assert_eq!(
        summary.completed(),
        count(|ending| matches!(ending, Ending::Ok(_)))
    );
    assert_eq!(
        summary.failed(),
        count(|ending| matches!(ending, Ending::Fail(_)))
    );
    assert_eq!(
        summary.unknown(),
        count(|ending| matches!(ending, Ending::Info(_)))
    );
    assert_eq!(summary.unknown(), summary.processes_retired);
    let all = summary.all_injections();
    assert_eq!(all.planned, u64::try_from(plan.injections.len()).unwrap());
    if summary.finished {
        assert_eq!(
            all.planned,
            all.verified + all.skipped + all.failed,
            "seed {}",
            plan.seed
        );
    }
}

#[test]
fn a_run_of_a_perfect_store_comes_to_its_end_with_nothing_missing() {
    for seed in 0..20 {
        let plan = plan(seed);
        let outcome = lab::run(&plan, &lab::options(seed));
        assert_whole(&plan, &outcome);
    }
}

#[test]
fn every_workload_and_cluster_size_comes_to_its_end() {
    for (seed, name) in (0..).zip(WorkloadKind::ALL) {
        for nodes in 1..=7 {
            let workload = WorkloadDraft {
                name: Some(name),
                ..WorkloadDraft::default()
            };
            let plan = resolve(Draft {
                nodes: Some(nodes),
                workload: Some(workload),
                time: Some(Duration::from_secs(10)),
                ..draft(seed)
            });
            let outcome = lab::run(&plan, &lab::options(seed));
            assert!(outcome.summary.finished, "{name} on {nodes} nodes");
            assert_eq!(
                outcome.summary.shortcomings(),
                [],
                "{name} on {nodes} nodes"
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_commands_to_the_byte() {
    for seed in 0..5 {
        let options = Options {
            trouble: 20,
            ..lab::options(seed)
        };
        let text = |outcome: &Outcome| format!("{:?}", outcome.commands);
        let (first, second) = (
            lab::run(&plan(seed), &options),
            lab::run(&plan(seed), &options),
        );
        assert_eq!(text(&first), text(&second));
    }
}

#[test]
fn another_seed_gives_other_commands() {
    let commands = |seed| lab::run(&short_plan(seed, 5), &lab::options(0)).commands;
    assert_ne!(commands(1), commands(2));
}

#[test]
fn a_lab_in_which_much_goes_wrong_does_not_stop_a_run_and_the_summary_says_so() {
    let mut unhealed = 0;
    for seed in 0..20 {
        let plan = plan(seed);
        let options = Options {
            trouble: 40,
            ..lab::options(seed)
        };
        let outcome = lab::run(&plan, &options);
        assert!(outcome.summary.finished, "seed {seed}");
        assert_counts_agree(&plan, &outcome);
        let all = outcome.summary.all_injections();
        assert!(all.failed > 0, "seed {seed}");
        let told: BTreeSet<u64> = outcome
            .summary
            .troubles
            .iter()
            .filter(|trouble| trouble.trouble == Trouble::HealFailed)
            .map(|trouble| trouble.injection)
            .collect();
        let broken: BTreeSet<u64> = outcome.still_broken.keys().copied().collect();
        assert_eq!(told, broken, "seed {seed}");
        unhealed += told.len();
    }
    assert!(unhealed > 0, "heals fail in some of these runs");
}

#[test]
fn a_lab_in_which_no_fault_works_makes_the_run_broken() {
    let plan = plan(1);
    let options = Options {
        trouble: 100,
        ..lab::options(1)
    };
    let found = lab::run(&plan, &options).summary.shortcomings();
    let planned = u64::try_from(plan.injections.len()).unwrap();
    assert!(
        found.contains(&Shortcoming::NoFaultTookEffect { planned }),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|s| matches!(s, Shortcoming::HealFailed { .. })),
        "{found:?}"
    );
}

#[test]
fn a_cluster_that_stops_answering_makes_the_run_broken_within_its_deadlines() {
    let options = Options {
        dies_after: Some(300),
        ..lab::options(1)
    };
    let outcome = lab::run(&plan(1), &options);
    let summary = &outcome.summary;
    assert!(summary.finished);
    let nodes = ["n1", "n2", "n3", "n4", "n5"].map(str::to_owned).to_vec();
    assert_eq!(summary.recovery, Recovery::NotRecovered { silent: nodes });
    assert_eq!(summary.final_reads.keys_read, 0);
    assert!(summary.final_reads.keys > 0);
    let found = summary.shortcomings();
    assert!(
        found
            .iter()
            .any(|s| matches!(s, Shortcoming::FinalReadsMissing { .. }))
    );
    assert!(
        found
            .iter()
            .any(|s| matches!(s, Shortcoming::NotRecovered { .. }))
    );
}

#[test]
fn a_dead_cluster_is_not_asked_faster_than_the_rate_and_its_final_reads_back_off() {
    let plan = plan(1);
    let options = Options {
        dies_after: Some(300),
        ..lab::options(1)
    };
    let outcome = lab::run(&plan, &options);
    let seconds = outcome.ended_at.0 / 1_000_000_000 + 1;
    let calls = u64::try_from(outcome.seen.len()).unwrap();
    assert!(
        calls < u64::from(plan.rate) * seconds * 11 / 10,
        "{calls} calls in {seconds} s"
    );
}

#[test]
fn no_lab_is_woken_in_a_busy_loop_whether_it_keeps_old_wakes_or_not() {
    for keeps_wakes in [false, true] {
        let options = Options {
            keeps_wakes,
            ..lab::options(3)
        };
        let outcome = lab::run(&plan(3), &options);
        let signals = outcome.summary.invoked() * 2;
        assert!(
            outcome.steps < signals + 5_000,
            "{} steps, {signals} signals",
            outcome.steps
        );
    }
}

#[test]
fn a_timer_that_rounds_down_does_not_stop_a_run() {
    use testimony_engine::{Conductor, Signal};
    let mut conductor = Conductor::new(&plan(1));
    let mut commands = conductor.step(Nanos::from_millis(5), Signal::Started);
    for _ in 0..10 {
        let Some(Command::WakeAt(at)) = commands.pop() else {
            panic!("no wake is asked for, so the run hangs");
        };
        commands = conductor.step(Nanos(at.0 - 1_000), Signal::Woke);
    }
}

#[test]
fn nodes_of_a_rolling_restart_go_down_one_at_a_time() {
    let nemesis = Some(NemesisDraft::only([FaultKind::RollingRestart]));
    let plan = resolve(Draft {
        nemesis,
        ..draft(1)
    });
    let outcome = lab::run(
        &plan,
        &Options {
            slow_heals: true,
            ..lab::options(1)
        },
    );
    assert_eq!(outcome.down_max, 1);
    assert!(outcome.summary.all_injections().verified > 5);
}

#[test]
fn operations_come_at_the_rate() {
    let plan = resolve(Draft {
        nemesis: Some(NemesisDraft::only([])),
        ..draft(5)
    });
    let outcome = lab::run(&plan, &lab::options(5));
    let worked = outcome.summary.operations_planned;
    let called = outcome.summary.invoked() - outcome.summary.final_reads.completed;
    assert!(
        called * 100 > worked * 95 && called * 100 < worked * 105,
        "{called} of {worked}"
    );
}

#[test]
fn a_run_without_a_nemesis_injects_nothing_and_lacks_nothing() {
    let plan = resolve(Draft {
        nemesis: Some(NemesisDraft::only([])),
        ..draft(1)
    });
    let outcome = lab::run(&plan, &lab::options(1));
    assert!(outcome.injected.is_empty());
    assert_whole(&plan, &outcome);
}

#[test]
fn an_interrupted_run_still_heals_and_reads_every_key() {
    for (seed, millis) in [(1, 1_000), (2, 9_000), (3, 20_000), (4, 31_999)] {
        let interrupts = vec![Duration::from_millis(millis)];
        let options = Options {
            interrupts,
            ..lab::options(seed)
        };
        let outcome = lab::run(&plan(seed), &options);
        let summary = &outcome.summary;
        assert!(summary.finished && summary.interrupted);
        assert_eq!(outcome.injected, outcome.healed);
        assert_eq!(summary.final_reads.missing, Vec::<String>::new());
        assert!(matches!(summary.recovery, Recovery::Recovered { .. }));
        assert!(
            outcome.ended_at < Nanos::from_millis(millis + 6_000),
            "seed {seed}"
        );
    }
}

#[test]
fn a_run_that_is_interrupted_after_some_faults_can_still_pass_and_before_them_it_cannot() {
    let shortcomings = |millis| {
        let interrupts = vec![Duration::from_millis(millis)];
        let options = Options {
            interrupts,
            ..lab::options(2)
        };
        lab::run(&plan(2), &options).summary.shortcomings()
    };
    assert_eq!(shortcomings(15_000), []);
    let early = shortcomings(1_000);
    assert!(
        early
            .iter()
            .any(|s| matches!(s, Shortcoming::NoFaultTookEffect { .. })),
        "{early:?}"
    );
}

#[test]
fn a_second_interruption_ends_the_run_at_once() {
    let interrupts = vec![Duration::from_secs(10), Duration::from_millis(10_001)];
    let options = Options {
        interrupts,
        ..lab::options(1)
    };
    let outcome = lab::run(&plan(1), &options);
    assert!(!outcome.summary.finished);
    assert_eq!(outcome.ended_at, Nanos::from_millis(11_701));
    assert!(
        outcome
            .summary
            .shortcomings()
            .contains(&Shortcoming::Unfinished)
    );
}

#[test]
fn a_fault_on_the_leader_hits_the_leader_of_that_moment() {
    let nemesis = Some(NemesisDraft::only([FaultKind::KillLeader]));
    let plan = resolve(Draft {
        nemesis,
        ..draft(1)
    });
    let outcome = lab::run(&plan, &lab::options(1));
    let mut killed = Vec::new();
    for (_, command) in &outcome.commands {
        if let Command::Inject { action, .. } = command {
            killed.push(action.to_string());
        }
    }
    assert!(killed.len() > 5);
    let repeated = killed.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(
        !repeated,
        "the store elects another node each time: {killed:?}"
    );
}

#[test]
fn a_fault_that_needs_a_leader_is_skipped_if_none_is_known_in_time() {
    // Every node is down for ten seconds, so nobody can be known to lead.
    let text = "
        seed = 1
        [[injections]]
        at = '1s'
        duration = '10s'
        kind = 'kill-all'
        fault = { do = 'kill', nodes = ['n1', 'n2', 'n3', 'n4', 'n5'] }
        [[injections]]
        at = '3s'
        duration = '1s'
        kind = 'isolate-leader'
        fault = { do = 'partition', groups = [['leader'], ['follower-1', 'follower-2']] }
    ";
    let plan = resolve(Draft::from_toml(text).unwrap());
    let outcome = lab::run(&plan, &lab::options(1));
    let troubles = &outcome.summary.troubles;
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert_eq!(troubles[0].trouble, Trouble::Skipped);
    assert_eq!(troubles[0].reason, "no leader is known");
}

#[test]
fn a_second_fault_on_the_same_node_waits_for_the_first_to_be_healed() {
    let text = "
        seed = 1
        [[injections]]
        at = '1s'
        duration = '1s'
        kind = 'kill-one'
        fault = { do = 'kill', nodes = ['n3'] }
        [[injections]]
        at = '1900ms'
        duration = '1s'
        kind = 'pause-one'
        fault = { do = 'pause', nodes = ['n3'] }
    ";
    let plan = resolve(Draft::from_toml(text).unwrap());
    let outcome = lab::run(&plan, &lab::options(1));
    assert_eq!(outcome.summary.troubles, []);
    let ids: Vec<String> = outcome
        .commands
        .iter()
        .filter_map(|(_, command)| match command {
            Command::Inject { injection, .. } => Some(format!("inject {injection}")),
            Command::Heal { injection } => Some(format!("heal {injection}")),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["inject 1", "heal 1", "inject 2", "heal 2"]);
}

#[test]
fn every_key_that_was_called_is_read_at_the_end_from_several_nodes() {
    let outcome = lab::run(&plan(4), &lab::options(4));
    let called: BTreeSet<String> = outcome
        .seen
        .iter()
        .map(|seen| seen.call.key.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(
        outcome.summary.final_reads.keys,
        u64::try_from(called.len()).unwrap()
    );
    for key in called {
        let nodes: BTreeSet<&str> = outcome
            .commands
            .iter()
            .rev()
            .filter_map(|(_, command)| match command {
                Command::Invoke { call, node, .. }
                    if call.f == Function::Read
                        && call.key.as_ref().unwrap().to_string() == key =>
                {
                    Some(node.as_str())
                }
                _ => None,
            })
            .take(3)
            .collect();
        assert_eq!(nodes.len(), 3, "{key}");
    }
}

#[test]
fn signals_that_answer_nothing_change_nothing() {
    use testimony_engine::{Conductor, Phase, Signal};
    let mut conductor = Conductor::new(&plan(1));
    conductor.step(Nanos::ZERO, Signal::Started);
    let before = conductor.summary();
    let odd = [
        Signal::Injected { injection: 1 },
        Signal::Healed { injection: 99 },
        Signal::HealFailed {
            injection: 1,
            reason: "?".into(),
        },
        Signal::InjectFailed {
            injection: 1,
            reason: "?".into(),
        },
        Signal::Started,
    ];
    for signal in odd {
        assert!(conductor.step(Nanos::ZERO, signal).is_empty());
    }
    assert_eq!(conductor.summary(), before);
    assert_eq!(conductor.phase(), Phase::WarmUp);
}
