//! Single rules, each in the situation that it is for.

use std::collections::BTreeSet;

use testimony_consensus::NodeId;
use testimony_consensus::raft::{Config, Reply, Request, Role};

use crate::journal::{Journal, Push, Read, Response};
use crate::properties::Properties;
use crate::world::World;

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const N3: NodeId = NodeId(3);
const N4: NodeId = NodeId(4);
const N5: NodeId = NodeId(5);

/// A cluster of `voters` members and a spare node behind them.
fn world(voters: u64, adjust: impl Fn(&mut Config)) -> World {
    let configs = (1..=voters + 1).map(|id| {
        let members = (1..=voters).map(NodeId).filter(|_| id <= voters);
        let mut config = Config::new(NodeId(id), members);
        config.election_ticks = 10..20;
        config.heartbeat_ticks = 3;
        adjust(&mut config);
        config
    });
    World::new(configs, Properties::default())
}

/// A cluster of three that `n1` leads, and a session.
fn led(adjust: impl Fn(&mut Config)) -> (World, u64) {
    let mut world = world(3, adjust);
    world.elect(N1);
    world.settle();
    let session = session(&mut world, N1);
    (world, session)
}

fn session(world: &mut World, leader: NodeId) -> u64 {
    let ticket = world.request(leader, Request::OpenSession);
    world.settle();
    match world.reply(ticket) {
        Some(Reply::Session(session)) => *session,
        other => panic!("no session: {other:?}"),
    }
}

fn push(session: u64, sequence: u64, id: u64) -> Request<Journal> {
    Request::Apply {
        session,
        sequence,
        command: Push { id, after: None },
    }
}

/// What a request is answered with when everything has been delivered.
fn answer(world: &mut World, id: NodeId, request: Request<Journal>) -> Option<Reply<Journal>> {
    let ticket = world.request(id, request);
    world.settle();
    world.reply(ticket).cloned()
}

fn list(ids: &[u64]) -> Option<Reply<Journal>> {
    Some(Reply::Answer(Response::List(ids.to_vec())))
}

fn pushed(place: usize) -> Option<Reply<Journal>> {
    Some(Reply::Applied(Response::Pushed(place)))
}

#[test]
fn a_retry_is_answered_as_the_first_attempt_was_even_by_another_leader() {
    let (mut world, session) = led(|_| {});
    assert_eq!(answer(&mut world, N1, push(session, 1, 7)), pushed(0));
    assert_eq!(answer(&mut world, N1, push(session, 2, 8)), pushed(1));
    assert_eq!(answer(&mut world, N1, push(session, 2, 8)), pushed(1));
    assert_eq!(
        answer(&mut world, N1, push(session, 1, 7)),
        Some(Reply::Uncertain)
    );
    world.crash(N1);
    world.pass(60);
    let leader = world.leader().unwrap();
    assert_eq!(answer(&mut world, leader, push(session, 2, 8)), pushed(1));
    assert_eq!(
        answer(&mut world, leader, Request::Query(Read)),
        list(&[7, 8])
    );
}

#[test]
fn one_session_too_many_ends_the_one_that_was_not_used_for_longest() {
    let (mut world, first) = led(|config| config.sessions_max = 2);
    let second = session(&mut world, N1);
    assert_eq!(answer(&mut world, N1, push(first, 1, 7)), pushed(0));
    session(&mut world, N1);
    assert_eq!(
        answer(&mut world, N1, push(second, 1, 8)),
        Some(Reply::SessionExpired)
    );
    assert_eq!(answer(&mut world, N1, push(first, 2, 9)), pushed(1));
    assert_eq!(
        answer(&mut world, N1, push(99, 1, 9)),
        Some(Reply::SessionExpired)
    );
}

