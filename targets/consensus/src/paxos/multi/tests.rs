//! A log with a leader, stepped by hand.

use std::collections::BTreeSet;

use rand::RngExt;

use super::*;
use crate::machine::counter::{Command, Counter, Query};
use crate::paxos::Paxos;
use crate::paxos::testing::{Net, seeds};
use crate::replica::{Replica, Request, Role};

type Logs = Net<MultiPaxos<Counter>>;

fn add(session: u64, sequence: u64) -> Request<Counter> {
    let command = Command(1);
    Request::Apply {
        session,
        sequence,
        command,
    }
}

fn leaders(net: &Logs) -> Vec<u64> {
    let up = net.nodes.keys().map(|id| id.0).filter(|id| net.is_up(*id));
    up.filter(|id| net.view(*id).role == Role::Leader).collect()
}

/// The leader of the highest ballot, once there is one.
fn leader(net: &mut Logs) -> u64 {
    for _ in 0..500 {
        let newest = leaders(net).into_iter().max_by_key(|id| net.view(*id).term);
        if let Some(id) = newest {
            return id;
        }
        net.pass(1);
    }
    panic!("nobody leads");
}

fn done(net: &mut Logs, id: u64, request: Request<Counter>) -> Reply<Counter> {
    let ticket = net.ask(id, request);
    for _ in 0..200 {
        if let Some(reply) = net.replies.get(&ticket) {
            return reply.clone();
        }
        net.pass(1);
    }
    panic!("request {ticket} is not answered");
}

fn session(net: &mut Logs) -> u64 {
    let id = leader(net);
    match done(net, id, Request::OpenSession) {
        Reply::Session(session) => session,
        other => panic!("{other:?}"),
    }
}

#[test]
fn commands_and_reads_go_to_the_leader_and_others_name_it() {
    let mut net = Logs::new(5, None, None, 1);
    let session = session(&mut net);
    let id = leader(&mut net);
    assert_eq!(done(&mut net, id, add(session, 1)), Reply::Applied(1));
    assert_eq!(done(&mut net, id, add(session, 1)), Reply::Applied(1));
    assert_eq!(done(&mut net, id, Request::Query(Query)), Reply::Answer(1));
    let other = id % 5 + 1;
    let leader = Some(NodeId(id));
    for request in [add(session, 2), Request::Query(Query)] {
        assert_eq!(done(&mut net, other, request), Reply::NotLeader { leader });
    }
}

/// How many messages 50 commands take, one after the other, without heartbeats: no time passes.
fn messages<R: Replica<Machine = Counter>>(mut net: Net<R>) -> usize {
    net.pass(100);
    let mut opened = None;
    for id in 1..=5 {
        let ticket = net.ask(id, Request::OpenSession);
        net.pass(20);
        if let Some(Reply::Session(session)) = net.replies.get(&ticket) {
            opened = Some((id, *session));
            break;
        }
    }
    let (id, session) = opened.expect("some node opens a session");
    net.sent.clear();
    for sequence in 1..=50 {
        let ticket = net.ask(id, add(session, sequence));
        while !net.wire.is_empty() {
            net.deliver(0);
        }
        assert!(matches!(net.replies[&ticket], Reply::Applied(_)));
    }
    net.sent.values().sum()
}

#[test]
fn a_command_takes_half_the_messages_of_the_log_without_a_leader() {
    let with = messages(Logs::new(5, None, None, 1));
    let without = messages(Net::<Paxos<Counter>>::new(5, None, None, 1));
    // Two round trips to four others, and the news; one round trip, on which the news rides.
    assert_eq!((without, with), (50 * 20, 50 * 8));
}

#[test]
fn a_minority_may_fail_and_a_majority_may_not() {
    for nodes in [3, 5, 7] {
        let mut net = Logs::new(nodes, None, None, nodes);
        let session = session(&mut net);
        for _ in 0..nodes / 2 {
            let id = leader(&mut net);
            net.crash(id);
        }
        let id = leader(&mut net);
        assert_eq!(done(&mut net, id, add(session, 1)), Reply::Applied(1));
        let last = (1..=nodes).find(|other| *other != id && net.is_up(*other));
        net.crash(last.unwrap());
        let waits = net.ask(id, add(session, 2));
        net.pass(200);
        assert!(!matches!(net.replies.get(&waits), Some(Reply::Applied(_))));
        assert!(leaders(&net).is_empty(), "{nodes} nodes");
        net.heal();
        let id = leader(&mut net);
        let reply = done(&mut net, id, add(session, 2));
        assert_eq!(reply, Reply::Applied(2), "{nodes} nodes");
    }
}

