//! Contradictions of sets.

use std::collections::BTreeSet;

use testimony_history::{Function, Value};

use super::{Scene, count};
use crate::explain::Explanation;

pub(super) fn explain(scene: &Scene<'_>) -> Option<Explanation> {
    let reads = scene.certain(&Function::Read);
    let twice = reads.iter().find_map(|&op| listed_twice(scene, op));
    twice.or_else(|| {
        let elements = elements(scene);
        elements
            .iter()
            .find_map(|element| Element::new(scene, element).explain())
    })
}

/// A list that has an element twice is no set.
fn listed_twice(scene: &Scene<'_>, op: usize) -> Option<Explanation> {
    let shown = shown(scene, op)?;
    let element = shown.iter().find(|element| count(shown, element) > 1)?;
    let deed = scene.deed_at(op);
    Some(scene.tell(format!("{deed}, which has {element} twice"), &[op]))
}

/// The elements that a read showed.
fn shown<'a>(scene: &'a Scene<'_>, op: usize) -> Option<&'a [Value]> {
    match scene.answer(op)?.value.as_ref()? {
        Value::List(elements) => Some(elements),
        _ => None,
    }
}

/// All elements that anything is said of.
fn elements(scene: &Scene<'_>) -> BTreeSet<Value> {
    let named = [Function::Add, Function::Remove, Function::Contains]
        .iter()
        .flat_map(|f| scene.possible(f))
        .map(|op| scene.argument(op).clone());
    let listed = scene
        .certain(&Function::Read)
        .into_iter()
        .flat_map(|op| shown(scene, op).unwrap_or_default().to_vec());
    let start = scene.start().iter().cloned();
    named.chain(listed).chain(start).collect()
}

/// What is known of one element.
struct Element<'a> {
    scene: &'a Scene<'a>,
    element: &'a Value,
    /// Those who may have put it in.
    adds: Vec<usize>,
    /// Those who may have taken it out.
    removes: Vec<usize>,
    /// Those who found it there, or not there, when they took effect.
    found: Vec<(usize, bool)>,
    /// Those after whom it was there, or not there, for certain.
    left: Vec<(usize, bool)>,
}

impl<'a> Element<'a> {
    fn new(scene: &'a Scene<'a>, element: &'a Value) -> Self {
        let about = |f: Function| {
            let all = scene.possible(&f).into_iter();
            all.filter(|&op| scene.argument(op) == element)
        };
        let told = |op: usize| match scene.result(op) {
            Some(Value::Bool(truth)) => Some(*truth),
            _ => None,
        };
        let happened = |op: &usize| scene.answer(*op).is_some();
        let reads = scene.certain(&Function::Read).into_iter();
        let seen = reads.filter_map(|op| Some((op, shown(scene, op)?.contains(element))));
        let asked = about(Function::Contains).filter_map(|op| Some((op, told(op)?)));
        let looked: Vec<(usize, bool)> = seen.chain(asked).collect();
        let new = about(Function::Add).filter_map(|op| Some((op, !told(op)?)));
        let old = about(Function::Remove).filter_map(|op| Some((op, told(op)?)));
        let added = about(Function::Add).filter(happened).map(|op| (op, true));
        let removed = about(Function::Remove).filter(happened);
        let removed = removed.map(|op| (op, false));
        // Told `false`, they changed nothing.
        let changed = |op: &usize| told(*op) != Some(false);
        Element {
            scene,
            element,
            adds: about(Function::Add).filter(changed).collect(),
            removes: about(Function::Remove).filter(changed).collect(),
            found: looked.iter().copied().chain(new).chain(old).collect(),
            left: added.chain(removed).chain(looked.clone()).collect(),
        }
    }

    fn explain(&self) -> Option<Explanation> {
        self.found.iter().find_map(|&(op, there)| {
            self.since_start(op, there)
                .or_else(|| self.since(op, there))
        })
    }

    /// Whether somebody can have made it so between two operations.
    fn changed(&self, since: Option<usize>, op: usize, there: bool) -> bool {
        let changes = if there { &self.adds } else { &self.removes };
        changes.iter().any(|&change| {
            change != op
                && !self.scene.precedes(op, change)
                && since.is_none_or(|since| since != change && !self.scene.precedes(change, since))
        })
    }