#[test]
fn a_leader_that_is_cut_off_answers_no_read_and_steps_down() {
    let (mut world, session) = led(|_| {});
    world.only(&[N2, N3]);
    let read = world.request(N1, Request::Query(Read));
    let write = world.request(N1, push(session, 1, 7));
    world.pass(9);
    assert_eq!((world.reply(read), world.reply(write)), (None, None));
    world.pass(60);
    assert_eq!(world.reply(read), Some(&Reply::NotLeader { leader: None }));
    assert_eq!(world.reply(write), Some(&Reply::Uncertain));
    assert_ne!(world.status(N1).role, Role::Leader);
    assert_eq!(
        answer(&mut world, N1, push(session, 2, 8)),
        Some(Reply::NotLeader { leader: None })
    );
    let leader = world.leader().unwrap();
    assert_ne!(leader, N1);
    let follower = if leader == N2 { N3 } else { N2 };
    let elsewhere = Some(Reply::NotLeader {
        leader: Some(leader),
    });
    assert_eq!(
        answer(&mut world, follower, Request::Query(Read)),
        elsewhere
    );
}

#[test]
fn a_round_that_began_before_a_read_does_not_confirm_it() {
    let (mut world, _) = led(|_| {});
    (0..3).for_each(|_| world.tick(N1));
    let heartbeats = std::mem::take(&mut world.wire);
    let first = world.request(N1, Request::Query(Read));
    world.wire.clear();
    let second = world.request(N1, Request::Query(Read));
    world.wire = heartbeats;
    // The answers to the heartbeats come after the reads, but tell of a time before them.
    let others: Vec<usize> = (0..world.wire.len()).rev().collect();
    others.into_iter().for_each(|place| world.deliver(place));
    world.wire.retain(|envelope| envelope.to == N1);
    while !world.wire.is_empty() {
        world.deliver(0);
        world.wire.retain(|envelope| envelope.to == N1);
    }
    assert_eq!((world.reply(first), world.reply(second)), (None, None));
    world.pass(6);
    assert!(world.reply(first).is_some() && world.reply(second).is_some());
}

/// A leader is replaced and leads again, and only then is a message of its earlier term answered.
#[test]
fn a_round_of_an_earlier_term_does_not_confirm_a_read() {
    let (mut world, _) = led(|_| {});
    world.pass(30);
    (0..3).for_each(|_| world.tick(N1));
    let late = std::mem::take(&mut world.wire);
    for (leader, heir) in [(N1, N2), (N2, N1)] {
        assert_eq!(
            answer(&mut world, leader, Request::Transfer(heir)),
            Some(Reply::Done)
        );
    }
    world.wire = late;
    world.settle();
    world.only(&[N2, N3]);
    let read = world.request(N1, Request::Query(Read));
    world.pass(4);
    assert_eq!(world.status(N1).role, Role::Leader);
    assert_eq!(world.reply(read), None);
}

#[test]
fn a_node_that_comes_back_deposes_nobody() {
    let (mut world, _) = led(|_| {});
    world.only(&[N1, N2]);
    world.pass(100);
    assert_eq!(world.status(N3).role, Role::PreCandidate);
    let term = world.status(N1).term;
    assert_eq!(world.status(N3).term, term);
    world.cut.clear();
    world.pass(30);
    assert_eq!((world.leader(), world.status(N3).term), (Some(N1), term));
    assert_eq!(world.status(N3).leader, Some(N1));
}

#[test]
fn votes_for_another_are_not_asked_of_those_who_hear_the_leader() {
    let (mut world, _) = led(|config| config.pre_vote = false);
    world.cut.insert((N1, N3));
    let term = world.status(N1).term;
    for _ in 0..100 {
        world.pass(1);
        assert_eq!(world.status(N2).term, term);
    }
    assert!(world.status(N3).elections > 1);
    assert_eq!(
        world.leader().map(|id| world.status(id).term >= term),
        Some(true)
    );
}

