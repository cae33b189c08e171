//! Configurations as rows of numbers, each kept once, and none that another one dominates.
//!
//! A row is `[before, state, mask.., used..]`: the state before an optional operation that must
//! still be followed (or [`NONE`]), the object's state, the open operations that have happened (a
//! bit for each slot), and how many of each class of optional operations were used. Of two rows
//! that differ in what was used only, the one that used less can do whatever the other can, so the
//! other is dropped. Rows are compared whole, never by their hash.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// No state.
pub(super) const NONE: u32 = u32::MAX;

/// Where the mask starts.
const MASK: usize = 2;

/// Up to so many rows are looked through one by one.
const FEW: usize = 16;

/// Rows of one width.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    mask_words: usize,
    used_words: usize,
    words: Vec<u32>,
    /// The rows with a hash, as soon as there are more than a few.
    index: FxHashMap<u64, Vec<u32>>,
}

impl Rows {
    pub(super) fn new(mask_words: usize, used_words: usize) -> Self {
        Rows {
            mask_words,
            used_words,
            words: Vec::new(),
            index: FxHashMap::default(),
        }
    }

    /// No rows, of the same width.
    pub(super) fn empty_like(&self) -> Self {
        Rows::new(self.mask_words, self.used_words)
    }

    pub(super) fn width(&self) -> usize {
        MASK + self.mask_words + self.used_words
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() / self.width()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(super) fn mask_words(&self) -> usize {
        self.mask_words
    }

    pub(super) fn row(&self, number: usize) -> &[u32] {
        let start = number * self.width();
        &self.words[start..start + self.width()]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.words.chunks_exact(self.width())
    }

    /// For changes that keep the rows distinct.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut [u32]> {
        let width = self.width();
        self.index.clear();
        self.words.chunks_exact_mut(width)
    }

    /// Adds a row unless one dominates it, and drops one that it dominates if `replace`. Whether it
    /// was added.
    pub(super) fn insert(&mut self, row: &[u32], replace: bool) -> bool {
        let hash = (self.len() >= FEW).then(|| self.hash(row));
        if hash.is_some() && self.index.is_empty() {
            self.build_index();
        }
        let relation = match hash {
            None => self.relate(row, 0..self.len(), replace),
            Some(hash) => {
                let alike = self.index.get(&hash).map_or(&[][..], Vec::as_slice);
                self.relate(row, alike.iter().map(|&number| number as usize), replace)
            }
        };
        match relation {
            Relation::Dominated => return false,
            Relation::Dominates(number) => {
                let start = number * self.width();
                self.words[start..start + row.len()].copy_from_slice(row);
            }
            Relation::New => {
                if let Some(hash) = hash {
                    let number = self.number(self.len());
                    self.index.entry(hash).or_default().push(number);
                }
                self.words.extend_from_slice(row);
            }
        }
        true
    }

    fn relate(&self, row: &[u32], others: impl Iterator<Item = usize>, replace: bool) -> Relation {
        let key = MASK + self.mask_words;
        for number in others {
            let other = self.row(number);
            if other[..key] != row[..key] {
                continue;
            }
            if uses_no_more(&other[key..], &row[key..]) {
                return Relation::Dominated;
            }
            if replace && uses_no_more(&row[key..], &other[key..]) {
                return Relation::Dominates(number);
            }
        }
        Relation::New
    }

    fn build_index(&mut self) {
        for number in 0..self.len() {
            let hash = self.hash(self.row(number));
            let number = self.number(number);
            self.index.entry(hash).or_default().push(number);
        }
    }

    fn number(&self, number: usize) -> u32 {
        u32::try_from(number).expect("the budget ends before 32 bits do")
    }

    fn hash(&self, row: &[u32]) -> u64 {
        FxBuildHasher.hash_one(&row[..MASK + self.mask_words])
    }

    /// The same rows with more room for slots, and for classes of optional operations.
    pub(super) fn widen(&mut self, mask_words: usize, used_words: usize) {
        let mut wider = Rows::new(mask_words, used_words);
        for row in self.iter() {
            let (key, used) = row.split_at(MASK + self.mask_words);
            wider.words.extend_from_slice(key);
            wider
                .words
                .resize(wider.words.len() + mask_words - self.mask_words, 0);
            wider.words.extend_from_slice(used);
            wider
                .words
                .resize(wider.words.len() + used_words - self.used_words, 0);
        }
        *self = wider;
    }

    /// The same rows without a class that all of them have used up.
    pub(super) fn drop_class(&mut self, class: usize) {
        let mut narrower = Rows::new(self.mask_words, self.used_words - 1);
        let at = MASK + self.mask_words + class;
        for row in self.iter() {
            narrower.words.extend_from_slice(&row[..at]);
            narrower.words.extend_from_slice(&row[at + 1..]);
        }
        *self = narrower;
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>() + self.index.capacity() * 64
    }
}

/// How a row stands to those there are.
enum Relation {
    Dominated,
    Dominates(usize),
    New,
}

fn uses_no_more(one: &[u32], other: &[u32]) -> bool {
    one.iter().zip(other).all(|(one, other)| one <= other)
}

/// The state of a row.
pub(super) fn state(row: &[u32]) -> u32 {
    row[1]
}

/// Whether the operation in a slot has happened.
pub(super) fn has(row: &[u32], slot: usize) -> bool {
    row[MASK + slot / 32] >> (slot % 32) & 1 == 1
}

/// Lets the operation in a slot have happened.
pub(super) fn set(row: &mut [u32], slot: usize) {
    row[MASK + slot / 32] |= 1 << (slot % 32);
}

/// Frees a slot.
pub(super) fn clear(row: &mut [u32], slot: usize) {
    row[MASK + slot / 32] &= !(1 << (slot % 32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_used_more_is_dropped_and_one_that_used_less_takes_its_place() {
        let mut rows = Rows::new(1, 2);
        assert!(rows.insert(&[NONE, 7, 1, 1, 1], true));
        assert!(!rows.insert(&[NONE, 7, 1, 1, 2], true));
        assert!(rows.insert(&[NONE, 7, 1, 0, 2], true));
        assert!(rows.insert(&[NONE, 7, 1, 1, 0], true));
        assert_eq!(rows.len(), 2);
        assert!(rows.insert(&[NONE, 7, 3, 5, 5], true));
    }

    #[test]
    fn many_rows_are_each_kept_once() {
        let mut rows = Rows::new(1, 0);
        for round in 0..2 {
            for state in 0..1000 {
                assert_eq!(rows.insert(&[NONE, state, 0], true), round == 0);
            }
        }
        assert_eq!(rows.len(), 1000);
    }
}
