//! Contradictions of counters.

use testimony_history::{Function, Value};

use super::Scene;
use crate::explain::Explanation;
use crate::models::counter::number;

pub(super) fn explain(scene: &Scene<'_>) -> Option<Explanation> {
    let counter = Counter::new(scene)?;
    counter
        .told
        .iter()
        .find_map(|&told| counter.out_of_bounds(None, told))
        .or_else(|| {
            let pairs = counter
                .told
                .iter()
                .flat_map(|&a| counter.told.iter().map(move |&b| (a, b)));
            pairs
                .filter(|(a, b)| scene.precedes(a.op, b.op))
                .find_map(|(a, b)| counter.out_of_bounds(Some(a), b))
        })
}

/// The value after an operation.
#[derive(Clone, Copy)]
struct Told {
    op: usize,
    value: i128,
}

struct Counter<'a> {
    scene: &'a Scene<'a>,
    initial: i128,
    /// Each possible addition and its amount.
    adds: Vec<(usize, i128)>,
    told: Vec<Told>,
}

/// Where the value must be.
struct Bounds {
    least: i128,
    most: i128,
    /// The additions that count.
    adds: Vec<usize>,
}

impl<'a> Counter<'a> {
    fn new(scene: &'a Scene<'a>) -> Option<Self> {
        let initial = match scene.initial {
            Value::Null => 0,
            other => number(other).ok()?,
        };
        let adds: Option<Vec<(usize, i128)>> = scene
            .possible(&Function::Add)
            .into_iter()
            .map(|op| Some((op, number(scene.argument(op)).ok()?)))
            .collect();
        let reads = scene.certain(&Function::Read).into_iter();
        let read = |op| Some((op, scene.answer(op)?.value.as_ref()?));
        let added = scene.certain(&Function::Add).into_iter();
        let results = added.filter_map(|op| Some((op, scene.result(op)?)));
        let told = reads.filter_map(read).chain(results);
        let told = told.filter_map(|(op, value)| {
            let value = number(value).ok()?;
            Some(Told { op, value })
        });
        Some(Counter {
            scene,
            initial,
            adds: adds?,
            told: told.collect(),
        })
    }

    /// The bounds of the value after an operation, from the start or from an earlier value.
    fn bounds(&self, since: Option<Told>, then: usize) -> Bounds {
        let scene = self.scene;
        let start = since.map_or(self.initial, |told| told.value);
        let mut bounds = Bounds {
            least: start,
            most: start,
            adds: Vec::new(),
        };
        for &(add, amount) in &self.adds {
            let over = since.is_some_and(|told| told.op == add || scene.precedes(add, told.op));
            if over || scene.precedes(then, add) {
                continue;
            }
            let begun = since.is_none_or(|told| scene.precedes(told.op, add));
            let certain = add == then || (begun && scene.precedes(add, then));
            bounds.least += if certain { amount } else { amount.min(0) };
            bounds.most += if certain { amount } else { amount.max(0) };
            bounds.adds.push(add);
        }
        bounds
    }

    fn out_of_bounds(&self, since: Option<Told>, told: Told) -> Option<Explanation> {
        let bounds = self.bounds(since, told.op);
        if (bounds.least..=bounds.most).contains(&told.value) {
            return None;
        }
        let deed = self.scene.deed_at(told.op);
        let range = match (bounds.least, bounds.most) {
            (least, most) if least == most => format!("must be {least}"),
            (least, _) if told.value < least => format!("must be {least} or more"),
            (_, most) => format!("must be {most} or less"),
        };
        let headline = match since {
            None => format!("{deed}, but by all the additions that count it {range}"),
            Some(earlier) => format!(
                "{deed}, but {} had already been told {}, which ended at {}, and by the additions since it {range}",
                self.scene.who(earlier.op),
                earlier.value,
                self.scene.words.ended(earlier.op)
            ),
        };
        let involved = bounds.adds.into_iter().chain([told.op]);
        let involved: Vec<usize> = involved.chain(since.map(|earlier| earlier.op)).collect();
        Some(self.scene.tell(headline, &involved))
    }
}

#[cfg(test)]
mod tests {
    use testimony_history::Model::Counter;

    use super::super::testing::{explained, headline};

    #[test]
    fn a_lost_addition() {
        let lost =
            "1 invoke add 2\n1 ok add 2\n2 invoke add 3\n2 ok add 3\n3 invoke read\n3 ok read 3";
        assert_eq!(
            headline(Counter, lost),
            "p3 read 3 at 0.400 s, but by all the additions that count it must be 5"
        );
        assert_eq!(explained(Counter, "-2", lost), None);
        let unknown = "1 invoke add 2\n1 ok add 2\n2 invoke add 3\n3 invoke read\n3 ok read 1";
        assert_eq!(
            headline(Counter, unknown),
            "p3 read 1 at 0.300 s, but by all the additions that count it must be 2 or more"
        );
    }

    #[test]
    fn an_addition_too_many() {
        let more =
            "1 invoke add 2\n2 invoke add -1\n3 invoke read\n3 ok read 3\n1 ok add 2\n2 ok add -1";
        assert_eq!(
            headline(Counter, more),
            "p3 read 3 at 0.200 s, but by all the additions that count it must be 2 or less"
        );
        let result = "1 invoke increment\n1 ok increment null \"result\":2";
        assert_eq!(
            headline(Counter, result),
            "p1 added 1 to the counter, which made it 2 at 0.000 s, but by all the additions that count it must be 1"
        );
    }

    #[test]
    fn a_counter_that_goes_back() {
        let back =
            "1 invoke add 2\n3 invoke read\n3 ok read 2\n3 invoke read\n3 ok read 0\n1 ok add 2";
        assert_eq!(
            headline(Counter, back),
            "p3 read 0 at 0.300 s, but p3 had already been told 2, which ended at 0.200 s, \
            and by the additions since it must be 2 or more"
        );
    }

    #[test]
    fn a_counter_that_works() {
        let legal = "1 invoke add 2\n2 invoke add -1\n3 invoke read\n3 ok read 1\n1 ok add 2 \"result\":1\n2 ok add -1\n\
            3 invoke read\n3 ok read 1";
        assert_eq!(headline(Counter, legal), "none");
    }
}
