//! Random runs of a cluster without bugs. `TESTIMONY_SEEDS` says how many seeds are tried.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::nemesis::{Profile, Run};

/// How many seeds a plain run of the tests tries.
const SEEDS: u64 = 150;

fn seeds() -> u64 {
    std::env::var("TESTIMONY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number"))
}

/// What a run is good for: how many reads and writes were answered.
fn run(seed: u64) -> (u64, u64) {
    let mut run = Run::new(Profile::draw(seed), None);
    let rests = run.run();
    assert!(
        rests,
        "no rest: {:?} {:?}",
        run.profile, run.world.unanswered
    );
    assert_eq!(run.clients.violation, None, "{:?}", run.profile);
    (run.clients.reads, run.clients.writes)
}

#[test]
fn the_five_properties_hold_and_clients_see_one_list_whatever_happens() {
    let (mut reads, mut writes) = (0, 0);
    for seed in 0..seeds() {
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(answered) => {
                reads += answered.0;
                writes += answered.1;
            }
            Err(_) => panic!("seed {seed} fails"),
        }
    }
    assert!(
        reads > 10 * seeds() && writes > 10 * seeds(),
        "{reads} reads, {writes} writes"
    );
}
