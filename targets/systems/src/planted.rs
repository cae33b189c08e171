//! What shows a planted bug, in the parts that all targets share.

use testimony_consensus::bug::Bug;
use testimony_engine::{BugInfo, FaultKind, NemesisDraft, RunProfile, SpanRange};

/// The bugs that can be planted in a target, each with what shows it.
pub(crate) fn bugs(target: &str, profile: impl Fn(Bug) -> RunProfile) -> Vec<BugInfo> {
    let info = |bug: Bug| BugInfo {
        name: bug.name().to_owned(),
        summary: bug.summary().to_owned(),
        profile: profile(bug),
    };
    Bug::of(target).map(info).collect()
}

/// These kinds with these weights, for one or two seconds each, close together.
pub(crate) fn faults(weights: &[(FaultKind, u32)]) -> RunProfile {
    let nemesis = NemesisDraft {
        kinds: Some(weights.iter().map(|(kind, _)| *kind).collect()),
        weights: weights.iter().copied().collect(),
        duration: Some(SpanRange::millis(900, 2_200)),
        gap: Some(SpanRange::millis(200, 700)),
        overlap: Some(30),
        swarm: Some(false),
        ..NemesisDraft::default()
    };
    RunProfile {
        nemesis,
        ..RunProfile::default()
    }
}
