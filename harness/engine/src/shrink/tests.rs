//! What a plan is made smaller to, as a judge of this file's wants it.

use super::*;
use crate::{Draft, Fault, FaultKind, PlannedInjection, TargetInfo};

fn target() -> TargetInfo {
    TargetInfo {
        name: "store".into(),
        labs: vec!["sim".into()],
        models: vec![testimony_history::Model::Kv],
        faults: FaultKind::of_crashes().collect(),
        ..TargetInfo::default()
    }
}

fn injection(id: u64, at: u64, node: &str) -> PlannedInjection {
    PlannedInjection {
        id,
        at: Duration::from_millis(at),
        duration: Duration::from_millis(700),
        kind: FaultKind::KillOne,
        fault: Fault::Kill {
            nodes: vec![node.into()],
        },
    }
}

fn plan() -> Plan {
    let calls = (0..200_u32).map(|number| PlannedCall {
        at: Duration::from_micros(u64::from(number) * 33_333),
        client: number % 10,
        node: format!("n{}", number % 5 + 1).as_str().into(),
        f: "write".to_owned(),
        key: Some(format!("k{}", number % 7)),
        value: Some(number.to_string()),
    });
    let draft = Draft {
        seed: Some(1),
        injections: Some((1..8).map(|n| injection(n, n * 1_000, "n3")).collect()),
        script: Some(Script {
            probes: false,
            calls: calls.collect(),
        }),
        ..Draft::default()
    };
    Plan::resolve(draft, &target()).expect("the plan is possible")
}

fn values(plan: &Plan) -> Vec<&str> {
    let calls = plan.script.iter().flat_map(|script| &script.calls);
    calls.filter_map(|call| call.value.as_deref()).collect()
}

#[test]
fn what_does_not_matter_goes_and_what_matters_stays() {
    // It takes two of the operations, one of the injections between them, and three nodes.
    let shows = |plan: &Plan| {
        let at = |value: &str| {
            let mut calls = plan.script.iter().flat_map(|script| &script.calls);
            calls
                .find(|call| call.value.as_deref() == Some(value))
                .map(|call| call.at)
        };
        let fifth = plan.injections.iter().find(|injection| injection.id == 5);
        match (at("20"), fifth, at("190")) {
            (Some(first), Some(fault), Some(last)) => {
                plan.nodes >= 3 && first < fault.at && fault.at < last
            }
            _ => false,
        }
    };
    let mut tries = 0;
    let mut judge = |plan: &Plan, _: &'static str| {
        tries += 1;
        shows(plan).then(|| plan.clone())
    };
    let small = Shrinker::new(plan(), &mut judge).shrink(&[vec![1, 2]]);
    assert!(shows(&small));
    assert_eq!(values(&small), ["20", "190"]);
    assert_eq!(
        (small.injections.len(), small.nodes, small.clients),
        (1, 3, 1)
    );
    assert_eq!(fewer::keys(&small).len(), 1);
    assert!(small.time < Duration::from_millis(20), "{:?}", small.time);
    assert!(tries < 400, "{tries}");
}

#[test]
fn a_good_guess_is_taken() {
    let mut judge = |plan: &Plan, _: &'static str| {
        let found = values(plan);
        (found.contains(&"7") && found.contains(&"8")).then(|| plan.clone())
    };
    let mut shrinker = Shrinker::new(plan(), &mut judge);
    shrinker.guess(&[vec![1], vec![7, 8, 9]]);
    assert_eq!(values(&shrinker.best), ["7", "8", "9"]);
}

#[test]
fn a_judge_that_gives_up_ends_it() {
    let whole = plan();
    let mut judge = |_: &Plan, _: &'static str| None;
    assert_eq!(Shrinker::new(whole.clone(), &mut judge).shrink(&[]), whole);
}

#[test]
fn a_workload_is_made_smaller_where_nothing_is_listed() {
    let whole = Plan {
        script: None,
        ..plan()
    };
    let mut judge = |plan: &Plan, _: &'static str| {
        let enough = plan.rate >= 50 && plan.clients >= 2 && !plan.injections.is_empty();
        (enough && plan.time > Duration::from_secs(1)).then(|| plan.clone())
    };
    let small = Shrinker::new(whole, &mut judge).shrink(&[]);
    assert_eq!((small.rate, small.clients, small.workload.keys), (50, 2, 1));
    assert_eq!(small.injections.len(), 1);
}

#[test]
fn a_node_less_renames_those_behind_it() {
    let mut plan = plan();
    plan.injections = vec![injection(1, 0, "n3"), injection(2, 0, "n5")];
    let fewer = fewer::without_node(&plan, 3).expect("there are more");
    assert_eq!(fewer.nodes, 4);
    let named: Vec<String> = fewer
        .injections
        .iter()
        .flat_map(|i| i.fault.selectors())
        .map(ToString::to_string)
        .collect();
    assert_eq!(named, ["n4"]);
    assert!(fewer.validate().is_ok());
}
