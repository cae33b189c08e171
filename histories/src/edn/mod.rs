//! Jepsen's and Knossos' EDN.
//!
//! A `:fail` says only that the operation did not happen. A compare-and-set that failed because the
//! comparison did not match says more, but only if its error is one of [`MISMATCHES`].

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
