//! Contradictions of queues.

use std::collections::BTreeSet;

use testimony_history::{Function, Value};

use super::{Scene, pairs};
use crate::explain::Explanation;

pub(super) fn explain(scene: &Scene<'_>) -> Option<Explanation> {
    let queue = Queue::new(scene);
    queue
        .out_of_nothing()
        .or_else(|| queue.too_often())
        .or_else(|| queue.too_early())
        .or_else(|| queue.overtaken())
        .or_else(|| queue.left_behind())
        .or_else(|| queue.not_empty())
        .or_else(|| queue.never_empty())
}

struct Queue<'a> {
    scene: &'a Scene<'a>,
    enqueues: Vec<usize>,
    /// Those that took a value.
    dequeues: Vec<usize>,
    /// Those that found nothing.
    empties: Vec<usize>,
    /// Those that may have taken anything.
    unknown: Vec<usize>,
}

impl<'a> Queue<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        let (certain, unknown): (Vec<usize>, Vec<usize>) = scene
            .possible(&Function::Dequeue)
            .into_iter()
            .partition(|&op| scene.answer(op).is_some());
        let (empties, dequeues) = certain
            .into_iter()
            .partition(|&op| taken(scene, op).is_none());
        Queue {
            scene,
            enqueues: scene.possible(&Function::Enqueue),
            dequeues,
            empties,
            unknown,
        }
    }

    fn enqueues_of(&self, value: &Value) -> Vec<usize> {
        let same = |op: &usize| self.scene.argument(*op) == value;
        self.enqueues.iter().copied().filter(same).collect()
    }

    fn dequeues_of(&self, value: &Value) -> Vec<usize> {
        let same = |op: &usize| taken(self.scene, *op) == Some(value);
        self.dequeues.iter().copied().filter(same).collect()
    }

    /// The only enqueue of a value that is not there at the start, if it happened.
    fn once(&self, value: &Value) -> Option<usize> {
        match self.enqueues_of(value)[..] {
            [only] if self.scene.starts_with(value) == 0 => Some(only),
            _ => None,
        }
    }

    /// Whether no dequeue with an unknown outcome can have come before an operation.
    fn no_unknown_before(&self, op: usize) -> bool {
        let later = |&other: &usize| self.scene.precedes(op, other);
        self.unknown.iter().all(later)
    }

    fn out_of_nothing(&self) -> Option<Explanation> {
        let nowhere = |&op: &usize| {
            taken(self.scene, op).is_some_and(|value| {
                self.enqueues_of(value).is_empty() && self.scene.starts_with(value) == 0
            })
        };
        let op = self.dequeues.iter().copied().find(nowhere)?;
        let value = taken(self.scene, op)?;
        let deed = self.scene.deed_at(op);
        let headline = format!("{deed}, but nobody had begun to enqueue {value}");
        Some(self.scene.tell(headline, &[op]))
    }

    fn too_often(&self) -> Option<Explanation> {
        let scene = self.scene;
        let values: BTreeSet<&Value> = self
            .dequeues
            .iter()
            .filter_map(|&op| taken(scene, op))
            .collect();
        values.into_iter().find_map(|value| {
            let (puts, takes) = (self.enqueues_of(value), self.dequeues_of(value));
            let there = puts.len() + scene.starts_with(value);
            if takes.len() <= there {
                return None;
            }
            let involved: Vec<usize> = puts.iter().chain(&takes).copied().collect();
            let often = match (&puts[..], there) {
                ([put], 1) if scene.answer(*put).is_some() => "enqueued once".to_owned(),
                (_, 1) => "there once at most".to_owned(),
                _ => format!("there {there} times at most"),
            };
            let ordered = pairs(&takes).find(|&(a, b)| scene.precedes(a, b));
            let headline = match ordered {
                Some((first, then)) if there == 1 => format!(
                    "{}, but {} had already dequeued it, which ended at {}, and it had been {often}",
                    scene.deed_at(then),
                    scene.who(first),
                    scene.words.ended(first)
                ),
                _ => format!(
                    "{value} was dequeued {} times, but it had been {often}",
                    takes.len()
                ),
            };
            Some(scene.tell(headline, &involved))
        })
    }

    fn too_early(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.dequeues.iter().find_map(|&op| {
            let value = taken(scene, op)?;
            let puts = self.enqueues_of(value);
            let late = puts.iter().all(|&put| scene.precedes(op, put));
            let first = *puts.first()?;
            if !late || scene.starts_with(value) > 0 {
                return None;
            }
            let headline = format!(
                "{}, which ended at {}, but nobody began to enqueue {value} before {}",
                scene.words.deed(op),
                scene.words.ended(op),
                scene.words.began(first)
            );
            Some(scene.tell(headline, &[op, first]))
        })
    }

    /// Pairs of enqueues, each the only one of its value, of which the first ended before the
    /// second began.
    fn in_order(&self) -> impl Iterator<Item = (usize, usize)> {
        let only = |op: usize| self.once(self.scene.argument(op)) == Some(op);
        pairs(&self.enqueues).filter(move |&(a, b)| only(a) && only(b) && self.scene.precedes(a, b))
    }

    fn overtaken(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.in_order().find_map(|(first, then)| {
            let (a, b) = (scene.argument(first), scene.argument(then));
            let takes = self.dequeues_of(b).into_iter();
            let pair = takes.flat_map(|early| {
                let late = self.dequeues_of(a).into_iter();
                late.map(move |late| (early, late))
            });
            let (early, late) = pair
                .into_iter()
                .find(|&(early, late)| scene.precedes(early, late))?;
            let headline = format!(
                "{}, but {b}, which was enqueued after it, had already been dequeued by {}, which ended at {}",
                scene.deed_at(late),
                scene.who(early),
                scene.words.ended(early)
            );
            let mut found = scene.tell(headline, &[first, then, early, late]);
            found.cycle = scene.cycle(early, late);
            Some(found)
        })
    }

    fn left_behind(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.in_order().find_map(|(first, then)| {
            let (a, b) = (scene.argument(first), scene.argument(then));
            let take = self.dequeues_of(b).into_iter().next()?;
            if !self.dequeues_of(a).is_empty() || !self.no_unknown_before(take) {
                return None;
            }
            let headline = format!(
                "{}, but {a} was enqueued before {b} began to be, at {}, and nobody can have dequeued {a} by then",
                scene.deed_at(take),
                scene.words.began(then)
            );
            Some(scene.tell(headline, &[first, then, take]))
        })
    }

    /// A value that was in for certain while somebody found the queue empty.
    fn not_empty(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.empties.iter().find_map(|&op| {
            let inside = |&&put: &&usize| {
                let value = scene.argument(put);
                let puts = self.enqueues_of(value).into_iter();
                let certain = puts.filter(|&put| scene.precedes(put, op)).count();
                let takes = self.dequeues_of(value).into_iter();
                let taken = takes.filter(|&take| !scene.precedes(op, take)).count();
                certain + scene.starts_with(value) > taken && scene.precedes(put, op)
            };
            let put = *self.enqueues.iter().find(inside)?;
            if !self.no_unknown_before(op) {
                return None;
            }
            let headline = format!(
                "{}, but {} was inside: {} enqueued it, which ended at {}, and nobody can have dequeued it before",
                scene.deed_at(op),
                scene.argument(put),
                scene.who(put),
                scene.words.ended(put)
            );
            let later = self.dequeues_of(scene.argument(put));
            let involved: Vec<usize> = [put, op].into_iter().chain(later).collect();
            Some(scene.tell(headline, &involved))
        })
    }

    /// At every moment of an operation that found the queue empty, some value was in for certain.
    fn never_empty(&self) -> Option<Explanation> {
        let scene = self.scene;
        self.empties.iter().find_map(|&op| {
            let mut involved = self.covering(op).filter(|_| self.no_unknown_before(op))?;
            let headline = format!(
                "{}, but at every moment until {} another value was inside",
                scene.deed_at(op),
                scene.words.ended(op)
            );
            involved.push(op);
            Some(scene.tell(headline, &involved))
        })
    }

    /// Enqueues and dequeues of values of which one is in at each moment of an operation.
    fn covering(&self, op: usize) -> Option<Vec<usize>> {
        let operations = self.scene.operations;
        let mut involved = Vec::new();
        // Twice the position, so that there is a moment between any two.
        let mut moment = 2 * u64::from(operations[op].called);
        let last = 2 * u64::from(operations[op].returned?);
        while moment <= last {
            let best = self
                .enqueues
                .iter()
                .filter_map(|&put| self.inside(put))
                .filter(|&(_, _, from, to)| from < moment && moment < to)
                .max_by_key(|&(.., to)| to)?;
            involved.push(best.0);
            involved.extend(best.1);
            moment = best.3;
        }
        Some(involved)
    }

    /// The enqueue, the dequeue, and the moments between which a value was in for certain.
    fn inside(&self, put: usize) -> Option<(usize, Option<usize>, u64, u64)> {
        let operations = self.scene.operations;
        let value = self.scene.argument(put);
        self.once(value)?;
        let from = 2 * u64::from(operations[put].returned?);
        let take = self
            .dequeues_of(value)
            .into_iter()
            .min_by_key(|&op| operations[op].called);
        let to = take.map_or(u64::MAX, |op| 2 * u64::from(operations[op].called));
        Some((put, take, from, to))
    }
}

