//! Reading a large history: in blocks and on several threads, straight into columns.
//!
//! [`read_compact`] means the same as [`read`](crate::read()) followed by
//! [`Recording::history`](crate::Recording::history), and differs only in what it keeps: no events
//! but those of processes with names, such as the nemesis. Memory is that of the columns and of a
//! few blocks, whatever the length of the file.

mod blocks;
mod crew;
mod journal;
mod page;
mod repeats;
mod row;
mod rules;
mod scanner;
mod words;

use std::io::{self, Read};

use crate::jsonl::{header, is_blank, placed};
use crate::place::Place;
use crate::strings::Strings;
use crate::{
    CompactHistory, Event, Format, Header, HistoryError, Model, Process, ReadError, ReadOptions,
    ReadProblem, Recording, Warning, format, read,
};
use blocks::Blocks;
use journal::Journal;
use scanner::Scanner;
use words::Words;

/// How to read a large history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactOptions {
    /// How to read the file.
    pub read: ReadOptions,
    /// What to judge against; `None` is what the header says, or else what the functions called
    /// suggest.
    pub model: Option<Model>,
    /// How many threads read, the calling one included; at least 1.
    pub threads: usize,
    /// How many bytes are read at a time; at least 1.
    pub block: usize,
}

impl Default for CompactOptions {
    fn default() -> Self {
        CompactOptions {
            read: ReadOptions::default(),
            model: None,
            threads: 1,
            block: 1 << 20,
        }
    }
}

/// A history file, read into columns.
#[derive(Clone, Debug)]
pub struct CompactRecording {
    /// What was recorded.
    pub header: Header,
    /// The operations of the clients.
    pub history: CompactHistory,
    /// Where the history's model comes from.
    pub model_from: ModelFrom,
    /// The events of everything that is no client, in order, each behind its line (from 1).
    pub nemesis: Vec<(u32, Event)>,
    /// How many events there are.
    pub events: u64,
    /// How many operations completed.
    pub completed: u64,
    /// What the reader had to pass over, or found odd.
    pub warnings: Vec<Warning>,
}

/// Who says what a history is a history of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFrom {
    /// Whoever reads it.
    Options,
    /// The file's header.
    Header,
    /// The functions that were called.
    Functions,
}

/// Why a file makes no history.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The source failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its events contradict each other or the model.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Neither the options nor the header say what it is a history of, nor do its functions.
    #[error("the file does not say what it is a history of")]
    NoModel,
}

/// Reads a history in any format. O(n) in its length.
///
/// `open` gives the file from its beginning. It is called once, and again only if the functions
/// called late in a file without a model suggest another one than those called early.
///
/// JSON lines are read in blocks, without an allocation for each event. Files in other formats, and
/// those that are to be sorted, are read as a whole first.
///
/// # Errors
/// Those of `open` and of what it gives; else the same error, at the same place, as
/// [`read`](crate::read()) and [`Recording::history`](crate::Recording::history).
///
/// ```
/// use testimony_history::{CompactOptions, read_compact};
///
/// let file = br#"{"testimony":1,"model":"register"}
/// {"process":0,"type":"invoke","f":"write","value":1}
/// {"process":0,"type":"ok","f":"write"}
/// "#;
/// let recording = read_compact(|| Ok(&file[..]), &CompactOptions::default())?;
/// assert_eq!(recording.history.len(), 1);
/// assert_eq!(recording.completed, 1);
/// # Ok::<(), testimony_history::CompactError>(())
/// ```
pub fn read_compact<R: Read + Send>(
    mut open: impl FnMut() -> io::Result<R>,
    options: &CompactOptions,
) -> Result<CompactRecording, CompactError> {
    match read_once(open()?, options, None)? {
        Attempt::Read(recording) => Ok(*recording),
        Attempt::Suggests(model) => match read_once(open()?, options, Some(model))? {
            Attempt::Read(recording) => Ok(*recording),
            // The source has changed between the two.
            Attempt::Suggests(_) => Err(CompactError::NoModel),
        },
    }
}

enum Attempt {
    Read(Box<CompactRecording>),
    /// The functions suggest another model than the one that was tried.
    Suggests(Model),
}

fn read_once<R: Read + Send>(
    mut source: R,
    options: &CompactOptions,
    suggested: Option<Model>,
) -> Result<Attempt, CompactError> {
    let start = beginning(&mut source)?;
    let format = options
        .read
        .format
        .unwrap_or_else(|| Format::detect(&start));
    if format == Format::JsonLines && !options.read.sort_by_time {
        let marked = if start.starts_with(MARK) {
            MARK.len()
        } else {
            0
        };
        let source = (&start[marked..]).chain(source);
        return JsonLines::start(source, options)?.read(options, suggested);
    }
    let mut bytes = start;
    source.read_to_end(&mut bytes)?;
    let recording = read(&bytes, &options.read)?;
    drop(bytes);
    of_recording(recording, options).map(|recording| Attempt::Read(Box::new(recording)))
}

