//! Jepsen's and Knossos' EDN.
//!
//! A file is a sequence of maps, bare or in a vector or list, tagged or not. The order of the maps
//! is the order of events; times are for display, since Jepsen's do go backwards.
//!
//! A `:fail` says only that the operation did not happen. A compare-and-set that failed because the
//! comparison did not match says more, but only if its error is one of [`MISMATCHES`]. An `:ok` cas
//! has swapped.
//!
//! Jepsen's files do not tell a keyed value `[k v]` from a pair. Values are read as keyed if one is
//! tagged as a tuple, or if no event has a `:key`, the value of every client's invocation and `:ok`
//! is a pair, and that of every cas is `[k [old new]]`.
//!
//! What JSON lacks becomes a string, exactly as it is written: keywords with their colon,
//! characters with their backslash, symbols, ratios. Sets become sorted lists; other tags are
//! dropped. Where a word is due (a function, a process, an error), a keyword is that word without
//! its colon.
//!
//! Our own files begin with a comment that holds the header, and a second one where events with
//! equal times are concurrent. They name their keys, so nothing is guessed.

mod events;
mod reader;
mod syntax;
mod writer;

pub(crate) use events::{error_value, function, process};
pub(crate) use reader::{forms, read, refuse};
pub(crate) use syntax::{Form, SyntaxError, What};
pub(crate) use writer::write;

/// The errors (as keywords, or first in a vector) with which a failed compare-and-set says that the
/// comparison did not match. The list is closed: to take a refused connection for "not equal" would
/// manufacture violations.
pub const MISMATCHES: [&str; 7] = [
    NO_MATCH,
    "mismatch",
    "cas-mismatch",
    "value-mismatch",
    "not-equal",
    "compare-failed",
    "precondition-failed",
];

/// The one of them that we write ourselves.
const NO_MATCH: &str = "no-match";

/// What comes before the header in our own EDN: the beginning of a comment.
const HEADER: &str = ";; testimony ";

/// The second line of our own EDN, where [`Order::Time`](crate::Order::Time) holds.
const EQUAL_TIMES: &str = ";; events of different processes with equal times are concurrent";
