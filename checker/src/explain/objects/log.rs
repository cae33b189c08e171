//! Contradictions of logs.

use testimony_history::{Function, Value};

use super::{Scene, count, pairs};
use crate::explain::Explanation;

pub(super) fn explain(scene: &Scene<'_>) -> Option<Explanation> {
    let log = Log::new(scene);
    log.out_of_nothing()
        .or_else(|| log.same_offset())
        .or_else(|| log.disagree())
        .or_else(|| log.missing())
        .or_else(|| log.shrunk())
        .or_else(|| log.out_of_order())
}

struct Log<'a> {
    scene: &'a Scene<'a>,
    appends: Vec<usize>,
    /// All that happened.
    certain: Vec<usize>,
    /// What stands where, and who says so.
    facts: Vec<Fact<'a>>,
}

struct Fact<'a> {
    op: usize,
    offset: u64,
    element: &'a Value,
}

impl<'a> Log<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        let reads = scene.certain(&Function::Read);
        let appends = scene.certain(&Function::Append);
        let certain: Vec<usize> = reads.into_iter().chain(appends).collect();
        let facts = certain.iter().flat_map(|&op| facts(scene, op)).collect();
        Log {
            scene,
            appends: scene.possible(&Function::Append),
            certain,
            facts,
        }
    }

    fn appends_of(&self, element: &Value) -> Vec<usize> {
        let same = |op: &usize| self.scene.argument(*op) == element;
        self.appends.iter().copied().filter(same).collect()
    }

    fn out_of_nothing(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.facts.iter().find_map(|fact| {
            let element = fact.element;
            let appends = self.appends_of(element);
            let begun = appends.iter().any(|&op| !scene.precedes(fact.op, op));
            if begun || scene.starts_with(element) > 0 {
                return None;
            }
            let deed = scene.deed_at(fact.op);
            let headline = match appends.first() {
                None => format!("{deed}, but nobody had begun to append {element}"),
                Some(&first) => format!(
                    "{deed}, but nobody began to append {element} before {}",
                    scene.words.began(first)
                ),
            };
            let involved: Vec<usize> = appends.into_iter().chain([fact.op]).collect();
            Some(scene.tell(headline, &involved))
        })
    }

    fn same_offset(&self) -> Option<Explanation> {
        let scene = self.scene;
        let clash = |&(a, b): &(usize, usize)| {
            let offset = told_offset(scene, a);
            offset.is_some() && offset == told_offset(scene, b)
        };
        let (a, b) = pairs(&self.appends).find(clash)?;
        let headline = format!(
            "{} and {} both appended at offset {} of the log",
            scene.who(a),
            scene.who(b),
            told_offset(scene, a)?
        );
        Some(scene.tell(headline, &[a, b]))
    }

    /// Two that say different things of one offset.
    fn disagree(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.facts.iter().find_map(|a| {
            let differs = |b: &&Fact<'_>| b.offset == a.offset && b.element != a.element;
            let b = self.facts.iter().find(differs)?;
            let headline = format!(
                "{}, but {}: offset {} cannot hold both {} and {}",
                scene.words.deed(a.op),
                scene.words.deed(b.op),
                a.offset,
                a.element,
                b.element
            );
            Some(scene.tell(headline, &[a.op, b.op]))
        })
    }

    /// A read that lacks an element that was appended before.
    fn missing(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.certain.iter().find_map(|&read| {
            let elements = elements(scene, read)?;
            self.appends.iter().find_map(|&append| {
                let element = scene.argument(append);
                let mut before = self.appends_of(element);
                before.retain(|&other| scene.precedes(other, read));
                let least = before.len() + scene.starts_with(element);
                if !before.contains(&append) || count(elements, element) >= least {
                    return None;
                }
                let headline = format!(
                    "{} without {element}, which {} had appended, which ended at {}",
                    scene.deed_at(read),
                    scene.who(append),
                    scene.words.ended(append)
                );
                before.push(read);
                Some(scene.tell(headline, &before))
            })
        })
    }

    /// An operation that found the log shorter than an earlier one.
    fn shrunk(&self) -> Option<Explanation> {
        let scene = self.scene;
        pairs(&self.certain).find_map(|(first, then)| {
            let (least, most) = (at_least(scene, first)?, at_most(scene, then)?);
            if !scene.precedes(first, then) || least <= most {
                return None;
            }
            let plural = if least == 1 { "element" } else { "elements" };
            let headline = format!(
                "{}, but the log already had {least} {plural} when {}, which ended at {}",
                scene.deed_at(then),
                scene.words.deed(first),
                scene.words.ended(first)
            );
            let mut found = scene.tell(headline, &[first, then]);
            found.cycle = scene.cycle(first, then);
            Some(found)
        })
    }

    /// A list in which an element stands before one that was appended earlier, or without it.
    fn out_of_order(&self) -> Option<Explanation> {
        let scene = self.scene;
        let once = |op: usize| {
            let element = scene.argument(op);
            self.appends_of(element).len() == 1 && scene.starts_with(element) == 0
        };
        let ordered =
            pairs(&self.appends).filter(|&(a, b)| scene.precedes(a, b) && once(a) && once(b));
        ordered.into_iter().find_map(|(first, then)| {
            let (early, late) = (scene.argument(first), scene.argument(then));
            let turned = |&&op: &&usize| {
                elements(scene, op).is_some_and(|elements| {
                    let place = |of| elements.iter().position(|element| element == of);
                    place(late).is_some_and(|late| place(early).is_none_or(|early| early > late))
                })
            };
            let read = *self.certain.iter().find(turned)?;
            let headline = format!(
                "{}, where {early} does not come before {late}, but {} had appended {early}, which ended at {}, \
                before {} began to append {late} at {}",
                scene.deed_at(read),
                scene.who(first),
                scene.words.ended(first),
                scene.who(then),
                scene.words.began(then)
            );
            let mut found = scene.tell(headline, &[first, then, read]);
            found.cycle = scene.cycle(first, then);
            Some(found)
        })
    }
}

