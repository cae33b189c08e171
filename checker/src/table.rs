//! Hash tables that compare exactly and know their size: states by number, and configurations from
//! which nothing can be explained.
//!
//! A table that trusted hashes alone would one day take a live configuration for a dead one and
//! report a violation that is none. Every lookup here compares the whole key.

use std::hash::{BuildHasher, Hash, Hasher};

use rustc_hash::FxBuildHasher;

const EMPTY: u32 = u32::MAX;

/// Open-addressed numbers of entries that live elsewhere; the caller compares them. A table grows
/// bit by bit, a few entries with each insertion, so that no insertion takes long and a stop flag
/// never waits.
#[derive(Clone, Debug, Default)]
struct Slots {
    slots: Vec<u32>,
    used: usize,
    /// What the table was before it grew, until all has been copied.
    old: Vec<u32>,
    /// How many of the old slots have been copied.
    copied: usize,
}

impl Slots {
    /// Old slots copied with each insertion. The table doubles when three quarters are used, so all
    /// is copied long before it doubles again.
    const COPIED: usize = 8;

    /// The entry for which `same` holds, among those with this hash.
    fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        find_in(&self.slots, hash, &same).or_else(|| find_in(&self.old, hash, &same))
    }

    /// Empties the table; it shrinks if it was much too large, so that clearing costs no more than
    /// filling it did.
    fn clear(&mut self) {
        if self.slots.len() > 64 && self.slots.len() > self.used * 16 {
            self.slots
                .truncate((self.used * 4).next_power_of_two().max(16));
        }
        self.slots.fill(EMPTY);
        self.old = Vec::new();
        self.used = 0;
    }

    fn insert(&mut self, hash: u64, entry: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        if !self.old.is_empty() {
            self.copy_some(hash_of);
        }
        place(&mut self.slots, hash, entry);
        self.used += 1;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        self.old = std::mem::replace(&mut self.slots, vec![EMPTY; size]);
        self.copied = 0;
    }

    /// Copies some of what the table was before it grew.
    fn copy_some(&mut self, hash_of: impl Fn(u32) -> u64) {
        let until = (self.copied + Self::COPIED).min(self.old.len());
        for at in self.copied..until {
            if self.old[at] != EMPTY {
                place(&mut self.slots, hash_of(self.old[at]), self.old[at]);
            }
        }
        self.copied = until;
        if until == self.old.len() {
            self.old = Vec::new();
        }
    }

    /// Bytes, counting the table that growing would add, so that growing never surprises.
    fn bytes(&self) -> usize {
        (self.slots.capacity() * 3 + self.old.capacity()) * size_of::<u32>()
    }
}

fn find_in(slots: &[u32], hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
    if slots.is_empty() {
        return None;
    }
    let mut at = home(slots, hash);
    while slots[at] != EMPTY {
        if same(slots[at]) {
            return Some(slots[at]);
        }
        at = (at + 1) & (slots.len() - 1);
    }
    None
}

fn place(slots: &mut [u32], hash: u64, entry: u32) {
    let mut at = home(slots, hash);
    while slots[at] != EMPTY {
        at = (at + 1) & (slots.len() - 1);
    }
    slots[at] = entry;
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "masked to the table's size"
)]
fn home(slots: &[u32], hash: u64) -> usize {
    hash as usize & (slots.len() - 1)
}

/// Distinct values, numbered in the order in which they were first seen.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T> {
    values: Vec<T>,
    slots: Slots,
}

impl<T: Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Interner {
            values: Vec::new(),
            slots: Slots::default(),
        }
    }

    /// The value's number, and whether it is new.
    pub(crate) fn intern(&mut self, value: T) -> (u32, bool) {
        let hash = FxBuildHasher.hash_one(&value);
        let found = self.find(hash, |other| *other == value);
        found.map_or_else(|| (self.push(hash, value), true), |number| (number, false))
    }

    /// The number of the value with this hash for which `same` holds, and whether it is new and had
    /// to be made.
    pub(crate) fn intern_as(
        &mut self,
        hash: u64,
        same: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> (u32, bool) {
        let found = self.find(hash, same);
        found.map_or_else(|| (self.push(hash, make()), true), |number| (number, false))
    }

    fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<u32> {
        let Interner { values, slots } = self;
        slots.find(hash, |entry| same(&values[entry as usize]))
    }

    fn push(&mut self, hash: u64, value: T) -> u32 {
        let number = u32::try_from(self.values.len()).expect("memory ends before numbers do");
        let Interner { values, slots } = self;
        values.push(value);
        slots.insert(hash, number, |entry| {
            FxBuildHasher.hash_one(&values[entry as usize])
        });
        number
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// Bytes of the table itself, not of what the values own.
    pub(crate) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>() * 3 + self.slots.bytes()
    }
}

/// Configurations from which no order explains the rest. A configuration is a key of fixed width
/// and the set of optional operations that were used to get there. One that was dead with fewer
/// used is dead with more, since less remains to be used.
#[derive(Clone, Debug)]
pub(crate) struct DeadTable {
    width: usize,
    used_width: usize,
    /// Whether a used set kills its supersets, or only itself.
    dominance: bool,
    keys: Vec<u64>,
    /// The first of each key's used sets.
    first: Vec<u32>,
    used: Vec<u64>,
    /// The next used set of the same key.
    next: Vec<u32>,
    slots: Slots,
}

/// One hash of two parts, however the words are split between them.
fn hash(first: &[u64], rest: &[u64]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    for &word in first.iter().chain(rest) {
        hasher.write_u64(word);
    }
    hasher.finish()
}

