//! The values of a history, each kept once.

use rustc_hash::FxHashMap;

use crate::Value;

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
#[derive(Clone, Debug)]
pub struct Values {
    by_id: Vec<Value>,
    ids: FxHashMap<Value, ValueId>,
}

impl Default for Values {
    fn default() -> Self {
        let mut values = Values {
            by_id: Vec::new(),
            ids: FxHashMap::default(),
        };
        values.intern(&Value::Null);
        values
    }
}

impl Values {
    /// How many different values there are, `null` included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Never: there is always `null`.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The value of that number.
    ///
    /// # Panics
    /// If it is absent, or the number is another history's.
    pub fn get(&self, id: ValueId) -> &Value {
        &self.by_id[id.at()]
    }

    /// The number of a value, if the history has it. Maps must be canonical.
    pub fn find(&self, value: &Value) -> Option<ValueId> {
        self.ids.get(value).copied()
    }

    /// The number of a value, a new one if it has none yet. Maps must be canonical.
    pub(crate) fn intern(&mut self, value: &Value) -> ValueId {
        if let Some(&id) = self.ids.get(value) {
            return id;
        }
        let id = u32::try_from(self.by_id.len()).expect("fewer values than 2^32");
        self.by_id.push(value.clone());
        self.ids.insert(value.clone(), ValueId(id));
        ValueId(id)
    }

    pub(crate) fn intern_some(&mut self, value: Option<&Value>) -> ValueId {
        value.map_or(ValueId::ABSENT, |value| self.intern(value))
    }
}
