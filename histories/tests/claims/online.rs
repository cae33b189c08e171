//! What is read and paired while it is written is what is read and paired as a whole.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use testimony_history::{
    Answer, Call, EventReader, Format, Header, HistoryError, Model, OnlinePairing, Operation,
    Order, Outcome, Paired, PlacedEvent, ReadError, ReadOptions, Recording, Warning, read, write,
};

use crate::generate;

/// Reads bytes that come in pieces of these lengths.
fn in_pieces(
    bytes: &[u8],
    lengths: &[usize],
) -> Result<(Header, Vec<PlacedEvent>, Option<Warning>), ReadError> {
    let mut reader = EventReader::new();
    let mut events = Vec::new();
    let mut rest = bytes;
    for length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        reader.feed(piece);
        while let Some(event) = reader.next_event()? {
            events.push(event);
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let (last, warning) = reader.finish()?;
    events.extend(last);
    Ok((
        reader.header().cloned().unwrap_or_default(),
        events,
        warning,
    ))
}

/// JSON lines, always: other formats cannot be read in pieces.
fn whole(bytes: &[u8]) -> Result<Recording, ReadError> {
    let options = ReadOptions {
        format: Some(Format::JsonLines),
        ..ReadOptions::default()
    };
    read(bytes, &options)
}

fn reads_alike(bytes: &[u8], lengths: &[usize]) {
    match (whole(bytes), in_pieces(bytes, lengths)) {
        (Ok(recording), Ok((header, events, warning))) => {
            assert_eq!(header, recording.header);
            let lines: Vec<u32> = events.iter().map(|event| event.line).collect();
            assert_eq!(lines, recording.lines);
            let columns: Vec<_> = events.iter().map(|event| event.columns).collect();
            assert_eq!(columns, recording.columns);
            let odd = |warning: &&Warning| !matches!(warning, Warning::IndicesRepeat { .. });
            let warnings: Vec<&Warning> = recording.warnings.iter().filter(odd).collect();
            assert_eq!(warning.iter().collect::<Vec<_>>(), warnings);
            if recording.warnings.len() == warnings.len() {
                let events: Vec<_> = events.into_iter().map(|event| event.event).collect();
                assert_eq!(events, recording.events);
            }
        }
        (Err(expected), Err(found)) => assert_eq!(found, expected),
        (expected, found) => panic!("{found:?} instead of {expected:?}"),
    }
}

/// The operations of a history that is paired as it comes, and how positions order them.
fn paired(events: Vec<PlacedEvent>, model: Model) -> Result<Vec<Paired>, HistoryError> {
    let mut pairing = OnlinePairing::new(model);
    let mut out = Vec::new();
    for event in events {
        pairing.push(event, &mut out)?;
    }
    pairing.flush(&mut out)?;
    Ok(out)
}

/// Operations put together from what was passed on.
fn operations(paired: Vec<Paired>) -> Vec<Operation<Call, Answer>> {
    let mut operations: Vec<Operation<Call, Answer>> = Vec::new();
    let mut position = 0;
    for event in paired {
        match event {
            Paired::Call {
                process,
                call,
                after,
                origin,
                ..
            } => operations.push(Operation {
                process,
                input: call,
                outcome: Outcome::Unknown,
                called: position,
                returned: None,
                after: after
                    .last()
                    .map(|&after| u32::try_from(after).expect("it is small")),
                call: origin,
                end: None,
            }),
            Paired::End {
                operation,
                outcome,
                origin,
                call,
            } => {
                let operation = &mut operations[usize::try_from(operation).expect("it is small")];
                assert_eq!(operation.input, call);
                operation.end = Some(origin);
                if outcome == Outcome::Unknown {
                    continue;
                }
                operation.outcome = outcome;
                operation.returned = Some(position);
            }
        }
        position += 1;
    }
    operations
}

fn pairs_alike(recording: &Recording, model: Model) {
    let mut bytes = Vec::new();
    write(recording, Format::JsonLines, &mut bytes).expect("memory takes it");
    let (_, events, _) = in_pieces(&bytes, &[100]).expect("it was just written");
    let expected = whole(&bytes).expect("it was just written").history(model);
    match (expected, paired(events, model)) {
        (Ok((history, _)), Ok(paired)) => {
            let mut names: HashMap<u64, u64> = HashMap::new();
            let mut found = operations(paired);
            for (operation, expected) in found.iter_mut().zip(history.operations()) {
                let named = names.entry(operation.process).or_insert(expected.process);
                operation.process = *named;
            }
            assert_eq!(found, history.operations());
        }
        (Err(expected), Err(found)) => assert_eq!(found, expected),
        (expected, found) => panic!("{found:?} instead of {expected:?}"),
    }
}

proptest! {
    #[test]
    fn pieces_of_any_length_are_read_as_the_whole(
        recording in generate::recording(Order::Time),
        lengths in vec(1..200_usize, 1..5),
        cut in any::<prop::sample::Index>(),
        garbage in prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>())),
        mark in any::<bool>(),
    ) {
        let mut bytes = if mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        write(&recording, Format::JsonLines, &mut bytes).unwrap();
        reads_alike(&bytes, &lengths);
        reads_alike(&bytes[..cut.index(bytes.len() + 1)], &lengths);
        if let Some((at, byte)) = garbage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            reads_alike(&bytes, &lengths);
        }
    }

    #[test]
    fn events_are_paired_as_they_come_as_they_are_as_a_whole(
        recording in generate::register(Order::Time),
    ) {
        pairs_alike(&recording, Model::Register);
    }

    #[test]
    fn what_makes_no_history_is_refused_alike(
        recording in generate::recording(Order::Time),
        model in prop::sample::select(vec![Model::Kv, Model::CasRegister]),
    ) {
        pairs_alike(&recording, model);
    }
}

const TIED: &str = r#"{"testimony":1,"model":"register"}
{"time":1,"process":0,"type":"invoke","f":"read"}
{"time":2,"process":0,"type":"ok","f":"read","value":1}
{"time":2,"process":1,"type":"invoke","f":"write","value":1}
"#;

#[test]
fn an_event_is_passed_on_when_none_of_its_time_can_follow() {
    let (_, events, _) = in_pieces(TIED.as_bytes(), &[7]).unwrap();
    let mut pairing = OnlinePairing::new(Model::Register);
    let mut out = Vec::new();
    for (event, passed_on) in events.iter().zip([0, 1, 1]) {
        pairing.push(event.clone(), &mut out).unwrap();
        assert_eq!(out.len(), passed_on);
    }
    pairing.flush(&mut out).unwrap();
    // The write was called before the read returned.
    assert!(matches!(out[1], Paired::Call { .. }), "{out:?}");
    let error = pairing.push(events[2].clone(), &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4, column 1: another event at time 2 came after those at that time had been judged"
    );
}
