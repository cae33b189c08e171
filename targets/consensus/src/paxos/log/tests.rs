//! Nodes of the log, stepped by hand.

use rand::RngExt;

use super::*;
use crate::machine::counter::{Command, Counter, Query};
use crate::paxos::testing::{Net, seeds};
use crate::replica::Request;

type Logs = Net<Paxos<Counter>>;

fn add(session: u64, sequence: u64) -> Request<Counter> {
    let command = Command(1);
    Request::Apply {
        session,
        sequence,
        command,
    }
}

fn open(net: &mut Logs, id: u64) -> u64 {
    let ticket = net.ask(id, Request::OpenSession);
    net.pass(100);
    match net.replies[&ticket] {
        Reply::Session(session) => session,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn commands_of_all_nodes_are_applied_once_each_and_in_one_order() {
    let mut net = Logs::new(5, None, None, 1);
    let sessions: Vec<u64> = (1..=5).map(|id| open(&mut net, id)).collect();
    let mut tickets = Vec::new();
    for sequence in 1..=4 {
        for (id, session) in (1..).zip(&sessions) {
            tickets.push(net.ask(id, add(*session, sequence)));
        }
        net.pass(200);
    }
    let again = net.ask(3, add(sessions[0], 4));
    net.pass(100);
    for id in 1..=5 {
        assert_eq!(net.node(id).state.machine.query(&Query), 20);
    }
    let sums: BTreeSet<i64> = tickets
        .iter()
        .map(|ticket| match net.replies[ticket] {
            Reply::Applied(sum) => sum,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sums, (1..=20).collect());
    assert!(matches!(net.replies[&again], Reply::Applied(_)));
    assert_eq!(net.breaches, []);
}

#[test]
fn a_read_through_the_log_sees_what_is_chosen_and_the_majority_read_does_not() {
    for (mode, seen) in [(None, 1), (Some("quorum-read"), 0)] {
        let mut net = Logs::new(3, mode, None, 1);
        let session = open(&mut net, 1);
        let write = net.ask(1, add(session, 1));
        // The write is chosen and its client told; nobody hears so yet.
        while !net.replies.contains_key(&write) {
            match net.wire.is_empty() {
                true => net.tick(1),
                false => net.deliver(0),
            }
        }
        net.wire.clear();
        net.cut = [(NodeId(1), NodeId(2)), (NodeId(1), NodeId(3))].into();
        let read = net.ask(2, Request::Query(Query));
        for _ in 0..2_000 {
            (2..=3).for_each(|id| net.tick(id));
            while !net.wire.is_empty() && !net.replies.contains_key(&read) {
                net.deliver(0);
            }
        }
        assert_eq!(net.replies[&read], Reply::Answer(seen), "{mode:?}");
    }
}

#[test]
fn a_new_node_and_one_that_was_away_replay_the_whole_log() {
    let mut net = Logs::new(3, None, None, 1);
    net.crash(3);
    let session = open(&mut net, 1);
    for sequence in 1..=150 {
        net.ask(1, add(session, sequence));
        net.pass(4);
    }
    net.pass(100);
    net.start(3);
    net.start(4);
    net.pass(200);
    for id in [3, 4] {
        assert_eq!(net.node(id).state.machine.query(&Query), 150);
    }
    let served = net.ask(4, add(session, 151));
    net.pass(50);
    assert_eq!(net.replies[&served], Reply::Applied(151));
}

#[test]
fn a_minority_may_fail_and_a_majority_may_not() {
    for nodes in [3, 5, 7] {
        let mut net = Logs::new(nodes, None, None, nodes);
        let session = open(&mut net, 1);
        let minority = nodes / 2;
        (2..2 + minority).for_each(|id| net.crash(id));
        let goes = net.ask(1, add(session, 1));
        net.pass(200);
        assert_eq!(net.replies[&goes], Reply::Applied(1), "{nodes} nodes");
        net.crash(nodes);
        let waits = net.ask(1, add(session, 2));
        net.pass(300);
        assert!(!net.replies.contains_key(&waits), "{nodes} nodes");
        net.start(2);
        net.pass(1_000);
        assert_eq!(net.replies[&waits], Reply::Applied(2), "{nodes} nodes");
    }
}

#[test]
fn logs_agree_whatever_is_lost_and_whoever_crashes() {
    for seed in seeds(100) {
        let nodes = if seed % 2 == 0 { 3 } else { 5 };
        let mut net = Logs::new(nodes, None, None, seed);
        let session = open(&mut net, 1);
        let mut sequence = 0;
        for _ in 0..1_500 {
            if net.chance.random_range(0..30) == 0 {
                // Each command is sent to two nodes.
                sequence += 1;
                for _ in 0..2 {
                    let id = net.chance.random_range(1..=nodes);
                    net.ask(id, add(session, sequence));
                }
            }
            net.stir(true);
        }
        net.heal();
        let last = net.ask(2, add(session, sequence + 1));
        net.pass(1_000);
        assert_eq!(net.breaches, [], "seed {seed}");
        assert!(net.replies.contains_key(&last), "seed {seed}");
        let sums: BTreeSet<i64> = (1..=nodes)
            .map(|id| net.node(id).state.machine.query(&Query))
            .collect();
        assert_eq!(sums.len(), 1, "seed {seed}: {sums:?}");
        let most = i64::try_from(sequence).unwrap() + 1;
        assert!(sums.iter().all(|sum| *sum <= most), "seed {seed}");
        assert!(net.audit.agreement.len() > 3, "seed {seed}");
    }
}