#[test]
fn a_new_node_is_added_by_snapshot_and_log_and_does_not_campaign_before() {
    let (mut world, session) = led(|config| config.snapshot_every = 4);
    for sequence in 1..10 {
        answer(&mut world, N1, push(session, sequence, sequence));
    }
    world.pass(100);
    assert_eq!((world.status(N4).term, world.status(N4).elections), (0, 0));
    assert_eq!(
        answer(&mut world, N1, Request::AddNode(N4)),
        Some(Reply::Done)
    );
    world.pass(6);
    let status = world.status(N4);
    assert_eq!(
        (status.voters.len(), status.applied),
        (4, world.status(N1).applied)
    );
    assert_eq!(world.raft(N4).machine().list.len(), 9);
    assert!(status.snapshot_index > 0);
}

#[test]
fn one_change_of_the_members_at_a_time() {
    let (mut world, _) = led(|_| {});
    world.only(&[N1]);
    let first = world.request(N1, Request::AddNode(N4));
    let second = world.request(N1, Request::RemoveNode(N2));
    assert!(matches!(world.reply(second), Some(Reply::Refused(_))));
    world.cut.clear();
    world.pass(6);
    assert_eq!(world.reply(first), Some(&Reply::Done));
    assert_eq!(
        answer(&mut world, N1, Request::RemoveNode(N2)),
        Some(Reply::Done)
    );
    assert_eq!(world.status(N1).voters, [N1, N3, N4]);
    assert_eq!(
        answer(&mut world, N1, Request::RemoveNode(N2)),
        Some(Reply::Done)
    );
}

#[test]
fn members_do_not_change_before_an_entry_of_the_leaders_term_is_committed() {
    let mut world = world(3, |_| {});
    world.elect(N1);
    let refused = world.request(N1, Request::AddNode(N4));
    assert!(matches!(world.reply(refused), Some(Reply::Refused(_))));
    world.settle();
    assert_eq!(
        answer(&mut world, N1, Request::AddNode(N4)),
        Some(Reply::Done)
    );
}

#[test]
fn a_change_that_is_overwritten_is_taken_back() {
    let (mut world, _) = led(|_| {});
    world.only(&[N2, N3]);
    let change = world.request(N1, Request::RemoveNode(N2));
    assert_eq!(world.status(N1).voters, [N1, N3]);
    world.pass(100);
    assert_eq!(world.reply(change), Some(&Reply::Uncertain));
    world.cut.clear();
    world.pass(30);
    assert_eq!(world.status(N1).voters, [N1, N2, N3]);
}

#[test]
fn a_removed_leader_steps_down_when_that_is_committed() {
    let (mut world, _) = led(|_| {});
    assert_eq!(
        answer(&mut world, N1, Request::RemoveNode(N1)),
        Some(Reply::Done)
    );
    assert_ne!(world.status(N1).role, Role::Leader);
    world.pass(100);
    let leader = world.leader().unwrap();
    assert_eq!(world.status(leader).voters, [N2, N3]);
    assert_eq!(
        (world.status(N1).role, world.status(N1).elections),
        (Role::Follower, 1)
    );
}

#[test]
fn the_last_member_stays_and_is_a_majority() {
    let (mut world, session) = led(|_| {});
    for id in [N2, N3] {
        assert_eq!(
            answer(&mut world, N1, Request::RemoveNode(id)),
            Some(Reply::Done)
        );
    }
    let refused = answer(&mut world, N1, Request::RemoveNode(N1));
    assert!(matches!(refused, Some(Reply::Refused(_))));
    assert_eq!(answer(&mut world, N1, push(session, 1, 7)), pushed(0));
    assert_eq!(answer(&mut world, N1, Request::Query(Read)), list(&[7]));
    world.crash(N1);
    world.start(N1);
    world.pass(30);
    assert_eq!(answer(&mut world, N1, Request::Query(Read)), list(&[7]));
}

#[test]
fn leadership_is_handed_over_without_waiting_for_a_timeout() {
    let (mut world, session) = led(|_| {});
    let transfer = world.request(N1, Request::Transfer(N3));
    let refused = world.request(N1, push(session, 1, 7));
    assert!(matches!(world.reply(refused), Some(Reply::Refused(_))));
    world.settle();
    assert_eq!(world.reply(transfer), Some(&Reply::Done));
    assert_eq!(world.leader(), Some(N3));
    assert_eq!(answer(&mut world, N3, push(session, 1, 7)), pushed(0));
}

