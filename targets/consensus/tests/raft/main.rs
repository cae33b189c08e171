//! Whole clusters of cores in one thread: every delivery, loss, crash and tick is chosen here, from
//! a seed.

#![expect(
    clippy::unwrap_used,
    reason = "a test that finds nothing where something must be fails"
)]

mod bugs;
mod clients;
mod disk;
mod journal;
mod nemesis;
mod properties;
mod scripted;
mod simulation;
mod taken;
mod world;
