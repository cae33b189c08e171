//! A plan that lists its operations calls these and no others.

use std::time::Duration;

use testimony_engine::{Command, Draft, Plan, PlannedCall, Recovery, Script};

use crate::fixture::{resolve, short_plan, target};
use crate::lab;

fn call(at: u64, client: u32, node: &str, f: &str, value: Option<&str>) -> PlannedCall {
    PlannedCall {
        at: Duration::from_millis(at),
        client,
        node: node.into(),
        f: f.to_owned(),
        key: Some("k".to_owned()),
        value: value.map(str::to_owned),
    }
}

fn listed(calls: Vec<PlannedCall>) -> Plan {
    let probes = false;
    let script = Some(Script { probes, calls });
    Plan {
        script,
        ..short_plan(1, 5)
    }
}

/// What was called: by whom, at which node, what.
fn called(plan: &Plan) -> Vec<String> {
    let outcome = lab::run(plan, &lab::options(1));
    assert!(outcome.summary.finished);
    assert_eq!(outcome.summary.recovery, Recovery::NotAsked);
    let commands = outcome.commands.iter();
    let said = commands.filter_map(|(_, command)| match command {
        Command::Invoke {
            process,
            node,
            call,
        } => Some(format!("{process} {} at {node}", call.f.name())),
        _ => None,
    });
    said.collect()
}

#[test]
fn exactly_the_listed_operations_are_called() {
    let calls = vec![
        call(0, 0, "n1", "write", Some("1")),
        call(50, 3, "n2", "read", None),
        call(20, 1, "n1", "cas", Some("[null,2]")),
        // It is due when everything is healed already.
        call(9_000, 0, "n3", "read", None),
    ];
    let all = called(&listed(calls.clone()));
    let expected = [
        "p0 write at n1",
        "p1 cas at n1",
        "p3 read at n2",
        "p0 read at n3",
    ];
    assert_eq!(all, expected);
    let fewer = called(&listed([&calls[..1], &calls[2..]].concat()));
    assert_eq!(fewer, [expected[0], expected[1], expected[3]]);
}

#[test]
fn calls_of_one_client_wait_for_each_other() {
    let calls = (0..5).map(|_| call(0, 0, "n1", "read", None)).collect();
    assert_eq!(called(&listed(calls)).len(), 5);
}

#[test]
fn a_listed_plan_is_read_as_it_is_written() {
    let plan = listed(vec![call(7, 2, "n2", "cas", Some("[null,\"a\"]"))]);
    let text = plan.to_toml();
    assert_eq!(Plan::from_toml(&text), Ok(plan.clone()));
    let draft = Draft::from_toml(&text).unwrap();
    assert_eq!(Plan::resolve(draft, &target()), Ok(plan.clone()));
    let faultless = Plan {
        injections: Vec::new(),
        ..plan
    };
    let draft = Draft::from_toml(&faultless.to_toml()).unwrap();
    assert_eq!(resolve(draft), faultless);
}

#[test]
fn calls_that_cannot_be_made_are_refused() {
    let wrong = [
        call(0, 10, "n1", "read", None),
        call(0, 0, "n9", "read", None),
        call(0, 0, "n1", "enqueue", None),
        call(0, 0, "n1", "write", Some("not json")),
    ];
    for call in wrong {
        let text = listed(vec![call]).to_toml();
        let error = Plan::from_toml(&text).unwrap_err().to_string();
        assert!(
            error.starts_with("call 1 of the script cannot be made"),
            "{error}"
        );
    }
}