#[test]
fn an_old_leader_answers_nothing_alone_and_follows_when_it_is_back() {
    let mut net = Logs::new(5, None, None, 2);
    let session = session(&mut net);
    let old = leader(&mut net);
    net.isolate(old);
    let lost = net.ask(old, add(session, 1));
    let read = net.ask(old, Request::Query(Query));
    net.pass(100);
    let new = leader(&mut net);
    assert_ne!(new, old);
    assert_eq!(net.replies[&lost], Reply::Uncertain);
    assert!(matches!(net.replies[&read], Reply::NotLeader { .. }));
    let term = net.view(new).term;
    net.cut.clear();
    net.pass(100);
    assert_eq!((leaders(&net), net.view(new).term), (vec![new], term));
    assert_eq!(done(&mut net, new, add(session, 1)), Reply::Applied(1));
    net.pass(20);
    for id in 1..=5 {
        assert_eq!(net.node(id).state.machine.query(&Query), 1);
    }
}

#[test]
fn a_new_leader_proposes_again_what_was_accepted_and_fills_gaps() {
    let mut net = Logs::new(3, None, None, 1);
    let session = session(&mut net);
    let old = leader(&mut net);
    let other = old % 3 + 1;
    // Of two commands only the second reaches an acceptor.
    net.wire.clear();
    let commit = net.view(old).commit;
    let ballot = net.node(old).promised;
    let accept = message::Accept {
        ballot,
        first: commit + 2,
        actions: vec![Action::Apply {
            session,
            sequence: 2,
            command: Command(7),
        }],
        commit,
        beat: 0,
    };
    let message = MultiMessage(Message::Accept(accept));
    net.wire.push((NodeId(old), NodeId(other), message));
    net.deliver(0);
    net.crash(old);
    let new = leader(&mut net);
    net.pass(20);
    assert_eq!(net.node(new).state.machine.query(&Query), 7);
    assert_eq!(net.view(new).commit, commit + 2);
    assert_eq!(net.node(new).slots[&(commit + 1)].action, Action::Nothing);
}

#[test]
fn logs_are_cut_and_a_lagging_node_gets_a_snapshot() {
    let mut net = Logs::new(3, None, None, 1);
    let session = session(&mut net);
    let id = leader(&mut net);
    let away = id % 3 + 1;
    net.crash(away);
    for sequence in 1..=100 {
        net.ask(id, add(session, sequence));
        net.pass(2);
    }
    assert!(net.view(id).kept <= 30, "{:?}", net.view(id));
    net.start(away);
    net.pass(50);
    assert_eq!(net.node(away).state.machine.query(&Query), 100);
    assert!(net.sent.contains_key("snapshot"));
    // And one that must learn it from the promises, since it is needed to lead.
    let behind = (1..=3).find(|other| *other != id && *other != away);
    net.crash(behind.unwrap());
    for sequence in 101..=150 {
        net.ask(id, add(session, sequence));
        net.pass(2);
    }
    net.crash(id);
    net.start(behind.unwrap());
    let new = leader(&mut net);
    assert_eq!(done(&mut net, new, add(session, 151)), Reply::Applied(151));
    assert_eq!(net.breaches, []);
}

#[test]
fn members_come_and_go_also_the_leader_and_all_of_the_first() {
    let mut net = Logs::new(3, None, None, 1);
    let session = session(&mut net);
    (4..=6).for_each(|id| net.start(id));
    let mut sequence = 0;
    for (new, old) in [(4, 1), (5, 2), (6, 3)] {
        for request in [
            Request::AddNode(NodeId(new)),
            Request::RemoveNode(NodeId(old)),
        ] {
            let id = leader(&mut net);
            assert_eq!(done(&mut net, id, request), Reply::Done);
            let id = leader(&mut net);
            sequence += 1;
            let reply = done(&mut net, id, add(session, sequence));
            assert_eq!(reply, Reply::Applied(i64::try_from(sequence).unwrap()));
        }
    }
    (1..=3).for_each(|id| net.crash(id));
    let id = leader(&mut net);
    assert_eq!(net.node(id).state.members, [4, 5, 6].map(NodeId).into());
    assert_eq!(done(&mut net, id, add(session, 7)), Reply::Applied(7));
    // Who left is not needed, not even after all others start again.
    (4..=6).for_each(|id| net.crash(id));
    (4..=6).for_each(|id| net.start(id));
    let id = leader(&mut net);
    assert_eq!(done(&mut net, id, add(session, 8)), Reply::Applied(8));
    // And those who left and know of nothing agree on nothing among themselves.
    net.heal();
    net.pass(100);
    assert_eq!(net.breaches, []);
    assert_eq!(leaders(&net).len(), 1);
}