/// What some editors put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// As much of the beginning as tells the format.
fn beginning(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    loop {
        let wanted = u64::try_from(format::LOOKED_AT).unwrap_or(u64::MAX);
        let enough = format::content(&start).len() >= format::LOOKED_AT;
        if enough || source.by_ref().take(wanted).read_to_end(&mut start)? == 0 {
            return Ok(start);
        }
    }
}

fn of_recording(
    recording: Recording,
    options: &CompactOptions,
) -> Result<CompactRecording, CompactError> {
    let told = told_model(&recording.header, options);
    let suggested = || Words::of(&recording.events).suggested_model();
    let (model, model_from) = told
        .or_else(|| suggested().map(|model| (model, ModelFrom::Functions)))
        .ok_or(CompactError::NoModel)?;
    let (history, oddities) = recording.history(model)?;
    let history = CompactHistory::of(model, &history);
    let named = |event: &Event| matches!(event.process, Process::Named(_));
    let events = recording.events.len() as u64;
    let lines = recording.lines.into_iter();
    let nemesis = lines.zip(recording.events);
    let mut warnings = recording.warnings;
    warnings.extend(oddities);
    Ok(CompactRecording {
        header: recording.header,
        completed: completed(&history),
        history,
        model_from,
        nemesis: nemesis.filter(|(_, event)| named(event)).collect(),
        events,
        warnings,
    })
}

fn completed(history: &CompactHistory) -> u64 {
    let happened = |fate: &&crate::compact::Fate| fate.happened();
    history.fates().iter().filter(happened).count() as u64
}

fn told_model(header: &Header, options: &CompactOptions) -> Option<(Model, ModelFrom)> {
    let given = options.model.map(|model| (model, ModelFrom::Options));
    given.or(header.model.map(|model| (model, ModelFrom::Header)))
}

/// A file of JSON lines behind its header.
struct JsonLines<R> {
    header: Header,
    /// The line of the header.
    line: u32,
    /// Whether the header has no newline, and nothing follows.
    unfinished: bool,
    /// What follows the header in its block.
    rest: Vec<u8>,
    blocks: Blocks<R>,
}

impl<R: Read + Send> JsonLines<R> {
    fn start(source: R, options: &CompactOptions) -> Result<Self, CompactError> {
        let mut blocks = Blocks::of(source, options.block);
        let mut line = 0_u32;
        while let Some(mut block) = blocks.next()? {
            let mut at = 0;
            while at < block.len() {
                line = line.saturating_add(1);
                let newline = memchr::memchr(b'\n', &block[at..]);
                let end = newline.map_or(block.len(), |newline| at + newline);
                let text = &block[at..end];
                at = end + 1;
                if is_blank(text) {
                    continue;
                }
                let header = header(text, &mut Strings::default());
                return Ok(JsonLines {
                    header: header.map_err(|error| placed(line, error))?,
                    line,
                    unfinished: newline.is_none(),
                    rest: block.split_off(at.min(block.len())),
                    blocks,
                });
            }
        }
        Err(CompactError::Read(ReadError {
            place: Place { line: 1, column: 1 },
            problem: ReadProblem::Empty,
        }))
    }

    fn read(
        self,
        options: &CompactOptions,
        suggested: Option<Model>,
    ) -> Result<Attempt, CompactError> {
        let told = told_model(&self.header, options);
        let first = Scanner::default().scan(self.rest);
        let guess = || suggested.or_else(|| Words::in_rows(&first.rows).suggested_model());
        let model = told.map(|(model, _)| model).or_else(guess);
        let model = model.unwrap_or(Model::Register);
        let mut journal = Journal::new(model, self.line);
        journal.take(first)?;
        let closed = crew::take_all(self.blocks, journal, options.threads)?.close();
        let model_from = match told {
            Some((_, from)) => from,
            None => match closed.called.suggested_model() {
                Some(suggested) if suggested == model => ModelFrom::Functions,
                Some(suggested) => return Ok(Attempt::Suggests(suggested)),
                None => return Err(CompactError::NoModel),
            },
        };
        let line = self.line;
        let unfinished = self.unfinished.then_some(Warning::NoFinalNewline { line });
        Ok(Attempt::Read(Box::new(CompactRecording {
            header: self.header,
            history: closed.history?,
            model_from,
            nemesis: closed.nemesis,
            events: u64::from(closed.events),
            completed: closed.completed,
            warnings: unfinished.into_iter().chain(closed.warnings).collect(),
        })))
    }
}
