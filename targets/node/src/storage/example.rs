//! Logs for tests: random ones, and what reading them must give.

use std::ops::Range;

use proptest::prelude::*;
use testimony_consensus::NodeId;
use testimony_consensus::raft::{Entry, Payload, Term};

use super::image::Image;
use super::record::{self, FORMAT, HardState, Record};

/// One change of a log; it becomes a record when it is known what is there already.
#[derive(Clone, Debug)]
pub(super) enum Change {
    HardState {
        term: Term,
        vote: Option<u64>,
    },
    Entries {
        replaced: usize,
        count: u64,
        term: Term,
    },
}

/// Commits, each of some changes.
pub(super) fn batches() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![
        (1..9_u64, prop::option::of(1..6_u64))
            .prop_map(|(term, vote)| Change::HardState { term, vote }),
        (0..3_usize, 1..4_u64, 1..9_u64).prop_map(|(replaced, count, term)| Change::Entries {
            replaced,
            count,
            term
        }),
    ];
    prop::collection::vec(prop::collection::vec(change, 1..4), 0..6)
}

impl Change {
    /// The record that makes this change.
    pub(super) fn record(&self, image: &Image<String>) -> Record<String> {
        match *self {
            Change::HardState { term, vote } => Record::HardState(HardState {
                term,
                vote: vote.map(NodeId),
            }),
            Change::Entries {
                replaced,
                count,
                term,
            } => {
                let replaced = replaced.min(image.entries.len()) as u64;
                let first = image.last_index() + 1 - replaced;
                Record::Entries(entries(first..first + count, term))
            }
        }
    }
}

/// The frames of a file, and the image after each of them.
pub(super) fn written(batches: &[Vec<Change>]) -> (Vec<Vec<u8>>, Vec<Image<String>>) {
    let begin = Record::Begin {
        format: FORMAT,
        id: NodeId(1),
        generation: 1,
        snapshot: None,
    };
    let mut image = empty();
    let (mut frames, mut images) = (vec![framed(&[begin])], vec![image.clone()]);
    for batch in batches {
        let mut records = Vec::new();
        for change in batch {
            let record = change.record(&image);
            image.apply(record.clone()).unwrap();
            records.push(record);
        }
        frames.push(framed(&records));
        images.push(image.clone());
    }
    (frames, images)
}

/// The image of a log in which nothing happened yet.
pub(super) fn empty() -> Image<String> {
    let hard_state = HardState::default();
    Image {
        id: NodeId(1),
        generation: 1,
        snapshot: None,
        hard_state,
        entries: Vec::new(),
    }
}

/// Entries with these indices.
pub(super) fn entries(range: Range<u64>, term: Term) -> Vec<Entry<String>> {
    range
        .map(|index| Entry {
            index,
            term,
            payload: payload(index),
        })
        .collect()
}

fn payload(index: u64) -> Payload<String> {
    let command = format!("{index}é\"\u{1}");
    Payload::Apply {
        session: 3,
        sequence: index,
        command,
    }
}

fn framed(records: &[Record<String>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    record::encode(records, &mut bytes).unwrap();
    bytes
}
