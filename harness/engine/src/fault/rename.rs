//! Faults with other nodes in them.

use super::{Fault, Selector};

impl Fault {
    /// The fault with each node as `name` calls it, and without those that it does not name.
    /// `None` if it is about none of them any more.
    pub(crate) fn renamed(&self, name: impl Fn(&Selector) -> Option<Selector>) -> Option<Fault> {
        let some =
            |nodes: &[Selector]| -> Vec<Selector> { nodes.iter().filter_map(&name).collect() };
        let mut fault = self.clone();
        match &mut fault {
            Fault::Partition { groups } => {
                groups.iter_mut().for_each(|group| *group = some(group));
                groups.retain(|group| !group.is_empty());
            }
            Fault::OneWay { from, to } => {
                (*from, *to) = (some(from), some(to));
            }
            Fault::Ring { order: nodes }
            | Fault::Slow { nodes, .. }
            | Fault::Throttle { nodes, .. }
            | Fault::Reset { nodes }
            | Fault::Kill { nodes }
            | Fault::Lossy { nodes, .. }
            | Fault::Skew { nodes, .. }
            | Fault::SlowDisk { nodes, .. }
            | Fault::FailDisk { nodes }
            | Fault::Wipe { nodes }
            | Fault::Lie { nodes }
            | Fault::Corrupt { nodes, .. }
            | Fault::FillDisk { nodes }
            | Fault::LockDisk { nodes }
            | Fault::Starve { nodes, .. }
            | Fault::Ambush { nodes, .. }
            | Fault::Pause { nodes } => *nodes = some(nodes),
            Fault::Remove { node }
            | Fault::Transfer { to: node }
            | Fault::Command { node, .. }
            | Fault::Snapshot { node } => *node = name(node)?,
        }
        (!fault.selectors().is_empty()).then_some(fault)
    }
}
