//! The planted bugs: mistakes that real systems have made, each to be turned on alone.
//!
//! In the code each is a small `if` at the spot where the mistake is made.

use std::fmt;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Any node answers reads from what it has applied itself.
    LocalReads,
    /// Whoever believes to lead answers reads without asking a majority.
    StaleLeaderRead,
    /// The vote is forgotten by a restart.
    VoteNotPersisted,
    /// The term is forgotten by a restart.
    TermNotPersisted,
    /// An entry counts as committed when the leader has it.
    AckBeforeMajority,
    /// What is saved reaches the disk only later.
    AckBeforeFsync,
    /// Entries of earlier terms are committed by counting replicas.
    CommitEarlierTerm,
    /// A retried command is executed again.
    RetryAppliedTwice,
    /// A compare-and-set takes two entries of the log: one compares, one sets.
    TornCas,
    /// A snapshot claims more entries than it contains.
    SnapshotMissesLast,
    /// Half of the members are enough.
    HalfQuorum,
    /// Entries of a stale leader replace what is there, committed or not.
    StaleAppendTruncates,
    /// Members change several at a time, and while the last change is not committed.
    UnsafeMembership,
    /// A replica of a register acknowledges a value that its disk does not have.
    TagNotPersisted,
    /// A coordinator announces its decision and never saves it.
    DecisionNotLogged,
    /// An acceptor forgets its promises by a restart.
    PaxosForgottenPromise,
    /// An acceptor accepts without looking at what it has promised.
    PaxosUncheckedAccept,
    /// Two proposers may use the same round.
    PaxosReusedRound,
    /// A new leader proposes its own, whatever was accepted before it.
    PaxosOwnValue,
    /// Half of the acceptors choose.
    PaxosMinority,
}

/// Where a mistake is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// In the protocol.
    Core,
    /// In the server around it.
    Node,
}

/// What is known of a bug.
struct Facts {
    name: &'static str,
    summary: &'static str,
    incident: &'static str,
    shows: &'static str,
}

