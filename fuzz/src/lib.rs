//! What is claimed of any bytes: a reader never panics and names a place for every error, what it
//! read is written and read again as the same, and a verdict has evidence that holds.

use testimony_checker::{
    Budget, Judgement, Reason, Verdict, check_recorded, decide_compact, oracle, verify_recorded,
};
use testimony_history::{
    CompactHistory, CompactOptions, FailedCas, Format, Keyed, Model, Place, ReadOptions,
    RecordedHistory, Recording, Value, read, read_compact, write,
};

/// Reads bytes in one format with every option, pairs the events for every model, and writes them
/// again.
pub fn reads(format: Option<Format>, bytes: &[u8]) {
    for (keyed, failed_cas, sort_by_time) in [
        (Keyed::Detect, FailedCas::Silent, false),
        (Keyed::Yes, FailedCas::Mismatch, true),
        (Keyed::No, FailedCas::Silent, true),
    ] {
        let options = ReadOptions {
            format,
            keyed,
            failed_cas,
            sort_by_time,
        };
        match read(bytes, &options) {
            Err(error) => has_a_place(error.place),
            Ok(recording) => survives(&recording),
        }
    }
}

fn has_a_place(place: Place) {
    assert!(
        place.line > 0 && place.column > 0,
        "{place} is nowhere in the file"
    );
}

fn survives(recording: &Recording) {
    for model in Model::ALL {
        if let Err(error) = recording.history(model) {
            has_a_place(error.place);
        }
    }
    let again = written(recording, Format::JsonLines);
    let twice = written(&again, Format::JsonLines);
    assert_eq!(again.header, twice.header);
    assert_eq!(again.events, twice.events);
    let options = |format| ReadOptions {
        format: Some(format),
        ..ReadOptions::default()
    };
    let mut edn = Vec::new();
    write(recording, Format::Edn, &mut edn).expect("a vector takes every byte");
    if let Err(error) = read(&edn, &options(Format::Edn)) {
        let text = String::from_utf8_lossy(&edn);
        assert!(recording.events.is_empty(), "{error} in {text}");
    }
}

/// A recording that was written and read again.
fn written(recording: &Recording, format: Format) -> Recording {
    let mut bytes = Vec::new();
    write(recording, format, &mut bytes).expect("a vector takes every byte");
    let options = ReadOptions {
        format: Some(format),
        ..ReadOptions::default()
    };
    match read(&bytes, &options) {
        Ok(recording) => recording,
        Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&bytes)),
    }
}

/// Reads bytes as JSON lines event by event, and in blocks into columns: both say the same.
pub fn reads_into_columns(bytes: &[u8]) {
    let read_options = ReadOptions {
        format: Some(Format::JsonLines),
        ..ReadOptions::default()
    };
    let recording = read(bytes, &read_options);
    for model in Model::ALL {
        let expected = match &recording {
            Err(error) => Err(error.to_string()),
            Ok(recording) => recording.history(model).map_err(|error| error.to_string()),
        };
        for (threads, block) in [(1, 1), (1, 1 << 20), (3, 32)] {
            let options = CompactOptions {
                read: read_options,
                model: Some(model),
                threads,
                block,
            };
            let columns = read_compact(|| Ok(bytes), &options);
            match (&expected, columns) {
                (Ok((history, _)), Ok(columns)) => assert_eq!(columns.history.expand(), *history),
                (Err(error), Err(other)) => assert_eq!(other.to_string(), *error),
                (expected, columns) => panic!("{model}: {columns:?} is not {expected:?}"),
            }
        }
    }
}

/// Reads bytes in whatever format they are, judges them against every model that can read them, and
/// has the evidence of each verdict verified.
pub fn judges(bytes: &[u8]) {
    let Ok(recording) = read(bytes, &ReadOptions::default()) else {
        return;
    };
    let initial = recording.header.initial.as_ref();
    for model in Model::ALL {
        if let Ok((history, _)) = recording.history(model) {
            judge(model, initial, &history);
        }
    }
}

/// The most operations that brute force is asked about: it is exponential in them.
const ORACLE_MOST: usize = 12;

fn small_budget() -> Budget {
    Budget {
        steps: 20_000,
        bytes: 64 << 20,
        ..Budget::for_tests()
    }
}

fn judge(model: Model, initial: Option<&Value>, history: &RecordedHistory) {
    let columns = CompactHistory::of(model, history);
    holds(
        model,
        initial,
        history,
        &check_recorded(model, initial, history, &small_budget()),
    );
    let in_columns = decide_compact(initial, &columns, &small_budget()).conclude();
    holds(model, initial, history, &in_columns);
}

/// A verdict is that of brute force, where that can tell, and has evidence.
fn holds(model: Model, initial: Option<&Value>, history: &RecordedHistory, judgement: &Judgement) {
    let small = history.operations().len() <= ORACLE_MOST;
    let judged = || oracle::judge_recorded(model, initial, history);
    let truth = small.then(judged).and_then(Result::ok).flatten();
    match &judgement.verdict {
        Verdict::Linearizable(witness) => {
            assert_ne!(truth, Some(false), "{model}: no order exists");
            let replayed = verify_recorded(model, initial, history, witness);
            assert_eq!(replayed, Ok(Ok(())), "{model}");
        }
        Verdict::Illegal(found) => {
            assert_ne!(truth, Some(true), "{model}: an order exists");
            let again = check_recorded(model, initial, &found.operations, &Budget::for_tests());
            assert!(is_illegal(&again), "{model}: the counterexample is legal");
            assert!(!found.explanation.headline.is_empty());
        }
        Verdict::Undecided(why) => assert!(
            !matches!(why.reason, Reason::EvidenceFailed(_)),
            "{model}: {}",
            why.reason
        ),
    }
}

fn is_illegal(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Illegal(_))
}