    /// It was not so at the start, and nobody can have changed that.
    fn since_start(&self, op: usize, there: bool) -> Option<Explanation> {
        let at_start = self.scene.starts_with(self.element) > 0;
        if at_start == there || self.changed(None, op, there) {
            return None;
        }
        let because = if there {
            "nobody had begun to add it"
        } else {
            "it is there from the start and nobody had begun to remove it"
        };
        let headline = format!("{}, but {because}", self.about(op, there));
        Some(self.scene.tell(headline, &[op]))
    }

    /// It was not so after an earlier operation, and nobody can have changed that since.
    fn since(&self, op: usize, there: bool) -> Option<Explanation> {
        let scene = self.scene;
        let witness = |&&(other, was): &&(usize, bool)| {
            was != there && scene.precedes(other, op) && !self.changed(Some(other), op, there)
        };
        let earlier = self
            .left
            .iter()
            .filter(witness)
            .max_by_key(|(other, _)| scene.operations[*other].returned)?
            .0;
        let changed = if there { "added" } else { "removed" };
        let headline = format!(
            "{}, but {}, which ended at {}, and nobody can have {changed} it since",
            self.about(op, there),
            scene.words.deed(earlier),
            scene.words.ended(earlier)
        );
        Some(scene.tell(headline, &[earlier, op]))
    }

    /// What the operation did, and what it says of the element.
    fn about(&self, op: usize, there: bool) -> String {
        let deed = self.scene.deed_at(op);
        let listed = self.scene.operations[op].input.f == Function::Read;
        match (listed, there) {
            (true, true) => format!("{deed} with {} in it", self.element),
            (true, false) => format!("{deed} without {} in it", self.element),
            (false, _) => deed,
        }
    }
}

#[cfg(test)]
mod tests {
    use testimony_history::Model::Set;

    use super::super::testing::{explained, headline};

    #[test]
    fn an_element_is_lost() {
        let lost = "1 invoke add 5\n1 ok add 5\n2 invoke read\n2 ok read [4]\n3 invoke add 4";
        assert_eq!(
            headline(Set, lost),
            "p2 read [4] at 0.200 s with 4 in it, but nobody had begun to add it"
        );
        assert_eq!(
            explained(Set, "[4]", lost).unwrap().headline,
            "p2 read [4] at 0.200 s without 5 in it, but p1 added 5 to the set, which ended at 0.100 s, \
            and nobody can have removed it since"
        );
        let asked =
            "1 invoke add 5\n1 ok add 5\n2 invoke contains 5\n2 ok contains 5 \"result\":false";
        assert_eq!(
            headline(Set, asked),
            "p2 did not find 5 in the set at 0.200 s, but p1 added 5 to the set, which ended at 0.100 s, \
            and nobody can have removed it since"
        );
    }

    #[test]
    fn an_element_comes_back() {
        let back = "1 invoke add 5\n1 ok add 5\n1 invoke remove 5\n1 ok remove 5\n2 invoke contains 5\n2 ok contains 5 \"result\":true";
        assert_eq!(
            headline(Set, back),
            "p2 found 5 in the set at 0.400 s, but p1 removed 5 from the set, which ended at 0.300 s, \
            and nobody can have added it since"
        );
        assert_eq!(
            headline(Set, "1 invoke read\n1 ok read [3,3]\n2 invoke add 3"),
            "p1 read [3,3] at 0.000 s, which has 3 twice"
        );
    }

    #[test]
    fn a_set_that_works() {
        let legal = "1 invoke add 5\n2 invoke contains 5\n2 ok contains 5 \"result\":true\n1 ok add 5 \"result\":true\n\
            1 invoke remove 5\n2 invoke read\n2 ok read [5]\n1 info remove 5\n3 invoke add 5\n3 ok add 5 \"result\":true\n\
            2 invoke read\n2 ok read [5]";
        assert_eq!(headline(Set, legal), "none");
    }
}
