//! What must hold of the registers next to what clients see.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Cell, Quorum, Record, Tag};
use crate::NodeId;
use crate::replica::{Audit, Breach, Output};

/// A tag stands for one value, at all nodes and at all times: or else two nodes that agree on the
/// tag could answer differently.
///
/// It looks at what nodes keep of what others told them. What a node is about to save of its own
/// may be lost in a crash before anybody else hears of it, and then the tag is free again.
#[derive(Debug, Default)]
pub struct OneValuePerTag {
    values: BTreeMap<(String, Tag), Value>,
}

impl Audit<Quorum> for OneValuePerTag {
    fn started(&mut self, _: NodeId, _: &Quorum) -> Result<(), Breach> {
        Ok(())
    }

    fn stepped(
        &mut self,
        id: NodeId,
        _: &Quorum,
        outputs: &[Output<Quorum>],
    ) -> Result<(), Breach> {
        outputs.iter().try_for_each(|output| match output {
            Output::Save(Record::Cell { key, cell }) if cell.tag.node != id => {
                self.note(id, key, cell)
            }
            _ => Ok(()),
        })
    }
}

impl OneValuePerTag {
    fn note(&mut self, id: NodeId, key: &str, cell: &Cell) -> Result<(), Breach> {
        let place = (key.to_owned(), cell.tag);
        let known = self.values.entry(place).or_insert(cell.value.clone());
        if *known == cell.value {
            return Ok(());
        }
        let Tag { number, node } = cell.tag;
        Err(Breach {
            invariant: "One Value per Tag",
            what: format!(
                "{id} has {} for `{key}` with the tag {number} of {node}, which was {known} before",
                cell.value
            ),
        })
    }
}