impl Bug {
    /// All of them.
    pub const ALL: &'static [Bug] = &[
        Bug::LocalReads,
        Bug::StaleLeaderRead,
        Bug::VoteNotPersisted,
        Bug::TermNotPersisted,
        Bug::AckBeforeMajority,
        Bug::AckBeforeFsync,
        Bug::CommitEarlierTerm,
        Bug::RetryAppliedTwice,
        Bug::TornCas,
        Bug::SnapshotMissesLast,
        Bug::HalfQuorum,
        Bug::StaleAppendTruncates,
        Bug::UnsafeMembership,
        Bug::TagNotPersisted,
        Bug::DecisionNotLogged,
        Bug::PaxosForgottenPromise,
        Bug::PaxosUncheckedAccept,
        Bug::PaxosReusedRound,
        Bug::PaxosOwnValue,
        Bug::PaxosMinority,
    ];

    /// The bug of this name.
    pub fn from_name(name: &str) -> Option<Bug> {
        Bug::ALL.iter().copied().find(|bug| bug.name() == name)
    }

    /// Those that can be planted in a target.
    pub fn of(target: &str) -> impl Iterator<Item = Bug> {
        let all = Bug::ALL.iter().copied();
        all.filter(move |bug| bug.target() == target)
    }

    /// The target that it can be planted in.
    pub fn target(self) -> &'static str {
        match self {
            Bug::TagNotPersisted => "quorum",
            Bug::DecisionNotLogged => "two-phase-commit",
            Bug::PaxosForgottenPromise
            | Bug::PaxosUncheckedAccept
            | Bug::PaxosReusedRound
            | Bug::PaxosOwnValue
            | Bug::PaxosMinority => "multi-paxos",
            _ => "raft",
        }
    }

    /// Its name on command lines and in reports.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The mistake in one sentence.
    pub fn summary(self) -> &'static str {
        self.facts().summary
    }

    /// The incident or the paper that it is modelled on.
    pub fn incident(self) -> &'static str {
        self.facts().incident
    }

    /// What clients see, and after which faults.
    pub fn shows(self) -> &'static str {
        self.facts().shows
    }

    /// Where the mistake is made.
    pub fn layer(self) -> Layer {
        match self {
            Bug::AckBeforeFsync => Layer::Node,
            _ => Layer::Core,
        }
    }

    fn facts(self) -> Facts {
        match self {
            Bug::LocalReads => LOCAL_READS,
            Bug::StaleLeaderRead => STALE_LEADER_READ,
            Bug::VoteNotPersisted => VOTE_NOT_PERSISTED,
            Bug::TermNotPersisted => TERM_NOT_PERSISTED,
            Bug::AckBeforeMajority => ACK_BEFORE_MAJORITY,
            Bug::AckBeforeFsync => ACK_BEFORE_FSYNC,
            Bug::CommitEarlierTerm => COMMIT_EARLIER_TERM,
            Bug::RetryAppliedTwice => RETRY_APPLIED_TWICE,
            Bug::TornCas => TORN_CAS,
            Bug::SnapshotMissesLast => SNAPSHOT_MISSES_LAST,
            Bug::HalfQuorum => HALF_QUORUM,
            Bug::StaleAppendTruncates => STALE_APPEND_TRUNCATES,
            Bug::UnsafeMembership => UNSAFE_MEMBERSHIP,
            Bug::TagNotPersisted => TAG_NOT_PERSISTED,
            Bug::DecisionNotLogged => DECISION_NOT_LOGGED,
            Bug::PaxosForgottenPromise => PAXOS_FORGOTTEN_PROMISE,
            Bug::PaxosUncheckedAccept => PAXOS_UNCHECKED_ACCEPT,
            Bug::PaxosReusedRound => PAXOS_REUSED_ROUND,
            Bug::PaxosOwnValue => PAXOS_OWN_VALUE,
            Bug::PaxosMinority => PAXOS_MINORITY,
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

const LOCAL_READS: Facts = Facts {
    name: "local-reads",
    summary: "any node answers reads from what it has applied itself",
    incident: "etcd in 2014 answered reads from a node's own state unless asked for a quorum read \
               (Kingsbury, Jepsen: etcd and Consul, 2014)",
    shows: "reads go back in time when clients ask different nodes; more so behind a partition or \
            on slow links",
};
const STALE_LEADER_READ: Facts = Facts {
    name: "stale-leader-read",
    summary: "a node that believes to lead answers reads without asking a majority",
    incident: "Consul's default reads trust the leader to know that it leads, so that a deposed one \
               answers with old values (Kingsbury, Jepsen: etcd and Consul, 2014); Raft paper \
               section 8 says what to do instead",
    shows: "a leader that is cut off or was paused answers with values that a newer leader has \
            overwritten",
};
const VOTE_NOT_PERSISTED: Facts = Facts {
    name: "vote-not-persisted",
    summary: "the vote is forgotten by a restart, so a node votes twice in one term",
    incident: "Raft paper figure 2, persistent state: votedFor must be stable before a vote is given",
    shows: "two leaders of one term after kills during elections: acknowledged writes are lost",
};
const TERM_NOT_PERSISTED: Facts = Facts {
    name: "term-not-persisted",
    summary: "the term is forgotten by a restart, so a node obeys a leader of the past",
    incident: "Raft paper figure 2, persistent state: currentTerm must be stable before any answer",
    shows: "after a restart of the majority, a leader that was cut off overwrites acknowledged writes",
};
const ACK_BEFORE_MAJORITY: Facts = Facts {
    name: "ack-before-majority",
    summary: "an entry counts as committed as soon as the leader has it",
    incident: "MongoDB's former default write concern acknowledged writes that only the primary had; \
               failover rolled them back (Kingsbury, Jepsen: MongoDB, 2013)",
    shows: "acknowledged writes are lost when the leader is cut off or killed and another one follows",
};
const ACK_BEFORE_FSYNC: Facts = Facts {
    name: "ack-before-fsync",
    summary: "writes are acknowledged before the disk has them, and lost when the process is killed",
    incident: "Elasticsearch 1.x wrote its translog to the disk only every five seconds (Kingsbury, \
               Jepsen: Elasticsearch 1.5.0, 2015)",
    shows: "acknowledged writes are lost when all nodes, or the majority that had them, are killed",
};
const COMMIT_EARLIER_TERM: Facts = Facts {
    name: "commit-earlier-term",
    summary: "entries of earlier terms are committed by counting replicas",
    incident: "Raft paper section 5.4.2 and figure 8: an entry on a majority can still be overwritten",
    shows: "a value that was read is gone again when leaders fail in quick succession, each before \
            its first entry reaches a majority",
};
const RETRY_APPLIED_TWICE: Facts = Facts {
    name: "retry-applied-twice",
    summary: "a command that a client sends again is executed again",
    incident: "Raft paper section 8 and dissertation section 6.3: a leader may fail after it committed \
               a command and before it answered",
    shows: "a retried append or add takes effect twice, and a retried write undoes a later one; \
            retries come with lost leaders and broken connections",
};
const TORN_CAS: Facts = Facts {
    name: "torn-cas",
    summary: "a compare-and-set compares in one entry of the log and sets in another",
    incident: "the lost update of a check and an act that are not one step (Berenson et al., A Critique \
               of ANSI SQL Isolation Levels, 1995, phenomenon P4)",
    shows: "two clients swap from the same value, or a write between the halves is lost; needs \
            contention, no faults",
};
const SNAPSHOT_MISSES_LAST: Facts = Facts {
    name: "snapshot-misses-last",
    summary: "a snapshot claims more entries than it contains",
    incident: "Raft paper section 7: the snapshot's last included index must be that of the state \
               it holds; a snapshot taken beside the applying thread can miss the last entries",
    shows: "writes just before a snapshot are lost on nodes that restart from it or receive it, and \
            seen once such a node leads",
};
const HALF_QUORUM: Facts = Facts {
    name: "half-quorum",
    summary: "a quorum is half of the members, rounded down",
    incident: "the off-by-one in n / 2 + 1; Gifford, Weighted voting for replicated data, 1979: any \
               two quorums must intersect",
    shows: "both sides of a partition elect leaders and acknowledge writes",
};
const STALE_APPEND_TRUNCATES: Facts = Facts {
    name: "stale-append-truncates",
    summary: "entries of a deposed leader replace what a node has, committed or not",
    incident: "Raft paper figure 2, AppendEntries receiver rules 1 and 3: refuse older terms, and \
               truncate only on a conflict",
    shows: "when a leader that was cut off or paused comes back, acknowledged writes of its successor \
            are overwritten",
};
const UNSAFE_MEMBERSHIP: Facts = Facts {
    name: "unsafe-membership",
    summary: "members change several at a time and before the last change is committed",
    incident: "Raft dissertation section 4.1 and Ongaro, bug in single-server membership changes, \
               raft-dev, 10 July 2015: majorities before and after such changes can be disjoint",
    shows: "a leader in a minority removes all nodes that it does not hear and goes on beside the \
            majority's leader; both acknowledge writes",
};
const TAG_NOT_PERSISTED: Facts = Facts {
    name: "tag-not-persisted",
    summary: "a replica acknowledges a value and its tag without saving them",
    incident: "Attiya, Bar-Noy and Dolev 1995 let nodes only stop; Guerraoui and Levy, Robust \
               Emulations of Shared Memory in a Crash-Recovery Model, 2004, say what must be \
               logged before an answer when they come back",
    shows: "an acknowledged write is gone after its replicas were killed: a majority of nodes that \
            forgot it answers a read",
};
const DECISION_NOT_LOGGED: Facts = Facts {
    name: "decision-not-logged",
    summary: "the coordinator announces a decision without saving it, and presumes abort after a crash",
    incident: "Bernstein, Hadzilacos and Goodman, Concurrency Control and Recovery in Database \
               Systems, 1987, section 7.4: the decision must be in the log before anybody hears it",
    shows: "acknowledged updates are gone after the coordinator was killed",
};

const PAXOS_FORGOTTEN_PROMISE: Facts = Facts {
    name: "paxos-forgotten-promise",
    summary: "an acceptor forgets its promises by a restart, and accepts lower ballots again",
    incident: "Paxos Made Simple, section 2.5: an acceptor records what it promises in stable storage \
               before it answers",
    shows: "a leader that was replaced while an acceptor restarted still gets a majority: two actions \
            are chosen at one position, and acknowledged writes are lost",
};
const PAXOS_UNCHECKED_ACCEPT: Facts = Facts {
    name: "paxos-unchecked-accept",
    summary: "an acceptor accepts whatever it is sent, whatever it has promised",
    incident: "Paxos Made Simple, section 2.2, P1a: accept only if nothing higher was promised",
    shows: "when a leader that was cut off or paused comes back, it overwrites what its successor had \
            chosen",
};
const PAXOS_REUSED_ROUND: Facts = Facts {
    name: "paxos-reused-round",
    summary: "two proposers may use the same round: the number does not say whose it is",
    incident: "Paxos Made Simple, section 2.5: different proposers choose their numbers from disjoint \
               sets of numbers",
    shows: "two leaders of one ballot when two nodes campaign at the same time: acceptors hold the \
            action of one or the other for chosen",
};
const PAXOS_OWN_VALUE: Facts = Facts {
    name: "paxos-own-value",
    summary: "a new leader proposes its own, whatever the acceptors have accepted before",
    incident: "Paxos Made Simple, section 2.2, P2c: the value of the highest ballot among the promises \
               must be proposed again",
    shows: "acknowledged writes are overwritten whenever another node leads",
};
const PAXOS_MINORITY: Facts = Facts {
    name: "paxos-minority",
    summary: "half of the acceptors, rounded down, choose leaders and actions",
    incident: "the off-by-one in n / 2 + 1; The Part-Time Parliament, condition B2: any two quorums \
               have an acceptor in common",
    shows: "both sides of a partition lead and acknowledge writes",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_has_a_name_of_its_own_and_is_found_by_it() {
        for bug in Bug::ALL {
            assert_eq!(Bug::from_name(bug.name()), Some(*bug));
            assert!(
                bug.name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{bug}"
            );
        }
        assert_eq!(Bug::from_name("none"), None);
    }

    #[test]
    fn each_bug_is_explained() {
        for bug in Bug::ALL {
            for text in [bug.summary(), bug.incident(), bug.shows()] {
                assert!(text.len() > 30 && !text.ends_with('.'), "{bug}: {text}");
            }
        }
    }
}
