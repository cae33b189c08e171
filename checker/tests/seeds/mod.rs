//! How many random histories a test judges, and which.

use std::env;
use std::ops::Range;

/// The seeds of a test that judges `each` histories for every seed: enough for
/// `TESTIMONY_CROSS_CHECK` histories, or `default` seeds without it. The first is
/// `TESTIMONY_FIRST_SEED`, so that a long run can go on where it was stopped.
pub(crate) fn seeds(default: u64, each: u64) -> Range<u64> {
    let count = number("TESTIMONY_CROSS_CHECK").map_or(default, |all| all.div_ceil(each));
    let first = number("TESTIMONY_FIRST_SEED").unwrap_or(0);
    first..first + count
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|error| panic!("{variable} is {text:?}: {error}")))
}
