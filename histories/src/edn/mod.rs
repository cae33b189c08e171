//! Jepsen's and Knossos' EDN.

/// The errors (as keywords, or first in a vector) with which a failed compare-and-set says that the
/// comparison did not match. The list is closed: to take a refused connection for "not equal" would
/// manufacture violations.
pub const MISMATCHES: [&str; 7] = [
    "no-match",
    "mismatch",
    "cas-mismatch",
    "value-mismatch",
    "not-equal",
    "compare-failed",
    "precondition-failed",
];
