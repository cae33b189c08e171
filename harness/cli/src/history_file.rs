//! A history as it is loaded from a path: a file in any format, or a run's folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use testimony_checker::Counterexample;
use testimony_history::{
    CompactError, CompactHistory, CompactOptions, CompactRecording, FailedCas, Format, Header,
    Keyed, Model, ModelFrom, ReadError, ReadOptions, Recording, Value, read, read_compact,
};

use crate::args::{Answer, FailedCas as FailedCasArgument, Reading};
use crate::failure::Failure;
use crate::source::Source;
use crate::stopwatch::Stopwatch;
use crate::{limits, terminal};

/// A history that can be judged.
pub(crate) struct HistoryFile {
    /// The path, as it was typed.
    pub(crate) name: String,
    /// The header, the warnings, and the events that a report needs: those of the nemesis, and
    /// after [`recall`](HistoryFile::recall) those of a counterexample.
    pub(crate) recording: Recording,
    pub(crate) history: CompactHistory,
    pub(crate) initial: Option<Value>,
    /// How many operations completed.
    pub(crate) completed: u64,
    /// Seconds spent on reading and pairing.
    pub(crate) seconds: f64,
    source: Source,
    options: ReadOptions,
}

impl HistoryFile {
    /// Reads `path`; warnings about it go to stderr.
    pub(crate) fn load(path: &Path, reading: &Reading) -> Result<Self, Failure> {
        let watch = Stopwatch::start();
        let path = history_in(path);
        let name = path.display().to_string();
        let source = Source::of(&path).with_context(|| format!("{name} cannot be read"));
        HistoryFile::of(name, source.map_err(Failure::usage)?, reading, &watch)
    }

    /// Reads the first `length` bytes of a file of JSON lines that may be growing.
    pub(crate) fn load_start(path: &Path, length: u64, reading: &Reading) -> Result<Self, Failure> {
        let reading = Reading {
            format: Some(Format::JsonLines.name().to_owned()),
            ..reading.clone()
        };
        let source = Source::Start(path.to_path_buf(), length);
        let name = path.display().to_string();
        HistoryFile::of(name, source, &reading, &Stopwatch::start())
    }

    fn of(
        name: String,
        source: Source,
        reading: &Reading,
        watch: &Stopwatch,
    ) -> Result<Self, Failure> {
        let options = CompactOptions {
            read: options(reading, false)?,
            model: model_named(reading.model.as_deref())?,
            threads: limits::cores(),
            ..CompactOptions::default()
        };
        let read =
            read_compact(|| source.open(), &options).map_err(|error| unread(&name, error))?;
        warn_of(&name, &read);
        Ok(HistoryFile {
            initial: initial(&read.header, reading)?,
            completed: read.completed,
            recording: Recording {
                header: read.header,
                events: read.nemesis.into_iter().map(|(_, event)| event).collect(),
                warnings: read.warnings,
                ..Recording::default()
            },
            history: read.history,
            seconds: watch.seconds(),
            name,
            source,
            options: options.read,
        })
    }

    /// The model that it is judged against.
    pub(crate) fn model(&self) -> Model {
        self.history.model()
    }

    /// Reads the whole recording again, for who needs every event.
    pub(crate) fn recall_all(&mut self) -> Result<(), Failure> {
        let bytes = self.source.bytes().context("it cannot be read again");
        let recording = read(&bytes.map_err(Failure::Broken)?, &self.options);
        let recording = recording.map_err(|error| refused(&self.name, error))?;
        self.recording.events = recording.events;
        Ok(())
    }

    /// Reads the events of a counterexample again, for what columns do not keep: which node was
    /// asked, what the error was. A report can do without, so that a file which has gone is no
    /// failure.
    pub(crate) fn recall(&mut self, found: &Counterexample) {
        let operations = found.operations.operations().iter();
        let origins = operations.flat_map(|op| [Some(op.call), op.end]).flatten();
        if let Ok(events) = self.source.events(origins.collect(), &self.options) {
            self.recording.events.extend(events);
        }
    }
}

fn warn_of(name: &str, read: &CompactRecording) {
    for warning in &read.warnings {
        warn(&format!("{name}: {warning}"));
    }
    if read.model_from == ModelFrom::Functions {
        let model = read.history.model();
        warn(&format!(
            "the file names no model; judged as {model}, as its operations suggest"
        ));
    }
}

fn unread(name: &str, error: CompactError) -> Failure {
    match error {
        CompactError::Io(error) => {
            Failure::usage(anyhow!(error).context(format!("{name} cannot be read")))
        }
        CompactError::Read(error) => refused(name, error),
        CompactError::History(error) => Failure::usage(anyhow!(error).context(name.to_owned())),
        CompactError::NoModel => Failure::usage(anyhow!("{error}; give --model")),
    }
}

fn refused(name: &str, error: ReadError) -> Failure {
    let hint = error.hint();
    Failure::usage_with_hint(anyhow!(error).context(name.to_owned()), hint)
}

/// Reads a file, or the history in a run's folder, without pairing it.
pub(crate) fn read_recording(
    path: &Path,
    reading: &Reading,
    sort_by_time: bool,
) -> Result<(String, Recording), Failure> {
    let path = history_in(path);
    let name = path.display().to_string();
    let bytes = Source::of(&path).and_then(|source| source.bytes());
    let bytes = bytes.with_context(|| format!("{name} cannot be read"));
    let options = options(reading, sort_by_time)?;
    let recording = read(&bytes.map_err(Failure::usage)?, &options);
    let recording = recording.map_err(|error| refused(&name, error))?;
    Ok((name, recording))
}

/// A run's folder holds its history in `history.jsonl`.
pub(crate) fn history_in(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("history.jsonl")
    } else {
        path.to_path_buf()
    }
}

fn options(reading: &Reading, sort_by_time: bool) -> Result<ReadOptions, Failure> {
    let format = match reading.format.as_deref() {
        None => None,
        Some(word) => Some(format_named(word)?),
    };
    let failed_cas = match reading.failed_cas {
        FailedCasArgument::Silent => FailedCas::Silent,
        FailedCasArgument::Mismatch => FailedCas::Mismatch,
    };
    let keyed = match reading.keyed {
        None => Keyed::Detect,
        Some(Answer::Yes) => Keyed::Yes,
        Some(Answer::No) => Keyed::No,
    };
    Ok(ReadOptions {
        format,
        failed_cas,
        keyed,
        sort_by_time,
    })
}

/// The format of that name.
pub(crate) fn format_named(word: &str) -> Result<Format, Failure> {
    let known = Format::ALL.map(Format::name).join(", ");
    Format::from_name(word)
        .ok_or_else(|| Failure::usage(anyhow!("no format is called {word:?}; there are {known}")))
}

/// The value that each object starts with: what was typed, else what the header says.
pub(crate) fn initial(header: &Header, reading: &Reading) -> Result<Option<Value>, Failure> {
    match &reading.initial {
        None => Ok(header.initial.clone()),
        Some(json) => {
            let value = Value::parse(json).context("--initial is no JSON value");
            value.map(Some).map_err(Failure::usage)
        }
    }
}

/// The model of that name.
pub(crate) fn model_named(word: Option<&str>) -> Result<Option<Model>, Failure> {
    let Some(word) = word else { return Ok(None) };
    let known = Model::ALL.map(Model::name).join(", ");
    let unknown = || Failure::usage(anyhow!("no model is called {word:?}; there are {known}"));
    Model::from_name(word).map(Some).ok_or_else(unknown)
}

fn warn(line: &str) {
    terminal::tell(&format!("warning: {line}"));
}
