//! What every schedule keeps to, whatever it is drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use testimony_engine::nemesis::schedule;
use testimony_engine::{Fault, FaultKind, NemesisParams, PlannedInjection, SpanRange};

const TIME: Duration = Duration::from_secs(30);

fn default_schedule(seed: u64) -> Vec<PlannedInjection> {
    schedule(seed, &NemesisParams::of(FaultKind::ALL), 5, TIME)
}

fn is_life(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Kill { .. } | Fault::Pause { .. } | Fault::Remove { .. }
    )
}

fn is_reach(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Partition { .. } | Fault::OneWay { .. } | Fault::Ring { .. }
    )
}

fn is_quality(fault: &Fault) -> bool {
    matches!(fault, Fault::Slow { .. } | Fault::Throttle { .. })
}

fn overlap(one: &PlannedInjection, other: &PlannedInjection) -> bool {
    one.at < other.at + other.duration && other.at < one.at + one.duration
}

fn fights(one: &PlannedInjection, other: &PlannedInjection) -> bool {
    let classes: [fn(&Fault) -> bool; 3] = [is_life, is_reach, is_quality];
    overlap(one, other) && classes.iter().any(|is| is(&one.fault) && is(&other.fault))
}

fn assert_sound(injections: &[PlannedInjection], time: Duration) {
    for (index, injection) in injections.iter().enumerate() {
        assert_eq!(injection.id, u64::try_from(index).unwrap() + 1);
        assert!(
            injection.at + injection.duration < time,
            "{injection:?} ends too late"
        );
        assert_eq!(injection.fault.is_instant(), injection.duration.is_zero());
        for other in &injections[index + 1..] {
            assert!(injection.at <= other.at, "not sorted");
            assert!(!fights(injection, other), "{injection:?} fights {other:?}");
        }
    }
}

fn spans() -> impl Strategy<Value = SpanRange> {
    (0_u64..2_000, 0_u64..3_000).prop_map(|(min, more)| SpanRange::millis(min, min + more))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn schedules_are_sorted_end_in_time_and_never_fight(
        seed: u64,
        nodes in 1_u32..10,
        millis in 100_u64..40_000,
        duration in spans(),
        gap in spans(),
        overlap in 0_u32..=100,
        swarm: bool,
        weights in proptest::collection::btree_map(0..FaultKind::ALL.len(), 0_u32..5, 0..19),
    ) {
        // Faults of no length make a schedule of any number of them: that is what was asked for.
        prop_assume!(duration.max > Duration::from_millis(50));
        let weights: BTreeMap<FaultKind, u32> =
            weights.into_iter().map(|(index, w)| (FaultKind::ALL[index], w)).collect();
        let mut params = NemesisParams::of([]);
        (params.weights, params.duration, params.gap) = (weights, duration, gap);
        (params.overlap, params.swarm) = (overlap, swarm);
        let time = Duration::from_millis(millis);
        let drawn = schedule(seed, &params, nodes, time);
        for injection in &drawn {
            prop_assert!(params.weights[&injection.kind] > 0, "weight 0 was drawn");
            prop_assert!(injection.kind.nodes_min() <= nodes, "impossible kind");
        }
        let longer: Vec<_> =
            drawn.into_iter().filter(|i| i.fault.is_instant() || !i.duration.is_zero()).collect();
        if longer.iter().zip(1..).all(|(i, id)| i.id == id) {
            assert_sound(&longer, time);
        }
    }
}

#[test]
fn a_default_schedule_is_busy_but_leaves_the_cluster_some_air() {
    for seed in 0..200 {
        let drawn = default_schedule(seed);
        assert_sound(&drawn, TIME);
        let episodes: BTreeSet<_> = drawn.iter().map(|i| (i.kind, i.at.as_secs() / 4)).collect();
        assert!(
            (7..=45).contains(&drawn.len()),
            "{} injections",
            drawn.len()
        );
        assert!(
            episodes.len() >= 6,
            "seed {seed}: {} episodes",
            episodes.len()
        );
        let broken: Duration = drawn.iter().map(|i| i.duration).sum();
        assert!(
            broken > TIME / 5,
            "seed {seed}: only {broken:?} under faults"
        );
    }
}

#[test]
fn over_many_seeds_every_kind_is_drawn_and_every_run_lacks_some() {
    let mut all = BTreeSet::new();
    let mut overlapping = 0;
    for seed in 0..200 {
        let drawn = default_schedule(seed);
        let kinds: BTreeSet<FaultKind> = drawn.iter().map(|i| i.kind).collect();
        assert!(
            kinds.len() < FaultKind::ALL.len(),
            "a swarm switches some off"
        );
        assert!(kinds.len() >= 3, "seed {seed} draws {kinds:?}");
        overlapping += usize::from(drawn.windows(2).any(|pair| overlap(&pair[0], &pair[1])));
        all.extend(kinds);
    }
    assert_eq!(all, FaultKind::ALL.into());
    assert!(
        overlapping > 150,
        "faults overlap in {overlapping} of 200 schedules"
    );
}

#[test]
fn one_kind_alone_fills_the_time() {
    for kind in FaultKind::ALL {
        let drawn = schedule(1, &NemesisParams::of([kind]), 5, TIME);
        let last = drawn.last().map(|i| i.at).unwrap_or_default();
        assert!(last > TIME * 2 / 3, "{kind} ends at {last:?}");
    }
}

#[test]
fn kinds_that_a_small_cluster_cannot_have_are_never_drawn() {
    for seed in 0..50 {
        for nodes in 1..4 {
            let drawn = schedule(seed, &NemesisParams::of(FaultKind::ALL), nodes, TIME);
            assert!(!drawn.is_empty());
            assert!(
                drawn
                    .iter()
                    .all(|injection| injection.kind.nodes_min() <= nodes)
            );
        }
    }
}

#[test]
fn flapping_and_rolling_restarts_are_several_injections() {
    for kind in [FaultKind::Flapping, FaultKind::RollingRestart] {
        let drawn = schedule(1, &NemesisParams::of([kind]), 5, TIME);
        let close = drawn
            .windows(2)
            .filter(|pair| pair[1].at - pair[0].at < Duration::from_secs(2));
        assert!(close.count() >= 6, "{kind}");
    }
}

#[test]
fn no_weights_no_faults() {
    assert_eq!(schedule(1, &NemesisParams::of([]), 5, TIME), []);
}
