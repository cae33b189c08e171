//! The entries of a map while it is read.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::Value;

/// Up to so many entries are looked through for a key that recurs; more get a set of keys.
const LOOKED_THROUGH: usize = 16;

/// Entries in the order of the file, no key twice.
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) list: Vec<(Arc<str>, Value)>,
    /// The keys, once there are too many to look through.
    keys: FxHashSet<Arc<str>>,
}

impl Entries {
    /// Adds an entry; answers whether its key is new. O(1).
    pub(crate) fn push(&mut self, key: Arc<str>, value: Value) -> bool {
        let known = if self.list.len() < LOOKED_THROUGH {
            self.list.iter().any(|(other, _)| *other == key)
        } else {
            if self.keys.is_empty() {
                self.keys
                    .extend(self.list.iter().map(|(other, _)| Arc::clone(other)));
            }
            !self.keys.insert(Arc::clone(&key))
        };
        if !known {
            self.list.push((key, value));
        }
        !known
    }
}