/// The value that a dequeue took; `None` if there was none.
fn taken<'a>(scene: &'a Scene<'_>, op: usize) -> Option<&'a Value> {
    let value = scene.answer(op)?.value.as_ref()?;
    (*value != Value::Null).then_some(value)
}

#[cfg(test)]
mod tests {
    use testimony_history::Model::Queue;

    use super::super::testing::{explained, headline};

    const ONE_TWO: &str =
        "1 invoke enqueue 1\n1 ok enqueue 1\n1 invoke enqueue 2\n1 ok enqueue 2\n";

    #[test]
    fn a_value_is_dequeued_once() {
        let twice = "1 invoke enqueue 5\n1 ok enqueue 5\n1 invoke dequeue\n1 ok dequeue 5\n3 invoke dequeue\n3 ok dequeue 5";
        assert_eq!(
            headline(Queue, twice),
            "p3 dequeued 5 from the queue at 0.400 s, but p1 had already dequeued it, which ended at 0.300 s, and it had been enqueued once"
        );
        let both = "1 invoke enqueue 5\n1 info enqueue 5\n1 invoke dequeue\n3 invoke dequeue\n1 ok dequeue 5\n3 ok dequeue 5";
        assert_eq!(
            headline(Queue, both),
            "5 was dequeued 2 times, but it had been there once at most"
        );
    }

