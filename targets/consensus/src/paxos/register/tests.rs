//! Single keys, stepped by hand.

use rand::RngExt;
use serde_json::json;

use super::*;
use crate::Replica;
use crate::paxos::testing::{Net, seeds};

type Registers = Net<PaxosRegister>;

fn propose(value: u64) -> Request<Store> {
    Request::Apply {
        session: 0,
        sequence: 0,
        command: Command::Cas {
            key: "k".to_owned(),
            old: Value::Null,
            new: json!(value),
        },
    }
}

fn read() -> Request<Store> {
    Request::Query(Query::Read {
        key: "k".to_owned(),
    })
}

#[test]
fn the_first_proposal_is_chosen_and_the_next_one_is_told() {
    let mut net = Registers::new(3, None, None, 1);
    let early = net.ask(2, read());
    net.pass(10);
    assert_eq!(
        net.replies[&early],
        Reply::Answer(Response::Value(Value::Null))
    );
    let first = net.ask(1, propose(7));
    net.pass(10);
    let second = net.ask(3, propose(7));
    let late = net.ask(2, read());
    net.pass(10);
    assert_eq!(net.replies[&first], Reply::Applied(Response::Swapped));
    assert_eq!(
        net.replies[&second],
        Reply::Applied(Response::Mismatch(json!(7)))
    );
    assert_eq!(net.replies[&late], Reply::Answer(Response::Value(json!(7))));
}

#[test]
fn whatever_is_no_proposal_is_refused() {
    let mut net = Registers::new(3, None, None, 1);
    for request in [Request::OpenSession, Request::Transfer(NodeId(2))] {
        let ticket = net.ask(1, request);
        assert!(matches!(net.replies[&ticket], Reply::Refused(_)));
    }
}

#[test]
fn a_minority_chooses_nothing_and_a_bare_majority_does() {
    for nodes in [3, 5, 7] {
        let mut net = Registers::new(nodes, None, None, nodes);
        let minority = nodes / 2;
        (2..=nodes - minority + 1).for_each(|id| net.crash(id));
        let ticket = net.ask(1, propose(1));
        net.pass(300);
        assert!(!net.replies.contains_key(&ticket), "{nodes} nodes");
        net.start(2);
        net.pass(300);
        assert_eq!(net.replies[&ticket], Reply::Applied(Response::Swapped));
    }
}

/// The schedule of "Paxos Made Simple", section 2.4: an accept arrives only when nothing else is
/// under way, so that the other's prepare is always there first.
fn duel(mode: Option<&str>) -> (u64, bool) {
    let mut net = Registers::new(3, mode, None, 3);
    let tickets = [net.ask(1, propose(1)), net.ask(2, propose(2))];
    for _ in 0..3_000 {
        let waits = |message: &RegisterMessage| PaxosRegister::describe(message).kind != "accept";
        match net.wire.iter().position(|(_, _, message)| waits(message)) {
            Some(place) => net.deliver(place),
            None if net.wire.is_empty() => (1..=3).for_each(|id| net.tick(id)),
            None => net.deliver(0),
        }
    }
    let rounds = net.view(1).elections + net.view(2).elections;
    let is_over = tickets
        .iter()
        .all(|ticket| net.replies.contains_key(ticket));
    assert_eq!(net.breaches, []);
    (rounds, is_over)
}

#[test]
fn duelling_proposers_live_on_without_a_pause_and_end_with_one() {
    let (rounds, is_over) = duel(Some("no-back-off"));
    assert!(rounds > 300 && !is_over, "{rounds} rounds, over: {is_over}");
    let (rounds, is_over) = duel(None);
    assert!(rounds < 30 && is_over, "{rounds} rounds, over: {is_over}");
}

#[test]
fn one_value_is_chosen_whatever_is_lost_and_whoever_crashes() {
    for seed in seeds(200) {
        let mut net = Registers::new(if seed % 2 == 0 { 3 } else { 5 }, None, None, seed);
        let mut value = 0;
        for _ in 0..400 {
            if net.chance.random_range(0..40) == 0 {
                value += 1;
                let id = net.chance.random_range(1..=3);
                let request = if value % 3 == 0 {
                    read()
                } else {
                    propose(value)
                };
                net.ask(id, request);
            }
            net.stir(true);
        }
        net.heal();
        let last = net.ask(1, propose(1_000));
        net.pass(400);
        assert_eq!(net.breaches, [], "seed {seed}");
        assert!(net.replies.contains_key(&last), "seed {seed}");
        let swapped = |reply: &&Reply<Store>| **reply == Reply::Applied(Response::Swapped);
        assert!(net.replies.values().filter(swapped).count() <= 1);
        assert_eq!(net.audit.agreement.len(), 1);
    }
}
