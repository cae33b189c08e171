//! Indices that stand for more than one event.

use std::collections::BTreeMap;

/// The first event whose index an earlier one has. The events come in runs whose indices count up:
/// first event, the one behind the last, index of the first. O(r log r) for r runs.
pub(crate) fn first_repeated(runs: impl Iterator<Item = (u32, u32, u64)>) -> Option<u32> {
    let mut known = Known::default();
    for (start, end, index) in runs {
        // Counting up from the highest number goes on from 0.
        let until_zero = u64::MAX - index;
        let length = u64::from(end - start) - 1;
        let repeated = if length <= until_zero {
            known.insert(index, index + length)
        } else {
            let wrapped = length - until_zero - 1;
            known
                .insert(index, u64::MAX)
                .or_else(|| known.insert(0, wrapped))
        };
        if let Some(repeated) = repeated {
            let event = repeated.wrapping_sub(index).wrapping_add(u64::from(start));
            return u32::try_from(event).ok();
        }
    }
    None
}

/// Ranges of numbers, from their first to their last, that do not overlap.
#[derive(Default)]
struct Known(BTreeMap<u64, u64>);

impl Known {
    /// Adds a range, unless one of its numbers is known: answers the lowest such.
    fn insert(&mut self, first: u64, last: u64) -> Option<u64> {
        let before = self.0.range(..=first).next_back();
        if before.is_some_and(|(_, &known_last)| known_last >= first) {
            return Some(first);
        }
        let inside = self.0.range(first..=last).next();
        if let Some((&known_first, _)) = inside {
            return Some(known_first);
        }
        self.0.insert(first, last);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_with_a_known_index_is_found() {
        let found = |runs: &[(u32, u32, u64)]| first_repeated(runs.iter().copied());
        assert_eq!(found(&[(0, 3, 0), (3, 5, 10), (5, 6, 3)]), None);
        assert_eq!(found(&[(0, 3, 5), (3, 9, 2)]), Some(6));
        assert_eq!(found(&[(0, 3, 5), (3, 9, 6)]), Some(3));
        assert_eq!(found(&[(0, 2, u64::MAX), (2, 4, 1)]), None);
        assert_eq!(found(&[(0, 2, 1), (2, 5, u64::MAX - 1)]), None);
        assert_eq!(found(&[(0, 2, 1), (2, 6, u64::MAX - 1)]), Some(5));
    }
}
