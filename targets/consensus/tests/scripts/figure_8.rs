//! Raft paper figure 8: an entry of an earlier term that is on a majority can still be overwritten.

use std::cell::Cell;

use testimony_consensus::bug::Bug;
use testimony_consensus::raft::{Body, Request};

use crate::script::{Letter, Script};

const ALL: [u64; 5] = [1, 2, 3, 4, 5];

/// What a read at node 1 was answered while its entry of the first term is on a majority, and what
/// one at node 5 is answered after that entry has been overwritten.
fn figure_8(bug: Option<Bug>) -> (Option<i64>, Option<i64>) {
    let mut script = Script::new(5, |config| {
        config.pre_vote = false;
        config.check_quorum = false;
        config.bug = bug;
    });
    // (a) Node 1 leads term 1; its last entry reaches node 2 only.
    script.elect(1, &ALL);
    let session = script.open(1);
    script.tick(&[1], 3);
    script.talk(&ALL);
    assert_eq!(script.add(1, (session, 1), &[1, 2]), None);
    // (b) Node 5 leads term 2 with the votes of 3 and 4. Another entry is at that place in its log
    // only.
    script.elect_but(5, &[3, 4, 5], |letter| {
        matches!(letter.message.body, Body::Append { .. })
    });
    script.request(5, Request::OpenSession);
    script.talk(&[5]);
    assert_eq!(
        (script.status(5).term, script.status(5).commit),
        (2, session)
    );
    // (c) Node 1 hears of that, and leads a later term with the votes of 2 and 3. Its entry of term
    // 1 reaches node 3 and so a majority; no entry of its present term gets that far.
    let place = session + 1;
    let has_it = Cell::new(false);
    let is_too_much = |letter: &Letter| {
        let Body::Append { entries, .. } = &letter.message.body else {
            return false;
        };
        let is_own = entries.iter().any(|entry| entry.term > 1);
        let is_lost = letter.to.0 == 3 && is_own && has_it.get();
        has_it.set(has_it.get() || letter.to.0 == 3 && !is_own && !entries.is_empty());
        is_lost
    };
    script.tick(&[1], 3);
    script.talk_but(&[1, 2, 3], is_too_much);
    script.elect_but(1, &[1, 2, 3], is_too_much);
    script.tick(&[1], 1);
    script.talk_but(&[1, 2, 3], is_too_much);
    assert_eq!(
        [1, 2, 3].map(|id| script.status(id).last_index >= place),
        [true; 3]
    );
    let before = script.ask(1);
    script.talk_but(&[1, 2, 3], is_too_much);
    let before = script.answer(before);
    // (d) Node 5 hears of that in turn, leads again, with the votes of 2, 3 and 4, and overwrites
    // the entry.
    script.tick(&[5], 3);
    script.talk(&[2, 3, 4, 5]);
    script.elect(5, &[2, 3, 4, 5]);
    script.talk(&[2, 3, 4, 5]);
    let after = script.ask(5);
    script.talk(&[2, 3, 4, 5]);
    assert!(script.status(5).commit >= place);
    (before, script.answer(after))
}

#[test]
fn an_entry_of_an_earlier_term_is_not_committed_by_counting() {
    assert_eq!(figure_8(None), (None, Some(0)));
}

#[test]
fn with_the_bug_a_read_shows_what_is_then_overwritten() {
    assert_eq!(figure_8(Some(Bug::CommitEarlierTerm)), (Some(1), Some(0)));
}
