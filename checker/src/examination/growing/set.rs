//! A set, entry by entry.

use rustc_hash::{FxHashMap, FxHashSet};
use testimony_history::{Operation, Outcome, Value};

use super::super::Span;
use super::{Act, Growing, Shown, Sight};
use crate::models::set::{SetInput, SetOutput};
use crate::models::{Decoded, KeyedInput, Set};
use crate::partition::narrow;

type Op = Operation<KeyedInput<SetInput>, SetOutput>;

/// What there is to look up.
struct Elements<'a> {
    added: FxHashMap<&'a Value, u32>,
    /// Those that may have been removed.
    removed: FxHashSet<&'a Value>,
    /// Those that are always there, sorted.
    constant: Vec<&'a Value>,
}

impl Growing {
    /// The key of a set whose operations have these numbers, in the order of their calls.
    pub(in super::super) fn of_set(
        set: &Set,
        history: &Decoded<Set>,
        numbers: &[u32],
        spans: &[Span],
    ) -> Self {
        let mut growing = Growing {
            acts: Vec::with_capacity(numbers.len()),
            entries: Vec::new(),
            log: None,
        };
        let operation = |source: u32| &history.operations()[source as usize];
        let mut elements = Elements::of(set.initial(), numbers.iter().map(|&it| operation(it)));
        for &source in numbers {
            let added = operation(source);
            let act = Act::new(source, added.process, spans[source as usize]);
            growing.acts.push(act);
            if let SetInput::Add(element) = &added.input.input
                && !says(added, false)
            {
                growing.add(element, &mut elements);
            }
        }
        for act in growing.acts.iter_mut().filter(|act| act.end.is_some()) {
            act.sight = elements.sight(operation(act.source));
        }
        growing.settle();
        growing
    }

    /// The last act adds an element.
    fn add<'a>(&mut self, element: &'a Value, elements: &mut Elements<'a>) {
        if elements.constant.binary_search(&element).is_ok() {
            return;
        }
        let number = narrow(self.acts.len() - 1);
        self.acts[number as usize].puts = true;
        if elements.removed.contains(element) {
            return;
        }
        match elements.added.get(element) {
            None => {
                let entry = self.new_entry(number);
                elements.added.insert(element, entry);
            }
            Some(&entry) => {
                self.put(entry, number);
                self.entries[entry as usize].maker = None;
            }
        }
    }
}

/// Whether a completed operation was told this.
fn says(operation: &Op, was: bool) -> bool {
    operation.outcome == Outcome::Completed(SetOutput::Was(was))
}

impl<'a> Elements<'a> {
    fn of(initial: &'a [Value], operations: impl Iterator<Item = &'a Op>) -> Self {
        let removed: FxHashSet<&Value> = operations
            .filter(|operation| !says(operation, false))
            .filter_map(|operation| match &operation.input.input {
                SetInput::Remove(element) => Some(element),
                SetInput::Add(_) | SetInput::Contains(_) | SetInput::Read => None,
            })
            .collect();
        let stays = |element: &&Value| !removed.contains(*element);
        Elements {
            added: FxHashMap::default(),
            constant: initial.iter().filter(stays).collect(),
            removed,
        }
    }

    /// What a completed operation saw.
    fn sight(&self, operation: &Op) -> Sight {
        let Outcome::Completed(output) = &operation.outcome else {
            return Sight::Nothing;
        };
        match (&operation.input.input, output) {
            (SetInput::Read, SetOutput::Elements(all)) => self.all(all),
            (SetInput::Add(element), SetOutput::Was(was)) => self.one(element, !was),
            (SetInput::Contains(element) | SetInput::Remove(element), SetOutput::Was(was)) => {
                self.one(element, *was)
            }
            _ => Sight::Nothing,
        }
    }

    fn one(&self, element: &Value, there: bool) -> Sight {
        if self.removed.contains(element) {
            return Sight::Hidden;
        }
        let always = self.constant.binary_search(&element).is_ok();
        let one = self.added.get(element).map(|&entry| (entry, there));
        if one.is_none() && always != there {
            return Sight::Wrong { ever: true };
        }
        Sight::Shown(Shown {
            one,
            ..Shown::nothing()
        })
    }

    fn all(&self, elements: &[Value]) -> Sight {
        let mut all = Vec::with_capacity(elements.len());
        let mut constant = 0;
        for (number, element) in elements.iter().enumerate() {
            let twice = number > 0 && elements[number - 1] == *element;
            if self.removed.contains(element) && !twice {
                continue;
            }
            match self.added.get(element) {
                Some(&entry) if !twice => all.push(entry),
                None if !twice && self.constant.binary_search(&element).is_ok() => constant += 1,
                _ => return Sight::Wrong { ever: true },
            }
        }
        if constant < self.constant.len() {
            return Sight::Wrong { ever: true };
        }
        Sight::Shown(Shown {
            all: Some(all.into()),
            hides: !self.removed.is_empty(),
            ..Shown::nothing()
        })
    }
}
