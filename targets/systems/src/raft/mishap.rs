//! What can go wrong with a request to the Raft target, and what it says about the operation.
//!
//! This table decides between *failed* and *unknown*, so it decides whether a verdict can be
//! trusted: to call an update failed that happens later manufactures violations. What is not in the
//! table is unknown.
//!
//! | what the client met | certainty | then |
//! |---|---|---|
//! | no connection (refused, or not made in time) | certainly not applied: nothing was sent | next
//! node |
//! | 307 `not-leader` with a place to go | certainly not applied | goes there, at most 5 times in a
//! row, then next node |
//! | 503 `no-leader`, outcome `failed` | certainly not applied | next node |
//! | 503 with outcome `unknown` (`uncertain`, `timeout`) | unknown | next node |
//! | 409 `session-expired`, outcome `failed` | certainly not applied | ends |
//! | 422 (wrong type), outcome `failed` | certainly not applied | ends |
//! | 400 (malformed), outcome `failed` | certainly not applied | ends |
//! | 200 with a body that is no answer | unknown | ends |
//! | reset or closed after sending, no answer in time | unknown | next node |
//! | any other status or outcome | unknown | next node |
//!
//! "Next node" repeats the request under the same session and sequence number, so that the target
//! applies it once, as long as the operation's time lasts. Over all requests of an operation: if
//! one is answered, that is the answer. Otherwise, if every one was certainly not applied, the
//! operation
//! *failed*. Otherwise its outcome is *unknown*: a later "certainly not applied" speaks only of the
//! repetition, not of what was sent before. An operation that changes nothing (read, contains) and
//! got no answer has *failed*, whatever happened: it may be dropped from a history.

/// Whether a request may have been, or may yet be, applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It was not, and never will be.
    NotApplied,
    /// Nobody knows.
    Unknown,
}

/// What the client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Asks the node that the answer names.
    Follow,
    /// Asks the next node.
    Elsewhere,
    /// Nothing: asking again would be answered the same.
    End,
}

/// A request that was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mishap {
    pub(crate) certainty: Certainty,
    pub(crate) next: Next,
    /// The word for it in the history.
    pub(crate) error: String,
}

/// The rows about answers that carry a status and an outcome.
const ANSWERS: [(u16, &str, Certainty, Next); 6] = [
    (307, "failed", Certainty::NotApplied, Next::Follow),
    (503, "failed", Certainty::NotApplied, Next::Elsewhere),
    (503, "unknown", Certainty::Unknown, Next::Elsewhere),
    (409, "failed", Certainty::NotApplied, Next::End),
    (422, "failed", Certainty::NotApplied, Next::End),
    (400, "failed", Certainty::NotApplied, Next::End),
];

impl Mishap {
    /// An answer other than 200, from its status and its body.
    pub(crate) fn answered(status: u16, body: &serde_json::Value) -> Self {
        let text = |key: &str| body.get(key).and_then(serde_json::Value::as_str);
        let outcome = text("outcome").unwrap_or_default();
        let row = ANSWERS
            .iter()
            .find(|row| row.0 == status && row.1 == outcome);
        let (certainty, next) =
            row.map_or((Certainty::Unknown, Next::Elsewhere), |row| (row.2, row.3));
        let error = text("error").map_or_else(|| format!("status-{status}"), ToOwned::to_owned);
        Mishap {
            certainty,
            next,
            error,
        }
    }

    /// No connection was made, so nothing was sent.
    pub(crate) fn not_connected(error: &str) -> Self {
        Mishap {
            certainty: Certainty::NotApplied,
            next: Next::Elsewhere,
            error: error.to_owned(),
        }
    }

    /// Something was sent, and nothing came back.
    pub(crate) fn not_answered(error: &str) -> Self {
        let error = error.to_owned();
        Mishap {
            certainty: Certainty::Unknown,
            next: Next::Elsewhere,
            error,
        }
    }

    /// The answer says that it was done, but not what the result is.
    pub(crate) fn not_understood(error: &str) -> Self {
        Mishap {
            certainty: Certainty::Unknown,
            next: Next::End,
            error: error.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_status_together_with_its_outcome_is_certain() {
        for (status, outcome, certainty, next) in ANSWERS {
            let body = json!({"error": "word", "outcome": outcome});
            let mishap = Mishap::answered(status, &body);
            assert_eq!(
                (mishap.certainty, mishap.next),
                (certainty, next),
                "{status} {outcome}"
            );
            assert_eq!(mishap.error, "word");
            let silent = Mishap::answered(status, &json!({"error": "word"}));
            assert_eq!(
                silent.certainty,
                Certainty::Unknown,
                "{status} without an outcome"
            );
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        let body = json!({"outcome": "failed"});
        for status in [100, 201, 204, 301, 404, 500, 502, 504] {
            let mishap = Mishap::answered(status, &body);
            assert_eq!(mishap.certainty, Certainty::Unknown, "{status}");
            assert_eq!(mishap.error, format!("status-{status}"));
        }
    }
}
