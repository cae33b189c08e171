//! Rows to operations: what must be done in the order of the file.
//!
//! The rules are those of `vocabulary.rs` and `pairing.rs`. They are asked about a model once, not
//! about each event: a row that certainly fits is taken at once. Any other is read again as a whole
//! event and put before the rules themselves, which find the error, its words and its place.

use super::page::Page;
use super::row::{Batch, BatchEnd, Datum, Row, Who, Word};
use super::rules::Rules;
use super::words::Words;
use crate::compact::{self, Action, Fate, NEVER, Placement};
use crate::gather::{Backwards, Latest};
use crate::jsonl::{event, placed};
use crate::pairing::{Invocation, Oddities, return_without_call, same_call, two_open_calls};
use crate::place::{Place, index32};
use crate::processes::Processes;
use crate::ranks::{Ranked, Ranks, Step};
use crate::strings::Strings;
use crate::vocabulary::{self, Shape, Takes, Tells};
use crate::{
    CompactHistory, Event, HistoryError, Kind, Model, Origin, Position, ReadError, Warning,
};
use compact::ValueId;

/// A history in the making.
pub(crate) struct Journal {
    model: Model,
    rules: Rules,
    history: CompactHistory,
    processes: Processes,
    /// What each life of a process called last, by its code.
    words: Vec<Word>,
    ranks: Ranks,
    oddities: Oddities,
    /// How many lines lie behind.
    lines: u32,
    /// How many events.
    events: u32,
    latest: Latest,
    /// The highest index so far, unless one was not above all before it.
    rising: Option<Option<u64>>,
    /// The first event that makes no history. Nothing is paired behind it, but the file is read to
    /// its end, for a line that cannot be read counts more.
    fault: Option<HistoryError>,
    called: Words,
    nemesis: Vec<(u32, u32, Event)>,
    completed: u64,
    warnings: Vec<Warning>,
}

/// What a journal comes to.
pub(crate) struct Closed {
    pub(crate) history: Result<CompactHistory, HistoryError>,
    /// The functions that clients called.
    pub(crate) called: Words,
    /// The events of processes with names, and their lines.
    pub(crate) nemesis: Vec<(u32, Event)>,
    /// How many events there are.
    pub(crate) events: u32,
    /// How many operations completed.
    pub(crate) completed: u64,
    pub(crate) warnings: Vec<Warning>,
}

impl Journal {
    /// A journal of a model's history, behind the header on line `lines`.
    pub(crate) fn new(model: Model, lines: u32) -> Self {
        Journal {
            model,
            rules: Rules::of(model),
            history: CompactHistory::new(model),
            processes: Processes::default(),
            words: Vec::new(),
            ranks: Ranks::default(),
            oddities: Oddities::default(),
            lines,
            events: 0,
            latest: Latest::default(),
            rising: Some(None),
            fault: None,
            called: Words::default(),
            nemesis: Vec::new(),
            completed: 0,
            warnings: Vec::new(),
        }
    }

    /// Takes the next batch of the file. O(n) in the number of its events.
    pub(crate) fn take(&mut self, mut batch: Batch) -> Result<(), ReadError> {
        let mut named = std::mem::take(&mut batch.named).into_iter();
        let mut page = Page {
            batch: &batch,
            ids: vec![ValueId::ABSENT; batch.held.len()],
        };
        for row in &batch.rows {
            self.row(row, &mut page, &mut named)?;
        }
        let line = |line: u32| self.lines.saturating_add(line).saturating_add(1);
        match batch.end {
            BatchEnd::Whole => {}
            BatchEnd::NoNewline { line: at } => {
                let line = line(at);
                self.warnings.push(Warning::NoFinalNewline { line });
            }
            BatchEnd::Torn { line: at } => {
                let line = line(at);
                self.warnings.push(Warning::TornLastLine { line });
            }
            BatchEnd::Bad { line: at, error } => return Err(placed(line(at), error)),
        }
        self.lines = self.lines.saturating_add(batch.lines);
        Ok(())
    }

    /// The whole file has been taken.
    pub(crate) fn close(mut self) -> Closed {
        self.ranks.finish(&mut self.history);
        if self.rising.is_none() {
            self.renumber_repeated();
        }
        self.history.processes = self.processes.numbers();
        let nemesis = self
            .nemesis
            .into_iter()
            .map(|(_, line, event)| (line, event));
        let mut warnings = self.warnings;
        let history = match self.fault {
            Some(fault) => Err(fault),
            None => {
                warnings.extend(self.oddities.warnings());
                Ok(self.history)
            }
        };
        Closed {
            history,
            called: self.called,
            nemesis: nemesis.collect(),
            events: self.events,
            completed: self.completed,
            warnings,
        }
    }

