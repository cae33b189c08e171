//! Randomness from a seed and a name, so that one more draw in one place moves nothing elsewhere.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::SpanRange;

/// A stream of draws. The same seed and name give the same stream on every machine.
#[derive(Clone, Debug)]
pub struct Chance {
    stream: ChaCha8Rng,
}

impl Chance {
    /// The stream of the component called `name` in a run of `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fingerprint(name).to_le_bytes());
        Chance {
            stream: ChaCha8Rng::from_seed(key),
        }
    }

    /// A whole number below `bound`; 0 if `bound` is 0. The bias is below `bound` in 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.stream.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("a 128-bit number shifted by 64 has 64 bits")
    }

    /// A place in a list of `len`; 0 if it is empty.
    ///
    /// # Panics
    /// Never: a length has at most 64 bits.
    pub fn index(&mut self, len: usize) -> usize {
        let bound = u64::try_from(len).expect("a list's length has at most 64 bits");
        usize::try_from(self.below(bound)).expect("below a length")
    }

    /// From `min` to `max`, both included.
    pub fn between(&mut self, min: u64, max: u64) -> u64 {
        min + self.below(max.saturating_sub(min).saturating_add(1))
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// A span of the range, in whole milliseconds if the range allows.
    pub fn span(&mut self, range: SpanRange) -> Duration {
        let width = range.max.saturating_sub(range.min);
        let steps = u64::try_from(width.as_millis()).unwrap_or(u64::MAX);
        range.min + Duration::from_millis(self.between(0, steps))
    }

    /// One of the items with a weight above 0, or `None` if there is none. The
    /// weights together are below 2^64.
    pub fn weighted<T: Copy>(&mut self, items: &[(T, u64)]) -> Option<T> {
        let total = items.iter().map(|(_, weight)| *weight).sum();
        let mut left = self.below(total);
        items.iter().find_map(|(item, weight)| {
            let hit = left < *weight;
            left = left.saturating_sub(*weight);
            hit.then_some(*item)
        })
    }

    /// Puts the items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

/// FNV-1a, 64 bits: fixed for ever, unlike the standard library's hasher.
fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_fix_the_stream_for_ever() {
        let draw = |seed, name| Chance::new(seed, name).below(u64::MAX);
        assert_eq!(draw(7, "nemesis"), draw(7, "nemesis"));
        assert_ne!(draw(7, "nemesis"), draw(7, "workload"));
        assert_ne!(draw(7, "nemesis"), draw(8, "nemesis"));
        assert_eq!(draw(7, "nemesis"), 15_328_170_464_228_637_222);
    }

    #[test]
    fn items_of_weight_zero_are_never_drawn() {
        let mut chance = Chance::new(1, "test");
        for _ in 0..1_000 {
            assert_ne!(chance.weighted(&[('a', 3), ('b', 0), ('c', 1)]), Some('b'));
        }
        assert_eq!(chance.weighted(&[('a', 0)]), None);
        assert_eq!(chance.weighted::<char>(&[]), None);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_both_ends() {
        let mut chance = Chance::new(1, "test");
        let drawn: std::collections::BTreeSet<u64> =
            (0..1_000).map(|_| chance.between(3, 6)).collect();
        assert_eq!(drawn, [3, 4, 5, 6].into());
    }
}
