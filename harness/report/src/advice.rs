//! What a person can do about a verdict that is none.

use testimony_checker::{Difficulty, Exhausted, Reason};

use crate::phrase;

/// What to do about a broken run.
pub(crate) const AFTER_BROKEN: &str = "Nothing can be concluded about the system from this run. Look at \
    the nodes' output under nodes/ in the run's folder, then run it again.";

/// Why nobody knows, in sentences.
pub(crate) fn why_undecided(exhausted: &Exhausted) -> String {
    let key = exhausted.key.as_ref();
    let key = key
        .map(|key| format!("for key {}: ", phrase::key_name(key)))
        .unwrap_or_default();
    let others = match exhausted.partitions {
        0 | 1 => String::new(),
        many => format!("; {} are undecided", phrase::counted(many as u64, "key")),
    };
    let why = phrase::sentence(&format!("{key}{}{others}.", exhausted.reason));
    let difficulty = exhausted.difficulty.as_ref().map(what_was_hard);
    difficulty.map_or_else(|| why.clone(), |hard| format!("{why} {hard}"))
}

/// What was in the way, in a sentence.
fn what_was_hard(difficulty: &Difficulty) -> String {
    let open = phrase::counted(difficulty.open.len() as u64, "operation");
    let states = phrase::counted(difficulty.states, "state");
    let unknown = match difficulty.unknown.len() {
        0 => String::new(),
        many => format!(
            ", and {many} of unknown outcome{}",
            events(&difficulty.unknown)
        ),
    };
    format!(
        "Where it got stuck, {open} were open at once{}{unknown}; the object had {states}.",
        events(&difficulty.open)
    )
}

/// The first of some events, in brackets.
fn events(indices: &[u64]) -> String {
    const MOST: usize = 8;
    if indices.is_empty() {
        return String::new();
    }
    let first: Vec<String> = indices.iter().take(MOST).map(u64::to_string).collect();
    let more = if indices.len() > MOST { ", ..." } else { "" };
    format!(" (events {}{more})", first.join(", "))
}

/// What to do then.
pub(crate) fn after_undecided(reason: &Reason) -> &'static str {
    match reason {
        Reason::Steps => {
            "Check it again with a higher --step-limit, if one was given. If that does not help, \
             record fewer concurrent clients or fewer operations of unknown outcome for each key."
        }
        Reason::Bytes => "Check it again with a higher --memory-limit.",
        Reason::Stopped => "Check it again with a higher --time-limit.",
        Reason::NotCovered(_) => {
            "Change the workload so that the checker covers it; the documentation of the model says \
             what is covered."
        }
        Reason::EvidenceFailed(_) => {
            "This is a defect of Testimony or of a model. Please report it and attach the history."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_named() {
        let difficulty = Difficulty {
            open: vec![3, 5, 8],
            unknown: (10..30).collect(),
            states: 77,
        };
        assert_eq!(
            what_was_hard(&difficulty),
            "Where it got stuck, 3 operations were open at once (events 3, 5, 8), and 20 of \
             unknown outcome (events 10, 11, 12, 13, 14, 15, 16, 17, ...); the object had 77 \
             states."
        );
    }
}
