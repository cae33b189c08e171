//! What a mutex may conclude from one process alone.

use super::*;

/// Shrinking leaves open whether a release returned, and then takes away what it came after.
#[test]
fn a_process_that_does_several_things_at_once_contradicts_nothing_by_itself() {
    let (acquire, release) = (
        MutexInput::Acquire { process: 0 },
        MutexInput::Release { process: 0 },
    );
    let op = |source, input, called, returned: Option<u32>| Op {
        source,
        input,
        seen: returned.map(|_| MutexOutput::Granted(None)),
        called,
        returned,
        after: None,
    };
    let ops = [
        op(0, acquire, 0, Some(1)),
        op(1, acquire, 2, Some(4)),
        op(2, release, 3, None),
    ];
    assert!(MutexExpert.decide(&Mutex, &ops).is_none());
    let refuted = MutexExpert.decide(&Mutex, &ops[..2]);
    assert!(refuted.is_some_and(|decided| decided.order.is_none()));
}
