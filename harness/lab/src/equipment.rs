//! What a run has beyond nodes and a network between them, because faults of its plan need it.
//!
//! A run whose plan has no such fault has none of it: no packet passes a program of ours, no save
//! is asked about, and data lie on the machine's own disk.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use testimony_engine::{FaultKind, NodeName, Plan};

use crate::disks::{SmallDisk, Supervisor};
use crate::netns;
use crate::run::Folder;

/// How much a disk of a node's own holds. The systems that were tried need less than a third.
const DISK_BYTES: u64 = 512 << 20;

/// What the faults of a plan need.
#[derive(Debug, Default)]
pub(crate) struct Equipment {
    supervisor: Option<Arc<Supervisor>>,
    disks: BTreeMap<NodeName, SmallDisk>,
}

/// What decides on which packets are treated how, if any are to be.
pub(crate) fn switch_seed(plan: &Plan) -> Option<u64> {
    let treats = |kind| {
        matches!(
            kind,
            FaultKind::SlowLinks
                | FaultKind::Throttle
                | FaultKind::LossyLinks
                | FaultKind::CorruptLinks
        )
    };
    plans(plan, treats).then_some(plan.seed)
}

fn plans(plan: &Plan, which: impl Fn(FaultKind) -> bool) -> bool {
    plan.injections
        .iter()
        .any(|injection| which(injection.kind))
}

impl Equipment {
    /// Makes ready what the plan's faults need, in the lab that can do them.
    pub(crate) fn of(plan: &Plan, folder: &Folder) -> io::Result<Self> {
        let mut equipment = Equipment::default();
        if plan.lab != netns::LAB {
            return Ok(equipment);
        }
        if plans(plan, |kind| {
            matches!(kind, FaultKind::SlowDisk | FaultKind::DiskFailure)
        }) {
            equipment.supervisor = Some(Arc::new(Supervisor::start()?));
        }
        if plans(plan, |kind| {
            matches!(kind, FaultKind::FullDisk | FaultKind::ReadOnlyDisk)
        }) {
            for node in plan.node_names() {
                let disk = SmallDisk::mount(&folder.data(&node), DISK_BYTES)?;
                equipment.disks.insert(node, disk);
            }
        }
        Ok(equipment)
    }

    /// Who decides on the saves of a node, if anybody does.
    pub(crate) fn supervisor(&self, node: &NodeName) -> Option<(Arc<Supervisor>, NodeName)> {
        let supervisor = self.supervisor.as_ref()?;
        Some((Arc::clone(supervisor), node.clone()))
    }

    /// Unmounts the disks, when no node runs any more. What is on them is left in the folders if
    /// it is to be kept.
    pub(crate) fn put_away(&self, keep: bool) {
        for (node, disk) in &self.disks {
            if let Err(error) = disk.put_away(keep) {
                tracing::warn!(%node, %error, "the disk could not be put away");
            }
        }
    }

    /// The disk of a node's own, if it has one.
    pub(crate) fn disk(&self, node: &NodeName) -> Option<&SmallDisk> {
        self.disks.get(node)
    }
}
