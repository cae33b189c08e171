//! How one node takes what it is told: it runs alone, and its messages are written by the test.

use std::collections::BTreeSet;

use testimony_consensus::NodeId;
use testimony_consensus::raft::{
    Body, Config, Durable, Entry, Envelope, Index, Input, Message, Output, Payload, Position, Raft,
    StartError, Term,
};

use crate::journal::{Journal, Push};

const OWN: NodeId = NodeId(2);
const LEADER: NodeId = NodeId(1);

fn voters(ids: &[u64]) -> BTreeSet<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn members(index: Index, term: Term, ids: &[u64]) -> Entry<Push> {
    Entry {
        index,
        term,
        payload: Payload::Members(voters(ids)),
    }
}

fn session(index: Index, term: Term) -> Entry<Push> {
    Entry {
        index,
        term,
        payload: Payload::OpenSession,
    }
}

fn at(term: Term, index: Index) -> Position {
    Position { term, index }
}

/// Node 2 of three, with this log, in this term.
fn node(term: Term, entries: Vec<Entry<Push>>) -> Raft<Journal> {
    let config = Config::new(OWN, voters(&[1, 2, 3]));
    Raft::new(
        config,
        Durable {
            term,
            entries,
            ..Durable::default()
        },
    )
    .unwrap()
}

/// What the node says when the leader tells it this.
fn told(node: &mut Raft<Journal>, term: Term, body: Body<Push>) -> Vec<Body<Push>> {
    let message = Message { term, body };
    let outputs = node.step(Input::Message(Envelope {
        from: LEADER,
        to: OWN,
        message,
    }));
    let said = outputs.into_iter().filter_map(|output| match output {
        Output::Send(envelope) => Some(envelope.message.body),
        _ => None,
    });
    said.collect()
}

fn append(previous: Position, entries: Vec<Entry<Push>>, commit: Index) -> Body<Push> {
    Body::Append {
        previous,
        entries,
        commit,
        round: 7,
    }
}

#[test]
fn what_is_behind_the_leaders_entries_is_not_committed_with_them() {
    let mut node = node(
        2,
        vec![members(1, 1, &[1, 2, 3]), session(2, 1), session(3, 2)],
    );
    let said = told(&mut node, 3, append(at(1, 1), vec![session(2, 1)], 3));
    assert_eq!(
        said,
        [Body::Accepted {
            matched: 2,
            round: 7
        }]
    );
    assert_eq!(node.status().commit, 2);
}

#[test]
fn a_heartbeat_commits_no_further_than_it_tells() {
    let mut node = node(
        2,
        vec![members(1, 1, &[1, 2, 3]), session(2, 1), session(3, 2)],
    );
    told(&mut node, 3, append(at(0, 0), Vec::new(), 3));
    assert_eq!(node.status().commit, 0);
    told(&mut node, 3, append(at(1, 2), Vec::new(), 3));
    assert_eq!(node.status().commit, 2);
}

#[test]
fn a_late_message_removes_nothing() {
    let mut node = node(1, vec![session(1, 1), session(2, 1), session(3, 1)]);
    told(&mut node, 1, append(at(0, 0), vec![session(1, 1)], 0));
    assert_eq!(node.status().last_index, 3);
}

#[test]
fn members_that_are_overwritten_do_not_count_any_more() {
    let mut node = node(2, vec![members(1, 1, &[1, 2, 3]), members(2, 2, &[1, 2])]);
    assert_eq!(node.status().voters.len(), 2);
    told(&mut node, 3, append(at(1, 1), vec![session(2, 3)], 1));
    assert_eq!(node.status().voters.len(), 3);
}

#[test]
fn entries_that_do_not_fit_are_refused_with_a_place_where_they_may() {
    let mut node = node(4, vec![session(1, 1), session(2, 1), session(3, 4)]);
    let refused = |hint| {
        [Body::Rejected {
            previous: 3,
            hint,
            round: 7,
        }]
    };
    assert_eq!(
        told(&mut node, 5, append(at(3, 3), vec![session(4, 3)], 0)),
        refused(at(1, 2))
    );
    assert_eq!(
        told(&mut node, 5, append(at(5, 3), Vec::new(), 0)),
        refused(at(4, 3))
    );
}

#[test]
fn an_old_leader_is_told_the_term() {
    let mut node = node(5, vec![session(1, 1)]);
    let message = Message {
        term: 4,
        body: append(at(1, 1), vec![session(2, 4)], 2),
    };
    let outputs = node.step(Input::Message(Envelope {
        from: LEADER,
        to: OWN,
        message,
    }));
    let [Output::Send(Envelope { message, .. })] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(message.term, 5);
    assert_eq!((node.status().last_index, node.status().commit), (1, 0));
}

#[test]
fn a_vote_goes_to_one_candidate_of_a_term_and_only_to_a_log_as_good() {
    let ask = |last| Body::RequestVote {
        pre: false,
        forced: false,
        last,
    };
    let answer = |granted| {
        [Body::Vote {
            pre: false,
            granted,
        }]
    };
    let mut node = node(2, vec![session(1, 1), session(2, 2)]);
    assert_eq!(told(&mut node, 3, ask(at(1, 9))), answer(false));
    assert_eq!(told(&mut node, 3, ask(at(2, 1))), answer(false));
    assert_eq!(node.status().vote, None);
    assert_eq!(told(&mut node, 3, ask(at(2, 2))), answer(true));
    assert_eq!(told(&mut node, 3, ask(at(2, 2))), answer(true));
    let (from, message) = (
        NodeId(3),
        Message {
            term: 3,
            body: ask(at(2, 2)),
        },
    );
    let outputs = node.step(Input::Message(Envelope {
        from,
        to: OWN,
        message,
    }));
    let [Output::Send(Envelope { message, .. })] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(message.body, answer(false)[0]);
}

#[test]
fn nobody_can_have_saved_gaps_or_falling_terms() {
    let start = |term, entries| {
        let durable = Durable {
            term,
            entries,
            ..Durable::default()
        };
        Raft::<Journal>::new(Config::new(OWN, voters(&[1, 2, 3])), durable).map(drop)
    };
    assert_eq!(
        start(3, vec![session(1, 1), session(3, 1)]),
        Err(StartError::Gap { after: 1, found: 3 })
    );
    let falling = StartError::Terms {
        index: 2,
        found: 1,
        after: 2,
        term: 3,
    };
    assert_eq!(start(3, vec![session(1, 2), session(2, 1)]), Err(falling));
    let unknown = StartError::Terms {
        index: 1,
        found: 4,
        after: 0,
        term: 3,
    };
    assert_eq!(start(3, vec![session(1, 4)]), Err(unknown));
    assert_eq!(start(3, vec![session(1, 1), session(2, 3)]), Ok(()));
}
