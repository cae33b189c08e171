//! Claims about two-phase commit.

use super::*;
use crate::machine::counter::{Command, Counter, Query};
use crate::stage::Stage;

type Cluster = Stage<TwoPhaseCommit<Counter>>;

const READ: Request<Counter> = Request::Query(Query);

fn add(sequence: u64) -> Request<Counter> {
    Request::Apply {
        session: 1,
        sequence,
        command: Command(1),
    }
}

/// Three nodes, and session 1 with so many updates.
fn cluster(updates: u64) -> Cluster {
    with_bug(updates, None)
}

fn with_bug(updates: u64, bug: Option<Bug>) -> Cluster {
    let mut stage = Cluster::with_bug(3, None, bug);
    assert_eq!(stage.ask(1, Request::OpenSession), Some(Reply::Session(1)));
    for sequence in 1..=updates {
        let reply = stage.ask(1, add(sequence));
        assert_eq!(
            reply,
            Some(Reply::Applied(i64::try_from(sequence).unwrap()))
        );
    }
    stage
}

#[test]
fn all_nodes_commit_what_is_acknowledged() {
    let mut stage = cluster(3);
    let leader = Some(NodeId(1));
    assert_eq!(stage.ask(3, READ), Some(Reply::NotLeader { leader }));
    assert_eq!(
        stage.core(2).state(),
        Some((4, stage.core(1).ledger.machine()))
    );
    assert_eq!(stage.core(3).state(), stage.core(2).state());
}

#[test]
fn updates_that_come_during_a_vote_are_the_next_transaction() {
    let mut stage = cluster(0);
    let tickets = [1, 2, 3].map(|sequence| stage.send(1, add(sequence)));
    stage.deliver();
    let replies = tickets.map(|ticket| stage.reply(ticket));
    assert_eq!(replies, [1, 2, 3].map(|sum| Some(Reply::Applied(sum))));
    assert_eq!(stage.core(1).committed, 3);
}

#[test]
fn a_participant_that_is_down_stops_all_updates_until_it_is_back() {
    let mut stage = cluster(3);
    stage.kill(3);
    let ticket = stage.send(1, add(4));
    stage.tick(60);
    let refused = Reply::Refused("aborted without the vote of n3".to_owned());
    assert_eq!(stage.reply(ticket), Some(refused));
    assert_eq!(stage.ask(1, READ), Some(Reply::Answer(3)));
    stage.start(3);
    assert_eq!(stage.ask(1, add(4)), Some(Reply::Applied(4)));
    assert_eq!(stage.core(3).state(), stage.core(2).state());
}

#[test]
fn without_its_coordinator_nobody_decides() {
    let mut stage = cluster(3);
    stage.slow.insert((NodeId(2), NodeId(1)));
    let ticket = stage.send(1, add(4));
    stage.deliver();
    stage.kill(1);
    stage.heal();
    stage.tick(1_000);
    assert_eq!(stage.reply(ticket), None);
    assert!(stage.core(2).waits_for().is_some() && stage.core(3).waits_for().is_some());
    stage.start(1);
    stage.tick(20);
    assert!(stage.core(2).waits_for().is_none() && stage.core(3).waits_for().is_none());
    assert_eq!(stage.ask(1, READ), Some(Reply::Answer(3)));
    assert_eq!(stage.ask(1, add(4)), Some(Reply::Applied(4)));
    assert_eq!(stage.core(3).state(), stage.core(2).state());
}

#[test]
fn a_participant_that_missed_the_decision_learns_it_from_the_next_transaction() {
    let mut stage = cluster(3);
    stage.slow.insert((NodeId(1), NodeId(3)));
    let ticket = stage.send(1, add(4));
    let prepare = stage.wire.pop_back().unwrap();
    stage.hand_over(prepare);
    stage.deliver();
    assert_eq!(stage.reply(ticket), Some(Reply::Applied(4)));
    let lost = stage.wire.pop_back().unwrap();
    assert!(matches!(
        lost.message,
        Message::Outcome { commits: true, .. }
    ));
    stage.heal();
    stage.crash(3);
    assert_eq!(stage.ask(1, add(5)), Some(Reply::Applied(5)));
    assert_eq!(stage.core(3).state(), stage.core(2).state());
}

#[test]
fn a_late_vote_does_not_count_for_another_transaction() {
    let mut stage = cluster(3);
    stage.slow.insert((NodeId(2), NodeId(1)));
    stage.send(1, add(4));
    stage.deliver();
    let late: Vec<_> = stage.wire.drain(..).collect();
    stage.crash(1);
    stage.heal();
    stage.cut(&[1], &[2]);
    let ticket = stage.send(1, add(4));
    stage.deliver();
    for vote in late {
        stage.hand_over(vote);
    }
    stage.deliver();
    assert_eq!(stage.reply(ticket), None);
    assert_eq!(stage.core(1).committed, 4);
}

#[test]
fn an_acknowledged_update_survives_its_coordinator_unless_the_bug_is_on() {
    for (bug, sum) in [(None, 2), (Some(Bug::DecisionNotLogged), 0)] {
        let mut stage = with_bug(2, bug);
        stage.crash(1);
        assert_eq!(stage.ask(1, READ), Some(Reply::Answer(sum)));
    }
}

#[test]
fn disks_keep_the_state_instead_of_all_updates() {
    let mut stage = cluster(2_500);
    for node in 1..=3 {
        assert!(stage.view(node).kept < UPDATES_MAX as u64);
        stage.crash(node);
        assert_eq!(stage.view(node).applied, 2_501);
    }
    assert_eq!(stage.ask(1, add(2_501)), Some(Reply::Applied(2_501)));
}