#[test]
fn nothing_is_proposed_behind_a_change_of_members() {
    let mut net = Logs::new(3, None, None, 1);
    let session = session(&mut net);
    let id = leader(&mut net);
    net.ask(id, Request::RemoveNode(NodeId(id % 3 + 1)));
    let refused = net.ask(id, add(session, 1));
    assert!(matches!(net.replies[&refused], Reply::Refused(_)));
    net.pass(20);
    let id = leader(&mut net);
    assert_eq!(done(&mut net, id, add(session, 1)), Reply::Applied(1));
}

#[test]
fn leadership_is_handed_over_on_request() {
    let mut net = Logs::new(5, None, None, 1);
    let session = session(&mut net);
    let id = leader(&mut net);
    let heir = id % 5 + 1;
    let reply = done(&mut net, id, Request::Transfer(NodeId(heir)));
    assert_eq!(reply, Reply::Done);
    assert_eq!(leaders(&net), [heir]);
    assert_eq!(done(&mut net, heir, add(session, 1)), Reply::Applied(1));
    let reply = done(&mut net, heir, Request::Transfer(NodeId(9)));
    assert!(matches!(reply, Reply::Refused(_)));
}

/// A random schedule with clients that send every command twice; the nodes, and how many commands.
fn stirred(seed: u64, bug: Option<Bug>, members: bool) -> (Logs, u64, u64) {
    let nodes = if seed.is_multiple_of(2) { 3 } else { 5 };
    let mut net = Logs::new(nodes, None, bug, seed);
    let session = session(&mut net);
    let mut sequence = 0;
    for _ in 0..3_000 {
        match net.chance.random_range(0..200) {
            0..8 => {
                sequence += 1;
                for id in leaders(&net) {
                    net.ask(id, add(session, sequence));
                }
            }
            8 if members => {
                let id = NodeId(net.chance.random_range(1..=nodes));
                let request = match net.chance.random_range(0..3) {
                    0 => Request::RemoveNode(id),
                    _ => Request::AddNode(id),
                };
                for id in leaders(&net) {
                    net.ask(id, request.clone());
                }
            }
            9 => {
                let id = net.chance.random_range(1..=nodes);
                let other = NodeId(net.chance.random_range(1..=nodes));
                net.cut.insert((NodeId(id), other));
                net.cut.insert((other, NodeId(id)));
            }
            10 => net.cut.clear(),
            _ => {}
        }
        net.stir(true);
    }
    (net, session, sequence)
}

#[test]
fn logs_agree_whatever_is_lost_whoever_crashes_and_whoever_is_a_member() {
    for seed in seeds(100) {
        let (mut net, session, sequence) = stirred(seed, None, seed % 4 < 2);
        net.heal();
        net.pass(200);
        let id = leader(&mut net);
        let reply = done(&mut net, id, add(session, sequence + 1));
        let Reply::Applied(sum) = reply else {
            panic!("seed {seed}: {reply:?}");
        };
        assert!(sum <= i64::try_from(sequence).unwrap() + 1, "seed {seed}");
        net.pass(50);
        assert_eq!(net.breaches, [], "seed {seed}");
        let members = net.node(id).state.members.clone();
        let sums: BTreeSet<i64> = members
            .iter()
            .map(|id| net.node(id.0).state.machine.query(&Query))
            .collect();
        assert_eq!(sums, [sum].into(), "seed {seed}");
        assert!(net.audit.agreement.len() > 3, "seed {seed}");
    }
}

#[test]
fn every_planted_bug_breaks_agreement_in_some_schedule() {
    for bug in Bug::of("multi-paxos") {
        let found = (0..1_000).find(|seed| {
            let (net, ..) = stirred(*seed, Some(bug), false);
            !net.breaches.is_empty()
        });
        assert!(found.is_some(), "{bug}");
    }
}