#[test]
fn a_hand_over_to_a_node_that_is_down_ends_in_time() {
    let (mut world, session) = led(|_| {});
    world.crash(N3);
    answer(&mut world, N1, push(session, 1, 7));
    let transfer = world.request(N1, Request::Transfer(N3));
    world.pass(20);
    assert!(matches!(world.reply(transfer), Some(Reply::Refused(_))));
    assert_eq!(answer(&mut world, N1, push(session, 2, 8)), pushed(1));
    let refused = answer(&mut world, N1, Request::Transfer(N5));
    assert!(matches!(refused, Some(Reply::Refused(_))));
}

#[test]
fn a_lease_answers_reads_at_once_and_ends_in_time() {
    let mut world = world(3, |config| config.lease_reads = true);
    world.pass(60);
    let leader = world.leader().unwrap();
    let read = world.request(leader, Request::Query(Read));
    assert!(world.reply(read).is_some());
    // Somebody else may be elected after 10 ticks; one of them may have passed in part.
    world.only(&[]);
    world.pass(9);
    let read = world.request(leader, Request::Query(Read));
    assert_eq!(world.reply(read), None);
}

/// A cluster whose leader holds a lease; the leader, and another member.
fn leased() -> (World, NodeId, NodeId) {
    let mut world = world(3, |config| config.lease_reads = true);
    world.pass(60);
    let leader = world.leader().unwrap();
    let other = [N1, N2, N3].into_iter().find(|id| *id != leader).unwrap();
    (world, leader, other)
}

#[test]
fn no_lease_outlasts_a_hand_over() {
    let (mut world, leader, other) = leased();
    world.request(leader, Request::Transfer(other));
    let read = world.request(leader, Request::Query(Read));
    assert_eq!(world.reply(read), None);
    world.settle();
    assert_eq!(world.leader(), Some(other));
}

#[test]
fn a_node_that_is_started_again_keeps_its_promise_to_a_leader() {
    let (mut world, leader, other) = leased();
    let third = [N1, N2, N3]
        .into_iter()
        .find(|id| ![leader, other].contains(id))
        .unwrap();
    // The third hears nothing for long, and then the leader and the other one make a lease.
    world.only(&[leader, other]);
    world.pass(60);
    world.crash(other);
    world.start(other);
    world.only(&[other, third]);
    (0..3).for_each(|_| world.tick(third));
    world.settle();
    let read = world.request(leader, Request::Query(Read));
    assert!(world.reply(read).is_some());
    assert_ne!(world.status(third).role, Role::Leader);
}

#[test]
fn a_leader_that_is_about_to_be_removed_may_still_be_needed() {
    let (mut world, _) = led(|_| {});
    assert_eq!(
        answer(&mut world, N1, Request::RemoveNode(N3)),
        Some(Reply::Done)
    );
    world.pass(6);
    // Its own removal is in its log only, which is the longest: node 2 cannot win without it.
    world.only(&[N1]);
    world.request(N1, Request::RemoveNode(N1));
    world.settle();
    world.crash(N1);
    world.start(N1);
    world.cut.clear();
    world.pass(100);
    let leader = world.leader().unwrap();
    assert_eq!((leader, world.status(leader).voters), (N2, vec![N2]));
}

#[test]
fn no_ticket_is_left_when_a_cluster_has_gone_through_much() {
    let (mut world, session) = led(|_| {});
    for sequence in 1..5 {
        world.request(N1, push(session, sequence, sequence));
        world.request(N1, Request::Query(Read));
        world.request(N1, Request::AddNode(N4));
        world.request(N1, Request::Transfer(N2));
        world.request(N2, Request::Snapshot);
        world.pass(3);
    }
    world.pass(60);
    assert_eq!(
        world.unanswered.keys().collect::<BTreeSet<_>>(),
        BTreeSet::new()
    );
}
