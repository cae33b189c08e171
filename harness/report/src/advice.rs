//! What a person can do about a verdict that is none.

use testimony_checker::{Exhausted, Reason};

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
    phrase::sentence(&format!("{key}{}{others}.", exhausted.reason))
}

/// What to do then.
pub(crate) fn after_undecided(reason: &Reason) -> &'static str {
    match reason {
        Reason::Steps => {
            "Check it again with a higher limit (--time-limit, --memory-limit). If that does not help, \
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
