//! The simulated lab: one thread, one seed, virtual time.
//!
//! It runs the protocol cores of `testimony-consensus`, the same code that the real servers run,
//! with a simulated network, simulated disks and clocks and clients, driven by the same conductor
//! as a run of processes. Time runs to the next event. Nothing in here knows the hour, sleeps, or
//! depends on the order of a hash map: the same plan gives the same bytes on every machine.

mod agenda;
mod ambush;
mod client;
mod clients;
mod faults;
mod finding;
mod network;
mod node;
mod nodes;
mod recording;
mod translation;
mod world;

use testimony_consensus::Replica;
use testimony_consensus::broadcast::Broadcast;
use testimony_consensus::bug::Bug;
use testimony_consensus::machine::store::Store;
use testimony_consensus::paxos::{MultiPaxos, Paxos, PaxosRegister};
use testimony_consensus::primary_backup::PrimaryBackup;
use testimony_consensus::quorum::Quorum;
use testimony_consensus::raft::Raft;
use testimony_consensus::single::Single;
use testimony_consensus::timestamp::Timestamp;
use testimony_consensus::two_phase_commit::TwoPhaseCommit;
use testimony_engine::Plan;

pub(crate) use faults::{flaws, links};
pub use finding::{Costs, Finding, SimError, Simulated, Traffic};
pub(crate) use network::{Network, Passage, worse};
use world::World;

/// What a simulated run is to leave besides what every run leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimOptions {
    /// Whether all that went on inside is written down: every message, every turn.
    pub story: bool,
    /// Whether it is over as soon as an invariant does not hold: what comes after is then unknown.
    pub until_breach: bool,
}

/// Carries a plan out in virtual time. Never sleeps.
///
/// # Errors
/// If nothing of that name can be simulated, or a node cannot start with the plan's settings.
pub fn simulate(plan: &Plan, options: SimOptions) -> Result<Simulated, SimError> {
    match plan.target.as_str() {
        "raft" => simulate_replica::<Raft<Store>>(plan, options),
        "single" => simulate_replica::<Single<Store>>(plan, options),
        "broadcast" => simulate_replica::<Broadcast<Store>>(plan, options),
        "timestamp" => simulate_replica::<Timestamp>(plan, options),
        "primary-backup" => simulate_replica::<PrimaryBackup<Store>>(plan, options),
        "quorum" => simulate_replica::<Quorum>(plan, options),
        "two-phase-commit" => simulate_replica::<TwoPhaseCommit<Store>>(plan, options),
        "paxos-register" => simulate_replica::<PaxosRegister>(plan, options),
        "paxos" => simulate_replica::<Paxos<Store>>(plan, options),
        "multi-paxos" => simulate_replica::<MultiPaxos<Store>>(plan, options),
        other => Err(SimError::UnknownTarget(other.to_owned())),
    }
}

/// As [`simulate`], with nodes of a protocol of one's own; `examples/own-protocol` is one. The
/// plan's target is only a name here. The nodes replicate a [`Store`], for its operations are what
/// workloads are made of.
///
/// # Errors
/// If the plan plants a bug that is none of [`Bug`]'s, a node cannot start with the plan's
/// settings, or none leads within 30 s of virtual time. A mistake of one's own is planted by a mode
/// or a setting.
pub fn simulate_replica<R: Replica<Machine = Store>>(
    plan: &Plan,
    options: SimOptions,
) -> Result<Simulated, SimError> {
    let bug = plan.bug.as_deref().map(bug).transpose()?;
    World::<R>::new(plan, bug, options)?.perform()
}

/// A bug that nobody knows would be planted nowhere, and the run would pass.
fn bug(name: &str) -> Result<Bug, SimError> {
    Bug::from_name(name).ok_or_else(|| SimError::UnknownBug(name.to_owned()))
}

#[cfg(test)]
mod tests;
