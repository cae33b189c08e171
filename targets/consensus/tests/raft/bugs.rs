//! Each planted bug of the core is seen by clients in some run, and a run without it shows nothing.

use testimony_consensus::bug::{Bug, Layer};

use crate::nemesis::{Profile, Run};

/// So many seeds are tried for each bug at most.
const SEEDS: u64 = 4000;

/// Makes the trouble likelier in which a bug shows.
fn sharpened(seed: u64, bug: Bug) -> Profile {
    let mut profile = Profile::draw(seed, Some(bug));
    match bug {
        Bug::VoteNotPersisted => {
            profile.voters = 3;
            profile.crashes = 60;
            profile.config.election_ticks = 10..12;
        }
        Bug::CommitEarlierTerm => {
            profile.voters = 5;
            profile.crashes = 40;
            profile.partitions = 10;
            profile.clients = 2;
            profile.config.entries_per_message = 1;
        }
        Bug::TermNotPersisted => profile.crashes = profile.crashes.max(6),
        Bug::StaleAppendTruncates => profile.partitions = profile.partitions.max(6),
        Bug::UnsafeMembership => {
            profile.partitions = profile.partitions.max(6);
            profile.changes = 40;
            profile.config.check_quorum = true;
        }
        _ => {}
    }
    profile
}

/// The first seed that shows a bug to clients, and what they see.
fn shown(bug: Bug) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let mut run = Run::new(sharpened(seed, bug));
        run.run();
        run.clients.violation.map(|violation| (seed, violation))
    })
}

#[test]
fn clients_see_every_bug_of_the_core() {
    for bug in Bug::ALL.iter().filter(|bug| bug.layer() == Layer::Core) {
        assert!(shown(*bug).is_some(), "{bug} shows in none of {SEEDS} seeds");
    }
}

#[test]
fn survey() {
    for bug in Bug::ALL.iter().filter(|bug| bug.layer() == Layer::Core) {
        if std::env::var("ONLY").is_ok_and(|only| only != bug.name()) { continue }
        let n = std::env::var("SURVEY").map_or(300, |n| n.parse().unwrap());
        let mut hits = vec![];
        for seed in 0..n {
            let r = std::panic::catch_unwind(|| {
                let mut run = Run::new(sharpened(seed, *bug));
                let rests = run.run();
                (rests, run.clients.violation)
            });
            match r {
                Err(_) => println!("{bug} PANIC {seed}"),
                Ok((_, Some(_))) => hits.push(seed),
                _ => {}
            }
        }
        println!("{bug}: {}/{n} first {:?}", hits.len(), hits.first());
    }
}
