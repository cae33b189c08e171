//! The values of a history, each kept once.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::Value;
use crate::place::index32;

/// The number of a value in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(u32);

impl ValueId {
    /// No value.
    pub const ABSENT: ValueId = ValueId(u32::MAX);
    /// `null`, in every history.
    pub const NULL: ValueId = ValueId(0);

    /// The number as an index; dense from 0 for all but [`ValueId::ABSENT`].
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// Values by number. Number 0 is `null`; the others are numbered as they first appear.
///
/// An integer takes some 12 bytes. Integers are what most histories write, often counted up; those
/// that are small for their number are found through an array instead of a hash table.
#[derive(Clone, Debug)]
pub struct Values {
    /// By number: an integer, or the place of another value among `others`.
    plain: Vec<i64>,
    /// By number: whether the value is among the others, a bit each.
    is_other: Vec<u64>,
    /// Values that are no integers.
    others: Vec<Value>,
    /// The numbers of small integers from 0 on.
    small: Vec<ValueId>,
    /// The numbers of all other values, by their hashes.
    table: HashTable<ValueId>,
    /// How many integers are in the table.
    large: usize,
}

impl Default for Values {
    fn default() -> Self {
        let mut values = Values {
            plain: Vec::new(),
            is_other: Vec::new(),
            others: Vec::new(),
            small: Vec::new(),
            table: HashTable::new(),
            large: 0,
        };
        values.intern(&Value::Null);
        values
    }
}

impl Values {
    /// How many different values there are, `null` included.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Never: there is always `null`.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// The value of that number. O(1): what is long is shared.
    ///
    /// # Panics
    /// If it is absent, or the number is another history's.
    pub fn get(&self, id: ValueId) -> Value {
        let plain = self.plain[id.at()];
        match self.other(id) {
            None => Value::Int(plain),
            Some(other) => other.clone(),
        }
    }

    /// The number of a value, if the history has it. Maps must be canonical.
    pub fn find(&self, value: &Value) -> Option<ValueId> {
        match value {
            Value::Int(integer) => self.find_integer(*integer),
            other => self.find_other(hash(other), other),
        }
    }

    /// The number of a value, a new one if it has none yet. Maps must be canonical.
    pub(crate) fn intern(&mut self, value: &Value) -> ValueId {
        let Value::Int(integer) = value else {
            let hash = hash(value);
            let known = self.find_other(hash, value);
            return known.unwrap_or_else(|| self.add_other(hash, value.clone()));
        };
        self.intern_integer(*integer)
    }

    pub(crate) fn intern_some(&mut self, value: Option<&Value>) -> ValueId {
        value.map_or(ValueId::ABSENT, |value| self.intern(value))
    }

    /// The number of an integer, a new one if it has none yet.
    pub(crate) fn intern_integer(&mut self, integer: i64) -> ValueId {
        let known = self.find_integer(integer);
        known.unwrap_or_else(|| self.add_integer(integer))
    }

    /// The number of an integer, if the history has it.
    pub(crate) fn find_integer(&self, integer: i64) -> Option<ValueId> {
        let small = usize::try_from(integer)
            .ok()
            .and_then(|at| self.small.get(at));
        if let Some(&id) = small.filter(|&&id| id != ValueId::ABSENT) {
            return Some(id);
        }
        if self.large == 0 {
            return None;
        }
        // One that is small by now may have come before it was.
        let same = |id: &ValueId| self.plain[id.at()] == integer && self.other(*id).is_none();
        self.table.find(hash_integer(integer), same).copied()
    }

    fn find_other(&self, hash: u64, value: &Value) -> Option<ValueId> {
        let same = |id: &ValueId| self.other(*id) == Some(value);
        self.table.find(hash, same).copied()
    }

    fn add_integer(&mut self, integer: i64) -> ValueId {
        let id = self.add(integer, false);
        // Whatever the integers are, the array has at most so many bytes for each.
        let bound = 2 * self.plain.len() + 1024;
        match usize::try_from(integer) {
            Ok(small) if small < bound => {
                if self.small.len() <= small {
                    self.small.resize(small + 1, ValueId::ABSENT);
                }
                self.small[small] = id;
            }
            _ => {
                self.large += 1;
                self.enter(hash_integer(integer), id);
            }
        }
        id
    }

    fn add_other(&mut self, hash: u64, value: Value) -> ValueId {
        let place = i64::from(index32(self.others.len()));
        self.others.push(value);
        let id = self.add(place, true);
        self.enter(hash, id);
        id
    }

    fn add(&mut self, plain: i64, is_other: bool) -> ValueId {
        let id = index32(self.plain.len());
        self.plain.push(plain);
        if id.is_multiple_of(64) {
            self.is_other.push(0);
        }
        if let Some(bits) = self.is_other.last_mut() {
            *bits |= u64::from(is_other) << (id % 64);
        }
        ValueId(id)
    }

    fn enter(&mut self, hash_: u64, id: ValueId) {
        let Values {
            plain,
            is_other,
            others,
            table,
            ..
        } = self;
        let rehash = |id: &ValueId| match other(plain, is_other, others, *id) {
            None => hash_integer(plain[id.at()]),
            Some(other) => hash(other),
        };
        table.insert_unique(hash_, id, rehash);
    }

    fn other(&self, id: ValueId) -> Option<&Value> {
        other(&self.plain, &self.is_other, &self.others, id)
    }
}

fn other<'a>(
    plain: &[i64],
    is_other: &[u64],
    others: &'a [Value],
    id: ValueId,
) -> Option<&'a Value> {
    let bits = is_other[id.at() / 64];
    let place = || usize::try_from(plain[id.at()]).expect("places are small");
    (bits >> (id.0 % 64) & 1 == 1).then(|| &others[place()])
}

fn hash(value: &Value) -> u64 {
    FxBuildHasher.hash_one(value)
}

fn hash_integer(integer: i64) -> u64 {
    FxBuildHasher.hash_one(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_number_whenever_it_comes() {
        let mut values = Values::default();
        let mut given: Vec<Value> = (0..3000).rev().map(|i| Value::Int(i * 3 - 9)).collect();
        given.extend([Value::Null, Value::str("1"), Value::from(true)]);
        given.extend((0..3000).map(Value::Int));
        given.extend([Value::from(u64::MAX), Value::Int(i64::MIN)]);
        let ids: Vec<ValueId> = given.iter().map(|value| values.intern(value)).collect();
        for (value, id) in given.iter().zip(ids) {
            assert_eq!((values.find(value), &values.get(id)), (Some(id), value));
            assert_eq!(values.intern(value), id);
        }
        let different: std::collections::HashSet<&Value> = given.iter().collect();
        assert_eq!(values.len(), different.len());
        assert_eq!(values.find(&Value::Int(-10)), None);
        assert_eq!(values.get(ValueId::NULL), Value::Null);
    }
}