/// The elements that a read of the whole log showed.
fn elements<'a>(scene: &'a Scene<'_>, op: usize) -> Option<&'a [Value]> {
    let whole = scene.operations[op].input.f == Function::Read && asked_offset(scene, op).is_none();
    match scene.answer(op)?.value.as_ref()? {
        Value::List(elements) if whole => Some(elements),
        _ => None,
    }
}

/// The offset that a read asked for.
fn asked_offset(scene: &Scene<'_>, op: usize) -> Option<u64> {
    let read = scene.operations[op].input.f == Function::Read;
    scene.argument(op).to_u64().filter(|_| read)
}

/// The offset that an append was told.
fn told_offset(scene: &Scene<'_>, op: usize) -> Option<u64> {
    let append = scene.operations[op].input.f == Function::Append;
    scene.result(op)?.to_u64().filter(|_| append)
}

/// What an operation says of which offset.
fn facts<'a>(scene: &'a Scene<'_>, op: usize) -> Vec<Fact<'a>> {
    if let Some(elements) = elements(scene, op) {
        let facts = (0..).zip(elements);
        return facts
            .map(|(offset, element)| Fact {
                op,
                offset,
                element,
            })
            .collect();
    }
    let fact = match (asked_offset(scene, op), told_offset(scene, op)) {
        (Some(offset), _) => scene.result(op).map(|element| (offset, element)),
        (None, Some(offset)) => Some((offset, scene.argument(op))),
        (None, None) => None,
    };
    let fact = fact.map(|(offset, element)| Fact {
        op,
        offset,
        element,
    });
    fact.into_iter().collect()
}

/// How long the log was at least, once an operation had taken effect.
fn at_least(scene: &Scene<'_>, op: usize) -> Option<u64> {
    let last = facts(scene, op).into_iter().map(|fact| fact.offset).max();
    last.map(|last| last + 1)
}

/// How long the log was at most, just before an operation took effect.
fn at_most(scene: &Scene<'_>, op: usize) -> Option<u64> {
    if let Some(elements) = elements(scene, op) {
        return u64::try_from(elements.len()).ok();
    }
    match asked_offset(scene, op) {
        Some(_) if scene.result(op).is_some() => None,
        Some(offset) => scene.answer(op).map(|_| offset),
        None => told_offset(scene, op),
    }
}

#[cfg(test)]
mod tests {
    use testimony_history::Model::Log;

    use super::super::testing::{explained, headline};

    const TWO: &str = "1 invoke append 5\n1 ok append 5\n2 invoke append 6\n2 ok append 6\n";

    #[test]
    fn an_element_is_lost() {
        let lost = format!("{TWO}3 invoke read\n3 ok read [6]");
        assert_eq!(
            headline(Log, &lost),
            "p3 read [6] at 0.400 s without 5, which p1 had appended, which ended at 0.100 s"
        );
        assert_eq!(
            headline(Log, "1 invoke read\n1 ok read [6]"),
            "p1 read [6] at 0.000 s, but nobody had begun to append 6"
        );
        assert_eq!(explained(Log, "[6]", "1 invoke read\n1 ok read [6]"), None);
    }

    #[test]
    fn offsets_are_taken_once() {
        let same = "1 invoke append 5\n2 invoke append 6\n1 ok append 5 \"result\":0\n2 ok append 6 \"result\":0";
        assert_eq!(
            headline(Log, same),
            "p1 and p2 both appended at offset 0 of the log"
        );
        let smaller = "1 invoke append 5\n1 ok append 5 \"result\":1\n2 invoke append 6\n2 ok append 6 \"result\":0";
        let found = explained(Log, "null", smaller).unwrap();
        assert_eq!(
            found.headline,
            "p2 appended 6 to the log at offset 0 at 0.200 s, but the log already had 2 elements when \
            p1 appended 5 to the log at offset 1, which ended at 0.100 s"
        );
        assert!(found.cycle.is_some());
    }

    #[test]
    fn reads_agree() {
        let fork = "1 invoke append 5\n2 invoke append 6\n3 invoke read\n3 ok read [5,6]\n4 invoke read\n4 ok read [6]";
        assert_eq!(
            headline(Log, fork),
            "p3 read [5,6], but p4 read [6]: offset 0 cannot hold both 5 and 6"
        );
        let shrunk = "1 invoke append 5\n3 invoke read\n3 ok read [5]\n4 invoke read 0\n4 ok read 0 \"result\":null";
        assert_eq!(
            headline(Log, shrunk),
            "p4 read null at offset 0 of the log at 0.300 s, but the log already had 1 element when \
            p3 read [5], which ended at 0.200 s"
        );
        let turned = format!("3 invoke read\n{TWO}3 ok read [6,5]");
        assert_eq!(
            headline(Log, &turned),
            "p3 read [6,5] at 0.000 s, where 5 does not come before 6, but p1 had appended 5, which ended at 0.200 s, \
            before p2 began to append 6 at 0.300 s"
        );
    }

    #[test]
    fn a_log_that_works() {
        let legal = format!(
            "3 invoke read\n{TWO}3 ok read [5]\n4 invoke append 7\n3 invoke read\n3 ok read [5,6,7]\n\
            3 invoke read 3\n3 ok read 3 \"result\":null\n4 ok append 7 \"result\":2"
        );
        assert_eq!(headline(Log, &legal), "none");
    }
}
