//! Why a history of a queue, a lock, a counter, a set or a log contradicts itself: known patterns.
//!
//! A pattern names few operations, and no order explains these whatever the others did. Where no
//! pattern fits, nothing is said here.

mod counter;
mod log;
mod mutex;
mod queue;
mod set;

use testimony_history::{
    Answer, Call, Function, Model as Kind, Operation, Outcome, RecordedHistory, Value,
};

use super::words::Words;
use super::{CycleEdge, Explanation, Why};

/// Explains an illegal history of one object, if a known pattern fits. `initial` is what the object
/// starts as; null is empty, and 0 of a counter.
pub(crate) fn explain(
    kind: Kind,
    initial: &Value,
    history: &RecordedHistory,
    words: &Words<'_>,
) -> Option<Explanation> {
    let scene = Scene {
        operations: history.operations(),
        initial,
        words,
    };
    match kind {
        Kind::Queue => queue::explain(&scene),
        Kind::Mutex => mutex::explain(&scene),
        Kind::Counter => counter::explain(&scene),
        Kind::Set => set::explain(&scene),
        Kind::Log => log::explain(&scene),
        Kind::Register | Kind::CasRegister | Kind::Kv => None,
    }
}

/// What is known, and how to speak of it. Operations are numbers.
struct Scene<'a> {
    operations: &'a [Operation<Call, Answer>],
    initial: &'a Value,
    words: &'a Words<'a>,
}

impl Scene<'_> {
    /// The operations of a function that happened or may have.
    fn possible(&self, f: &Function) -> Vec<usize> {
        (0..self.operations.len())
            .filter(|&op| self.operations[op].outcome != Outcome::Failed)
            .filter(|&op| self.operations[op].input.f == *f)
            .collect()
    }

    /// The operations of a function that happened.
    fn certain(&self, f: &Function) -> Vec<usize> {
        let mut certain = self.possible(f);
        certain.retain(|&op| self.answer(op).is_some());
        certain
    }

    /// The answer, if the operation certainly happened.
    fn answer(&self, op: usize) -> Option<&Answer> {
        match &self.operations[op].outcome {
            Outcome::Completed(answer) => Some(answer),
            Outcome::Failed | Outcome::Unknown => None,
        }
    }

    /// What the operation was told; null is nothing.
    fn result(&self, op: usize) -> Option<&Value> {
        let result = self.answer(op)?.result.as_ref();
        result.filter(|result| **result != Value::Null)
    }

    /// The argument, null if there is none.
    fn argument(&self, op: usize) -> &Value {
        self.operations[op]
            .input
            .value
            .as_ref()
            .unwrap_or(&Value::Null)
    }

    /// Whether one operation ended before another began.
    fn precedes(&self, first: usize, then: usize) -> bool {
        let began = self.operations[then].called;
        let ended = self.operations[first].returned;
        let mut earlier = self.operations[then].after;
        while let Some(link) = earlier {
            if link as usize == first {
                return true;
            }
            earlier = self.operations[link as usize].after;
        }
        ended.is_some_and(|ended| ended < began)
    }

    /// What the object starts with.
    fn start(&self) -> &[Value] {
        match self.initial {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// How often a value is there at the start.
    fn starts_with(&self, value: &Value) -> usize {
        count(self.start(), value)
    }

    /// The process, as people call it.
    fn who(&self, op: usize) -> String {
        format!("p{}", self.operations[op].process)
    }

    /// What an operation did, and when it began.
    fn deed_at(&self, op: usize) -> String {
        format!("{} at {}", self.words.deed(op), self.words.began(op))
    }

    /// The contradiction that these operations are.
    fn tell(&self, headline: String, involved: &[usize]) -> Explanation {
        let mut involved = involved.to_vec();
        involved.sort_unstable();
        involved.dedup();
        let sentence = |&op: &usize| format!("{}.", self.words.sentence(op));
        Explanation {
            headline,
            sentences: involved.iter().map(sentence).collect(),
            marked: involved.iter().map(|&op| self.index(op)).collect(),
            cycle: None,
        }
    }

    /// One operation ended before another began, but must take effect after it.
    fn cycle(&self, first: usize, then: usize) -> Option<Vec<CycleEdge>> {
        let edge = |from, to, why| CycleEdge {
            from: self.index(from),
            to: self.index(to),
            why,
        };
        Some(vec![
            edge(first, then, Why::RealTime),
            edge(then, first, Why::WriteOrder),
        ])
    }

    fn index(&self, op: usize) -> u64 {
        self.operations[op].call.index
    }
}

/// How often a value is among values.
fn count(values: &[Value], value: &Value) -> usize {
    values.iter().filter(|other| *other == value).count()
}

/// Two different things out of many, each pair in both orders.
fn pairs(of: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    of.iter()
        .flat_map(move |&a| of.iter().map(move |&b| (a, b)))
        .filter(|(a, b)| a != b)
}

#[cfg(test)]
mod testing {
    //! Histories in a few words.

    use testimony_history::{Model as Kind, ReadOptions, Value, read};

    use super::super::Explanation;
    use super::super::words::Words;

    /// Explains a history whose events are the lines `process type f value [more fields]`, one
    /// tenth of a second apart.
    pub(super) fn explained(kind: Kind, initial: &str, lines: &str) -> Option<Explanation> {
        let mut text = "{\"testimony\":1}\n".to_owned();
        for (number, line) in lines
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .enumerate()
        {
            let mut parts = line.splitn(5, ' ');
            let mut part = || parts.next().unwrap_or("null");
            let (process, what, f, value, more) = (part(), part(), part(), part(), part());
            let more = if more == "null" {
                String::new()
            } else {
                format!(",{more}")
            };
            let time = number * 100_000_000;
            text += &format!(
                "{{\"process\":{process},\"type\":\"{what}\",\"f\":\"{f}\",\"value\":{value},\"time\":{time}{more}}}\n"
            );
        }
        let recording = read(text.as_bytes(), &ReadOptions::default()).unwrap();
        let (history, _) = recording.history(kind).unwrap();
        let initial = Value::parse(initial).unwrap();
        super::explain(kind, &initial, &history, &Words::new(kind, &history))
    }

    /// The headline alone.
    pub(super) fn headline(kind: Kind, lines: &str) -> String {
        explained(kind, "null", lines).map_or_else(|| "none".to_owned(), |found| found.headline)
    }
}
