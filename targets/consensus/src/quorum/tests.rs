//! Claims about registers on majorities.

use serde_json::json;

use super::*;
use crate::stage::Stage;

type Cluster = Stage<Quorum>;

fn write(value: u64) -> Request<Store> {
    apply(Command::Write {
        key: "k".to_owned(),
        value: json!(value),
    })
}

fn apply(command: Command) -> Request<Store> {
    Request::Apply {
        session: 0,
        sequence: 0,
        command,
    }
}

fn read() -> Request<Store> {
    let key = "k".to_owned();
    Request::Query(Query::Read { key })
}

fn value(value: impl Into<Value>) -> Option<Reply<Store>> {
    Some(Reply::Answer(Response::Value(value.into())))
}

const DONE: Option<Reply<Store>> = Some(Reply::Applied(Response::Done));

/// A write of 1 by n1 that reached n2 and nobody else, before its client was answered.
fn half_written(mode: Option<&str>) -> (Cluster, u64) {
    let mut stage = Cluster::new(5, mode);
    let ticket = stage.send(1, write(1));
    // It asks everyone, and then tells n2 alone.
    stage.cut(&[1], &[3, 4, 5]);
    stage.deliver();
    assert_eq!(stage.reply(ticket), None);
    (stage, ticket)
}

#[test]
fn what_one_node_writes_all_nodes_read() {
    let mut stage = Cluster::new(5, None);
    assert_eq!(stage.ask(2, read()), value(Value::Null));
    for node in 1..=5 {
        assert_eq!(stage.ask(node, write(node)), DONE);
        for reader in 1..=5 {
            assert_eq!(stage.ask(reader, read()), value(node));
        }
    }
}

#[test]
fn a_minority_may_be_down_and_a_majority_may_not() {
    let mut stage = Cluster::new(5, None);
    stage.kill(4);
    stage.kill(5);
    assert_eq!(stage.ask(1, write(1)), DONE);
    stage.kill(3);
    let (reads, writes) = (stage.send(1, read()), stage.send(2, write(2)));
    stage.tick(200);
    let refused = Some(Reply::Refused("no majority answers".to_owned()));
    assert_eq!(stage.reply(reads), refused);
    assert_eq!(stage.reply(writes), refused);
    stage.start(3);
    assert_eq!(stage.ask(3, read()), value(1));
}

#[test]
fn lost_messages_are_sent_again() {
    let mut stage = Cluster::new(3, None);
    stage.cut(&[1], &[2, 3]);
    let ticket = stage.send(1, write(1));
    stage.heal();
    stage.tick(20);
    assert_eq!(stage.reply(ticket), DONE);
}

#[test]
fn a_write_that_was_told_to_somebody_is_given_up_as_uncertain() {
    let (mut stage, ticket) = half_written(None);
    stage.tick(200);
    assert_eq!(stage.reply(ticket), Some(Reply::Uncertain));
}

#[test]
fn a_reader_writes_back_what_it_saw() {
    let (mut stage, _) = half_written(None);
    stage.kill(1);
    stage.cut(&[2], &[5]);
    assert_eq!(stage.ask(2, read()), value(1));
    stage.kill(2);
    assert_eq!(stage.ask(5, read()), value(1));
}

#[test]
fn without_writing_back_a_later_read_is_older() {
    let (mut stage, _) = half_written(Some("no-write-back"));
    stage.kill(1);
    assert_eq!(stage.ask(2, read()), value(1));
    stage.kill(2);
    assert_eq!(stage.ask(5, read()), value(Value::Null));
}

#[test]
fn two_writes_of_one_node_at_once_have_different_tags() {
    let mut stage = Cluster::new(3, None);
    let tickets = [stage.send(1, write(1)), stage.send(1, write(2))];
    stage.deliver();
    assert_eq!(tickets.map(|ticket| stage.reply(ticket)), [DONE, DONE]);
    let tag = |node| stage.core(node).cells.get("k").tag;
    assert_eq!(
        tag(2),
        Tag {
            number: 2,
            node: NodeId(1)
        }
    );
    assert_eq!((tag(1), tag(3)), (tag(2), tag(2)));
}

#[test]
fn a_tag_is_not_used_again_after_a_crash() {
    let (mut stage, _) = half_written(None);
    stage.crash(1);
    stage.heal();
    stage.cut(&[1], &[2]);
    assert_eq!(stage.ask(1, write(7)), DONE);
    assert_eq!(stage.core(1).cells.get("k").tag.number, 2);
    assert_eq!(stage.ask(2, read()), value(7));
}

#[test]
fn an_answer_to_an_earlier_life_does_not_count() {
    let mut stage = Cluster::new(3, None);
    stage.send(1, write(1));
    stage.slow.insert((NodeId(2), NodeId(1)));
    stage.slow.insert((NodeId(3), NodeId(1)));
    stage.deliver();
    stage.crash(1);
    let late: Vec<_> = stage.wire.drain(..).collect();
    stage.cut(&[1], &[2, 3]);
    let ticket = stage.send(1, read());
    for letter in late {
        stage.hand_over(letter);
    }
    assert_eq!(stage.reply(ticket), None);
}

#[test]
fn what_needs_consensus_is_refused() {
    let mut stage = Cluster::new(3, None);
    let key = || "k".to_owned();
    let (old, new) = (json!(1), json!(2));
    let commands = [
        Command::Cas {
            key: key(),
            old,
            new,
        },
        Command::Remove { key: key() },
        Command::Add {
            key: key(),
            amount: 1,
        },
    ];
    for command in commands {
        let reply = stage.ask(1, apply(command));
        assert!(matches!(reply, Some(Reply::Refused(_))), "{reply:?}");
    }
}

#[test]
fn acknowledged_values_survive_the_death_of_all_unless_the_bug_is_on() {
    for (bug, found) in [(None, json!(1)), (Some(Bug::TagNotPersisted), Value::Null)] {
        let mut stage = Cluster::with_bug(3, None, bug);
        assert_eq!(stage.ask(1, write(1)), DONE);
        for node in 1..=3 {
            stage.crash(node);
        }
        stage.kill(1);
        assert_eq!(stage.ask(2, read()), value(found));
    }
}