    fn row(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        named: &mut impl Iterator<Item = Event>,
    ) -> Result<(), ReadError> {
        let line = self.lines.saturating_add(row.line).saturating_add(1);
        if let Some(time) = row.time {
            let watched = self.latest.watch(time, line);
            watched.map_err(|backwards| backwards_error(backwards, row, page.batch, line))?;
            self.ranks.time(time, &mut self.history);
        }
        let number = self.events;
        self.events = number
            .checked_add(1)
            .expect("a history holds at most 2^32 events");
        let origin = Origin {
            index: row.index.unwrap_or(u64::from(number)),
            time: row.time,
            line,
        };
        self.rising = match self.rising {
            Some(highest) if highest < Some(origin.index) => Some(Some(origin.index)),
            _ => None,
        };
        self.history.origins.event(number, origin);
        match row.who {
            Who::Client(process) => {
                self.called.insert(row.word);
                if self.fault.is_none() {
                    let paired = self.pair(row, page, process, number, origin);
                    self.fault = paired.err();
                }
            }
            Who::Named => self.nemesis.extend(named.next().map(|mut event| {
                event.index = origin.index;
                (number, line, event)
            })),
        }
        Ok(())
    }

    fn pair(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        process: u64,
        number: u32,
        origin: Origin,
    ) -> Result<(), HistoryError> {
        let step = match row.kind {
            Kind::Invoke => {
                let step = self.call(row, page, process, origin.line)?;
                self.history.origins.call(number, origin.time);
                Some(step)
            }
            Kind::Ok | Kind::Fail | Kind::Info => self.end(row, page, process, number, origin)?,
        };
        if let Some(step) = step {
            let timed = row.time.is_some();
            self.ranks.take(step, timed, &mut self.history);
        }
        Ok(())
    }

    fn call(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        process: u64,
        line: u32,
    ) -> Result<Step, HistoryError> {
        let state = self.processes.state(process);
        if let Some(open) = state.open {
            let open = self.history.origins.line(open as usize);
            return Err(page.complaint(row, line, two_open_calls(process, open)));
        }
        let placement = match self.certain_call(row, page) {
            Some(placement) => placement,
            None => {
                let event = page.event(row).event;
                let call = vocabulary::call(self.model, &event);
                let call = call.map_err(|complaint| page.complaint(row, line, complaint))?;
                self.history.place(&call)
            }
        };
        let operation = index32(self.history.len());
        let caller = self.processes.call(process, operation);
        if caller.later {
            self.oddities.fresh_process(process, line);
        }
        match self.words.get_mut(caller.code as usize) {
            Some(word) => *word = row.word,
            None => self.words.push(row.word),
        }
        self.history.begin(placement, caller.code);
        Ok(Step::Call {
            operation,
            completed: state.completed,
        })
    }

    /// The call that a row makes, if it certainly makes one.
    fn certain_call(&mut self, row: &Row, page: &mut Page<'_>) -> Option<Placement> {
        let (action, takes) = self.rules.calls[row.word as usize]?;
        let values = &mut self.history.values;
        let key = match row.key.told() {
            Some(key) => page.id(key, values),
            None if self.model == Model::Kv => return None,
            None => ValueId::ABSENT,
        };
        let mut replacement = ValueId::ABSENT;
        let argument = match takes {
            Takes::Nothing => ValueId::ABSENT,
            Takes::Needed(Shape::Pair) => {
                let [old, new] = page.pair(row.value)?;
                let old = page.id(old, values);
                replacement = page.id(new, values);
                old
            }
            Takes::Needed(shape) => {
                let given = row.value.present()?;
                page.admits(shape, given).then(|| page.id(given, values))?
            }
            Takes::Optional(shape) => match row.value.told() {
                None => ValueId::ABSENT,
                Some(given) => page.admits(shape, given).then(|| page.id(given, values))?,
            },
            Takes::Step(by) => match row.value {
                Datum::Absent | Datum::Null | Datum::Int(1) => values.intern_integer(by),
                _ => return None,
            },
        };
        Some(Placement {
            action,
            key,
            argument,
            replacement,
        })
    }

    /// Ends an operation, which returns unless nobody knows what became of it.
    fn end(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        process: u64,
        number: u32,
        origin: Origin,
    ) -> Result<Option<Step>, HistoryError> {
        let state = self.processes.state(process);
        let Some(operation) = state.open else {
            return Err(page.complaint(row, origin.line, return_without_call(process)));
        };
        let open = operation as usize;
        let word = self.words[state.code as usize];
        if !self.certainly_same(row, page, open, word) {
            let invocation = Invocation {
                f: &word.function(),
                call: &self.history.call(open),
                line: self.history.origins.line(open),
            };
            let same = same_call(self.model, &page.event(row).event, process, &invocation);
            same.map_err(|complaint| page.complaint(row, origin.line, complaint))?;
        }
        self.history.origins.end(open, number, origin.time);
        let (fate, answer) = match row.kind {
            Kind::Invoke | Kind::Info => {
                self.processes.lose(process);
                return Ok(None);
            }
            Kind::Fail => (Fate::Failed, ValueId::ABSENT),
            Kind::Ok => self.answer(row, page, open, origin.line)?,
        };
        self.processes.end(process, row.kind == Kind::Ok);
        self.completed += u64::from(row.kind == Kind::Ok);
        self.history.fate[open] = fate;
        self.history.answer[open] = answer;
        Ok(Some(Step::Return { operation }))
    }

