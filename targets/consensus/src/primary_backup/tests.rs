//! Claims about primary and backups.

use super::*;
use crate::machine::counter::{Command, Counter, Query};
use crate::replica::Request;
use crate::stage::Stage;

type Cluster = Stage<PrimaryBackup<Counter>>;

const READ: Request<Counter> = Request::Query(Query);

fn add(session: u64, sequence: u64) -> Request<Counter> {
    Request::Apply {
        session,
        sequence,
        command: Command(1),
    }
}

fn session(stage: &mut Cluster, node: u64) -> u64 {
    match stage.ask(node, Request::OpenSession) {
        Some(Reply::Session(session)) => session,
        other => panic!("{other:?}"),
    }
}

/// Three nodes, and a session at n1 with so many updates.
fn cluster(updates: u64) -> (Cluster, u64) {
    let mut stage = Cluster::new(3, None);
    let session = session(&mut stage, 1);
    for sequence in 1..=updates {
        let reply = stage.ask(1, add(session, sequence));
        assert_eq!(
            reply,
            Some(Reply::Applied(i64::try_from(sequence).unwrap()))
        );
    }
    (stage, session)
}

#[test]
fn backups_copy_and_send_clients_to_the_primary() {
    let (mut stage, _) = cluster(3);
    let leader = Some(NodeId(1));
    assert_eq!(stage.ask(2, READ), Some(Reply::NotLeader { leader }));
    for node in 1..=3 {
        assert_eq!(stage.view(node).applied, 4);
    }
}

#[test]
fn a_primary_that_lives_is_never_replaced() {
    let (mut stage, _) = cluster(1);
    stage.tick(1_000);
    assert_eq!(stage.view(1).role, Role::Leader);
    assert_eq!(stage.view(3).term, 0);
}

#[test]
fn the_next_node_takes_over_with_what_it_copied() {
    let (mut stage, session) = cluster(3);
    stage.kill(1);
    stage.tick(60);
    assert_eq!(stage.view(2).role, Role::Leader);
    assert_eq!(stage.ask(2, add(session, 3)), Some(Reply::Applied(3)));
    assert_eq!(stage.ask(2, add(session, 4)), Some(Reply::Applied(4)));
    assert_eq!(stage.view(3).applied, stage.view(2).applied);
    assert_eq!(stage.view(3).leader, Some(NodeId(2)));
}

#[test]
fn an_acknowledged_update_that_nobody_copied_is_lost() {
    let (mut stage, session) = cluster(3);
    stage.cut(&[1], &[2, 3]);
    assert_eq!(stage.ask(1, add(session, 4)), Some(Reply::Applied(4)));
    stage.kill(1);
    stage.tick(60);
    assert_eq!(stage.ask(2, READ), Some(Reply::Answer(3)));
}

#[test]
fn two_primaries_answer_while_they_do_not_hear_each_other() {
    let (mut stage, session) = cluster(3);
    stage.cut(&[1], &[2, 3]);
    stage.cut(&[2, 3], &[1]);
    stage.tick(60);
    assert_eq!(stage.ask(2, add(session, 4)), Some(Reply::Applied(4)));
    assert_eq!(stage.ask(1, READ), Some(Reply::Answer(3)));
    assert_eq!(stage.view(1).role, Role::Leader);
    assert_eq!(stage.view(2).role, Role::Leader);
}

#[test]
fn who_comes_back_into_a_later_epoch_takes_its_primarys_state() {
    let (mut stage, session) = cluster(3);
    stage.cut(&[1], &[2, 3]);
    for sequence in 4..=9 {
        stage.ask(1, add(session, sequence));
    }
    stage.kill(1);
    stage.tick(60);
    stage.heal();
    stage.start(1);
    stage.tick(20);
    assert_eq!(stage.view(1).role, Role::Follower);
    assert_eq!(stage.view(1).applied, 4);
    stage.crash(1);
    assert_eq!(stage.view(1).applied, 4);
    assert_eq!(stage.core(1).ledger.machine().query(&Query), 3);
    assert!(stage.notes.contains(&(NodeId(1), Note::StepsDown)));
}

#[test]
fn copies_that_come_early_wait_and_lost_ones_are_sent_again() {
    let (mut stage, session) = cluster(1);
    stage.send(1, add(session, 2));
    stage.send(1, add(session, 3));
    stage.wire.make_contiguous().reverse();
    stage.deliver();
    assert_eq!(stage.view(2).applied, 4);
    stage.cut(&[1], &[2]);
    stage.send(1, add(session, 4));
    stage.heal();
    stage.tick(10);
    assert_eq!(stage.view(2).applied, 5);
}

#[test]
fn who_was_away_for_long_gets_the_state() {
    let (mut stage, session) = cluster(1);
    stage.kill(3);
    for sequence in 2..=1_500 {
        stage.ask(1, add(session, sequence));
    }
    assert!(stage.view(1).kept < UPDATES_MAX as u64);
    stage.start(3);
    stage.tick(20);
    assert_eq!(stage.view(3).applied, 1_501);
}

#[test]
fn a_waiting_node_draws_all_others_into_its_epoch() {
    let (mut stage, session) = cluster(1);
    stage.cut(&[1, 2], &[3]);
    stage.tick(60);
    assert_eq!(stage.view(3).term, 1);
    stage.heal();
    stage.tick(200);
    let leaders = (1..=3).filter(|node| stage.view(*node).role == Role::Leader);
    assert_eq!(leaders.collect::<Vec<_>>(), [3]);
    assert_eq!(stage.ask(3, add(session, 2)), Some(Reply::Applied(2)));
    assert_eq!(stage.view(1).applied, 3);
}
