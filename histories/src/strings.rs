//! Short strings that recur on many lines (nodes, keys, names), each kept once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

/// Beyond so many different strings, none are kept any more: they do not recur.
const KEPT_MAX: usize = 1 << 16;

/// Longer strings (in bytes) are not worth a look-up.
const LENGTH_MAX: usize = 64;

/// The strings seen so far.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    kept: FxHashSet<Arc<str>>,
}

impl Strings {
    /// The shared copy of a text. O(1) in the number of strings.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        if text.len() > LENGTH_MAX {
            return Arc::from(text);
        }
        if let Some(known) = self.kept.get(text) {
            return Arc::clone(known);
        }
        let fresh: Arc<str> = Arc::from(text);
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(Arc::clone(&fresh));
        }
        fresh
    }
}