impl DeadTable {
    pub(crate) fn new(width: usize, used_width: usize, dominance: bool) -> Self {
        let (keys, first, used, next) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let slots = Slots::default();
        DeadTable {
            width,
            used_width,
            dominance,
            keys,
            first,
            used,
            next,
            slots,
        }
    }

    /// Forgets all, and keeps the room.
    pub(crate) fn clear(&mut self) {
        if self.first.is_empty() {
            return;
        }
        self.keys.clear();
        self.first.clear();
        self.used.clear();
        self.next.clear();
        self.slots.clear();
    }

    /// Whether the configuration is known to be dead.
    pub(crate) fn contains(&self, key: &[u64], used: &[u64]) -> bool {
        let Some(entry) = self.find(key, used) else {
            return false;
        };
        self.sets_of(entry)
            .any(|set| self.kills(self.used_set(set), used))
    }

    /// Remembers a dead configuration.
    pub(crate) fn insert(&mut self, key: &[u64], used: &[u64]) {
        let found = self.find(key, used);
        let entry = found.unwrap_or_else(|| self.insert_key(key, used));
        let replaced = self
            .sets_of(entry)
            .find(|&set| self.kills(used, self.used_set(set)));
        if let Some(set) = replaced {
            let start = set as usize * self.used_width;
            self.used[start..start + self.used_width].copy_from_slice(used);
            return;
        }
        let set = u32::try_from(self.next.len()).expect("memory ends before numbers do");
        self.used.extend_from_slice(used);
        self.next.push(self.first[entry as usize]);
        self.first[entry as usize] = set;
    }

    /// How many configurations are known to be dead, those left out that others imply.
    pub(crate) fn sets(&self) -> u64 {
        self.next.len() as u64
    }

    /// Bytes, counting what growing would add.
    pub(crate) fn bytes(&self) -> usize {
        let words = self.keys.capacity() + self.used.capacity();
        let numbers = self.first.capacity() + self.next.capacity();
        (words * size_of::<u64>() + numbers * size_of::<u32>()) * 3 + self.slots.bytes()
    }

    fn kills(&self, dead: &[u64], used: &[u64]) -> bool {
        if self.dominance {
            dead.iter().zip(used).all(|(dead, used)| dead & !used == 0)
        } else {
            dead == used
        }
    }

    /// Without dominance a used set is part of the key.
    fn key_used<'u>(&self, used: &'u [u64]) -> &'u [u64] {
        if self.dominance { &[] } else { used }
    }

    fn find(&self, key: &[u64], used: &[u64]) -> Option<u32> {
        let used = self.key_used(used);
        let same = |entry| {
            let (first, rest) = self.key(entry).split_at(self.width);
            first == key && rest == used
        };
        self.slots.find(hash(key, used), same)
    }

    fn insert_key(&mut self, key: &[u64], used: &[u64]) -> u32 {
        let used = self.key_used(used);
        let entry = u32::try_from(self.first.len()).expect("memory ends before numbers do");
        self.keys.extend_from_slice(key);
        self.keys.extend_from_slice(used);
        self.first.push(EMPTY);
        let DeadTable {
            keys, slots, width, ..
        } = self;
        let length = *width + used.len();
        slots.insert(hash(key, used), entry, |entry| {
            let start = entry as usize * length;
            let (first, rest) = keys[start..start + length].split_at(*width);
            hash(first, rest)
        });
        entry
    }

    fn key(&self, entry: u32) -> &[u64] {
        let length = self.width + if self.dominance { 0 } else { self.used_width };
        let start = entry as usize * length;
        &self.keys[start..start + length]
    }

    fn used_set(&self, set: u32) -> &[u64] {
        let start = set as usize * self.used_width;
        &self.used[start..start + self.used_width]
    }

    fn sets_of(&self, entry: u32) -> impl Iterator<Item = u32> {
        let first = Some(self.first[entry as usize]).filter(|&set| set != EMPTY);
        std::iter::successors(first, |&set| {
            Some(self.next[set as usize]).filter(|&next| next != EMPTY)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interning_gives_equal_values_one_number() {
        let mut interner = Interner::new();
        for round in 0..3 {
            for value in 0..1000_u32 {
                assert_eq!(interner.intern(value * 7), (value, round == 0));
            }
        }
        assert_eq!(*interner.get(5), 35);
    }

    #[test]
    fn a_smaller_used_set_kills_a_larger_one_and_not_the_reverse() {
        let mut dead = DeadTable::new(2, 1, true);
        dead.insert(&[1, 2], &[0b0110]);
        assert!(dead.contains(&[1, 2], &[0b0111]));
        assert!(!dead.contains(&[1, 2], &[0b0010]));
        assert!(!dead.contains(&[1, 3], &[0b0111]));
        dead.insert(&[1, 2], &[0b0010]);
        assert!(dead.contains(&[1, 2], &[0b0010]));
        assert!(dead.contains(&[1, 2], &[0b0110]));
    }

    #[test]
    fn without_dominance_only_the_same_set_is_dead() {
        let mut dead = DeadTable::new(1, 1, false);
        dead.insert(&[9], &[0b01]);
        assert!(dead.contains(&[9], &[0b01]));
        assert!(!dead.contains(&[9], &[0b11]));
    }

    #[test]
    fn keys_with_one_hash_slot_stay_apart() {
        let mut dead = DeadTable::new(1, 0, true);
        for key in 0..10_000_u64 {
            assert!(!dead.contains(&[key << 40], &[]));
            dead.insert(&[key << 40], &[]);
        }
        for key in 0..10_000_u64 {
            assert!(dead.contains(&[key << 40], &[]));
        }
    }
}
