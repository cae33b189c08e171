//! Each planted bug of the core is seen by clients in some run; the same run without it is in
//! order.

use testimony_consensus::bug::{Bug, Layer};

use crate::nemesis::{Profile, Run};

/// So many seeds are tried for each bug at most.
const SEEDS: u64 = 2000;

/// Makes the trouble likelier in which a bug shows.
fn sharpened(seed: u64, bug: Bug) -> Profile {
    let mut profile = Profile::draw(seed);
    match bug {
        Bug::VoteNotPersisted => {
            profile = restless(profile);
            profile.crashes = 40;
            profile.disorder = 3;
            profile.config.pre_vote = true;
            profile.config.election_ticks = 10..12;
        }
        Bug::CommitEarlierTerm => {
            profile = restless(profile);
            profile.clients = 2;
            profile.brief = 100;
        }
        Bug::TermNotPersisted => profile.crashes = profile.crashes.max(2),
        Bug::StaleAppendTruncates => profile.partitions = profile.partitions.max(2),
        Bug::UnsafeMembership => {
            profile.partitions = profile.partitions.max(2);
            profile.changes = 20;
            profile.config.check_quorum = true;
        }
        _ => {}
    }
    profile
}

/// Three nodes whose leaders change often, and nothing else that happens.
fn restless(mut profile: Profile) -> Profile {
    profile.voters = 3;
    [
        profile.crashes,
        profile.partitions,
        profile.changes,
        profile.transfers,
    ] = [0; 4];
    profile.leases = false;
    profile.config.lease_reads = false;
    profile.config.check_quorum = false;
    profile.config.pre_vote = false;
    profile
}

/// What clients see of a bug in one run.
fn seen(seed: u64, bug: Option<Bug>, profile: Profile) -> Option<String> {
    let mut run = Run::new(profile, bug);
    let rests = run.run();
    assert!(rests || bug.is_some(), "seed {seed} comes to no rest");
    run.clients.violation
}

/// Some seed shows the bug, and with that seed nothing but the bug is wrong.
fn shows(bug: Bug) {
    assert_eq!(bug.layer(), Layer::Core);
    let shown = (0..SEEDS).find(|seed| seen(*seed, Some(bug), sharpened(*seed, bug)).is_some());
    let Some(seed) = shown else {
        panic!("{bug} shows in none of {SEEDS} seeds")
    };
    assert_eq!(
        seen(seed, None, sharpened(seed, bug)),
        None,
        "seed {seed} without {bug}"
    );
}

macro_rules! every_bug_shows {
    ($($name:ident: $bug:ident,)*) => {
        $(#[test]
        fn $name() {
            shows(Bug::$bug);
        })*

        #[test]
        fn no_bug_of_the_core_is_left_out() {
            let tested = [$(Bug::$bug),*];
            let core = Bug::of("raft").filter(|bug| bug.layer() == Layer::Core);
            assert!(core.eq(tested));
        }
    };
}

every_bug_shows! {
    clients_see_local_reads: LocalReads,
    clients_see_reads_of_a_deposed_leader: StaleLeaderRead,
    clients_see_forgotten_votes: VoteNotPersisted,
    clients_see_forgotten_terms: TermNotPersisted,
    clients_see_acknowledgements_before_a_majority: AckBeforeMajority,
    clients_see_entries_of_earlier_terms_committed_by_counting: CommitEarlierTerm,
    clients_see_retries_applied_twice: RetryAppliedTwice,
    clients_see_torn_compare_and_set: TornCas,
    clients_see_snapshots_that_miss_entries: SnapshotMissesLast,
    clients_see_half_quorums: HalfQuorum,
    clients_see_truncation_by_stale_leaders: StaleAppendTruncates,
    clients_see_unsafe_membership_changes: UnsafeMembership,
}