    /// Whether a completion certainly names its invocation's function, and its key if any.
    fn certainly_same(&self, row: &Row, page: &Page<'_>, open: usize, called: Word) -> bool {
        let functions = &self.rules.functions;
        if functions[row.word as usize] != functions[called as usize] {
            return false;
        }
        match row.key.told() {
            Some(key) if row.kind == Kind::Ok => {
                page.find(key, &self.history.values) == Some(self.history.key[open])
            }
            _ => true,
        }
    }

    fn answer(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        open: usize,
        line: u32,
    ) -> Result<(Fate, ValueId), HistoryError> {
        if !self.repeats(row, page, open) {
            self.oddities.value_differs(line);
        }
        if let Some(certain) = self.certain_answer(row, page, open) {
            return Ok(certain);
        }
        let event = page.event(row).event;
        let answer = vocabulary::answer(self.model, &self.history.call(open), &event);
        let answer = answer.map_err(|complaint| page.complaint(row, line, complaint))?;
        let (fate, told) = compact::completed(&answer);
        Ok((fate, self.history.values.intern_some(told)))
    }

    /// Whether a completion repeats its invocation's argument, as far as it says anything about it.
    fn repeats(&self, row: &Row, page: &Page<'_>, open: usize) -> bool {
        let (history, values) = (&self.history, &self.history.values);
        let (action, argument) = (history.action[open], history.argument[open]);
        let Some(told) = row.value.told() else {
            return true;
        };
        if self.rules.silent[action as usize][with(argument)]
            || matches!(row.word, Word::Increment | Word::Decrement)
        {
            return true;
        }
        if action == Action::Cas {
            let same = |part, id| page.find(part, values) == Some(id);
            return page.pair(told).is_some_and(|[old, new]| {
                same(old, argument) && same(new, history.replacement[open])
            }) || page.batch.pair(told).is_some_and(|[old, new]| {
                values.find(&old) == Some(argument)
                    && values.find(&new) == Some(history.replacement[open])
            });
        }
        page.find(told, values) == Some(argument)
    }

    /// What a completion answers, if it certainly gives an answer.
    fn certain_answer(
        &mut self,
        row: &Row,
        page: &mut Page<'_>,
        open: usize,
    ) -> Option<(Fate, ValueId)> {
        let history = &mut self.history;
        let (action, argument) = (history.action[open], history.argument[open]);
        let told = match self.rules.tells[action as usize][with(argument)] {
            Tells::Nothing => None,
            Tells::Value(shape) => {
                let value = row.value.present();
                Some(value.filter(|&value| page.admits(shape, value))?)
            }
            Tells::Element => Some(row.result.present()?),
            Tells::Result(shape) => match row.result.told() {
                Some(result) if !page.admits(shape, result) => return None,
                result => result,
            },
            // What it found besides is compared by whoever reads the event whole.
            Tells::Comparison if row.swapped? => {
                let alone = row.actual.told().is_none();
                return alone.then_some((Fate::Swapped, ValueId::ABSENT));
            }
            Tells::Comparison => {
                let actual = row.actual.present();
                let actual = actual.map(|actual| page.id(actual, &mut history.values));
                return Some((Fate::NotSwapped, actual.unwrap_or(ValueId::ABSENT)));
            }
        };
        let told = told.map(|told| page.id(told, &mut history.values));
        Some((Fate::Completed, told.unwrap_or(ValueId::ABSENT)))
    }

    /// Evidence names events by their index, so no two may share one.
    fn renumber_repeated(&mut self) {
        let runs = self.history.origins.index_runs(self.events);
        let Some(repeated) = super::repeats::first_repeated(runs) else {
            return;
        };
        let line = self.history.origins.line_of(repeated);
        self.warnings.push(Warning::IndicesRepeat { line });
        self.history.origins.renumber();
        for (number, _, event) in &mut self.nemesis {
            event.index = u64::from(*number);
        }
    }
}

/// The index of the rule for an operation with this argument.
fn with(argument: ValueId) -> usize {
    usize::from(argument != ValueId::ABSENT)
}

fn backwards_error(backwards: Backwards, row: &Row, batch: &Batch, line: u32) -> ReadError {
    let known = event(batch.line(row), &mut Strings::default());
    let column = known.map_or(1, |known| known.time);
    backwards.at(Place { line, column })
}

impl Ranked for CompactHistory {
    fn set_called(&mut self, operation: u32, position: Position) {
        self.called[operation as usize] = position;
    }

    fn set_returned(&mut self, operation: u32, position: Position) {
        self.returned[operation as usize] = position;
    }

    fn has_returned(&self, operation: u32) -> bool {
        self.returned[operation as usize] != NEVER
    }

    fn link(&mut self, operation: u32, earlier: u32) {
        self.after.push((operation, earlier));
    }
}