    #[test]
    fn a_value_is_enqueued_before() {
        let never = "1 invoke dequeue\n1 ok dequeue 5";
        assert_eq!(
            headline(Queue, never),
            "p1 dequeued 5 from the queue at 0.000 s, but nobody had begun to enqueue 5"
        );
        assert_eq!(explained(Queue, "[5]", never), None);
        let early = "1 invoke dequeue\n1 ok dequeue 5\n2 invoke enqueue 5\n2 ok enqueue 5";
        assert_eq!(
            headline(Queue, early),
            "p1 dequeued 5 from the queue, which ended at 0.100 s, but nobody began to enqueue 5 before 0.200 s"
        );
    }

    #[test]
    fn first_in_first_out() {
        let turned =
            format!("{ONE_TWO}2 invoke dequeue\n2 ok dequeue 2\n3 invoke dequeue\n3 ok dequeue 1");
        let found = explained(Queue, "null", &turned).unwrap();
        assert_eq!(
            found.headline,
            "p3 dequeued 1 from the queue at 0.600 s, but 2, which was enqueued after it, had already been dequeued by p2, which ended at 0.500 s"
        );
        assert_eq!(found.cycle.unwrap().len(), 2);
        let stays = format!("{ONE_TWO}2 invoke dequeue\n2 ok dequeue 2");
        assert_eq!(
            headline(Queue, &stays),
            "p2 dequeued 2 from the queue at 0.400 s, but 1 was enqueued before 2 began to be, at 0.200 s, and nobody can have dequeued 1 by then"
        );
        let unknown = format!("{ONE_TWO}3 invoke dequeue\n2 invoke dequeue\n2 ok dequeue 2");
        assert_eq!(headline(Queue, &unknown), "none");
    }

    #[test]
    fn empty_is_empty() {
        let full = format!("{ONE_TWO}2 invoke dequeue\n2 ok dequeue null");
        assert_eq!(
            headline(Queue, &full),
            "p2 found the queue empty at 0.400 s, but 1 was inside: p1 enqueued it, which ended at 0.100 s, and nobody can have dequeued it before"
        );
        let always = "1 invoke enqueue 1\n1 ok enqueue 1\n2 invoke dequeue\n1 invoke enqueue 2\n1 ok enqueue 2\n\
            3 invoke dequeue\n3 ok dequeue 1\n2 ok dequeue null";
        assert_eq!(
            headline(Queue, always),
            "p2 found the queue empty at 0.200 s, but at every moment until 0.700 s another value was inside"
        );
    }

    #[test]
    fn a_queue_that_works() {
        let legal = format!(
            "1 invoke dequeue\n1 ok dequeue null\n{ONE_TWO}2 invoke dequeue\n3 invoke dequeue\n3 ok dequeue 2\n2 ok dequeue 1"
        );
        assert_eq!(headline(Queue, &legal), "none");
    }
}
