//! A leader's lease (dissertation section 6.4.1): who is heard when is chosen here.

use testimony_consensus::NodeId;
use testimony_consensus::raft::{Body, Role};

use crate::script::Script;

const ALL: [u64; 5] = [1, 2, 3, 4, 5];

/// Node 1 leads all, reads from leases, and has added 1 for a client with this session.
fn led_by_1() -> (Script, u64) {
    let mut script = Script::new(5, |config| config.lease_reads = true);
    script.tick(&ALL, 20);
    script.wire.clear();
    script.elect(1, &ALL);
    script.tick(&[1], 3);
    script.talk(&ALL);
    let session = script.open(1);
    assert_eq!(script.add(1, (session, 1), &ALL), Some(1));
    (script, session)
}

/// What a read is answered without any message.
fn read_at_once(script: &mut Script, id: u64) -> Option<i64> {
    let ticket = script.ask(id);
    script.answer(ticket)
}

#[test]
fn a_leased_read_needs_no_messages_and_ends_with_the_lease() {
    let (mut script, _) = led_by_1();
    script.tick(&[1], 3);
    script.talk(&[1, 2, 3]);
    assert_eq!(read_at_once(&mut script, 1), Some(1));
    script.tick(&[1], 20);
    assert_eq!(read_at_once(&mut script, 1), None, "the lease is over");
}

/// Node 3 wins an election of the next term with the help of node 4, which promised node 1 just now
/// to help nobody: a late answer has told node 4 of the later term. Knowing of a later term does
/// not release it from its promise.
#[test]
fn a_follower_that_learns_of_a_later_term_keeps_its_promise() {
    let (mut script, session) = led_by_1();
    // Nodes 3, 4 and 5 hear nothing. Node 4 asks node 3 whether it would win; the question is slow.
    script.tick(&[4], 20);
    let question = script.take(4, 3);
    assert!(matches!(
        question[0].message.body,
        Body::RequestVote { pre: true, .. }
    ));
    script.wire.clear();
    // Node 3 asks, may campaign, and asks for votes, which nobody hears yet.
    script.tick(&[3, 5], 20);
    let asked = [script.take(3, 4), script.take(3, 5)].concat();
    script.deliver(asked);
    let answers = [script.take(4, 3), script.take(5, 3)].concat();
    script.deliver(answers);
    assert_eq!(script.role(3), Role::Candidate);
    script.wire.clear();
    // Node 1 is heard by nodes 2 and 4, and so holds a lease.
    script.tick(&[1], 3);
    script.talk(&[1, 2, 4]);
    assert_eq!(read_at_once(&mut script, 1), Some(1));
    // Now the question arrives, and the answer tells node 4 of the later term.
    script.deliver(question);
    let answer = script.take(3, 4);
    script.deliver(answer);
    // Node 3 asks for votes again, well within the lease.
    script.wire.clear();
    script.tick(&ALL, 3);
    script.wire.retain(|letter| letter.from != NodeId(1));
    script.talk(&[3, 4, 5]);
    let elsewhere = script.add(3, (session, 2), &[3, 4, 5]);
    let here = read_at_once(&mut script, 1);
    assert!(
        elsewhere.is_none() || here.is_none_or(|sum| sum == 2),
        "{elsewhere:?} {here:?}"
    );
    assert_ne!(script.role(3), Role::Leader, "within the lease of node 1");
}
