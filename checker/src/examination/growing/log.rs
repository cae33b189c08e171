//! A log, entry by entry.

use rustc_hash::FxHashMap;
use testimony_history::{Operation, Outcome, Value};

use super::super::Span;
use super::super::versions::Moment;
use super::{Act, Growing, Shown, Sight};
use crate::models::log::{LogInput, LogOutput};
use crate::models::{Decoded, KeyedInput, Log};
use crate::partition::narrow;

type Op = Operation<KeyedInput<LogInput>, LogOutput>;

/// Who can have appended an element.
#[derive(Clone, Copy)]
enum Maker {
    One(u32),
    /// Several appends, or it was there from the start.
    Several,
}

/// What there is to look up.
struct Elements<'a> {
    initial: &'a [Value],
    makers: FxHashMap<&'a Value, Maker>,
    /// When appends were called, in order.
    calls: Vec<Moment>,
    /// For each entry in which list it was met last.
    met: Vec<u32>,
}

impl Growing {
    /// The key of a log whose operations have these numbers, in the order of their calls.
    pub(in super::super) fn of_log(
        log: &Log,
        history: &Decoded<Log>,
        numbers: &[u32],
        spans: &[Span],
    ) -> Self {
        let mut growing = Growing {
            acts: Vec::with_capacity(numbers.len()),
            entries: Vec::new(),
            log: Some(log.initial().len() as u64),
        };
        let mut elements = Elements::of(log.initial());
        for &source in numbers {
            let operation = &history.operations()[source as usize];
            let act = Act::new(source, operation.process, spans[source as usize]);
            growing.acts.push(act);
            if let LogInput::Append(element) = &operation.input.input {
                growing.append(element, &mut elements);
            }
        }
        elements.met = vec![0; growing.entries.len()];
        for number in 0..growing.acts.len() {
            let act = &growing.acts[number];
            let operation = &history.operations()[act.source as usize];
            if let Some(end) = act.end {
                let list = narrow(number + 1);
                let sight = elements.sight(operation, end, list, growing.log.unwrap_or(0));
                growing.acts[number].place = place(act, operation, &sight);
                growing.acts[number].sight = sight;
            }
        }
        growing.settle();
        growing
    }

    /// The last act appends an element.
    fn append<'a>(&mut self, element: &'a Value, elements: &mut Elements<'a>) {
        let number = narrow(self.acts.len() - 1);
        let act = &mut self.acts[number as usize];
        act.puts = true;
        elements.calls.push(act.start);
        match elements.makers.get_mut(element) {
            None => {
                let entry = self.new_entry(number);
                elements.makers.insert(element, Maker::One(entry));
            }
            Some(maker @ Maker::One(_)) => {
                if let Maker::One(entry) = std::mem::replace(maker, Maker::Several) {
                    self.forget(entry);
                }
            }
            Some(Maker::Several) => {}
        }
    }
}

impl<'a> Elements<'a> {
    fn of(initial: &'a [Value]) -> Self {
        Elements {
            initial,
            makers: initial.iter().map(|it| (it, Maker::Several)).collect(),
            calls: Vec::new(),
            met: Vec::new(),
        }
    }

    /// What a completed operation saw.
    fn sight(&mut self, operation: &Op, end: Moment, list: u32, initial: u64) -> Sight {
        let Outcome::Completed(output) = &operation.outcome else {
            return Sight::Nothing;
        };
        let called = initial + self.calls.partition_point(|&call| call <= end) as u64;
        match (&operation.input.input, output) {
            (LogInput::Read, LogOutput::Elements(all)) if all.len() as u64 <= called => {
                self.all(all, list)
            }
            (LogInput::Read, LogOutput::Elements(_)) => Sight::Wrong { ever: false },
            // Its own append was called as well.
            (LogInput::Append(_), LogOutput::Offset(offset)) if *offset < called => {
                Sight::Shown(Shown {
                    least: *offset,
                    most: *offset,
                    ..Shown::default()
                })
            }
            (LogInput::Append(_), LogOutput::Offset(_)) => Sight::Wrong { ever: false },
            (LogInput::ReadAt(offset), LogOutput::Element(element)) => {
                self.at(*offset, element, called)
            }
            _ => Sight::Nothing,
        }
    }

    fn at(&self, offset: u64, element: &Value, called: u64) -> Sight {
        let start = usize::try_from(offset)
            .ok()
            .and_then(|at| self.initial.get(at));
        let mut shown = Shown::nothing();
        match (start, element) {
            (Some(start), _) if start == element => return Sight::Shown(shown),
            (Some(_), _) => return Sight::Wrong { ever: true },
            // An element that is null may be there.
            (None, Value::Null) if self.makers.contains_key(element) => return Sight::Hidden,
            (None, Value::Null) => shown.most = offset,
            (None, _) => match self.makers.get(element) {
                None => return Sight::Wrong { ever: true },
                Some(_) if offset >= called => return Sight::Wrong { ever: false },
                Some(maker) => {
                    shown.least = offset + 1;
                    match maker {
                        Maker::One(entry) => shown.one = Some((*entry, true)),
                        Maker::Several => shown.hides = true,
                    }
                }
            },
        }
        Sight::Shown(shown)
    }

    fn all(&mut self, elements: &[Value], list: u32) -> Sight {
        let Some(grown) = elements.strip_prefix(self.initial) else {
            return Sight::Wrong { ever: true };
        };
        let mut hides = false;
        let mut all = Vec::with_capacity(grown.len());
        for element in grown {
            match self.makers.get(element) {
                None => return Sight::Wrong { ever: true },
                Some(Maker::Several) => hides = true,
                Some(Maker::One(entry)) => {
                    let met = &mut self.met[*entry as usize];
                    if std::mem::replace(met, list) == list {
                        return Sight::Wrong { ever: true };
                    }
                    all.push(*entry);
                }
            }
        }
        Sight::Shown(Shown {
            all: Some(all.into()),
            one: None,
            least: elements.len() as u64,
            most: elements.len() as u64,
            hides,
        })
    }
}

/// The entry that an act says to be at an offset.
fn place(act: &Act, operation: &Op, sight: &Sight) -> Option<(u32, u64)> {
    let Sight::Shown(shown) = sight else {
        return None;
    };
    match &operation.input.input {
        LogInput::Append(_) => Some((act.entry?, shown.least)),
        LogInput::ReadAt(offset) => shown.one.map(|(entry, _)| (entry, *offset)),
        LogInput::Read => None,
    }
}
