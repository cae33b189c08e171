//! Maelstrom's protocol as a lab: any program that reads and writes messages on its standard
//! streams is a node, and the network between the nodes is the simulated one, in real time.
//!
//! Nodes are called `n1`, `n2`, ..., clients `c1`, `c2`, ... What a node writes to its standard
//! output is routed by [`post`]: to another node through the network, which cuts, slows, loses,
//! doubles and reorders; to clients and to [`services`] directly. What it writes to its standard
//! error is kept in the recording. Something else on its standard output than messages ends the
//! run.

mod actor;
mod client;
mod codes;
mod faults;
mod message;
mod post;
mod probing;
mod services;
mod troupe;

use testimony_engine::{FaultKind, Mix, Plan, RunProfile, TargetInfo, WorkloadDraft, WorkloadKind};
use testimony_history::Model;

use crate::LabError;
use crate::run::{Ended, LabOptions, Setting, perform};

pub(crate) use troupe::Troupe;

/// Its name in plans, as a lab and as the target that is in it.
pub const LAB: &str = "maelstrom";

/// What can be done to a program that speaks the protocol.
///
/// A program keeps nothing on a disk unless it is made to, and one that does not is not wrong: so
/// nodes are killed only if that is asked for.
pub fn info() -> TargetInfo {
    use FaultKind::{
        Bridge, CutSite, DropConnections, Flapping, Halves, KillAll, KillMinority, KillOne,
        KillSite, LossyLinks, MajoritiesRing, OneWay, PauseOne, RollingRestart, SlowLinks,
        Throttle,
    };
    let workload = WorkloadDraft {
        name: Some(WorkloadKind::CasRegister),
        mix: Some(Mix {
            read: 45,
            write: 30,
            cas: 25,
            ..Mix::default()
        }),
        ..WorkloadDraft::default()
    };
    TargetInfo {
        name: LAB.to_owned(),
        summary: "any program that speaks Maelstrom's protocol: `--lab maelstrom -- ./node`"
            .to_owned(),
        labs: vec![LAB.to_owned()],
        leaderless: true,
        models: vec![Model::CasRegister, Model::Register],
        faults: [
            Halves,
            MajoritiesRing,
            Bridge,
            OneWay,
            Flapping,
            CutSite,
            SlowLinks,
            Throttle,
            LossyLinks,
            DropConnections,
            PauseOne,
        ]
        .into(),
        beyond: [KillOne, KillMinority, KillAll, KillSite, RollingRestart].into(),
        profile: RunProfile {
            workload,
            rate: Some(100),
            ..RunProfile::default()
        },
        ..TargetInfo::default()
    }
}

/// Runs a plan with its program as every node. The recording is that of [`run`](crate::run()).
///
/// # Errors
/// If a node cannot be started, does not answer `init`, or writes what is no message, or if the
/// recording cannot be written.
pub async fn run(plan: &Plan, options: LabOptions) -> Result<Ended, LabError> {
    perform(plan, Setting::Maelstrom, options).await
}

#[cfg(test)]
mod tests;
