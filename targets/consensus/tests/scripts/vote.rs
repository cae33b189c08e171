//! A node votes once in a term, also when it is started again in between (Raft paper figure 2: the
//! vote is persistent state).

use testimony_consensus::bug::Bug;
use testimony_consensus::raft::Role;

use crate::script::Script;

/// Nodes 1 and 2 campaign in the same term. Node 3 votes for the first, is started again, and is
/// asked by the second. What the two are then.
fn asked_twice(bug: Option<Bug>) -> [Role; 2] {
    let mut script = Script::new(3, |config| {
        config.pre_vote = false;
        config.bug = bug;
    });
    script.tick(&[1, 2], 20);
    let (first, second) = (script.take(1, 3), script.take(2, 3));
    script.wire.clear();
    script.deliver(first);
    let vote = script.take(3, 1);
    script.deliver(vote);
    script.wire.clear();
    script.restart(3);
    script.deliver(second);
    let vote = script.take(3, 2);
    script.deliver(vote);
    assert_eq!(script.status(1).term, script.status(2).term);
    [1, 2].map(|id| script.role(id))
}

#[test]
fn a_vote_survives_a_restart() {
    assert_eq!(asked_twice(None), [Role::Leader, Role::Candidate]);
}

#[test]
fn with_the_bug_a_restart_gives_a_term_two_leaders() {
    assert_eq!(asked_twice(Some(Bug::VoteNotPersisted)), [Role::Leader; 2]);
}
