//! Agreement, looked for while a system runs: whoever holds a value for chosen in a place must hold
//! the same as everybody before.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::NodeId;
use crate::replica::Breach;

/// Everything that was ever held for chosen, by place.
#[derive(Clone, Debug)]
pub(super) struct Agreement<K, V> {
    chosen: BTreeMap<K, (V, NodeId)>,
}

impl<K, V> Default for Agreement<K, V> {
    fn default() -> Self {
        Agreement {
            chosen: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone + Debug, V: Clone + PartialEq + Debug> Agreement<K, V> {
    /// Node `id` holds this for chosen.
    pub(super) fn enter(&mut self, id: NodeId, place: &K, value: &V) -> Result<(), Breach> {
        let Some((known, by)) = self.chosen.get(place) else {
            self.chosen.insert(place.clone(), (value.clone(), id));
            return Ok(());
        };
        if known == value {
            return Ok(());
        }
        Err(Breach {
            invariant: "Agreement",
            what: format!(
                "{id} holds {value:?} for chosen at {place:?}, where {by} held {known:?} for chosen"
            ),
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chosen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_value_in_a_place_is_a_breach_and_the_same_again_is_none() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.enter(NodeId(1), &7, &"a"), Ok(()));
        assert_eq!(agreement.enter(NodeId(2), &7, &"a"), Ok(()));
        assert_eq!(agreement.enter(NodeId(2), &8, &"b"), Ok(()));
        let breach = agreement.enter(NodeId(3), &7, &"b").unwrap_err();
        assert_eq!(breach.invariant, "Agreement");
        assert!(breach.what.contains("n3") && breach.what.contains("n1"));
    }
}
