//! The simulated lab: one thread, one seed, virtual time.
//!
//! It runs the protocol cores of `testimony-consensus`, the same code that the real servers run,
//! with a simulated network, simulated disks and clocks and clients, driven by the same conductor
//! as a run of processes. Time runs to the next event. Nothing in here knows the hour, sleeps, or
//! depends on the order of a hash map: the same plan gives the same bytes on every machine.

mod agenda;
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
use testimony_consensus::machine::store::Store;
use testimony_consensus::paxos::{MultiPaxos, Paxos, PaxosRegister};
use testimony_consensus::primary_backup::PrimaryBackup;
use testimony_consensus::quorum::Quorum;
use testimony_consensus::raft::Raft;
use testimony_consensus::single::Single;
use testimony_consensus::timestamp::Timestamp;
use testimony_consensus::two_phase_commit::TwoPhaseCommit;
use testimony_engine::Plan;

pub use finding::{Costs, Finding, SimError, Simulated, Traffic};
use world::World;

/// What a simulated run is to leave besides what every run leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimOptions {
    /// Whether all that went on inside is written down: every message, every turn.
    pub story: bool,
}

/// Carries a plan out in virtual time. Never sleeps.
///
/// # Errors
/// If nothing of that name can be simulated, or a node cannot start with the plan's settings.
pub fn simulate(plan: &Plan, options: SimOptions) -> Result<Simulated, SimError> {
    match plan.target.as_str() {
        "raft" => perform::<Raft<Store>>(plan, options),
        "single" => perform::<Single<Store>>(plan, options),
        "broadcast" => perform::<Broadcast<Store>>(plan, options),
        "timestamp" => perform::<Timestamp>(plan, options),
        "primary-backup" => perform::<PrimaryBackup<Store>>(plan, options),
        "quorum" => perform::<Quorum>(plan, options),
        "two-phase-commit" => perform::<TwoPhaseCommit<Store>>(plan, options),
        "paxos-register" => perform::<PaxosRegister>(plan, options),
        "paxos" => perform::<Paxos<Store>>(plan, options),
        "multi-paxos" => perform::<MultiPaxos<Store>>(plan, options),
        other => Err(SimError::UnknownTarget(other.to_owned())),
    }
}

fn perform<R: Replica<Machine = Store>>(
    plan: &Plan,
    options: SimOptions,
) -> Result<Simulated, SimError> {
    World::<R>::new(plan, options)?.perform()
}

#[cfg(test)]
mod tests;
